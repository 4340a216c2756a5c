import { appendFileSync, mkdirSync, renameSync, statSync } from "node:fs";
import { dirname, extname } from "node:path";
import { messageOf } from "../../wire/errors.ts";
import { shortened } from "../../wire/text.ts";

/** The original keeps so many bytes of a command; where it cut within a character it fell over. */
const MAX_COMMAND = 500;

export interface Copied {
  readonly id: string;
  readonly target: string;
  readonly command: string;
  readonly source: "rest" | "mcp";
}

/**
 * A second record in the form of the original's audit log, for whoever reads that: one JSON object a line. It is a convenience beside the audit: it can be
 * changed by whoever can write the file, and a line that cannot be written is said once and left out.
 */
export class AuditCopy {
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #warn: (message: string) => void;
  #isBroken = false;

  constructor(settings: { readonly path: string; readonly maxBytes: number }, warn: (message: string) => void) {
    this.#path = settings.path;
    this.#maxBytes = settings.maxBytes;
    this.#warn = warn;
  }

  /** @param exitCode of the command */
  ran(copied: Copied, exitCode: number, durationMs: number): void {
    this.#write(copied, { exit_code: exitCode, duration_ms: Math.round(durationMs) }, {});
  }

  refused(copied: Copied, error: string): void {
    this.#write(copied, {}, { error });
  }

  #write({ id, target, command, source }: Copied, end: object, error: object): void {
    // Whole seconds, as the original has them.
    const ts = `${new Date().toISOString().slice(0, 19)}Z`;
    const shown = shortened(command, MAX_COMMAND);
    const line = { ts, target, command: shown, ...end, request_id: id, source, ...error };
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      this.#rotate();
      appendFileSync(this.#path, `${JSON.stringify(line)}\n`, { mode: 0o600 });
      this.#isBroken = false;
    } catch (failure) {
      if (!this.#isBroken) this.#warn(`the copy of the audit cannot be written: ${messageOf(failure)}`);
      this.#isBroken = true;
    }
  }

  /** One older file is kept: audit.log becomes audit.log.1, audit.jsonl as well. */
  #rotate(): void {
    const size = statSync(this.#path, { throwIfNoEntry: false });
    if (size === undefined || !size.isFile() || size.size < this.#maxBytes) return;
    const stem = this.#path.slice(0, this.#path.length - extname(this.#path).length);
    renameSync(this.#path, `${stem}.log.1`);
  }
}
