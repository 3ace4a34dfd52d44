// `setTimeout` and its like: a queue that the interpreter empties after the cell's code.
(host, alcove) => {
  const MAX_TIMERS = 10_000;
  let queue = [];
  let last = 0;

  const add = (callback, delay, values, every) => {
    if (typeof callback !== "function") throw new TypeError("a timer needs a function");
    if (queue.length >= MAX_TIMERS) throw new RangeError(`there are ${MAX_TIMERS} timers already`);
    const wait = Math.max(0, Number(delay) || 0);
    const timer = { id: ++last, at: host.now() + wait, callback, values, every: every ? Math.max(1, wait) : 0 };
    queue.push(timer);
    return timer.id;
  };
  const clear = (id) => {
    queue = queue.filter((timer) => timer.id !== id);
  };

  const next = () => queue.reduce((first, timer) => (!first || timer.at < first.at ? timer : first), undefined);

  return {
    setTimeout: (callback, delay, ...values) => add(callback, delay, values, false),
    setInterval: (callback, delay, ...values) => add(callback, delay, values, true),
    setImmediate: (callback, ...values) => add(callback, 0, values, false),
    clearTimeout: clear,
    clearInterval: clear,
    clearImmediate: clear,
    // How long to wait for the next one, in milliseconds; nothing where there is none.
    wait: () => {
      const timer = next();
      return timer && Math.max(0, timer.at - host.now());
    },
    fire: () => {
      const timer = next();
      if (timer.every) timer.at = host.now() + timer.every;
      else clear(timer.id);
      try {
        timer.callback(...timer.values);
      } catch (error) {
        // Reported at the cell's end, with what promises were rejected with.
        Promise.reject(error);
      }
    },
  };
}
