// `structuredClone`.
(host, alcove) => {
  const cloned = (value, seen = new Map()) => {
    if (typeof value === "function" || typeof value === "symbol") throw new TypeError(`a ${typeof value} cannot be cloned`);
    if (typeof value !== "object" || value === null) return value;
    if (seen.has(value)) return seen.get(value);
    if (value instanceof Date) return new Date(value);
    if (value instanceof RegExp) return new RegExp(value.source, value.flags);
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value.slice();
    const copy =
      value instanceof Map ? new Map() : value instanceof Set ? new Set() : Array.isArray(value) ? [] : value instanceof Error ? new value.constructor(value.message) : {};
    seen.set(value, copy);
    if (value instanceof Map) for (const [key, item] of value) copy.set(cloned(key, seen), cloned(item, seen));
    else if (value instanceof Set) for (const item of value) copy.add(cloned(item, seen));
    else for (const key of Object.keys(value)) copy[key] = cloned(value[key], seen);
    return copy;
  };
  return (value) => cloned(value);
}
