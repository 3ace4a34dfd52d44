// `fs/promises`: the same, later.
(host, alcove) => {
  const names = Object.keys(alcove.fs).filter((name) => name.endsWith("Sync"));
  return Object.fromEntries(names.map((name) => [name.slice(0, -4), async (...values) => alcove.fs[name](...values)]));
}
