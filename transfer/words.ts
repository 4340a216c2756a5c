import { parseArgs } from "node:util";
import { CodedError, messageOf } from "../wire/errors.ts";
import { printable } from "../wire/text.ts";
import { DEFAULT_LIMITS, type TransferLimits } from "./limits.ts";

/** What both programs are told: `--name=value`, each once but `--root`. */
const OPTIONS = {
  root: { type: "string", multiple: true },
  path: { type: "string", multiple: true },
  name: { type: "string", multiple: true },
  kind: { type: "string", multiple: true },
  links: { type: "string", multiple: true },
  "max-bytes": { type: "string", multiple: true },
  "max-files": { type: "string", multiple: true },
  "max-depth": { type: "string", multiple: true },
  "file-mode": { type: "string", multiple: true },
  "directory-mode": { type: "string", multiple: true },
  merge: { type: "boolean" },
  "special-bits": { type: "boolean" },
  "not-durable": { type: "boolean" },
} as const;

type TextOption = Exclude<
  { [K in keyof typeof OPTIONS]: (typeof OPTIONS)[K]["type"] extends "string" ? K : never }[keyof typeof OPTIONS],
  "root"
>;
type Switch = "merge" | "special-bits" | "not-durable";

function usage(text: string, cause?: unknown): CodedError {
  return new CodedError("usage", text, { cause, hint: "See docs/transfer.md." });
}

/** The words behind the name of a program of this room, understood. All methods throw `usage`. */
export class Words {
  readonly #values: ReturnType<typeof parse>;

  constructor(words: readonly string[]) {
    this.#values = parse(words);
  }

  get roots(): readonly string[] {
    return this.#values.root ?? [];
  }

  get path(): string {
    const path = this.text("path");
    if (path === undefined) throw usage("--path is missing");
    return path;
  }

  get limits(): TransferLimits {
    return {
      maxBytes: this.#number("max-bytes", 10, Number.MAX_SAFE_INTEGER) ?? DEFAULT_LIMITS.maxBytes,
      maxFiles: this.#number("max-files", 10, Number.MAX_SAFE_INTEGER) ?? DEFAULT_LIMITS.maxFiles,
      maxDepth: this.#number("max-depth", 10, 256) ?? DEFAULT_LIMITS.maxDepth,
    };
  }

  text(name: TextOption): string | undefined {
    const values = this.#values[name] ?? [];
    if (values.length > 1) throw usage(`--${name} is given twice`);
    return values[0];
  }

  oneOf<T extends string>(name: TextOption, allowed: readonly T[]): T | undefined {
    const value = this.text(name);
    const found = allowed.find((one) => one === value);
    if (value !== undefined && found === undefined) throw usage(`--${name} is one of ${allowed.join(", ")}`);
    return found;
  }

  /** Permission bits in octal. */
  mode(name: "file-mode" | "directory-mode"): number | undefined {
    return this.#number(name, 8, 0o7777);
  }

  has(name: Switch): boolean {
    return this.#values[name] === true;
  }

  #number(name: TextOption, radix: 8 | 10, max: number): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = (radix === 8 ? /^[0-7]{1,5}$/ : /^[0-9]{1,16}$/).test(value) ? Number.parseInt(value, radix) : NaN;
    if (!(number <= max)) throw usage(`--${name} is a whole number of at most ${max.toString(radix)}`);
    return number;
  }
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options: OPTIONS, allowPositionals: false }).values;
  } catch (error) {
    throw usage(printable(messageOf(error)), error);
  }
}
