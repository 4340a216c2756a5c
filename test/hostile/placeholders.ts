/** Texts by the name that stands for them in the corpus. */
export type Names = ReadonlyMap<string, string>;

function expandText(text: string, names: Names): string {
  return text
    .replace(/\{repeat:([^{}:]+):([0-9]+)\}/g, (_, unit: string, times: string) => unit.repeat(Number(times)))
    .replace(/\{([a-z0-9:-]+)\}/g, (whole, name: string) => names.get(name) ?? whole);
}

/**
 * Puts in what names in braces stand for, at every depth: `{marker-command}`, `{repeat:ab:3}`. Braces around anything else stay as they are, since they
 * may be part of an attack.
 */
export function expanded<T>(value: T, names: Names): T {
  return visit(value, names) as T;
}

function visit(value: unknown, names: Names): unknown {
  if (typeof value === "string") return expandText(value, names);
  if (Array.isArray(value)) return value.map((element: unknown) => visit(element, names));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [expandText(name, names), visit(member, names)]);
  // Not an assignment by name: `__proto__` is a member like any other here.
  return Object.fromEntries(members);
}
