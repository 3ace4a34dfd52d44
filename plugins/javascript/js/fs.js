// `fs` over the conversation's files.
(host, alcove) => {
  const { resolve } = alcove.path;
  const place = (path) => {
    const text = typeof path === "object" && path !== null && path.pathname ? path.pathname : path;
    if (typeof text !== "string") throw new TypeError("a path must be a string");
    return resolve(text);
  };
  const encodingOf = (options) => (typeof options === "string" ? options : options && options.encoding);
  const bytesOf = (data) => (typeof data === "string" ? alcove.encoding.utf8(data) : data instanceof Uint8Array ? data : alcove.encoding.utf8(String(data)));

  const readFileSync = (path, options) => {
    const bytes = host.read(place(path));
    const encoding = encodingOf(options);
    if (encoding === undefined || encoding === null) {
      // Node's Buffer becomes text where it is joined with text.
      return Object.assign(bytes, { toString: () => alcove.encoding.text(bytes) });
    }
    return alcove.encoding.text(bytes);
  };
  const writeFileSync = (path, data) => host.write(place(path), bytesOf(data), false);
  const appendFileSync = (path, data) => host.write(place(path), bytesOf(data), true);
  const existsSync = (path) => {
    try {
      return host.stat(place(path)) != null;
    } catch {
      return false;
    }
  };
  const missing = (path) => Object.assign(new Error(`ENOENT: there is no such file or folder: ${path}`), { code: "ENOENT", path });
  const statSync = (path) => {
    const found = host.stat(place(path));
    if (!found) throw missing(path);
    const [kind, size, mtimeMs] = found;
    return { size, mtimeMs, mtime: new Date(mtimeMs), isFile: () => kind === "file", isDirectory: () => kind === "folder", isSymbolicLink: () => false };
  };
  const readdirSync = (path, options) => {
    const entries = host.list(place(path));
    if (!(options && options.withFileTypes)) return entries.map(([name]) => name);
    return entries.map(([name, kind]) => ({ name, isFile: () => kind === "file", isDirectory: () => kind === "folder" }));
  };
  const mkdirSync = (path, options) => {
    const full = place(path);
    if (!(options && options.recursive)) return host.createFolder(full);
    let made = "";
    for (const part of full.split("/").filter(Boolean)) {
      made += `/${part}`;
      if (made !== "/workspace" && !existsSync(made)) host.createFolder(made);
    }
  };
  const rmSync = (path, options) => {
    const full = place(path);
    const found = host.stat(full);
    if (!found) {
      if (options && options.force) return;
      throw missing(path);
    }
    if (found[0] !== "folder") return host.removeFile(full);
    if (options && options.recursive) for (const [name] of host.list(full)) rmSync(`${full}/${name}`, options);
    host.removeFolder(full);
  };
  return {
    readFileSync,
    writeFileSync,
    appendFileSync,
    existsSync,
    statSync,
    readdirSync,
    mkdirSync,
    rmSync,
    rmdirSync: (path) => host.removeFolder(place(path)),
    unlinkSync: (path) => host.removeFile(place(path)),
    renameSync: (from, to) => host.rename(place(from), place(to)),
    copyFileSync: (from, to) => host.write(place(to), host.read(place(from)), false),
    accessSync: (path) => void statSync(path),
    get promises() {
      return alcove.promises;
    },
  };
}
