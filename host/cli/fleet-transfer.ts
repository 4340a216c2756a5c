import { CODES, type Code } from "../../wire/codes.ts";
import { CodedError } from "../../wire/errors.ts";
import type { OutcomeFields } from "../../wire/schema.ts";
import { printable, shortened } from "../../wire/text.ts";
import type { Progress, TransferOutcome } from "../../transfer/outcome.ts";
import type { TransferLimits } from "../../transfer/limits.ts";
import { sizeWords } from "./call-status.ts";
import type { Context } from "./context.ts";
import { memberIn } from "./fleet-client.ts";
import { styleFor } from "./style.ts";

/** What a push and a pull have in common. */

/** On this side only its owner's own files count: nothing is too much but what a descriptor for each level does not allow. */
export const OWN_LIMITS: TransferLimits = {
  maxBytes: Number.MAX_SAFE_INTEGER,
  maxFiles: Number.MAX_SAFE_INTEGER,
  maxDepth: 256,
};

const MAX_REPORT = 262_144;
const MAX_NOTICES = 100;
const EVERY_MS = 250;

/** What the program on the machine writes besides files: its report, and whatever else. Bounded. */
export class ReportText {
  readonly #chunks: Buffer[] = [];
  #length = 0;

  take(bytes: Buffer): void {
    const part = bytes.subarray(0, MAX_REPORT - this.#length);
    if (part.length > 0) this.#chunks.push(Buffer.from(part));
    this.#length += part.length;
  }

  /** The JSON object in the last line; undefined when there is none. It comes from the machine, and is not to be trusted. */
  get report(): unknown {
    try {
      return JSON.parse(this.lastLine) as unknown;
    } catch {
      return undefined;
    }
  }

  get lastLine(): string {
    const text = Buffer.concat(this.#chunks).toString("utf8").trimEnd();
    return text.slice(text.lastIndexOf("\n") + 1);
  }
}

function textIn(report: unknown, name: string): string | undefined {
  const value = memberIn(report, name);
  return typeof value === "string" ? printable(shortened(value, 2_000)) : undefined;
}

/**
 * Why a transfer failed on the machine; undefined when it did not.
 * @param last what the program there said last, for when it made no report
 */
export function failureOf(
  outcome: OutcomeFields,
  report: unknown,
  last: string,
  target: string,
): CodedError | undefined {
  const isWell = outcome.outcome === "completed" && outcome.exit_code === 0;
  if (isWell && memberIn(report, "ok") === true) return undefined;
  const [said, ended] = [textIn(report, "code"), outcome.code];
  const code = outcome.outcome === "completed" ? (said ?? "transfer_invalid") : (ended ?? said ?? "rpc_failed");
  const message =
    outcome.outcome === "completed"
      ? (textIn(report, "message") ??
        `the transfer there ended with ${outcome.exit_code} and no report${last === "" ? "" : `: ${printable(shortened(last, 400))}`}`)
      : (textIn(outcome, "message") ?? outcome.outcome);
  const hint = textIn(outcome.outcome === "completed" ? report : outcome, "hint");
  return new CodedError(Object.hasOwn(CODES, code) ? (code as Code) : "rpc_failed", `${target}: ${message}`, {
    ...(hint === undefined ? {} : { hint }),
  });
}

/** What the machine says was transferred, when it says it: of names, modes, times and contents. */
export function sumIn(report: unknown): string | undefined {
  return textIn(report, "sha256");
}

/** Sentences of both sides about what was left out or changed. */
export class Notices {
  readonly #texts: string[] = [];
  #more = 0;

  readonly add = (text: string): void => {
    if (this.#texts.length < MAX_NOTICES) this.#texts.push(text);
    else this.#more++;
  };

  /** Those of a machine's report. */
  addReported(report: unknown, target: string): void {
    const notices = memberIn(report, "notices");
    for (const notice of Array.isArray(notices) ? notices.slice(0, MAX_NOTICES) : [])
      if (typeof notice === "string") this.add(`${target}: ${printable(shortened(notice, 2_000))}`);
  }

  get texts(): readonly string[] {
    return this.#more === 0 ? this.#texts : [...this.#texts, `and ${this.#more} more`];
  }
}

function countWords({ files, directories, links, bytes }: TransferOutcome): string {
  const counted = [
    [files, "file", "files"],
    [directories, "directory", "directories"],
    [links, "link", "links"],
  ] as const;
  const words = counted.flatMap(([count, one, many]) => (count === 0 ? [] : [`${count} ${count === 1 ? one : many}`]));
  return `${words.join(", ")}, ${sizeWords(bytes)}`;
}

/** What was transferred, in a sentence. */
export function transferWords(done: string, outcome: TransferOutcome, where: string): string {
  return `${done} ${countWords(outcome)}: ${printable(where)}\n`;
}

/** The same as JSON. */
export function transferJson(outcome: TransferOutcome, more: object, notices: Notices): object {
  const { fileSha256, ...fields } = outcome;
  return { ...more, ...fields, file_sha256: fileSha256 ?? null, notices: notices.texts };
}

/** A line on a terminal that says how far a transfer is. */
export class TransferLine {
  readonly #context: Context;
  readonly #what: string;
  readonly #isShown: boolean;
  readonly #started = performance.now();
  #shownAt = 0;

  /** @param what printable: `pushing report.txt` */
  constructor(what: string, context: Context) {
    const { stderrIsTerminal, environment } = context;
    this.#context = context;
    this.#what = what;
    this.#isShown = styleFor(stderrIsTerminal, environment) !== styleFor(false, environment);
  }

  readonly progress = ({ bytes, expected }: Progress): void => {
    const now = performance.now();
    if (!this.#isShown || now - this.#shownAt < EVERY_MS) return;
    this.#shownAt = now;
    const seconds = (now - this.#started) / 1_000;
    const of = expected.bytes > 0 ? ` of ${sizeWords(expected.bytes)}` : "";
    this.#write(`${this.#what}, ${sizeWords(bytes)}${of}, ${Math.floor(seconds)} s, ${sizeWords(bytes / seconds)}/s`);
  };

  end(): void {
    if (this.#shownAt > 0) this.#write("");
  }

  #write(text: string): void {
    // When nobody reads it, nobody needs it. The last column stays free: a terminal may go to the next line behind it.
    const line = `\r${text.slice(0, this.#context.columns - 1)}\u001b[K`;
    void this.#context.direct.write("stderr", Buffer.from(line)).catch(() => undefined);
  }
}
