// Values as people read them, in the form that Node prints.
(host, alcove) => {
  const MAX_ITEMS = 100;
  const MAX_DEPTH = 4;
  const MAX_TEXT = 10_000;
  const WIDTH = 76;
  const WORD = /^[A-Za-z_$][\w$]*$/;

  const quoted = (text) => {
    const cut = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}… ${text.length - MAX_TEXT} more characters` : text;
    const inner = JSON.stringify(cut).slice(1, -1).replaceAll('\\"', '"');
    return `'${inner.replaceAll("'", "\\'")}'`;
  };

  const named = (key) => {
    if (typeof key === "symbol") return `[${String(key)}]`;
    return WORD.test(key) ? key : quoted(key);
  };

  // One line where it fits, else a line each.
  const joined = (items, [open, close], head, depth) => {
    const before = head ? `${head} ` : "";
    if (items.length === 0) return `${before}${open}${close}`;
    const line = `${before}${open} ${items.join(", ")} ${close}`;
    if (line.length + depth * 2 <= WIDTH && !line.includes("\n")) return line;
    const indent = "  ".repeat(depth + 1);
    return `${before}${open}\n${indent}${items.join(`,\n${indent}`)}\n${"  ".repeat(depth)}${close}`;
  };

  const listed = (values, show) => {
    const items = [];
    for (const value of values) {
      if (items.length === MAX_ITEMS) {
        items.push("… more items");
        break;
      }
      items.push(show(value));
    }
    return items;
  };

  const properties = (value, keys, show) =>
    listed(keys, (key) => {
      const property = Object.getOwnPropertyDescriptor(value, key);
      if (property && property.get) return `${named(key)}: [Getter${property.set ? "/Setter" : ""}]`;
      return `${named(key)}: ${show(property ? property.value : value[key])}`;
    });

  const head = (value) => {
    const prototype = Object.getPrototypeOf(value);
    if (prototype === null) return "[Object: null prototype]";
    const name = prototype.constructor && prototype.constructor.name;
    return name && name !== "Object" && name !== "Array" ? name : "";
  };

  const inspect = (value, depth = 0, seen = []) => {
    switch (typeof value) {
      case "string":
        return quoted(value);
      case "bigint":
        return `${value}n`;
      case "number":
        return Object.is(value, -0) ? "-0" : String(value);
      case "symbol":
        return String(value);
      case "function": {
        const text = Function.prototype.toString.call(value);
        const kind = text.startsWith("class") ? "class" : "Function";
        return value.name ? `[${kind}: ${value.name}]` : `[${kind} (anonymous)]`;
      }
      case "object":
        break;
      default:
        return String(value);
    }
    if (value === null) return "null";
    if (seen.includes(value)) return "[Circular]";
    if (value instanceof Error) return depth === 0 ? described(value) : `[${value.name}: ${value.message}]`;
    if (value instanceof Date) return isNaN(value) ? "Invalid Date" : value.toISOString();
    if (value instanceof RegExp) return String(value);
    if (value instanceof Promise) return "Promise { … }";
    if (value instanceof String || value instanceof Number || value instanceof Boolean)
      return `[${value.constructor.name}: ${inspect(value.valueOf())}]`;
    if (depth > MAX_DEPTH) return Array.isArray(value) ? "[Array]" : `[${head(value) || "Object"}]`;
    const within = [...seen, value];
    const show = (inner) => inspect(inner, depth + 1, within);
    const keys = Object.keys(value).concat(
      Object.getOwnPropertySymbols(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key)),
    );
    const extra = (isItem) => properties(value, keys.filter((key) => !isItem(key)), show);
    if (Array.isArray(value)) {
      const items = [];
      for (let at = 0; at < value.length && items.length < MAX_ITEMS; at++)
        items.push(at in value ? show(value[at]) : "<empty>");
      if (value.length > MAX_ITEMS) items.push(`… ${value.length - MAX_ITEMS} more items`);
      return joined([...items, ...extra((key) => typeof key === "string" && /^\d+$/.test(key))], "[]", head(value), depth);
    }
    if (ArrayBuffer.isView(value) && !(value instanceof DataView))
      return joined(listed(value, show), "[]", `${head(value)}(${value.length})`, depth);
    if (value instanceof Map)
      return joined(listed(value, ([key, item]) => `${show(key)} => ${show(item)}`), "{}", `Map(${value.size})`, depth);
    if (value instanceof Set) return joined(listed(value, show), "{}", `Set(${value.size})`, depth);
    return joined(extra(() => false), "{}", head(value), depth);
  };

  // An error with the frames of the author's own code, the line of the first, and its causes.
  const described = (error, depth = 0) => {
    const name = error.name || "Error";
    let text = error.message ? `${name}: ${error.message}` : name;
    const frames = String(error.stack || "")
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => /(<cell \d+>|\/[^ )]*):\d+/.test(line) && !line.includes("alcove:"));
    frames.slice(0, 10).forEach((frame, at) => {
      text += `\n    ${frame}`;
      const [, file, row] = /(<cell \d+>|\/[^ )]*?):(\d+)/.exec(frame) || [];
      const line = at === 0 ? alcove.line(file, Number(row)) : undefined;
      if (line) text += `\n        ${line}`;
    });
    const own = Object.keys(error).filter((key) => !["name", "message", "stack", "cause", "errors"].includes(key));
    if (own.length) text += ` ${joined(properties(error, own, (value) => inspect(value, 1, [error])), "{}", "", 0)}`;
    if (depth < 3) {
      if (error.cause instanceof Error) text += `\n  [cause]: ${described(error.cause, depth + 1)}`;
      else if (error.cause !== undefined) text += `\n  [cause]: ${inspect(error.cause, 1)}`;
      for (const one of Array.isArray(error.errors) ? error.errors.slice(0, 5) : [])
        text += `\n  ${one instanceof Error ? described(one, depth + 1) : inspect(one, 1)}`;
    }
    return text;
  };

  return { inspect: (value) => inspect(value), described };
}
