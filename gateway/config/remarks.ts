import type { CodedError } from "../../wire/errors.ts";
import type { TomlFile } from "./toml-file.ts";

/** The longest time that a timer of Node can hold. */
const MAX_TIMER_MS = 2_147_483_647;

/** What is said about a file while it is read. */
export class Remarks {
  readonly #file: TomlFile;
  readonly #warnings: string[] = [];

  constructor(file: TomlFile) {
    this.#file = file;
  }

  /** Each is one line for people, with file, line and key. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  warn(pointer: string, message: string): void {
    this.#warnings.push(this.#file.said(pointer, message));
  }

  /** To be thrown. */
  wrong(pointer: string, message: string): CodedError {
    return this.#file.wrong(pointer, message);
  }

  lineOf(pointer: string): number | undefined {
    return this.#file.lineOf(pointer);
  }
}

/** Seconds of the file as milliseconds that a timer can hold. */
export function milliseconds(seconds: number): number {
  return Math.min(seconds * 1_000, MAX_TIMER_MS);
}

/** The default, also for 0, which the original let through and which stopped it. */
export function orDefault(given: number | undefined, fallback: number, pointer: string, remarks: Remarks): number {
  if (given !== 0) return given ?? fallback;
  remarks.warn(pointer, `0 would stop it; ${fallback} is used`);
  return fallback;
}
