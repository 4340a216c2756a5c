import { rmSync } from "node:fs";
import { join } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { sha256Hex } from "../util/hash.ts";
import { readTrusted } from "../util/read-trusted.ts";
import { makePrivateDirectory, writeAtomic } from "../util/write-atomic.ts";
import type { Made } from "./change.ts";

/** One run of setup. */
export interface Step {
  readonly made: readonly Made[];
  /** The project whose configuration it wrote, and the hash of what it wrote. */
  readonly project: { readonly id: string; readonly hash: string } | undefined;
}

interface Kept {
  readonly workspace: string;
  readonly steps: readonly Step[];
}

const MAX_BYTES = 67_108_864;

function isMade(value: unknown): value is Made {
  if (typeof value !== "object" || value === null || !("path" in value) || !("directories" in value)) return false;
  const text = (name: string): boolean =>
    !(name in value) || typeof (value as Readonly<Record<string, unknown>>)[name] === "string";
  return typeof value.path === "string" && Array.isArray(value.directories) && text("before") && text("after");
}

function isStep(value: unknown): value is Step {
  return (
    typeof value === "object" &&
    value !== null &&
    "made" in value &&
    Array.isArray(value.made) &&
    value.made.every(isMade)
  );
}

function isKept(value: unknown): value is Kept {
  return (
    typeof value === "object" &&
    value !== null &&
    "steps" in value &&
    Array.isArray(value.steps) &&
    value.steps.every(isStep)
  );
}

/** What setup did to one workspace, kept where its container cannot change it. */
export class SetupRecord {
  readonly #directory: string;
  readonly #file: string;
  readonly #workspace: string;

  /** @param directory of all records */
  constructor(directory: string, workspace: string) {
    this.#directory = directory;
    this.#workspace = workspace;
    this.#file = join(directory, `${sha256Hex(Buffer.from(workspace)).slice(0, 32)}.json`);
  }

  /** Everything that was done and not taken back, in its order. Throws `file_failed` and `config_untrusted`. */
  steps(): readonly Step[] {
    const file = readTrusted(this.#file, MAX_BYTES);
    if (file === undefined) return [];
    let kept: unknown;
    try {
      kept = JSON.parse(file.bytes.toString("utf8"));
    } catch {
      kept = undefined;
    }
    if (isKept(kept)) return kept.steps;
    throw new CodedError("file_failed", `${printable(this.#file)}: does not say what setup did`, {
      hint: "Take the changes back by hand, and remove this file.",
    });
  }

  /**
   * Keeps these steps; none removes the record.
   * @throws CodedError `setup_conflict` when they are more than can be read again; then nothing was changed
   */
  keep(steps: readonly Step[]): void {
    if (steps.length === 0) {
      rmSync(this.#file, { force: true });
      return;
    }
    const kept: Kept = { workspace: this.#workspace, steps };
    const text = Buffer.from(`${JSON.stringify(kept)}\n`);
    if (text.length > MAX_BYTES)
      throw new CodedError(
        "setup_conflict",
        `setup would have to keep ${Math.ceil(text.length / 1_048_576)} MiB to take its changes back, more than ${MAX_BYTES / 1_048_576}`,
        {
          hint: "Nothing was changed. Take back what setup did before (cmd2host setup --undo), or remove .devcontainer/cmd2host by hand.",
        },
      );
    makePrivateDirectory(this.#directory);
    writeAtomic(this.#file, text);
  }
}
