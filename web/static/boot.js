// Starts the client. A module of its own, since the content security policy allows no inline script.
import start from "/{{app.js}}";

start({ module_or_path: "/{{app_bg.wasm}}" }).catch((error) => {
  console.error(error);
  const note = document.createElement("p");
  note.className = "boot-problem";
  note.textContent =
    "Alcove could not start in this browser. It needs WebAssembly: update the browser, or use the command line: alcove chat.";
  document.body.append(note);
});
