import { resolve } from "node:path";
import type { ProjectConfig } from "../../wire/schema.ts";

/**
 * The one way to write a project configuration, so that "already canonical" can be told by comparing bytes. Members that the schema does not know
 * stay, behind those that it does.
 */

/** Maps keep their order; objects would move names that look like numbers to the front. */
type Node = string | number | boolean | null | readonly Node[] | ReadonlyMap<string, Node>;

/** What a member is when it is empty or absent. */
type Presence =
  /** It is left out when it is absent, "", 0, false, [] or {}. */
  | "when_set"
  /** It is left out when it is absent only. */
  | "when_present"
  /** It is written as null when it is absent. */
  | "or_null"
  /** It is written as "" when it is absent. */
  | "or_empty_text"
  /** It is written as {} when it is absent. */
  | "or_empty_object";

type Member = readonly [name: string, presence: Presence, write?: (value: unknown) => Node];

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function plain(value: unknown): Node {
  if (Array.isArray(value)) return value.map(plain);
  if (isObject(value)) return new Map(Object.entries(value).map(([name, member]) => [name, plain(member)]));
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
}

function byBytes([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** A map whose names are data, sorted by their bytes. */
function sorted(write: (value: unknown) => Node = plain): (value: unknown) => Node {
  return (value) =>
    isObject(value)
      ? new Map(
          Object.entries(value)
            .sort(byBytes)
            .map(([name, member]) => [name, write(member)]),
        )
      : plain(value);
}

function list(write: (value: unknown) => Node): (value: unknown) => Node {
  return (value) => (Array.isArray(value) ? value.map(write) : plain(value));
}

function isEmpty(value: unknown): boolean {
  if (value === "" || value === 0 || value === false) return true;
  return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
}

function absent(presence: Presence): Node | undefined {
  switch (presence) {
    case "when_set":
    case "when_present":
      return undefined;
    case "or_null":
      return null;
    case "or_empty_text":
      return "";
    case "or_empty_object":
      return new Map();
  }
}

/** Known members in the given order, then the others sorted. */
function ordered(members: readonly Member[]): (value: unknown) => Node {
  return (value) => {
    if (!isObject(value)) return plain(value);
    const given = new Map(Object.entries(value));
    const out = new Map<string, Node>();
    for (const [name, presence, write = plain] of members) {
      const member = given.get(name);
      given.delete(name);
      const node =
        member === undefined || (presence === "when_set" && isEmpty(member)) ? absent(presence) : write(member);
      if (node !== undefined) out.set(name, node);
    }
    for (const [name, member] of [...given].sort(byBytes)) out.set(name, plain(member));
    return out;
  };
}

// A minimum or maximum of 0 is a rule; the other zero values say nothing.
const param = ordered([
  ["type", "when_set"],
  ["optional", "when_set"],
  ["pattern", "when_set"],
  ["minLength", "when_set"],
  ["maxLength", "when_set"],
  ["min", "when_present"],
  ["max", "when_present"],
  ["items", "when_present"],
  ["direction", "when_set"],
  ["description", "when_set"],
  ["enum", "when_set"],
  ["allow_leading_dash", "when_set"],
  ["max_bytes", "when_present"],
  ["schemes", "when_set"],
  ["hosts", "when_set"],
]);

const flag = ordered([
  ["flag", "when_present"],
  ["type", "when_set"],
  ["pattern", "when_set"],
  ["min", "when_present"],
  ["max", "when_present"],
  ["enum", "when_set"],
  ["schemes", "when_set"],
  ["hosts", "when_set"],
  ["allow_leading_dash", "when_set"],
  ["repeat", "when_set"],
  ["description", "when_set"],
]);

const filter = ordered([
  ["strip_ansi", "when_set"],
  ["collapse_progress", "when_set"],
  [
    "max_lines",
    "when_set",
    ordered([
      ["head", "when_set"],
      ["tail", "when_set"],
    ]),
  ],
  ["json_fields", "when_set"],
]);

// A hint that is false says something: the default of destructive and open_world is true.
const annotations = ordered([
  ["read_only", "when_present"],
  ["destructive", "when_present"],
  ["idempotent", "when_present"],
  ["open_world", "when_present"],
]);

const transfer = ordered([
  ["direction", "when_present"],
  ["roots", "when_present"],
  ["max_bytes", "when_present"],
  ["max_files", "when_present"],
]);

const machine = ordered([
  ["run_as", "when_present"],
  ["work_dirs", "when_set"],
  ["wrapper", "when_present"],
]);

const operation = ordered([
  ["command", "or_empty_text"],
  ["args_template", "or_null"],
  ["params", "or_null", sorted(param)],
  ["allowed_flags", "or_null", list(flag)],
  ["bool_flags", "when_set"],
  ["multi_value_flags", "when_set"],
  ["description", "or_empty_text"],
  ["profile", "when_present"],
  ["timeout", "when_present"],
  ["max_stdout_bytes", "when_present"],
  ["max_stderr_bytes", "when_present"],
  ["on_disconnect", "when_present"],
  ["run_in", "when_present"],
  ["approval", "when_present"],
  ["limits", "when_present"],
  ["stdin", "when_present"],
  ["max_stdin_bytes", "when_present"],
  ["output", "when_present"],
  ["filter", "when_set", filter],
  ["rtk", "when_set"],
  ["title", "when_set"],
  ["annotations", "when_set", annotations],
  ["keep", "when_present"],
  ["shell", "when_present"],
  ["transfer", "when_present", transfer],
  ["run_as", "when_present"],
  // Empty is not absent: a shell lets callers set every variable when it says nothing.
  ["env_allow", "when_present"],
]);

const constraints = ordered([
  ["remote_hosts_allow", "when_set"],
  ["path_deny", "when_set"],
  ["branch_allow", "when_set"],
]);

const ofRepositories: readonly Member[] = [
  ["repos", "or_null"],
  ["repo_paths", "or_null"],
  ["repo_hosts", "when_set", sorted()],
];

const ofEveryProject: readonly Member[] = [
  ["allowed_operations", "or_null"],
  ["constraints", "or_empty_object", constraints],
  ["session_limits", "when_present"],
  ["operations", "or_null", sorted(operation)],
  ["env", "when_set", sorted()],
  ["env_unsafe", "when_set"],
  ["git_config", "when_set", sorted()],
];

const SCHEMA: Member = ["$schema", "when_present"];
const project = ordered([SCHEMA, ...ofRepositories, ...ofEveryProject]);
const machineProject = ordered([SCHEMA, ["machine", "when_present", machine], ...ofEveryProject]);

const ESCAPED = /[<>&\u2028\u2029]/g;

function text(value: string): string {
  return JSON.stringify(value).replace(
    ESCAPED,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function isMap(node: Node): node is ReadonlyMap<string, Node> {
  return node instanceof Map;
}

function write(node: Node, indent: string): string {
  if (typeof node === "string") return text(node);
  if (node === null || typeof node !== "object") return JSON.stringify(node);
  const inner = `${indent}  `;
  const lines = isMap(node)
    ? [...node].map(([name, member]) => `${text(name)}: ${write(member, inner)}`)
    : node.map((member) => write(member, inner));
  const [open, close] = isMap(node) ? ["{", "}"] : ["[", "]"];
  if (lines.length === 0) return open + close;
  return `${open}\n${lines.map((line) => inner + line).join(",\n")}\n${indent}${close}`;
}

/** The older form with one repository, as lists; relative paths become absolute. */
function withLists(config: ProjectConfig): ProjectConfig {
  const { repo, repo_path: path, ...rest } = config;
  const repos = config.repos ?? (repo === undefined || repo === "" ? undefined : [repo]);
  const paths = config.repo_paths ?? (path === undefined || path === "" ? undefined : [path]);
  return {
    ...rest,
    ...(repos === undefined ? {} : { repos }),
    ...(paths === undefined ? {} : { repo_paths: paths.map((one) => resolve(one)) }),
  };
}

/**
 * The canonical text of a configuration: two spaces, a fixed order of members, maps sorted by bytes, `<`, `>` and `&` as escapes, a line end.
 * The same settings always give the same bytes, here and in the original.
 * @param config as the loader returns it; unknown members in it are kept
 */
export function canonicalText(config: ProjectConfig): string {
  const node = config.machine === undefined ? project(withLists(config)) : machineProject(config);
  return `${write(node, "")}\n`;
}
