import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import * as z from "zod";
import { CODES, type Code } from "../../wire/codes.ts";
import { projectRoot } from "../fixtures/temp.ts";

/** The attack corpus: files of data, one attack per element, grouped by class. A member that is not described here is refused. */

/** Ways in. A raw command line goes over the Unix socket, as JSON and as the bridge sends it. */
const ROUTES = ["socket", "tcp", "mcp", "raw_argv", "bridge"] as const;
export type Route = (typeof ROUTES)[number];

/** What an attack may do harm to; each is looked at in every case. */
const HARMS = [
  /** A program of the workspace's choice ran. */
  "marker",
  /** A repository or host other than the project's was reached. */
  "other_repository",
  /** A secret of the host stands in the reply, the log, the workspace or the project's repository. */
  "secret",
  /** A file of the host outside the workspace was made, changed or removed. */
  "host_files",
  "workspace_changed",
  /** The project's repository changed, or a request reached GitHub or AWS. */
  "remote_changed",
  /** Control or bidi characters in a denial, a hint or a record. */
  "controls",
] as const;
export type Harm = (typeof HARMS)[number];

const text = z.string();
const code = z.enum(Object.keys(CODES) as [Code, ...Code[]]);

/** Each plant is an object with one member, the name of the plant; `plants.ts` says what they do. */
const PLANT_SHAPES = {
  config: z.strictObject({ key: text, value: text.nullable() }),
  config_text: text,
  worktree_config: text,
  file: z.strictObject({ path: text, text, mode: z.enum(["0644", "0755"]).optional() }),
  sparse_file: z.strictObject({ path: text, bytes: z.int() }),
  hook: z.union([text, z.strictObject({ name: text, directory: text })]),
  symlink: z.strictObject({ path: text, target: text }),
  fifo: text,
  directory: text,
  gitattributes: text,
  alternates: text,
  ref: z.strictObject({ name: text, value: text }),
  packed_refs: text,
  remove: text,
  move: z.strictObject({ from: text, to: text }),
  broken_commit: z.strictObject({
    branch: text,
    part: z.enum(["commit", "tree", "blob"]),
    how: z.enum(["missing", "garbage", "empty", "other", "fifo", "directory", "endless", "bomb", "short"]),
  }),
  remote_banner: text,
  remote_file: z.strictObject({ path: text, text, mode: z.enum(["0644", "0755"]).optional() }),
} as const;
export type PlantName = keyof typeof PLANT_SHAPES;
export const PLANT_NAMES = Object.keys(PLANT_SHAPES) as readonly PlantName[];

const plant = z.strictObject(
  Object.fromEntries(Object.entries(PLANT_SHAPES).map(([name, shape]) => [name, shape.optional()])) as {
    [N in PlantName]: z.ZodOptional<(typeof PLANT_SHAPES)[N]>;
  },
);
export type Plant = z.output<typeof plant>;

/** One operation; `typed` is the same attack as a command line, with what is expected of that. */
const operationSend = z.strictObject({
  operation: text,
  params: z.record(text, z.unknown()).optional(),
  flags: z.array(z.unknown()).optional(),
  target_repo: text.optional(),
});
const argvSend = z.strictObject({ raw_argv: z.array(z.unknown()), target_repo: text.optional() });
/** A whole request, without the token unless it is named. */
const jsonSend = z.strictObject({ json: z.record(text, z.unknown()), token: text.optional() });
const part = z.union([text, z.strictObject({ base64: text }), z.strictObject({ text, times: z.int() })]);
const bytesSend = z.strictObject({
  bytes: z.array(part).min(1),
  pause_ms: z.int().optional(),
  half_close: z.boolean().optional(),
});
export type Part = z.output<typeof part>;

const completed = z.strictObject({
  completed: z.int(),
  /** Text that standard output holds. */
  stdout: text.optional(),
  /** Branches of the project's repository, and the commit that each must name afterwards; every other ref stays. */
  pushed: z.record(text, text).optional(),
  /** Refs of the workspace, and what each must name afterwards. */
  fetched: z.record(text, text).optional(),
});
const expectation = z.union([
  z.strictObject({ denied: code }),
  z.strictObject({ failed: code }),
  completed,
  /** The connection is closed without an answer. */
  z.strictObject({ nothing: z.literal(true) }),
  /** Something was refused, but whether the daemon or the program says so depends on the program. */
  z.strictObject({
    any: z.array(z.union([z.strictObject({ denied: code }), z.strictObject({ failed: code }), completed])).min(2),
  }),
]);
export type Expectation = z.output<typeof expectation>;

const attack = z.strictObject({
  name: text.min(5),
  class: text,
  /** Where the attack is from: the threat model, a CVE, a program's manual. */
  source: text.min(3),
  /** A project of `projects.ts`. */
  project: text,
  plant: z.array(plant).optional(),
  send: z.union([operationSend, argvSend, jsonSend, bytesSend]),
  /** The same as a typed command line, for the route raw_argv. */
  typed: z.strictObject({ raw_argv: z.array(text), expect: expectation.optional() }).optional(),
  routes: z.array(z.enum(ROUTES)).min(1).optional(),
  expect: expectation,
  /** A command line that does the harm when somebody runs it by hand in the workspace: `plants.test.ts` sees that it does. */
  bites: z.array(text).min(2).optional(),
  /** What the attack is after; the first is what `bites` shows. */
  must_not: z.array(z.enum(HARMS)).min(1),
  /** What happens although it is an attack, because the operation is there for it. */
  may: z.array(z.enum(HARMS)).optional(),
});
export type Attack = z.output<typeof attack>;
export type Send = Attack["send"];

const DIRECTORY = join(projectRoot, "test/hostile/corpus");

/** The classes, by the names of the files. */
export function classNames(): readonly string[] {
  return readdirSync(DIRECTORY)
    .filter((name) => name.endsWith(".json"))
    .map((name) => basename(name, ".json"))
    .sort();
}

/** The attacks of one class. Throws an error that names file, element and member when something is not as described. */
export function loadClass(name: string): readonly Attack[] {
  const attacks = parseAttacks(readFileSync(join(DIRECTORY, `${name}.json`), "utf8"), name);
  const names = new Set(attacks.map((one) => one.name));
  if (names.size !== attacks.length) throw new Error(`${name}: a name stands twice`);
  return attacks;
}

/** Reads attacks from JSON text; `name` is the class that each must say. */
export function parseAttacks(json: string, name: string): readonly Attack[] {
  const parsed = z.array(attack).safeParse(JSON.parse(json));
  if (!parsed.success) {
    const why = parsed.error.issues.map(({ path, message }) => `${path.map(String).join(".")}: ${message}`);
    throw new Error(`${name}: ${why.join("; ")}`);
  }
  for (const one of parsed.data) {
    const wrong = objection(one, name);
    if (wrong !== undefined) throw new Error(`${name}: ${one.name}: ${wrong}`);
  }
  return parsed.data;
}

function objection(one: Attack, name: string): string | undefined {
  if (one.class !== name) return `says class ${one.class}`;
  if (one.plant?.some((planted) => Object.keys(planted).length !== 1) === true) return "a plant has one member";
  if (one.must_not.some((harm) => one.may?.includes(harm) === true)) return "must_not and may say the same";
  if ("denied" in one.expect && one.may !== undefined) return "a denied request may do nothing";
  const possible = possibleRoutes(one);
  return one.routes?.every((route) => possible.includes(route)) === false
    ? "cannot be sent on these routes"
    : undefined;
}

/** Words that a program can be started with. */
export function isTypeable(words: readonly unknown[]): words is readonly string[] {
  return (
    words.length > 0 && words.every((word) => typeof word === "string" && !word.includes("\0") && word.isWellFormed())
  );
}

/** Every route that can express the attack. */
function possibleRoutes({ send, typed }: Attack): readonly Route[] {
  const named: readonly Route[] = ["socket", "tcp", "mcp"];
  if ("operation" in send) return typed === undefined ? named : [...named, "raw_argv", "bridge"];
  if ("raw_argv" in send) return isTypeable(send.raw_argv) ? ["raw_argv", "bridge"] : ["raw_argv"];
  return ["socket", "tcp"];
}

/** The routes that the attack is tried on. */
export function routesOf(one: Attack): readonly Route[] {
  return one.routes ?? possibleRoutes(one);
}

/** What is expected on a route. */
export function expectationOn(one: Attack, route: Route): Expectation {
  return (route === "raw_argv" || route === "bridge") && one.typed?.expect !== undefined
    ? one.typed.expect
    : one.expect;
}
