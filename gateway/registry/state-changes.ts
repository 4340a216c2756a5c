import { CodedError } from "../../wire/errors.ts";
import type { TargetsState } from "../../wire/schema.ts";
import { printable, shortened } from "../../wire/text.ts";
import { fingerprintOf } from "../config/fingerprint.ts";
import type { AddedTarget } from "./known-target.ts";

const AGENT_PORT = 9_876;
const MAX_SHELL_BYTES = 64;

/** How targets.json changes. Pure; names, hosts and tags are checked by who writes it. */

type Entry = TargetsState["targets"][number];

/**
 * A target as it is kept.
 * @throws CodedError `target_invalid`
 */
export function entryOf(target: AddedTarget): Entry {
  const { name, host, port = AGENT_PORT, shell = "sh", tags = [], way, fingerprint } = target;
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new CodedError("target_invalid", `expected a port from 1 to 65535, got ${port}`);
  const hash = fingerprint === undefined ? undefined : fingerprintOf(fingerprint);
  if (fingerprint !== undefined && hash === undefined)
    throw new CodedError("target_invalid", "expected the fingerprint as a SHA-256 in hex or base64");
  if (hash !== undefined && way === "capnp")
    throw new CodedError("target_invalid", "a fingerprint belongs to a link, and the way is capnp");
  return {
    name,
    ...(host === undefined || host === "" ? {} : { host }),
    port,
    shell: printable(shortened(shell, MAX_SHELL_BYTES)),
    tags: [...new Set(tags)],
    ...(way === undefined ? {} : { way }),
    ...(hash === undefined ? {} : { fingerprint: hash }),
  };
}

/** With other tags. Of a target that was added they are its own; of others they are kept beside it. */
export function tagged(
  state: TargetsState,
  name: string,
  add: readonly string[],
  remove: readonly string[],
): TargetsState {
  const removed = new Set(remove);
  const changed = (tags: readonly string[]): string[] =>
    [...new Set([...tags, ...add])].filter((tag) => !removed.has(tag));
  if (state.targets.some((one) => one.name === name)) {
    const targets = state.targets.map((one) => (one.name === name ? { ...one, tags: changed(one.tags) } : one));
    return { ...state, targets };
  }
  const others = new Map(Object.entries(state.tags));
  const earlier = others.get(name) ?? { add: [], remove: [] };
  const added = new Set(add);
  const taken = [...new Set([...earlier.remove.filter((tag) => !added.has(tag)), ...remove])];
  return { ...state, tags: Object.fromEntries(others.set(name, { add: changed(earlier.add), remove: taken })) };
}
