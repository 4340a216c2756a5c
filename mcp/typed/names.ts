import { createHash } from "node:crypto";

/** Names that every client takes, in place of those that only some take. The way back is always by table. */

/** Clients put a prefix (`mcp__cmd2host__`) in front and cut at 64. */
const MAX_TOOL_NAME = 48;
/** The longest name of a member that the interfaces of models take. */
const MAX_MEMBER_NAME = 64;
/** Begins the names of our own tools. */
const OWN_PREFIX = "cmd2host_";

function hashed(name: string, hashOf: string, max: number): string {
  const hash = createHash("sha256").update(hashOf).digest("hex").slice(0, 8);
  const plain = name.replaceAll(/[^a-zA-Z0-9_-]/g, "_").slice(0, max - hash.length - 1);
  return `${plain}_${hash}`;
}

/** Names by originals, in their order. Originals that can stay keep their name, whatever the others become. */
function namesFor(
  originals: Iterable<string>,
  canStay: (original: string) => boolean,
  changed: (original: string, hashOf: string) => string,
): ReadonlyMap<string, string> {
  const all = new Set(originals);
  const taken = new Set([...all].filter(canStay));
  const named = new Map<string, string>();
  for (const original of all) {
    let name = original;
    if (!canStay(original)) {
      name = changed(original, original);
      while (taken.has(name)) name = changed(original, `${original}\0${name}`);
      taken.add(name);
    }
    named.set(original, name);
  }
  return named;
}

/**
 * The names of tools by operation id: the id, where every client takes it; else what can be kept of it, and a hash. A name depends on its id
 * only, unless two hashes are the same.
 */
export function toolNames(ids: Iterable<string>): ReadonlyMap<string, string> {
  return namesFor(
    ids,
    (id) => /^[a-zA-Z0-9_-]+$/.test(id) && id.length <= MAX_TOOL_NAME && !id.startsWith(OWN_PREFIX),
    (id, hashOf) => hashed(id.startsWith(OWN_PREFIX) ? `op_${id}` : id, hashOf, MAX_TOOL_NAME),
  );
}

/** The names of members by parameter or flag, in the same manner. */
export function memberNames(originals: Iterable<string>): ReadonlyMap<string, string> {
  return namesFor(
    originals,
    (name) => /^[a-zA-Z0-9_.-]+$/.test(name) && name.length <= MAX_MEMBER_NAME && name !== "__proto__",
    (name, hashOf) => hashed(name, hashOf, MAX_MEMBER_NAME),
  );
}

/** `name` with as many `_` in front as it takes to be none of `taken`. */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  return taken.has(name) ? freeName(`_${name}`, taken) : name;
}
