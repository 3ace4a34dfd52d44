// `util`.
(host, alcove) => ({
  inspect: alcove.inspect.inspect,
  isDeepStrictEqual: (a, b) => alcove.assert.same(a, b),
  format: (...values) => values.map((value) => (typeof value === "string" ? value : alcove.inspect.inspect(value))).join(" "),
  promisify:
    (callback) =>
    (...values) =>
      new Promise((resolve, reject) => callback(...values, (error, value) => (error ? reject(error) : resolve(value)))),
  TextEncoder: alcove.encoding.TextEncoder,
  TextDecoder: alcove.encoding.TextDecoder,
})
