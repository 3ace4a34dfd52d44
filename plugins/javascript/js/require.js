// `require`, for code in the style of CommonJS.
(host, alcove) => {
  const loaded = new Map();
  const from = (base) => {
    const require = (name) => {
      const found = host.resolve(base, name);
      if (found.startsWith("node:")) {
        const part = alcove[found.slice(5)];
        return part.default ?? part;
      }
      if (found === "/code") return alcove.code;
      if (loaded.has(found)) return loaded.get(found).exports;
      const text = host.script(found);
      const module = { exports: {} };
      loaded.set(found, module);
      if (found.endsWith(".json")) module.exports = JSON.parse(text);
      else host.evaluate(`(function (module, exports, require) {${text}\n})`, found)(module, module.exports, from(found));
      return module.exports;
    };
    return require;
  };
  return from("<cell>");
}
