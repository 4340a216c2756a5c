import type { Context } from "./context.ts";

/** What a subcommand has to say. Only `run.ts` prints it and exits. */
export interface Report {
  /** 0 done, 1 failed, 2 not understood. */
  readonly exit: number;
  /** For people, on standard output; with its own line ends. */
  readonly human: string;
  /** For programs, on standard output with --json. */
  readonly json: unknown;
  /** For people, on standard error, whatever the output is; with its own line ends. */
  readonly stderr?: string;
}

/** One option or word of a command line. Words come in the order in which they are declared. */
export type Option =
  | {
      readonly kind: "text";
      /** One letter: `-n` for `--lines`. */
      readonly short?: string;
      readonly about: string;
      readonly placeholder: string;
      readonly default?: string;
      readonly required?: true;
    }
  /** May be given several times. */
  | { readonly kind: "texts"; readonly about: string; readonly placeholder: string; readonly required?: true }
  | { readonly kind: "switch"; readonly short?: string; readonly about: string }
  | { readonly kind: "word"; readonly about: string }
  | { readonly kind: "optional_word"; readonly about: string }
  | { readonly kind: "words"; readonly about: string }
  /** Everything behind `--`, as it is. */
  | { readonly kind: "rest"; readonly about: string };

export type Options = Readonly<Record<string, Option>>;

type ValueOf<O extends Option> = O extends { kind: "switch" }
  ? boolean
  : O extends { kind: "texts" | "words" | "rest" }
    ? readonly string[]
    : O extends { kind: "word" } | { required: true } | { default: string }
      ? string
      : string | undefined;

export type Values<O extends Options> = { readonly [K in keyof O]: ValueOf<O[K]> };

interface Spec<O extends Options> {
  /** The words that name it: `["config", "init"]`. */
  readonly path: readonly string[];
  /** One sentence. */
  readonly about: string;
  readonly options: O;
  /** Command lines without the program's name, each with what it does. */
  readonly examples: readonly (readonly [line: string, about: string])[];
  /** Said below the options in --help. */
  readonly more?: string;
  readonly run: (values: Values<O>, context: Context) => Report | Promise<Report>;
}

/** A subcommand as the command line parser sees it. */
export interface Command extends Omit<Spec<Options>, "run"> {
  readonly run: (values: Readonly<Record<string, unknown>>, context: Context) => Promise<Report>;
}

/** Declares a subcommand. The parser in `run.ts` gives `run` values of exactly the kinds that `options` names. */
export function command<const O extends Options>(spec: Spec<O>): Command {
  return { ...spec, run: async (values, context) => spec.run(values as Values<O>, context) };
}

/** On every command that prints data. */
export const JSON_SWITCH = { kind: "switch", about: "Print JSON for programs instead of text for people" } as const;
