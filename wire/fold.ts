/** What the walk below needs of a JSON Schema. */
export interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly additionalProperties?: Shape | boolean;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
}

export interface Folded {
  readonly value: unknown;
  /** JSON pointers of members that the schema does not know. */
  readonly unknown: readonly string[];
  /** Pointers of members that stand twice, in different case. */
  readonly twice: readonly string[];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hasProperties(shape: Shape): boolean {
  return shape.properties !== undefined || shape.additionalProperties !== undefined;
}

/**
 * Reads JSON as the original's decoder does: member names match without regard to case, and `null` means "not set".
 * Names in maps (operations, parameters, environment) are data and stay as they are. Unknown members are kept and reported.
 */
export function fold(value: unknown, shape: Shape): Folded {
  const unknown: string[] = [];
  const twice: string[] = [];

  function walk(node: unknown, at: Shape, pointer: string): unknown {
    if (Array.isArray(node)) {
      const { items } = at;
      return items === undefined ? node : node.map((item, index) => walk(item, items, `${pointer}/${index}`));
    }
    if (!isObject(node)) return node;
    const here = at.anyOf?.find(hasProperties) ?? at;
    return hasProperties(here) ? members(node, here, pointer) : node;
  }

  function members(node: Readonly<Record<string, unknown>>, at: Shape, pointer: string): unknown {
    const properties = at.properties ?? {};
    let names: ReadonlyMap<string, string> | undefined;
    // Nearly every name is spelled as the schema spells it; the others are looked up without regard to case.
    const nameOf = (key: string): string | undefined => {
      if (Object.hasOwn(properties, key)) return key;
      names ??= new Map(Object.keys(properties).map((name) => [name.toLowerCase(), name]));
      return names.get(key.toLowerCase());
    };
    const out = new Map<string, unknown>();
    for (const [key, member] of Object.entries(node)) {
      const path = `${pointer}/${/[~/]/.test(key) ? key.replaceAll("~", "~0").replaceAll("/", "~1") : key}`;
      const name = nameOf(key);
      const known = name === undefined ? undefined : properties[name];
      if (name !== undefined && known !== undefined) {
        if (out.has(name)) twice.push(path);
        out.set(name, member === null ? undefined : walk(member, known, path));
      } else if (typeof at.additionalProperties === "object") {
        out.set(key, walk(member, at.additionalProperties, path));
      } else {
        unknown.push(path);
        out.set(key, member);
      }
    }
    return Object.fromEntries([...out].filter(([, member]) => member !== undefined));
  }

  return { value: walk(value, shape, ""), unknown, twice };
}
