import { parseArgs } from "node:util";
import { CodedError, messageOf } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import { nearest } from "../project/nearest.ts";
import type { Option, Options } from "./command.ts";

interface Form {
  readonly kind: "text" | "texts" | "switch";
  readonly short?: string;
}

function formsOf(options: Options): ReadonlyMap<string, Form> {
  return new Map<string, Form>([
    ...Object.entries<Option>(options).flatMap(([name, option]) =>
      option.kind === "text" || option.kind === "texts" || option.kind === "switch" ? [[name, option] as const] : [],
    ),
    ["help", { kind: "switch", short: "h" }],
  ]);
}

/** Makes `usage` errors of one command. */
export class Complaints {
  readonly #command: string;

  /** @param command its words: `call` */
  constructor(command: string) {
    this.#command = command;
  }

  /** @param advice one or more sentences, each with a blank behind it */
  wrong(message: string, advice = ""): CodedError {
    return new CodedError("usage", message, { hint: `${advice}See cmd2host ${this.#command} --help.` });
  }

  /** `NAME=VALUE`, cut at the first equals sign. @throws CodedError `usage` */
  named(option: string, text: string, form: string): readonly [name: string, value: string] {
    const at = text.indexOf("=");
    if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
    throw this.wrong(`--${option} ${quoted(shortened(text, 80))} is not ${form}`);
  }

  /** A whole number from `min` to `max`. @throws CodedError `usage` */
  whole(option: string, text: string | undefined, min: number, max: number): number | undefined {
    if (text === undefined) return undefined;
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw this.wrong(`--${option} ${quoted(shortened(text, 40))} is not a whole number from ${min} to ${max}`);
  }
}

/** A command line that is read without the parser of most commands, whose loading takes longer than many a call. */
export class Line extends Complaints {
  readonly #forms: ReadonlyMap<string, Form>;
  readonly #values = new Map<string, string[]>();
  /** In front of `--`. */
  readonly words: readonly string[];
  /** Behind it; undefined without one. */
  readonly behind: readonly string[] | undefined;

  /** @throws CodedError `usage` */
  constructor(command: string, options: Options, argv: readonly string[]) {
    super(command);
    this.#forms = formsOf(options);
    const words: string[] = [];
    let behind: string[] | undefined;
    for (const token of this.#tokens(argv)) {
      if (token.kind === "option-terminator") behind = [];
      else if (token.kind === "positional") (behind ?? words).push(token.value);
      else this.#take(token.name, token.rawName, token.value);
    }
    this.words = words;
    this.behind = behind;
  }

  has(option: string): boolean {
    return this.#values.has(option);
  }

  one(option: string): string | undefined {
    return this.#values.get(option)?.[0];
  }

  many(option: string): readonly string[] {
    return this.#values.get(option) ?? [];
  }

  #tokens(argv: readonly string[]) {
    const options = Object.fromEntries(
      [...this.#forms].map(([name, { kind, short }]) => [
        name,
        { type: kind === "switch" ? "boolean" : "string", ...(short === undefined ? {} : { short }) } as const,
      ]),
    );
    return parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true }).tokens;
  }

  #take(name: string, rawName: string, value: string | undefined): void {
    const kind = this.#forms.get(name)?.kind;
    if (kind === undefined) throw this.#unknown(rawName);
    if (kind === "switch" && value !== undefined) throw this.wrong(`--${name} takes no value`);
    if (kind !== "switch" && value === undefined) throw this.wrong(`--${name} needs a value`);
    const given = this.#values.get(name) ?? [];
    if (kind === "text" && given.length > 0) throw this.wrong(`--${name} is given twice`);
    this.#values.set(name, [...given, value ?? ""]);
  }

  #unknown(given: string): CodedError {
    const meant = nearest(
      given,
      [...this.#forms.keys()].map((name) => `--${name}`),
    );
    return this.wrong(`unknown option ${quoted(given)}`, meant === undefined ? "" : `Did you mean ${meant}? `);
  }
}

function jsonOf(name: string, text: string, complaints: Complaints): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw complaints.wrong(
      `--param-json: the value of ${quoted(name)} is not JSON: ${messageOf(error)}`,
      "Put texts in double quotes, or use --param. ",
    );
  }
}

/**
 * The parameters that `--param NAME=VALUE` and `--param-json NAME=JSON` give.
 * @throws CodedError `usage`
 */
export function givenParams(
  texts: readonly string[],
  jsons: readonly string[],
  complaints: Complaints,
): Readonly<Record<string, unknown>> {
  const params = new Map<string, unknown>();
  for (const given of texts) {
    const [name, value] = complaints.named("param", given, "NAME=VALUE");
    const before = params.get(name);
    if (before === undefined) params.set(name, value);
    else params.set(name, Array.isArray(before) ? [...(before as readonly unknown[]), value] : [before, value]);
  }
  for (const given of jsons) {
    const [name, value] = complaints.named("param-json", given, "NAME=JSON");
    if (params.has(name))
      throw complaints.wrong(`parameter ${quoted(name)} is given twice`, "Write a list as one --param-json. ");
    params.set(name, jsonOf(name, value, complaints));
  }
  return Object.fromEntries(params);
}
