// Runs tests for the test runner, and prints what came of each as JSON.
(host, alcove) => {
  const { inspect, described } = alcove.inspect;
  const MAX_FILES = 200;
  const TESTS = /(\.(test|spec)|_test)\.(js|mjs|cjs|ts|mts)$|^test[-_.].*\.(js|mjs|cjs|ts|mts)$/;

  const files = (path) => {
    const found = host.stat(path);
    if (!found) return [];
    if (found[0] !== "folder") return [path];
    const below = host
      .list(path)
      .filter(([name]) => name !== "node_modules" && !name.startsWith("."))
      .flatMap(([name, kind]) => (kind === "folder" ? files(`${path}/${name}`) : TESTS.test(name) ? [`${path}/${name}`] : []));
    return below.slice(0, MAX_FILES);
  };
  // The cell that called this is nobody's code.
  const own = (text) => text.replace(/\n\s+at [^\n]*<cell \d+>[^\n]*(\n {8}[^\n]*)?/g, "");
  const capture = () => {
    host.take();
    return () => host.take();
  };

  return async ({ code = "", tests = "", path = "", timeout }) => {
    const results = [];
    const loading = async (name, load) => {
      try {
        await load();
      } catch (error) {
        const text = error instanceof Error ? described(error) : inspect(error);
        results.push({ name: `loading ${name}`, status: "failed", ms: 0, error: text });
        return false;
      }
      return true;
    };
    const { runAll } = alcove.test;
    if (path) {
      const found = files(alcove.path.resolve(path));
      for (const file of found) {
        const name = alcove.path.relative("/workspace", file);
        if (!(await loading(name, () => import(file)))) continue;
        const prefix = found.length > 1 ? `${name}: ` : "";
        for (const one of await runAll({ timeout, capture })) results.push({ ...one, name: `${prefix}${one.name}` });
      }
    } else {
      const before = new Set(Object.getOwnPropertyNames(globalThis));
      if (await loading("code", () => host.run(code, "/code"))) {
        // What tests import by a name that nothing has is the code: what it declares and exports.
        const declared = Object.getOwnPropertyNames(globalThis).filter((name) => !before.has(name));
        alcove.code = Object.assign(Object.fromEntries(declared.map((name) => [name, globalThis[name]])), module.exports);
        alcove.code.default = globalThis._default ?? module.exports;
        const names = Object.keys(alcove.code).filter((name) => /^[A-Za-z_$][\w$]*$/.test(name) && name !== "default");
        host.provide(`const $$ = __alcove.code;\nexport default $$.default;\n${names.map((name) => `export const ${name} = $$.${name};`).join("\n")}`);
        if (await loading("tests", () => host.run(tests, "/tests"))) results.push(...(await runAll({ timeout, capture })));
      }
    }
    for (const one of results) if (one.error) one.error = own(one.error);
    host.take();
    host.print(`\n\x1eTESTS ${JSON.stringify(results)}\n`);
  };
}
