// `assert`, and the equality that it shares with `expect`.
(host, alcove) => {
  const { inspect } = alcove.inspect;

  const same = (a, b, isLoose = false, seen = []) => {
    if (Object.is(a, b) || (isLoose && a == b)) return true;
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
    if (!isLoose && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
    if (seen.some(([x, y]) => x === a && y === b)) return true;
    const within = [...seen, [a, b]];
    const equal = (x, y) => same(x, y, isLoose, within);
    if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime());
    if (a instanceof RegExp && b instanceof RegExp) return String(a) === String(b);
    if (a instanceof Error && b instanceof Error) return a.name === b.name && a.message === b.message;
    if (Array.isArray(a) !== Array.isArray(b)) return false;
    if (a instanceof Map && b instanceof Map) return a.size === b.size && [...a].every(([key, value]) => b.has(key) && equal(value, b.get(key)));
    if (a instanceof Set && b instanceof Set) return a.size === b.size && [...a].every((one) => b.has(one) || [...b].some((other) => equal(one, other)));
    if (a.valueOf() !== a && b.valueOf() !== b && !Object.is(a.valueOf(), b.valueOf())) return false;
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
  };

  class AssertionError extends Error {
    constructor({ message, actual, expected, operator }) {
      super(message);
      // Not enumerable: the message says them already.
      for (const [key, value] of Object.entries({ name: "AssertionError", actual, expected, operator }))
        Object.defineProperty(this, key, { value, configurable: true });
    }
  }
  const fail = (message, why, actual, expected, operator) => {
    if (message instanceof Error) throw message;
    throw new AssertionError({ message: message ? `${message}: ${why}` : why, actual, expected, operator });
  };

  const check = (operator, test, words) => (actual, expected, message) => {
    if (!test(actual, expected)) fail(message, `${inspect(actual)} ${words} ${inspect(expected)}`, actual, expected, operator);
  };
  const matches = (error, expected) => {
    if (expected === undefined) return true;
    if (expected instanceof RegExp) return expected.test(String(error && error.message !== undefined ? error.message : error));
    if (typeof expected === "string") return String(error && error.message).includes(expected);
    if (typeof expected === "function") {
      if (expected.prototype && (expected === Error || expected.prototype instanceof Error || error instanceof expected)) return error instanceof expected;
      return expected(error) === true;
    }
    return Object.keys(expected).every((key) => (expected[key] instanceof RegExp ? expected[key].test(error[key]) : same(error[key], expected[key])));
  };
  const thrown = (error, expected, message) => {
    if (!matches(error, expected)) fail(message, `threw ${inspect(String(error))}, which is not what was expected: ${inspect(expected)}`, error, expected, "throws");
  };

  const ok = (value, message) => {
    if (!value) fail(message, `${inspect(value)} is not true`, value, true, "ok");
  };
  const strict = {
    ok,
    equal: check("strictEqual", Object.is, "is not"),
    notEqual: check("notStrictEqual", (a, b) => !Object.is(a, b), "is"),
    strictEqual: check("strictEqual", Object.is, "is not"),
    notStrictEqual: check("notStrictEqual", (a, b) => !Object.is(a, b), "is"),
    deepEqual: check("deepStrictEqual", (a, b) => same(a, b), "is not the same as"),
    deepStrictEqual: check("deepStrictEqual", (a, b) => same(a, b), "is not the same as"),
    notDeepEqual: check("notDeepStrictEqual", (a, b) => !same(a, b), "is the same as"),
    notDeepStrictEqual: check("notDeepStrictEqual", (a, b) => !same(a, b), "is the same as"),
    match: check("match", (text, pattern) => pattern.test(text), "does not match"),
    doesNotMatch: check("doesNotMatch", (text, pattern) => !pattern.test(text), "matches"),
    fail: (message = "failed") => fail(undefined, message instanceof Error ? message.message : message, undefined, undefined, "fail"),
    ifError: (value) => {
      if (value !== null && value !== undefined) throw value;
    },
    throws: (run, expected, message) => {
      try {
        run();
      } catch (error) {
        return thrown(error, expected, message);
      }
      fail(typeof expected === "string" ? expected : message, "nothing was thrown", undefined, expected, "throws");
    },
    doesNotThrow: (run) => void run(),
    rejects: async (run, expected, message) => {
      try {
        await (typeof run === "function" ? run() : run);
      } catch (error) {
        return thrown(error, expected, message);
      }
      fail(message, "nothing was rejected", undefined, expected, "rejects");
    },
    doesNotReject: async (run) => void (await (typeof run === "function" ? run() : run)),
    AssertionError,
  };
  const assert = Object.assign((value, message) => ok(value, message), strict, {
    equal: check("==", (a, b) => a == b || (a !== a && b !== b), "is not"),
    notEqual: check("!=", (a, b) => a != b, "is"),
    deepEqual: check("deepEqual", (a, b) => same(a, b, true), "is not the same as"),
  });
  assert.strict = Object.assign((value, message) => ok(value, message), strict);

  return { ...assert, strict: assert.strict, default: assert, same, matches };
}
