import type { Readable, Writable } from "node:stream";
import { CodedError } from "../wire/errors.ts";
import { printable } from "../wire/text.ts";
import type { TransferOutcome } from "./outcome.ts";
import { receive } from "./receive.ts";
import { send } from "./send.ts";
import { Words } from "./words.ts";

const SUCCESS = 0;
const FAILURE = 1;
const USAGE = 2;
/** Most notices that a report repeats. */
const MAX_NOTICES = 100;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Notices, as many as a report repeats. */
class Notices {
  readonly #kept: string[] = [];
  #count = 0;

  readonly add = (text: string): void => {
    this.#count++;
    if (this.#kept.length < MAX_NOTICES) this.#kept.push(text);
  };

  get texts(): readonly string[] {
    const more = this.#count - this.#kept.length;
    return more === 0 ? this.#kept : [...this.#kept, `and ${more} more`];
  }
}

function reportOf({ fileSha256, ...outcome }: TransferOutcome): object {
  return { ...outcome, ...(fileSha256 === undefined ? {} : { file_sha256: fileSha256 }) };
}

/** Does the work until a signal comes, and writes how it went as one line of JSON. Returns the exit code. */
async function run(
  report: Writable,
  work: (signal: AbortSignal, notices: Notices) => Promise<TransferOutcome>,
): Promise<number> {
  const notices = new Notices();
  const controller = new AbortController();
  const stop = (): void => {
    controller.abort();
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  let line: object;
  let exit: number = SUCCESS;
  try {
    line = { ok: true, ...reportOf(await work(controller.signal, notices)), notices: notices.texts };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const { code, message, hint } = error;
    line = { ok: false, code, message: printable(message), hint, notices: notices.texts };
    exit = code === "usage" ? USAGE : FAILURE;
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
  }
  await new Promise<void>((resolve) => {
    // Nobody may be there to read it any more; the exit code says it all the same.
    report.on("error", () => {
      resolve();
    });
    report.write(`${JSON.stringify(line)}\n`, () => {
      resolve();
    });
  });
  return exit;
}

/**
 * The program that puts what comes on standard input below a root, for an operation to start. Its options are in docs/transfer.md. Writes one line of
 * JSON to standard output in the end. Ends tidily on SIGINT, SIGTERM and SIGHUP. Returns the exit code: 0, 1 for a failure, 2 for wrong options.
 */
export async function runReceive(words: readonly string[], stdin: Readable, stdout: Writable): Promise<number> {
  return run(stdout, async (signal, notices) => {
    const given = new Words(words);
    const name = given.text("name");
    const kind = given.oneOf("kind", ["file", "directory"]);
    const [file, directory] = [given.mode("file-mode"), given.mode("directory-mode")];
    return receive({
      input: stdin,
      roots: given.roots,
      path: given.path,
      limits: given.limits,
      name,
      // Whoever may start this program may write below its roots anyway.
      nameFromStream: true,
      ...(kind === undefined ? {} : { kind }),
      merge: given.has("merge"),
      links: given.oneOf("links", ["refuse", "keep"]) === "keep",
      modes: {
        specialBits: given.has("special-bits"),
        ...(file === undefined ? {} : { file }),
        ...(directory === undefined ? {} : { directory }),
      },
      durable: !given.has("not-durable"),
      signal,
      onNotice: notices.add,
    });
  });
}

/**
 * The program that writes a file or directory to standard output, for an operation to start. Writes one line of JSON to standard error in the end.
 * Otherwise as `runReceive`.
 */
export async function runSend(words: readonly string[], stdout: Writable, stderr: Writable): Promise<number> {
  return run(stderr, async (signal, notices) => {
    const given = new Words(words);
    return send({
      output: stdout,
      roots: given.roots,
      path: given.path,
      limits: given.limits,
      links: given.oneOf("links", ["refuse", "skip", "keep"]) ?? "refuse",
      specialBits: given.has("special-bits"),
      signal,
      onNotice: notices.add,
    });
  });
}
