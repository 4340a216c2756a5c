import type { CodedError } from "../../wire/errors.ts";
import type { OutcomeFields } from "../../wire/schema.ts";
import { printable } from "../../wire/text.ts";
import type { PacedStream } from "../../terminal/paced-stream.ts";
import { jsonText } from "./json-text.ts";

/** Standard error of `call`: the command's own, byte for byte, and between it what we say, in lines of their own that begin with our name. */
export class Voice {
  readonly #stream: PacedStream;
  #inLine = false;
  #hasStatus = false;

  constructor(stream: PacedStream) {
    this.#stream = stream;
  }

  /** What the command wrote. */
  command(bytes: Buffer): Promise<void> | undefined {
    this.status(undefined);
    if (bytes.length > 0) this.#inLine = bytes.at(-1) !== 0x0a;
    return this.#stream.write(bytes);
  }

  say(text: string): void {
    this.#line(`cmd2host: ${printable(text)}\n`);
  }

  trouble({ code, message, hint }: CodedError): void {
    this.say(`error (${code}): ${message}`);
    if (hint !== "") this.say(`hint: ${hint}`);
  }

  json(value: unknown): void {
    this.#line(jsonText(value, 0));
  }

  /** Lines of ours without our name, as they are; each with its end. */
  block(text: string): void {
    if (text !== "") this.#line(text);
  }

  /** Shows a line that is written over by whatever comes next; undefined takes it away. Not in the middle of a line of the command's. */
  status(text: string | undefined): void {
    if (this.#inLine || (text === undefined && !this.#hasStatus)) return;
    this.#hasStatus = text !== undefined;
    void this.#stream.write(Buffer.from(`\r${text ?? ""}\u001b[K`));
  }

  #line(text: string): void {
    this.status(undefined);
    void this.#stream.write(Buffer.from(this.#inLine ? `\n${text}` : text));
    this.#inLine = false;
  }
}

/** Bytes that were shown of each stream. */
export interface Shown {
  readonly stdout: number;
  readonly stderr: number;
}

function withCode(what: string, code: string | undefined, message: string | undefined): string {
  return `${what}${code === undefined ? "" : ` (${code})`}${message === undefined ? "" : `: ${message}`}`;
}

/** What is to be said of the end of a command, in lines; nothing when it ran to its own end and everything was shown. */
export function outcomeLines(outcome: OutcomeFields, shown: Shown, noticed: ReadonlySet<string>): readonly string[] {
  const { code, message, hint, notice } = outcome;
  const cut = (name: keyof Shown, truncated: boolean | undefined, bytes: number): readonly string[] =>
    truncated === true ? [`${name} truncated: shown ${shown[name]} of ${bytes} bytes`] : [];
  return [
    ...cut("stdout", outcome.stdout_truncated, outcome.stdout_bytes),
    ...cut("stderr", outcome.stderr_truncated, outcome.stderr_bytes),
    ...(outcome.outcome === "completed" ? [] : [withCode(outcome.outcome, code, message)]),
    ...(outcome.outcome === "completed" || hint === undefined ? [] : [`hint: ${hint}`]),
    ...(notice === undefined || noticed.has(notice) ? [] : [`notice: ${notice}`]),
  ];
}
