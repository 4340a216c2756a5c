import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { CodedError } from "../../wire/errors.ts";
import { printableLines, quoted, shortened } from "../../wire/text.ts";
import { resolveCommand, type Command } from "../exec/command.ts";
import { runFed } from "../exec/terminal.ts";
import type { Context } from "./context.ts";
import { REMOTE_SCRIPT } from "./fleet-script.ts";

const MAX_ANSWER = 262_144;
const MAX_SAID = 16_384;
/** What ssh exits with when it fails itself. */
const EXIT_SSH = 255;
/** Neither an option, nor anything that a configuration of ssh could hand to a shell. */
const DESTINATION = /^(?![-@])[A-Za-z0-9_.@:%+-]{1,255}$/;
/** What every shell takes between single quotes as it is. */
const PLAIN = /^[^'\\!\u0000-\u001f\u007f]*$/;

export interface SshOptions {
  /** As ssh has it: a name of its configuration, HOST or USER@HOST. */
  readonly destination: string;
  /** Its configuration, instead of the usual one. */
  readonly config: string | undefined;
  /** What the machine says to standard error, in lines. */
  readonly said: (line: string) => void;
  readonly signal: AbortSignal;
}

/** What a step answered: its lines NAME=VALUE, as they came. */
export type Answers = ReadonlyMap<string, string>;

/** A word for the shell at the other end, whichever it is. @throws CodedError `usage` for one that not every shell takes */
export function quotedWord(word: string): string {
  if (PLAIN.test(word)) return `'${word}'`;
  throw new CodedError("usage", `${quoted(shortened(word, 80))} holds a character that is not sent to the machine`, {
    hint: "Leave out quotes, backslashes, exclamation marks and control characters.",
  });
}

/** One machine over the system's ssh. The connection is kept for all steps, so a password is asked for once. */
export class Ssh {
  readonly #options: SshOptions;
  readonly #context: Context;
  readonly #command: Command;
  /** Where the connection is kept. */
  readonly #directory: string;
  #sudo = false;

  /** @throws CodedError `usage`, `command_not_found`, `command_untrusted` */
  constructor(options: SshOptions, context: Context) {
    if (!DESTINATION.test(options.destination))
      throw new CodedError("usage", `${quoted(shortened(options.destination, 80))} is no USER@HOST`);
    this.#options = options;
    this.#context = context;
    this.#command = resolveCommand("ssh", context.environment["PATH"] ?? "", []);
    this.#directory = mkdtempSync(join(tmpdir(), "c2h-"));
  }

  get name(): string {
    return this.#options.destination;
  }

  /** From now on steps are done as root. */
  becomeRoot(): void {
    this.#sudo = true;
  }

  /** Does a step of the fixed script. @throws CodedError `ssh_failed`, `cancelled` */
  async step(name: string, ...values: readonly string[]): Promise<Answers> {
    const text = await this.text(name, ...values);
    const pairs = text.split("\n").flatMap((line): (readonly [string, string])[] => {
      const at = line.indexOf("=");
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)]] : [];
    });
    return new Map(pairs);
  }

  /** The same; what it wrote. */
  async text(name: string, ...values: readonly string[]): Promise<string> {
    const root = this.#sudo ? ["sudo", "-n"] : [];
    const words = [...root, "sh", "-s", "--", ...[name, ...values].map(quotedWord)];
    return this.#run(words.join(" "), Buffer.from(REMOTE_SCRIPT), name);
  }

  /** Sends a file. @param path where it goes, of our own making */
  async send(file: string, path: string): Promise<void> {
    const input = openSync(file, "r");
    try {
      await this.#run(`sh -c 'cat > "$0"' ${quotedWord(path)}`, input, "send");
    } finally {
      closeSync(input);
    }
  }

  /** Lets the connection go. */
  async close(): Promise<void> {
    const signal = new AbortController().signal;
    const args = [...this.#words(), "-O", "exit", "--", this.name];
    await runFed(this.#foreground(args), { input: Buffer.alloc(0), written: () => undefined, signal }).catch(
      () => undefined,
    );
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #words(): readonly string[] {
    const { config } = this.#options;
    const settings = [
      "ControlMaster=auto",
      `ControlPath=${join(this.#directory, "s")}`,
      "ControlPersist=60",
      "ServerAliveInterval=15",
      // Where nobody can answer, nothing is asked.
      ...(this.#context.questions === undefined ? ["BatchMode=yes"] : []),
    ];
    return ["-T", ...(config === undefined ? [] : ["-F", config]), ...settings.flatMap((one) => ["-o", one])];
  }

  #foreground(args: readonly string[]) {
    return { command: this.#command, args, env: this.#context.environment };
  }

  async #run(line: string, input: Buffer | number, step: string): Promise<string> {
    const { signal, said } = this.#options;
    const answer: Buffer[] = [];
    let length = 0;
    const errors = new Lines(said);
    const written = (stream: "stdout" | "stderr", bytes: Buffer): void => {
      if (stream === "stderr") {
        errors.take(bytes);
        return;
      }
      if (length < MAX_ANSWER) answer.push(bytes);
      length += bytes.length;
    };
    const args = [...this.#words(), "--", this.name, line];
    const exit = await runFed(this.#foreground(args), { input, written, signal });
    errors.end();
    if (signal.aborted) throw new CodedError("cancelled", "cancelled by the caller");
    if (exit === 0) return Buffer.concat(answer).toString("utf8");
    const what = exit === EXIT_SSH ? "ssh does not reach it" : `the step "${step}" there ended with ${exit}`;
    throw new CodedError("ssh_failed", `${this.name}: ${what}${errors.last === "" ? "" : `: ${errors.last}`}`);
  }
}

/** What comes in pieces, as lines; bounded. */
class Lines {
  readonly #tell: (line: string) => void;
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";
  #count = 0;
  #last = "";

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  /** The last one that is not empty. */
  get last(): string {
    return this.#last;
  }

  take(bytes: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(bytes)).split("\n");
    this.#rest = (lines.pop() ?? "").slice(0, MAX_SAID);
    for (const line of lines) this.#line(line);
  }

  end(): void {
    if (this.#rest !== "") this.#line(this.#rest);
    this.#rest = "";
  }

  #line(text: string): void {
    const line = printableLines(shortened(text.replace(/\r$/, ""), 1_000));
    if (line.trim() !== "") this.#last = line.trim();
    this.#count += line.length;
    if (this.#count <= MAX_SAID) this.#tell(line);
  }
}
