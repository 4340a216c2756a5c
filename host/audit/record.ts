import type { AuditArgv } from "../../wire/names.ts";
import { shortened } from "../../wire/text.ts";
import { sha256Hex } from "../util/hash.ts";
import type { Decision, Ending } from "./audit.ts";
import { lineStart, seal, type Link } from "./chain.ts";

/** What is written of a record besides its place in the chain. */
export interface Body {
  readonly kind: "decision" | "outcome" | "note";
  readonly time: string;
  readonly [member: string]: unknown;
}

/** What an outcome repeats of its decision, so that each record can be read by itself. */
export interface Subject {
  readonly project: string | undefined;
  readonly operation: string | undefined;
  readonly session: string | undefined;
}

/** Bytes. Longer texts are cut, and say by how much. */
const MAX_NAME = 256;
const MAX_MESSAGE = 2_048;
const MAX_PATH = 4_096;
const MAX_WORD = 2_048;
const MAX_ARGV = 16_384;
/** Names. */
const MAX_ENV = 64;

/** Characters that JSON writes as they are, and that could steer a terminal or the eye of whoever looks at the file itself. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu;
const PLAIN = /^[\x20-\x7e]*$/;

function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`,
  ).join("");
}

/** JSON on one line, whose text shows itself on every terminal. */
export function jsonLine(value: unknown): string {
  const text = JSON.stringify(value);
  return PLAIN.test(text) ? text : text.replace(UNSAFE, escaped);
}

function name(text: string | undefined): string | undefined {
  return text === undefined ? undefined : shortened(text, MAX_NAME);
}

interface Argv {
  readonly argv?: readonly string[];
  /** Arguments that are not written. */
  readonly argv_more?: number;
  /** Of the whole, as JSON. */
  readonly argv_sha256?: string;
}

/** A command line within its bounds. What is cut is announced, and the whole is named by its digest. */
function argvOf(argv: readonly string[] | undefined, policy: AuditArgv): Argv {
  if (argv === undefined || policy === "none") return {};
  const digest = (): Argv => ({ argv_sha256: sha256Hex(Buffer.from(JSON.stringify(argv))) });
  if (policy === "digest") return digest();
  const words: string[] = [];
  let room = MAX_ARGV;
  let isCut = false;
  for (const word of argv) {
    const kept = shortened(word, MAX_WORD);
    room -= Buffer.byteLength(JSON.stringify(kept)) + 1;
    if (room < 0) break;
    isCut ||= kept.length !== word.length;
    words.push(kept);
  }
  const more = argv.length - words.length;
  return {
    argv: words,
    ...(more === 0 ? {} : { argv_more: more }),
    ...(isCut || more > 0 ? digest() : {}),
  };
}

interface EnvNames {
  readonly env?: readonly string[];
  /** Names that are not written. */
  readonly env_more?: number;
}

function envOf(names: readonly string[] | undefined, policy: AuditArgv): EnvNames {
  if (names === undefined || names.length === 0 || policy === "none") return {};
  const kept = names.slice(0, MAX_ENV).map((one) => shortened(one, MAX_NAME));
  return { env: kept, ...(names.length > MAX_ENV ? { env_more: names.length - MAX_ENV } : {}) };
}

/** The record of a decision. Members that are not known are left out. */
export function decisionBody(decision: Decision, time: string, policy: AuditArgv): Body {
  const { id, origin, verdict, code, message, rule, approver, cwd, stdinDigest, configHash, route } = decision;
  return {
    kind: "decision",
    time,
    id: shortened(id, MAX_NAME),
    verdict,
    code,
    message: message === undefined ? undefined : shortened(message, MAX_MESSAGE),
    rule: name(rule),
    approver: name(approver),
    session: name(origin.session),
    transport: origin.transport,
    peer: name(origin.peer),
    request_id: name(origin.requestId),
    caller: name(origin.caller),
    route,
    project: name(decision.project),
    config: name(configHash),
    operation: name(decision.operation),
    target: name(decision.target),
    target_source: name(decision.targetSource),
    node: name(decision.node),
    ...argvOf(decision.argv, policy),
    cwd: cwd === undefined ? undefined : shortened(cwd, MAX_PATH),
    stdin_sha256: name(stdinDigest),
    ...envOf(decision.env, policy),
  };
}

/** The record of how a request ended. */
export function outcomeBody(ending: Ending, time: string, { project, operation, session }: Partial<Subject>): Body {
  const { id, outcome, code, exitCode, durationMs, stdoutBytes, stderrBytes, outputDigest, redacted } = ending;
  return {
    kind: "outcome",
    time,
    id: shortened(id, MAX_NAME),
    outcome,
    code,
    exit_code: exitCode,
    ms: Math.round(durationMs * 10) / 10,
    session: name(session),
    project: name(project),
    operation: name(operation),
    stdout_bytes: stdoutBytes,
    stderr_bytes: stderrBytes,
    stdout_sha256: outputDigest?.stdout,
    stderr_sha256: outputDigest?.stderr,
    redacted: redacted === 0 ? undefined : redacted,
  };
}

/** What the log says about itself. `trouble` is what `audit verify` fails for. */
export const NOTES = {
  started: { trouble: false, about: "the daemon started" },
  stopped: { trouble: false, about: "the daemon stopped" },
  rotated: { trouble: false, about: "this file continues another one" },
  pruned: { trouble: false, about: "older files were removed, as configured" },
  repaired: { trouble: false, about: "half a record was found at the end of the log, and moved into this note" },
  unsigned: { trouble: false, about: "the daemon had not ended well: records at the end were not signed yet" },
  left_running: { trouble: false, about: "programs that a daemon left running when it was killed were ended" },
  clock_back: { trouble: false, about: "the clock of this machine went back" },
  interrupted: { trouble: false, about: "the log could not be written for some time; nothing ran meanwhile" },
  sink_dropped: { trouble: false, about: "a receiver of copies was slow or gone, and missed records" },
  operations_stopped: { trouble: false, about: "the owner stopped operations: of one project, or all" },
  operations_resumed: { trouble: false, about: "the owner let operations go on" },
  page_used: { trouble: false, about: "the owner opened the page, or did something there" },
  lost_power: {
    trouble: false,
    about: "records that were not on the disk yet are gone: a power cut, or somebody cut the log",
  },
  gap: { trouble: true, about: "the file that was written to was removed, replaced or changed by somebody else" },
  cut: { trouble: true, about: "the log that was found is not the one that the signed head names" },
  head_missing: { trouble: true, about: "the signed head was missing or not signed by the key" },
  key_changed: { trouble: true, about: "the signing key is not the one that signed before" },
} as const;

export type Note = keyof typeof NOTES;

/** Puts a note into the audit. */
export type Noted = (note: Note, fields: Readonly<Record<string, string | undefined>>) => void;

export function noteBody(note: Note, time: string, fields: Readonly<Record<string, unknown>>): Body {
  return { kind: "note", time, note, ...fields };
}

/** A record's line without its seal and line end: exactly the bytes that are hashed. */
export function unsealedLine(previous: Link, { kind, ...rest }: Body): string {
  return `${lineStart(previous)}${kind}",${jsonLine(rest).slice(1, -1)}`;
}

export function sealedLine(unsealed: string, hash: string): string {
  return `${unsealed}${seal(hash)}\n`;
}
