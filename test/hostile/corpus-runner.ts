import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Address } from "../../wire/client.ts";
import { printable } from "../../wire/text.ts";
import { argvBytes } from "../fixtures/bridge-bytes.ts";
import { denialProblems, type SaidDenial } from "../fixtures/denial-rules.ts";
import { send } from "../fixtures/exchange.ts";
import { FrameTalk } from "../fixtures/frame-talk.ts";
import type { Arena } from "./arena.ts";
import {
  expectationOn,
  isTypeable,
  type Attack,
  type Expectation,
  type Harm,
  type Part,
  type Route,
  type Send,
} from "./corpus.ts";
import { expanded } from "./placeholders.ts";
import { plantInto } from "./plants.ts";
import { differences, fileHolding, treeOf } from "./tree.ts";

/** How a request ended, in the words of the corpus. */
type Ending = "nothing" | `denied ${string}` | `failed ${string}` | `completed ${number}`;

interface Answer {
  readonly ending: Ending;
  readonly stdout: string;
  /** Everything that came back. */
  readonly text: string;
  /** Of what was refused in so many words; undefined where only its text is seen. */
  readonly denial?: SaidDenial;
  /** What the daemon says in its own words. */
  readonly said: readonly string[];
  /** Of a bridge: its exit code, and whether it was told that something started. */
  readonly exit?: number;
  readonly wasStarted?: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === "string" ? value : "";
}

function answerOf(fields: Fields, text: string, message: string): Answer {
  const code = textOf(fields, "code");
  const outcome = textOf(fields, "outcome");
  const denied = outcome === "denied" || (outcome === "" && code !== "");
  const exit = Number(fields["exit_code"] ?? 0);
  const ending: Ending = denied ? `denied ${code}` : outcome === "failed" ? `failed ${code}` : `completed ${exit}`;
  const encoded = fields["stdout_encoding"] === "base64";
  const stdout = encoded
    ? Buffer.from(textOf(fields, "stdout"), "base64").toString("latin1")
    : textOf(fields, "stdout");
  return {
    ending,
    stdout,
    ...(denied ? { denial: { code, message, hint: textOf(fields, "hint") } } : {}),
    text: `${text}${stdout}`,
    said: [message, textOf(fields, "hint"), textOf(fields, "notice")],
  };
}

function answerOfText(text: string): Answer {
  if (text === "") return { ending: "nothing", stdout: "", text, said: [] };
  const fields = JSON.parse(text) as Fields;
  return answerOf(fields, text, textOf(fields, "denied_reason") || textOf(fields, "error"));
}

function bytesOf(part: Part): Buffer {
  if (typeof part === "string") return Buffer.from(part, "utf8");
  return "base64" in part ? Buffer.from(part.base64, "base64") : Buffer.from(part.text.repeat(part.times), "utf8");
}

async function overSocket(arena: Arena, address: Address, project: string, request: Send): Promise<Answer> {
  if ("bytes" in request) {
    const { bytes, pause_ms: pauseMs = 0, half_close: halfClose = false } = request;
    const parts = pauseMs === 0 ? [Buffer.concat(bytes.map(bytesOf))] : bytes.map(bytesOf);
    return answerOfText((await send(address, parts, { halfClose, pauseMs })).text);
  }
  const token = arena.token("json" in request ? (request.token ?? project) : project);
  const fields = "json" in request ? request.json : request;
  return answerOfText((await send(address, [JSON.stringify({ token, ...fields })])).text);
}

/** What the bridge is told is for people; how it ended stands in the record. */
async function overBridge(arena: Arena, project: string, request: Send): Promise<Answer> {
  if (!("raw_argv" in request) || !isTypeable(request.raw_argv)) throw new Error("only what can be typed");
  const { raw_argv: words, target_repo: target = "" } = request;
  const talk = await FrameTalk.open(arena.unix, argvBytes(arena.token(project), words, { target }));
  const got = await talk.ended;
  const textIn = (name: "stdout" | "stderr"): string => {
    const bytes = got.flatMap((one) => (one.name === name ? [String(one.payload)] : [])).join("");
    return Buffer.from(bytes, "latin1").toString("utf8");
  };
  const text = got.map(({ payload }) => (typeof payload === "string" ? payload : JSON.stringify(payload))).join("\n");
  const wasStarted = got.some(({ name }) => name === "started");
  const said = wasStarted ? [] : [textIn("stderr")];
  return { ending: "nothing", stdout: textIn("stdout"), text, said, exit: Number(got.at(-1)?.payload), wasStarted };
}

/** How a run ended by its last record, which must agree with what the bridge was told. */
function endingInRecord({ exit, wasStarted }: Answer, lines: string): Ending {
  const records = lines.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Fields]));
  const last = records.findLast(({ msg }) => ["denied", "failed", "completed"].includes(String(msg)));
  const kind = textOf(last ?? {}, "msg");
  if (kind === "denied" && wasStarted === false && (exit === 220 || exit === 230))
    return `denied ${textOf(last ?? {}, "code")}`;
  if (kind === "failed" && wasStarted === true) return `failed ${textOf(last ?? {}, "code")}`;
  return kind === "completed" && exit !== undefined && exit === last?.["exit_code"] ? `completed ${exit}` : "nothing";
}

async function overMcp(arena: Arena, project: string, request: Send): Promise<Answer> {
  if (!("operation" in request)) throw new Error("only operations go over MCP");
  const { operation: operation_id, ...rest } = request;
  const { text, data } = await arena.callTool(project, "cmd2host_run_operation", { operation_id, ...rest });
  const fields = data as Fields;
  // What a program printed stands in the text, too, and is data.
  return answerOf(fields, text, textOf(fields, "outcome") === "denied" ? text : "");
}

async function attackOver(arena: Arena, attack: Attack, route: Route): Promise<Answer> {
  const { project, send: request, typed } = attack;
  switch (route) {
    case "socket":
      return overSocket(arena, arena.unix, project, request);
    case "tcp":
      return overSocket(arena, arena.tcp, project, request);
    case "mcp":
      return overMcp(arena, project, request);
    case "bridge":
      return overBridge(arena, project, typed === undefined ? request : { raw_argv: typed.raw_argv });
    case "raw_argv":
      return overSocket(arena, arena.unix, project, typed === undefined ? request : { raw_argv: typed.raw_argv });
  }
}

/** The state that is compared before and after. */
interface State {
  readonly workspace: ReadonlyMap<string, string>;
  readonly remote: ReadonlyMap<string, string>;
  readonly host: readonly ReadonlyMap<string, string>[];
  readonly stray: number;
  readonly requests: number;
  readonly writes: number;
  /** Requests that GitHub got. */
  readonly sent: number;
}

function stateOf({ scene }: Arena): State {
  return {
    workspace: treeOf(scene.workspace),
    remote: treeOf(scene.remote),
    host: [scene.host, scene.neighbour, scene.secondWorkspace].map(treeOf),
    stray: scene.strayRequests().length,
    requests: scene.requestCount,
    writes: scene.github.writes().length,
    sent: scene.github.requests.length,
  };
}

/** The id that a ref of a repository holds, read without git: the repository may be a trap. */
function refIn(gitDirectory: string, name: string): string {
  try {
    return readFileSync(join(gitDirectory, name), "utf8").trim();
  } catch {
    try {
      const packed = readFileSync(join(gitDirectory, "packed-refs"), "utf8").split("\n");
      return packed.find((line) => line.endsWith(` ${name}`))?.split(" ")[0] ?? "absent";
    } catch {
      return "absent";
    }
  }
}

/** Refs that changed in a bare repository, apart from these. */
function otherRefs(changes: readonly string[], names: readonly string[]): readonly string[] {
  return changes.filter(
    (line) =>
      /^(refs\/.*: |packed-refs|HEAD|config|hooks)/.test(line) &&
      !line.endsWith(" → directory") &&
      !names.some((name) => line.startsWith(`${name}: `)),
  );
}

function controlsIn(said: readonly string[], lines: string): readonly string[] {
  const records = lines
    .split("\n")
    .filter((line) => line !== "")
    .flatMap((line) => Object.values(JSON.parse(line) as Fields).filter((value) => typeof value === "string"));
  return [...said.flatMap((text) => text.split("\n")), ...records].filter((text) => printable(text) !== text);
}

interface Seen {
  readonly answer: Answer;
  readonly before: State;
  readonly after: State;
  readonly lines: string;
}

/** Whether something of the project that the case names was allowed to change, by what the case expects. */
function expectedChanges(expectation: Expectation): { readonly pushed: Fields; readonly fetched: Fields } {
  const { pushed = {}, fetched = {} } = "completed" in expectation ? expectation : {};
  return { pushed, fetched };
}

function remoteHarm({ before, after, answer }: Seen, expectation: Expectation): readonly string[] {
  const { pushed } = expectedChanges(expectation);
  const changes = differences(before.remote, after.remote);
  const names = Object.keys(pushed).map((branch) => `refs/heads/${branch}`);
  const found = names.length === 0 ? [...changes] : [...otherRefs(changes, names)];
  if (!answer.ending.startsWith("completed") && after.requests > before.requests) found.push("a request was sent");
  if (after.writes > before.writes) found.push("something was changed at GitHub");
  return found;
}

function harms(arena: Arena, expectation: Expectation, seen: Seen): ReadonlyMap<Harm, readonly string[]> {
  const { scene } = arena;
  const { answer, before, after, lines } = seen;
  const workspace = differences(before.workspace, after.workspace);
  const secrets = [
    ...scene.secrets,
    ...[...arena.names].filter(([name]) => name.startsWith("token:")).map(([, token]) => token),
  ];
  const holder = workspace.length === 0 ? undefined : fileHolding(scene.workspace, secrets);
  const sent = scene.github.requests.slice(before.sent).map(({ path, body }) => `${path} ${body}`);
  const seenText = [answer.text, lines, ...sent].join("\n");
  const { fetched } = expectedChanges(expectation);
  const isFetch = Object.keys(fetched).length > 0;
  const found: readonly (readonly [Harm, readonly string[]])[] = [
    ["marker", [scene.readMarker() ?? []].flat()],
    ["other_repository", scene.strayRequests().slice(before.stray)],
    ["secret", [...secrets.filter((secret) => seenText.includes(secret)), ...(holder === undefined ? [] : [holder])]],
    ["host_files", before.host.flatMap((tree, index) => differences(tree, after.host[index] ?? new Map()))],
    [
      "workspace_changed",
      isFetch
        ? workspace.filter((line) => !/^\.git\/(objects|refs\/remotes|logs\/refs\/remotes|FETCH_HEAD)/.test(line))
        : workspace,
    ],
    ["remote_changed", remoteHarm(seen, expectation)],
    ["controls", controlsIn(answer.said, lines)],
  ];
  return new Map(found.filter(([, what]) => what.length > 0));
}

/** A client may look at the list of operations whenever it likes. */
function isPermitToRun({ msg, source }: Fields): boolean {
  return msg === "permitted" && source !== "list" && source !== "watch";
}

/** What a record must say: a denial is recorded with its code, and nothing was permitted. */
function recordProblems({ answer, lines }: Seen): readonly string[] {
  const [kind, code] = answer.ending.split(" ");
  if (kind !== "denied") return [];
  const records = lines
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Fields);
  const isRecorded = records.some((record) => record["msg"] === "denied" && record["code"] === code);
  return [
    ...(isRecorded ? [] : [`no record of ${answer.ending}`]),
    ...(records.some(isPermitToRun) ? ["a denied request was permitted"] : []),
  ];
}

function endingsOf(expectation: Expectation): readonly Ending[] {
  if ("any" in expectation) return expectation.any.flatMap(endingsOf);
  if ("denied" in expectation) return [`denied ${expectation.denied}`];
  if ("failed" in expectation) return [`failed ${expectation.failed}`];
  return "nothing" in expectation ? ["nothing"] : [`completed ${expectation.completed}`];
}

function outcomeProblems(arena: Arena, expectation: Expectation, { answer }: Seen): readonly string[] {
  const problems: string[] = [];
  const wanted = endingsOf(expectation);
  if (!wanted.includes(answer.ending))
    problems.push(`${answer.ending} instead of ${wanted.join(" or ")}: ${answer.text.slice(0, 600)}`);
  if (!("completed" in expectation)) return problems;
  const { stdout = "", pushed = {}, fetched = {} } = expectation;
  if (!answer.stdout.includes(stdout)) problems.push(`standard output lacks ${stdout}: ${answer.stdout.slice(0, 300)}`);
  const refs = [
    ...Object.entries(pushed).map(([branch, id]) => [arena.scene.remote, `refs/heads/${branch}`, id] as const),
    ...Object.entries(fetched).map(([name, id]) => [join(arena.scene.workspace, ".git"), name, id] as const),
  ];
  for (const [directory, name, id] of refs) {
    const is = refIn(directory, name);
    if (is !== id) problems.push(`${name} is ${is} instead of ${id}`);
  }
  return problems;
}

/** Secrets, and where the daemon's own files lie. */
function hiddenIn({ scene, unix }: Arena): readonly string[] {
  return [...scene.secrets, ...(unix.kind === "unix" ? [dirname(unix.path)] : [])];
}

/** What went wrong; empty when the attack did no harm and ended as expected. */
export interface Verdict {
  readonly problems: readonly string[];
  readonly harms: Readonly<Partial<Record<Harm, readonly string[]>>>;
}

/** Plants, sends one attack over one route to the real daemon, and compares everything that could be harmed with how it was before. */
export async function runAttack(arena: Arena, source: Attack, route: Route): Promise<Verdict> {
  const { scene, ground, names } = arena;
  const attack = expanded(source, names);
  scene.renew();
  for (const plant of attack.plant ?? []) plantInto(ground, plant);
  if (attack.plant !== undefined) scene.soil(ground.workspace);
  if (attack.plant?.some((plant) => Object.keys(plant).some((name) => name.startsWith("remote_"))) === true)
    scene.soil(ground.remote);
  arena.newLines();
  const before = stateOf(arena);
  const first = await attackOver(arena, attack, route);
  const lines = arena.newLines();
  const answer = route === "bridge" ? { ...first, ending: endingInRecord(first, lines) } : first;
  const seen: Seen = { answer, before, after: stateOf(arena), lines };
  if (differences(before.workspace, seen.after.workspace).length > 0) scene.soil(ground.workspace);
  if (differences(before.remote, seen.after.remote).length > 0) scene.soil(ground.remote);
  const expectation = expectationOn(attack, route);
  const may = new Set<string>(attack.may);
  // Over MCP the message is the whole text of the result.
  const said = route === "mcp" || answer.denial === undefined ? [] : denialProblems(answer.denial, hiddenIn(arena));
  return {
    problems: [...outcomeProblems(arena, expectation, seen), ...recordProblems(seen), ...said],
    harms: Object.fromEntries([...harms(arena, expectation, seen)].filter(([harm]) => !may.has(harm))),
  };
}
