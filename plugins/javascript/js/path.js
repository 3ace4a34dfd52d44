// `path`, as on POSIX.
(host, alcove) => {
  const normalize = (path) => {
    const parts = [];
    for (const part of path.split("/")) {
      if (part === "..") {
        if (parts.length && parts.at(-1) !== "..") parts.pop();
        else if (!path.startsWith("/")) parts.push("..");
      } else if (part && part !== ".") parts.push(part);
    }
    const rest = parts.join("/");
    return path.startsWith("/") ? `/${rest}` : rest || ".";
  };
  const join = (...parts) => normalize(parts.filter(Boolean).join("/"));
  const resolve = (...parts) => parts.reduce((base, part) => (part.startsWith("/") ? normalize(part) : join(base, part)), "/workspace");
  const basename = (path, ending = "") => {
    const name = path.replace(/\/+$/, "").split("/").at(-1);
    return ending && name.endsWith(ending) && name !== ending ? name.slice(0, -ending.length) : name;
  };
  const dirname = (path) => {
    const at = path.replace(/\/+$/, "").lastIndexOf("/");
    return at < 0 ? "." : at === 0 ? "/" : path.slice(0, at);
  };
  const extname = (path) => {
    const name = basename(path);
    const at = name.lastIndexOf(".");
    return at > 0 ? name.slice(at) : "";
  };
  const relative = (from, to) => {
    const [a, b] = [resolve(from), resolve(to)].map((path) => path.split("/").filter(Boolean));
    let same = 0;
    while (same < a.length && a[same] === b[same]) same++;
    return [...a.slice(same).map(() => ".."), ...b.slice(same)].join("/");
  };
  const isAbsolute = (path) => path.startsWith("/");
  const parse = (path) => ({
    root: isAbsolute(path) ? "/" : "",
    dir: dirname(path),
    base: basename(path),
    ext: extname(path),
    name: basename(path, extname(path)),
  });
  return { normalize, join, resolve, basename, dirname, extname, relative, isAbsolute, parse, sep: "/", delimiter: ":" };
}
