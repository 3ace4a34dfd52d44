// Before anything is drawn: the theme that the person chose, where it is not the system's.
try {
  const theme = localStorage.getItem("alcove.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // A browser that keeps nothing follows the system.
}
