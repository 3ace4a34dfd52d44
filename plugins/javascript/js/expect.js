// `expect`, with the matchers of Jest and Vitest, and functions that remember their calls.
(host, alcove) => {
  const { inspect } = alcove.inspect;
  const { same, matches, AssertionError } = alcove.assert;

  // As `toEqual` has it: what is undefined may as well be missing.
  const defined = (value) => {
    if (Array.isArray(value)) return value.map(defined);
    if (typeof value !== "object" || value === null || ![Object.prototype, null].includes(Object.getPrototypeOf(value))) return value;
    return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined).map(([key, inner]) => [key, defined(inner)]));
  };
  const plain = (value) => (typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : value);
  const like = (value, expected) => {
    if (expected && expected.asymmetric) return expected.asymmetric(value);
    if (typeof expected !== "object" || expected === null) return Object.is(value, expected);
    if (typeof value !== "object" || value === null) return false;
    if (Array.isArray(expected)) return Array.isArray(value) && value.length === expected.length && expected.every((item, at) => like(value[at], item));
    if (Object.getPrototypeOf(expected) !== Object.prototype) return same(value, expected);
    return Object.keys(expected).every((key) => like(value[key], expected[key]));
  };
  const hasAsymmetric = (value) =>
    typeof value === "object" && value !== null && (value.asymmetric !== undefined || Object.values(value).some(hasAsymmetric));
  const equal = (value, expected) =>
    hasAsymmetric(expected)
      ? like(value, expected) && (typeof value !== "object" || expected.asymmetric || Object.keys(value).length === Object.keys(expected).length)
      : same(defined(plain(value)), defined(plain(expected)));
  const at = (value, path) => (Array.isArray(path) ? path : String(path).split(/[.[\]]+/).filter(Boolean)).reduce((inner, key) => inner?.[key], value);
  const calls = (value) => {
    if (!value || !value.mock) throw new TypeError("that function does not remember its calls: make it with fn()");
    return value.mock.calls;
  };

  const MATCHERS = {
    toBe: [(value, expected) => Object.is(value, expected), "to be"],
    toEqual: [equal, "to equal"],
    toStrictEqual: [(value, expected) => same(value, expected), "to equal strictly"],
    toMatchObject: [like, "to match"],
    toBeTruthy: [(value) => !!value, "to be truthy"],
    toBeFalsy: [(value) => !value, "to be falsy"],
    toBeNull: [(value) => value === null, "to be null"],
    toBeUndefined: [(value) => value === undefined, "to be undefined"],
    toBeDefined: [(value) => value !== undefined, "to be defined"],
    toBeNaN: [(value) => Number.isNaN(value), "to be NaN"],
    toBeGreaterThan: [(value, other) => value > other, "to be greater than"],
    toBeGreaterThanOrEqual: [(value, other) => value >= other, "to be at least"],
    toBeLessThan: [(value, other) => value < other, "to be less than"],
    toBeLessThanOrEqual: [(value, other) => value <= other, "to be at most"],
    toBeCloseTo: [(value, other, digits = 2) => Object.is(value, other) || Math.abs(value - other) < 10 ** -digits / 2, "to be close to"],
    toContain: [(value, item) => (typeof value === "string" ? value.includes(item) : [...value].includes(item)), "to contain"],
    toContainEqual: [(value, item) => [...value].some((one) => equal(one, item)), "to contain"],
    toHaveLength: [(value, length) => value.length === length, "to have the length"],
    toHaveProperty: [(value, path, ...rest) => (rest.length ? equal(at(value, path), rest[0]) : at(value, path) !== undefined), "to have the property"],
    toMatch: [(value, pattern) => (typeof pattern === "string" ? value.includes(pattern) : pattern.test(value)), "to match"],
    toBeInstanceOf: [(value, type) => value instanceof type, "to be an instance of"],
    toBeTypeOf: [(value, type) => typeof value === type, "to be of the type"],
    toHaveBeenCalled: [(value) => calls(value).length > 0, "to have been called"],
    toHaveBeenCalledTimes: [(value, times) => calls(value).length === times, "to have been called so often:"],
    toHaveBeenCalledWith: [(value, ...expected) => calls(value).some((one) => equal(one, expected)), "to have been called with"],
    toHaveBeenLastCalledWith: [(value, ...expected) => equal(calls(value).at(-1), expected), "to have been called last with"],
  };

  const judged = (value, isNot, name, [test, words], expected) => {
    if (!!test(value, ...expected) !== isNot) return;
    const wanted = expected.length ? ` ${expected.map(inspect).join(", ")}` : "";
    throw new AssertionError({ message: `expected ${inspect(value)} ${isNot ? "not " : ""}${words}${wanted}`, actual: value, expected: expected[0], operator: name });
  };
  const thrown = (run, isNot, expected) => {
    let error;
    let isThrown = false;
    try {
      run();
    } catch (caught) {
      [error, isThrown] = [caught, true];
    }
    if ((isThrown && matches(error, expected)) !== isNot) return;
    const wanted = expected === undefined ? "" : ` ${inspect(expected)}`;
    throw new AssertionError({ message: `expected the function ${isNot ? "not " : ""}to throw${wanted}, but ${isThrown ? `it threw ${inspect(String(error))}` : "nothing was thrown"}`, operator: "toThrow" });
  };

  const matchers = (value, isNot) => {
    const all = {};
    for (const [name, matcher] of Object.entries(MATCHERS)) all[name] = (...expected) => judged(value, isNot, name, matcher, expected);
    all.toThrow = all.toThrowError = (expected) => thrown(value, isNot, expected);
    return all;
  };
  const later = (get, isNot) => {
    const all = {};
    for (const name of [...Object.keys(MATCHERS), "toThrow", "toThrowError"])
      all[name] = async (...expected) => {
        const value = await get();
        matchers(name.startsWith("toThrow") ? () => { throw value; } : value, isNot)[name](...expected);
      };
    return all;
  };
  const resolved = (value) => async () => (typeof value === "function" ? value() : value);
  const rejected = (value) => async () => {
    try {
      await (typeof value === "function" ? value() : value);
    } catch (error) {
      return error;
    }
    throw new AssertionError({ message: "expected a rejection, but nothing was rejected", operator: "rejects" });
  };

  const expect = (value) => ({
    ...matchers(value, false),
    not: matchers(value, true),
    resolves: { ...later(resolved(value), false), not: later(resolved(value), true) },
    rejects: { ...later(rejected(value), false), not: later(rejected(value), true) },
  });
  const asymmetric = (test) => ({ asymmetric: test });
  expect.anything = () => asymmetric((value) => value !== null && value !== undefined);
  expect.any = (type) => asymmetric((value) => value instanceof type || typeof value === type.name.toLowerCase());
  expect.objectContaining = (expected) => asymmetric((value) => like(value, expected));
  expect.arrayContaining = (expected) => asymmetric((value) => expected.every((item) => value.some((one) => equal(one, item))));
  expect.stringContaining = (expected) => asymmetric((value) => typeof value === "string" && value.includes(expected));
  expect.stringMatching = (expected) => asymmetric((value) => typeof value === "string" && new RegExp(expected).test(value));
  expect.closeTo = (expected, digits = 2) => asymmetric((value) => Math.abs(value - expected) < 10 ** -digits / 2);

  const fn = (implementation) => {
    let run = implementation;
    const once = [];
    const mock = { calls: [], results: [] };
    const remembered = function (...values) {
      mock.calls.push(values);
      const value = (once.shift() || run)?.apply(this, values);
      mock.results.push({ type: "return", value });
      return value;
    };
    return Object.assign(remembered, {
      mock,
      mockImplementation: (next) => ((run = next), remembered),
      mockReturnValue: (value) => ((run = () => value), remembered),
      mockReturnValueOnce: (value) => (once.push(() => value), remembered),
      mockResolvedValue: (value) => ((run = async () => value), remembered),
      mockRejectedValue: (error) => ((run = async () => { throw error; }), remembered),
      mockClear: () => ((mock.calls.length = mock.results.length = 0), remembered),
    });
  };
  const spyOn = (object, name) => {
    const original = object[name];
    const spy = fn((...values) => original.apply(object, values));
    object[name] = Object.assign(spy, { mockRestore: () => void (object[name] = original) });
    return spy;
  };

  return { expect, fn, spyOn };
}
