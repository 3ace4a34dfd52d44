// `test`, `it` and `describe`, as node:test, Vitest and Jest have them. What a cell declares is run
// when its code has ended.
(host, alcove) => {
  const { inspect, described } = alcove.inspect;
  const { setTimeout, clearTimeout } = alcove.timers;
  const { expect, ...mocks } = alcove.expect;
  const MAX_OUTPUT = 4_000;
  const DEFAULT_TIMEOUT = 5_000;
  const HOOKS = ["before", "after", "beforeEach", "afterEach"];

  const suite = (name, parent, options) => ({ name, parent, options, children: [], hooks: { before: [], after: [], beforeEach: [], afterEach: [] } });
  let root = suite("", undefined, {});
  let current = root;

  const read = (first, second, third) => {
    const values = [first, second, third];
    const name = typeof first === "string" ? first : (values.find((value) => typeof value === "function") || {}).name || "(no name)";
    const run = values.find((value) => typeof value === "function");
    const options = values.find((value) => typeof value === "object" && value !== null) || {};
    const timeout = values.find((value) => typeof value === "number");
    return { name, run, options: timeout === undefined ? options : { ...options, timeout } };
  };
  const declare = (extra) => (first, second, third) => {
    const { name, run, options } = read(first, second, third);
    const declared = { name, run, options: { ...options, ...extra }, parent: current };
    if (!run && !declared.options.skip) declared.options.todo = true;
    current.children.push(declared);
  };
  const group = (extra) => (first, second, third) => {
    const { name, run, options } = read(first, second, third);
    const outer = current;
    current = suite(name, outer, { ...options, ...extra });
    outer.children.push(current);
    try {
      run?.();
    } finally {
      current = outer;
    }
  };
  const titled = (name, row, at) => {
    let next = 0;
    const values = Array.isArray(row) ? row : [row];
    return name
      .replaceAll("%#", String(at))
      .replace(/%[sdifjo]/g, () => (typeof values[next] === "string" ? values[next++] : inspect(values[next++])))
      .replace(/\$(\w+)/g, (all, key) => (row && typeof row === "object" && key in row ? inspect(row[key]) : all));
  };
  const each = (make) => (rows) => (name, run) =>
    [...rows].forEach((row, at) => make(titled(name, row, at), Array.isArray(row) ? () => run(...row) : () => run(row)));
  const variants = (make) => Object.assign(make({}), { skip: make({ skip: true }), todo: make({ todo: true }), only: make({ only: true }), each: each(make({})) });

  const test = variants(declare);
  const describe = variants(group);
  const hooks = {};
  for (const name of HOOKS) hooks[name] = (run) => void current.hooks[name].push(run);

  // Runs one function within its time, also where it never gives the floor back.
  // What the host interrupts ends without a word, so it runs in a timer of its own, and the one that
  // waits for it is woken by another.
  const timed = (run, milliseconds, context) =>
    new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`it took longer than ${milliseconds} ms`)), milliseconds);
      const end = (settle) => (value) => {
        clearTimeout(late);
        host.deadline(0);
        settle(value);
      };
      setTimeout(() => {
        host.deadline(milliseconds);
        (async () => run(context))().then(end(resolve), end(reject));
      });
    });

  const chain = (of) => (of ? [...chain(of.parent), of] : []);
  const path = (one) => chain(one).map((part) => part.name).filter(Boolean).join(" > ");
  const hasOnly = (one) => one.options.only || (one.children || []).some(hasOnly);

  const runTest = async (one, state) => {
    const result = { name: path(one), status: "passed", ms: 0 };
    state.results.push(result);
    const suites = chain(one.parent);
    if (one.options.skip || one.options.todo || suites.some((part) => part.options.skip || part.options.todo) || (state.isOnly && ![...suites, one].some((part) => part.options.only))) {
      result.status = one.options.todo ? "todo" : "skipped";
      return;
    }
    const limit = Math.min(one.options.timeout || state.timeout, state.timeout);
    const start = host.now();
    const printed = state.capture();
    const context = {
      name: one.name,
      skip: () => { result.status = "skipped"; },
      todo: () => { result.status = "todo"; },
      diagnostic: (text) => host.print(`${text}\n`),
      test: async (first, second, third) => {
        const { name, run, options } = read(first, second, third);
        await runTest({ name, run, options, parent: { ...one, hooks: { before: [], after: [], beforeEach: [], afterEach: [] } } }, state);
      },
    };
    context.it = context.test;
    try {
      for (const part of suites) for (const hook of part.hooks.beforeEach) await timed(hook, limit);
      await timed(one.run, limit, context);
    } catch (error) {
      result.status = "failed";
      result.error = error instanceof Error ? described(error) : inspect(error);
    }
    try {
      for (const part of suites.reverse()) for (const hook of part.hooks.afterEach) await timed(hook, limit);
    } catch (error) {
      result.status = "failed";
      result.error ??= error instanceof Error ? described(error) : inspect(error);
    }
    result.ms = Math.round((host.now() - start) * 100) / 100;
    const output = printed();
    if (output) result.output = output.slice(0, MAX_OUTPUT);
  };
  const failAll = (one, error, state) => {
    if (one.children) return one.children.forEach((child) => failAll(child, error, state));
    state.results.push({ name: path(one), status: "failed", ms: 0, error });
  };
  const runSuite = async (of, state) => {
    try {
      for (const hook of of.hooks.before) await timed(hook, state.timeout);
    } catch (error) {
      return failAll(of, `before: ${error instanceof Error ? described(error) : inspect(error)}`, state);
    }
    for (const child of of.children) await (child.children ? runSuite(child, state) : runTest(child, state));
    for (const hook of of.hooks.after) await timed(hook, state.timeout);
  };

  // Runs what was declared since the last time.
  const runAll = async ({ timeout = DEFAULT_TIMEOUT, capture = () => () => "" } = {}) => {
    const declared = root;
    root = current = suite("", undefined, {});
    const state = { results: [], timeout, capture, isOnly: hasOnly(declared) };
    await runSuite(declared, state);
    return state.results;
  };

  const MARKS = { passed: "✔", failed: "✖", skipped: "﹣", todo: "…" };
  const report = async () => {
    if (!root.children.length) return true;
    const results = await runAll();
    for (const { status, name, ms, error } of results) {
      host.print(`${MARKS[status]} ${name} (${status === "passed" || status === "failed" ? `${ms} ms` : status})\n`);
      if (error) host.print(`    ${error.replaceAll("\n", "\n    ")}\n`);
    }
    const count = (status) => results.filter((one) => one.status === status).length;
    host.print(`${results.length} tests: ${count("passed")} passed, ${count("failed")} failed\n`);
    return count("failed") === 0;
  };

  const mock = { fn: mocks.fn, method: mocks.spyOn };
  const names = { test, it: test, describe, suite: describe, ...hooks, beforeAll: hooks.before, afterAll: hooks.after, mock };
  return { ...names, expect, vi: mocks, jest: mocks, default: Object.assign(test, names), runAll, report };
}
