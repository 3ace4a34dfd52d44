// The globals. Most are made when they are first asked for.
(host, alcove) => {
  const later = (object, name, make) => {
    const set = (value) => Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: true });
    Object.defineProperty(object, name, { get: () => set(make())[name], set, configurable: true, enumerable: false });
  };
  for (const name of ["inspect", "console", "timers", "process", "encoding", "clone", "util", "path", "fs", "promises", "assert", "expect", "test", "runner", "require"])
    later(alcove, name, () => host.part(name)(host, alcove));

  for (const name of ["console", "process", "require"]) later(globalThis, name, () => alcove[name]);
  for (const name of ["TextEncoder", "TextDecoder"]) later(globalThis, name, () => alcove.encoding[name]);
  for (const name of ["setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "clearImmediate"])
    later(globalThis, name, () => alcove.timers[name]);
  for (const name of ["test", "it", "describe", "expect", "beforeEach", "afterEach", "beforeAll", "afterAll", "jest", "vi"])
    later(globalThis, name, () => alcove.test[name]);
  if (!globalThis.structuredClone) later(globalThis, "structuredClone", () => alcove.clone);
  globalThis.queueMicrotask ??= (callback) => void Promise.resolve().then(callback);
  globalThis.performance ??= { now: host.now };
  globalThis.global = globalThis;
  globalThis.module = { exports: {} };
  globalThis.exports = globalThis.module.exports;

  const refuse = (name, what) => {
    globalThis[name] = () => {
      throw new Error(`${name}() ${what}`);
    };
  };
  for (const name of ["prompt", "alert", "confirm"])
    refuse(name, "cannot ask anybody here: write the values into the code, or ask the person in your answer");
  for (const name of ["fetch", "XMLHttpRequest", "WebSocket"]) refuse(name, "is not here: this code has no network");

  const MAX_SOURCES = 200;
  const sources = new Map();
  let waiting = new Map();
  // Whether the part was asked for by now.
  alcove.has = (name) => "value" in Object.getOwnPropertyDescriptor(alcove, name);
  // A cell begins: its text is kept for the lines of errors.
  alcove.begin = (name, source) => {
    sources.set(name, source);
    if (sources.size > MAX_SOURCES) sources.delete(sources.keys().next().value);
    waiting = new Map();
    if (alcove.has("console")) alcove.console.groupEnd(Infinity);
  };
  alcove.line = (name, row) => {
    const line = (sources.get(name) || "").split("\n")[row - 1];
    return line && line.trim().slice(0, 160);
  };
  // The value of a cell's last expression, wrapped because it came by a promise.
  alcove.show = (ended) => {
    const value = ended && ended.value;
    if (value === undefined) return;
    globalThis._ = value;
    host.print(`${alcove.inspect.inspect(value)}\n`);
  };
  alcove.report = (error) => {
    const { inspect, described } = alcove.inspect;
    host.print(error instanceof Error ? `${described(error)}\n` : `Uncaught ${inspect(error)}\n`);
  };
  // Tests that the cell declared; the answer is whether all passed.
  alcove.rest = async () => !alcove.has("test") || alcove.test.report();
  alcove.own = (promise) => void promise.then(undefined, () => {});
  alcove.rejected = (promise, reason, isHandled) => {
    if (isHandled) waiting.delete(promise);
    else waiting.set(promise, reason);
  };
  alcove.unhandled = () => {
    for (const reason of waiting.values()) {
      host.print("Nobody caught what a promise was rejected with: ");
      alcove.report(reason);
    }
    return waiting.size > 0;
  };
}
