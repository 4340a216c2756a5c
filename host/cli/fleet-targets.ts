import { CodedError } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import type { GatewayClient } from "../fleet/gateway-client.ts";
import type { TargetChoice } from "./exec-line.ts";

/** Most names of one choice; a gateway takes no more. */
const MAX_NAMES = 1_000;
/** What one request may be long: servers take some 16 KiB of a request's first lines. */
const MAX_QUERY = 6_000;

/** A target as a gateway lists it. All texts are the gateway's, and some of them the machine's. */
export interface ListedTarget {
  readonly name: string;
  /** Empty when it dials in. */
  readonly host: string;
  readonly port: number;
  readonly node: string | undefined;
  readonly tags: readonly string[];
  readonly source: string;
  readonly status: string;
  readonly reachable: string;
  readonly version: string | undefined;
  /** When it last answered. */
  readonly seenAt: string | undefined;
  readonly trouble: string | undefined;
  /** Everything that the gateway says of it. */
  readonly fields: Readonly<Record<string, unknown>>;
}

function invalid(): CodedError {
  return new CodedError("gateway_unreachable", "what answers does not list targets as a gateway of cmd2host does");
}

/** A target in an answer. @throws CodedError `gateway_unreachable` */
export function targetIn(value: unknown): ListedTarget {
  if (typeof value !== "object" || value === null) throw invalid();
  const fields = new Map<string, unknown>(Object.entries(value));
  const text = (name: string): string | undefined => {
    const found = fields.get(name);
    return typeof found === "string" ? found : undefined;
  };
  const [name, tags, port] = [text("name"), fields.get("tags"), fields.get("port")];
  if (name === undefined) throw invalid();
  return {
    name,
    host: text("host") ?? "",
    port: typeof port === "number" ? port : 0,
    node: text("node"),
    tags: Array.isArray(tags) ? tags.filter((tag) => typeof tag === "string") : [],
    source: text("source") ?? "",
    status: text("status") ?? "",
    reachable: text("reachable") ?? "",
    version: text("version"),
    seenAt: text("seen_at"),
    trouble: text("trouble"),
    fields: Object.fromEntries(fields),
  };
}

function pair(name: string, value: string): string {
  return `${name}=${encodeURIComponent(value)}`;
}

/** Queries that together ask for a choice, none of them too long. */
function queriesOf({ names, globs, tags, node, all }: TargetChoice): readonly string[] {
  const common = [
    ...tags.map((tag) => pair("tag", tag)),
    ...(node === undefined ? [] : [pair("node", node)]),
    ...(all ? ["all=1"] : []),
  ];
  const single = [...names.map((name) => pair("name", name)), ...globs.map((glob) => pair("match", glob))];
  const queries: string[] = [];
  let parts: string[] = [];
  let length = 0;
  for (const one of single) {
    if (parts.length > 0 && length + one.length > MAX_QUERY) {
      queries.push([...common, ...parts].join("&"));
      [parts, length] = [[], 0];
    }
    parts.push(one);
    length += one.length + 1;
  }
  if (parts.length > 0 || queries.length === 0) queries.push([...common, ...parts].join("&"));
  return queries;
}

/**
 * The targets of a choice that the caller may use, by name; a choice of nothing is all.
 * @throws CodedError `target_unknown` for a name that there is not, `too_many_targets`, `gateway_*`
 */
export async function listTargets(
  client: GatewayClient,
  choice: TargetChoice,
  signal?: AbortSignal,
): Promise<readonly ListedTarget[]> {
  if (choice.names.length > MAX_NAMES)
    throw new CodedError("too_many_targets", `${choice.names.length} names; at most ${MAX_NAMES} are allowed`);
  const found = new Map<string, ListedTarget>();
  for (const query of queriesOf(choice)) {
    const { body } = await client.ask("GET", `/v2/targets${query === "" ? "" : `?${query}`}`, undefined, signal);
    const targets = (body as { readonly targets?: unknown } | undefined)?.targets;
    if (!Array.isArray(targets)) throw invalid();
    for (const target of targets.map(targetIn)) found.set(target.name, target);
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The targets of a choice, and at least one. @throws CodedError as `listTargets`; `target_unknown` when there is none */
export async function chosenTargets(
  client: GatewayClient,
  choice: TargetChoice,
  signal?: AbortSignal,
): Promise<readonly ListedTarget[]> {
  const targets = await listTargets(client, choice, signal);
  if (targets.length > 0) return targets;
  throw new CodedError("target_unknown", `no target fits ${choiceWords(choice)}`);
}

/** A choice in words: `tag "web" on node "pve1"`. */
export function choiceWords({ names, globs, tags, node, all }: TargetChoice): string {
  const list = (values: readonly string[]): string => values.map((one) => quoted(shortened(one, 60))).join(" or ");
  const parts = [
    ...(names.length === 0 ? [] : [`name ${list(names)}`]),
    ...(globs.length === 0 ? [] : [`name like ${list(globs)}`]),
    ...(tags.length === 0 ? [] : [`tag ${list(tags)}`]),
    ...(node === undefined ? [] : [`node ${quoted(shortened(node, 60))}`]),
    ...(all ? ["--all"] : []),
  ];
  return shortened(parts.length === 0 ? "nothing" : parts.join(" and "), 300);
}
