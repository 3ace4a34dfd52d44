// `process`, as far as it makes sense here.
(host, alcove) => ({
  argv: ["node", "cell"],
  env: {},
  platform: "wasi",
  version: "",
  versions: {},
  cwd: () => "/workspace",
  exit: (code = 0) => {
    throw new Error(`the code ended itself with status ${code}`);
  },
  hrtime: Object.assign(() => [Math.trunc(host.now() / 1e3), Math.trunc((host.now() % 1e3) * 1e6)], {
    bigint: () => BigInt(Math.trunc(host.now() * 1e6)),
  }),
  nextTick: (callback, ...values) => queueMicrotask(() => callback(...values)),
  on: () => {},
  stdout: { write: (value) => (host.print(String(value)), true) },
  stderr: { write: (value) => (host.print(String(value)), true) },
})
