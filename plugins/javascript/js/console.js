// `console`.
(host, alcove) => {
  const { inspect } = alcove.inspect;
  const start = host.now();
  const timers = new Map();
  const counts = new Map();
  let indent = "";

  const format = (values) => {
    let [first, ...rest] = values;
    if (typeof first === "string" && rest.length) {
      first = first.replace(/%([sdifjoOc%])/g, (all, kind) => {
        if (kind === "%") return "%";
        if (!rest.length) return all;
        const value = rest.shift();
        if (kind === "s") return typeof value === "string" ? value : inspect(value);
        if (kind === "d" || kind === "f") return String(Number(value));
        if (kind === "i") return String(Math.trunc(Number(value)));
        if (kind === "j") return JSON.stringify(value);
        return kind === "c" ? "" : inspect(value);
      });
    }
    return [first, ...rest].map((value) => (typeof value === "string" ? value : inspect(value))).join(" ");
  };

  const print = (...values) => {
    const text = values.length ? format(values) : "";
    host.print(`${indent}${indent ? text.replaceAll("\n", `\n${indent}`) : text}\n`);
  };

  const table = (rows, chosen) => {
    if (typeof rows !== "object" || rows === null) return print(rows);
    const entries = rows instanceof Map ? [...rows] : Object.entries(rows);
    const isRow = (row) => typeof row === "object" && row !== null;
    const columns = chosen || [...new Set(entries.flatMap(([, row]) => (isRow(row) ? Object.keys(row) : [])))];
    const hasValues = entries.some(([, row]) => !isRow(row));
    const cells = entries.map(([key, row]) => [
      String(key),
      ...columns.map((column) => (isRow(row) && column in row ? inspect(row[column]) : "")),
      ...(hasValues ? [isRow(row) ? "" : inspect(row)] : []),
    ]);
    const titles = ["(index)", ...columns.map(String), ...(hasValues ? ["Values"] : [])];
    for (const row of [titles, titles.map(() => "---"), ...cells]) print(`| ${row.join(" | ")} |`);
  };

  const elapsed = (label) => `${label}: ${(host.now() - (timers.get(label) ?? start)).toFixed(3)}ms`;

  const console = {
    log: print,
    info: print,
    debug: print,
    warn: print,
    error: print,
    trace: print,
    dir: (value) => print(inspect(value)),
    table,
    group: (...values) => {
      if (values.length) print(...values);
      indent += "  ";
    },
    groupEnd: (levels = 1) => {
      indent = indent.slice(levels * 2);
    },
    assert: (isTrue, ...values) => {
      if (!isTrue) print("Assertion failed:", ...values);
    },
    count: (label = "default") => {
      counts.set(label, (counts.get(label) || 0) + 1);
      print(`${label}: ${counts.get(label)}`);
    },
    countReset: (label = "default") => counts.delete(label),
    time: (label = "default") => timers.set(label, host.now()),
    timeLog: (label = "default", ...values) => print(elapsed(label), ...values),
    timeEnd: (label = "default") => {
      print(elapsed(label));
      timers.delete(label);
    },
  };
  console.groupCollapsed = console.group;
  return console;
}
