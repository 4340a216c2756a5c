/** What is expected of JSON, as data: a value, or one of these. Of an object only the members that are named are looked at. */
export type Shape = null | boolean | number | string | readonly Shape[] | Members;

interface Members {
  readonly [member: string]: Shape | Wanted;
}

/** Something else than a value. */
export type Wanted =
  | { readonly $: "number" | "absent" | "text" }
  /** A text that a regular expression matches. */
  | { readonly $: "like"; readonly source: string }
  /** Exactly these members. */
  | { readonly $: "only"; readonly members: Members };

export const aNumber: Wanted = { $: "number" };
export const aText: Wanted = { $: "text" };
export const absent: Wanted = { $: "absent" };

export function like(pattern: RegExp): Wanted {
  return { $: "like", source: pattern.source };
}

export function only(members: Members): Wanted {
  return { $: "only", members };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isWanted(shape: unknown): shape is Wanted {
  return isObject(shape) && "$" in shape;
}

function wanted(shape: Wanted, value: unknown, at: string): string | undefined {
  switch (shape.$) {
    case "absent":
      return value === undefined ? undefined : `${at}: is there`;
    case "number":
      return typeof value === "number" ? undefined : `${at}: no number`;
    case "text":
      return typeof value === "string" ? undefined : `${at}: no text`;
    case "like":
      return typeof value === "string" && new RegExp(shape.source, "u").test(value)
        ? undefined
        : `${at}: ${JSON.stringify(value)} is not like ${shape.source}`;
    case "only": {
      const more = isObject(value) ? Object.keys(value).filter((name) => !(name in shape.members)) : [];
      return more.length > 0 ? `${at}: also has ${more.join(", ")}` : differs(shape.members, value, at);
    }
  }
}

/** Where a value differs from what is expected; undefined when it does not. */
export function differs(shape: unknown, value: unknown, at = ""): string | undefined {
  if (isWanted(shape)) return wanted(shape, value, at);
  if (Array.isArray(shape)) {
    if (!Array.isArray(value) || value.length !== shape.length) return `${at}: ${JSON.stringify(value)}`;
    return shape.map((one, index) => differs(one, value[index], `${at}/${index}`)).find((one) => one !== undefined);
  }
  if (!isObject(shape))
    return shape === value ? undefined : `${at}: ${JSON.stringify(value)}, not ${JSON.stringify(shape)}`;
  if (!isObject(value)) return `${at}: ${JSON.stringify(value)} is no object`;
  return Object.entries(shape)
    .map(([name, one]) => differs(one, value[name], `${at}/${name}`))
    .find((one) => one !== undefined);
}
