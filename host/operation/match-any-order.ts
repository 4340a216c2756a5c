import { CodedError } from "../../wire/errors.ts";
import type { FlagSpec, Operation } from "../project/types.ts";
import type { Asked } from "./call.ts";
import { isValue, takesNextWord } from "./flags.ts";
import { flagsWithEffort } from "./typed-flags.ts";
import { dealArguments, mostWords, shownWord } from "./typed-arguments.ts";
import type { Argument, FixedOption, JoinedOption, TypedForm } from "./typed-form.ts";
import { repoWord } from "./typed-repo.ts";
import { usageOf } from "./typed-usage.ts";
import { bindings, caughtBy, isDoubtful, type Caught, type TypedPlace } from "./typed-word.ts";

/** A command line held against one operation: what it asks for, or how far it fits and why no further. */
export type Attempt =
  | { readonly kind: "found"; readonly asked: Asked }
  | { readonly kind: "missed"; readonly understood: number; readonly why: string };

/** Ends the reading of a line. Never leaves this file. */
class Missed extends Error {}

function nameOf(word: string): string {
  const equals = word.indexOf("=");
  return equals > 0 ? word.slice(0, equals) : word;
}

const RANK = { literal: 0, inline: 1, whole: 2 };

/** The words behind the subcommand, read from left to right, each once. */
class Reading {
  readonly #operation: Operation;
  readonly #form: TypedForm;
  readonly #words: readonly string[];
  readonly #place: TypedPlace;
  readonly #arguments: readonly Argument[];
  /** Options of the template that were not typed yet. */
  readonly #options: Set<FixedOption | JoinedOption>;
  /** The most definite first. */
  readonly #fixedOptions: readonly FixedOption[];
  readonly #caught: (readonly [string, unknown])[] = [];
  readonly #plain: string[] = [];
  readonly #flags: string[] = [];
  /** How many words are still arguments whatever they look like: as many as the template has behind its `--`. */
  #closed = 0;
  /** How many words were read. */
  at: number;

  constructor(operation: Operation, form: TypedForm, words: readonly string[], place: TypedPlace) {
    this.#operation = operation;
    this.#form = form;
    this.#words = words;
    this.#place = place;
    this.#arguments = form.units.filter((unit) => unit.kind === "argument");
    this.#options = new Set(form.units.filter((unit) => unit.kind !== "argument"));
    this.#fixedOptions = form.units
      .flatMap((unit) => (unit.kind === "option" ? [unit] : []))
      .sort((a, b) => RANK[a.value?.kind ?? "literal"] - RANK[b.value?.kind ?? "literal"]);
    this.at = form.head.length;
  }

  /** @throws Missed */
  read(): Asked {
    const most = mostWords(this.#arguments);
    while (this.at < this.#words.length) {
      this.#place.effort.words(1, this.#options.size);
      const word = this.#words[this.at] ?? "";
      if (this.#closed > 0 || isValue(word) || word === "--") this.#take(word);
      else this.at += this.#option(word);
      if (this.#plain.length > most) throw new Missed(this.#stray());
    }
    const dealt = dealArguments(this.#operation, this.#arguments, this.#plain, this.#place);
    if ("why" in dealt) throw new Missed(dealt.why);
    const left = [...this.#options, ...dealt.left];
    const missing = left.find((unit) => unit.kind === "joined" || !unit.mayBeMissing);
    if (missing !== undefined) throw new Missed(`missing ${usageOf(missing, this.#place)}`);
    return {
      operation: this.#operation.id,
      params: this.#params([...this.#caught, ...dealt.caught], left),
      flags: this.#checkedFlags(),
    };
  }

  /** An argument. */
  #take(word: string): void {
    if (this.#closed > 0) this.#closed--;
    else if (word === "--") {
      const elements = this.#arguments.flatMap((unit) => unit.elements);
      this.#closed = elements.length - 1 - elements.findIndex((element) => element.text === "--");
    }
    this.#plain.push(word);
    this.at++;
  }

  /** What is too much: the word itself, when what was read fits without it. */
  #stray(): string {
    const dealt = dealArguments(this.#operation, this.#arguments, this.#plain.slice(0, -1), this.#place);
    return "why" in dealt ? dealt.why : `unexpected ${shownWord(this.#plain.at(-1) ?? "")}`;
  }

  /** Reads an option and what belongs to it; says how many words that is. */
  #option(word: string): number {
    const repo = this.#repo(word);
    if (repo !== undefined) return repo;
    const words = this.#fixed(word) ?? this.#joined(word) ?? this.#flag(word);
    if (words !== undefined) return words;
    if (this.#fitsArgument(word)) {
      this.#plain.push(word);
      return 1;
    }
    const named = this.#fixedOptions.filter(({ name }) => name === nameOf(word));
    const open = named.find((unit) => this.#options.has(unit));
    if (open !== undefined) throw new Missed(`${shownWord(word)} is not ${usageOf(open, this.#place)}`);
    throw new Missed(`${named.length > 0 ? "a second" : "unknown flag"} ${shownWord(nameOf(word))}`);
  }

  /** The target repository, where the template puts it in: dropped when it is the one that it would be anyway. */
  #repo(word: string): number | undefined {
    if (this.#form.repoOptions.length === 0 || this.#operation.flags.has(nameOf(word))) return undefined;
    const unit = [...this.#options].find((one) => one.kind === "option" && this.#form.repoOptions.includes(one.name));
    const named = repoWord(word, this.#words[this.at + 1]);
    if (unit?.kind !== "option" || unit.value === undefined || named === undefined) return undefined;
    const isTarget =
      named.value !== undefined && caughtBy(this.#operation, unit.value, named.value, this.#place) !== undefined;
    if (!isTarget) {
      const { injected, repos } = this.#place;
      const others = repos.length > 1 ? `; the project has ${repos.join(", ")}` : "";
      throw new Missed(
        `${named.option} ${shownWord(named.value ?? "")} is not ${injected.repo}, where it acts${others}`,
      );
    }
    this.#options.delete(unit);
    return named.words;
  }

  /** An option that the template fixes. Of several of one name the most definite that fits is meant. */
  #fixed(word: string): number | undefined {
    for (const unit of this.#fixedOptions) {
      const isWhole = word === unit.name;
      const isJoined = unit.name.startsWith("--") && word.startsWith(`${unit.name}=`);
      if (!(isWhole || isJoined) || !this.#options.has(unit)) continue;
      if (unit.value === undefined) {
        if (isWhole) return this.#settle(unit, [], 1);
        continue;
      }
      const value = isWhole ? this.#words[this.at + 1] : word.slice(unit.name.length + 1);
      if (value === undefined || (isWhole && isDoubtful(this.#operation, unit.value, value))) continue;
      const caught = caughtBy(this.#operation, unit.value, value, this.#place);
      if (caught !== undefined) return this.#settle(unit, caught, isWhole ? 2 : 1);
    }
    return undefined;
  }

  /** `--x={n}`, typed in one word or two. */
  #joined(word: string): number | undefined {
    const next = this.#words[this.at + 1];
    for (const unit of this.#options) {
      if (unit.kind !== "joined") continue;
      const caught = caughtBy(this.#operation, unit.element, word, this.#place);
      if (caught !== undefined) return this.#settle(unit, caught, 1);
      if (unit.stem !== `${word}=` || !isValue(next)) continue;
      const apart = caughtBy(this.#operation, unit.element, unit.stem + next, this.#place);
      if (apart !== undefined) return this.#settle(unit, apart, 2);
    }
    return undefined;
  }

  #settle(unit: FixedOption | JoinedOption, caught: Caught, words: number): number {
    this.#options.delete(unit);
    this.#caught.push(...caught);
    return words;
  }

  /** A flag of the caller's, with its value or values. */
  #flag(word: string): number | undefined {
    const spec = this.#specOf(word);
    if (spec === undefined) return undefined;
    const words = this.#flagLength(spec, word);
    this.#flags.push(...this.#words.slice(this.at, this.at + words));
    return words;
  }

  #specOf(word: string): FlagSpec | undefined {
    const { flags } = this.#operation;
    const spec = flags.get(nameOf(word));
    if (spec !== undefined || word.startsWith("--")) return spec;
    const short = flags.get(word.slice(0, 2));
    return short !== undefined && takesNextWord(short) ? short : undefined;
  }

  #flagLength(spec: FlagSpec, word: string): number {
    const next = this.#words[this.at + 1];
    const isBare = word === spec.flag;
    switch (spec.takes) {
      case "none":
        return 1;
      case "one":
        if (!isBare || !isValue(next)) return 1;
        if (spec.flag.startsWith("--") || takesNextWord(spec)) return 2;
        throw new Missed(`${spec.flag}: nobody can tell whether the next word is its value; write ${spec.flag}=VALUE`);
      case "several": {
        let end = this.at + 1;
        // Values of a flag that takes several end at the next word that begins with a dash.
        while (end < this.#words.length && this.#words[end]?.startsWith("-") === false) end++;
        return end - this.at;
      }
    }
  }

  /** A value that begins with a dash, where an argument may have one. */
  #fitsArgument(word: string): boolean {
    return this.#arguments.some(({ elements }) =>
      elements.some((element) => {
        if (element.kind !== "whole" || !this.#operation.params.has(element.name)) return false;
        return (
          !isDoubtful(this.#operation, element, word) &&
          caughtBy(this.#operation, element, word, this.#place) !== undefined
        );
      }),
    );
  }

  #params(caught: Caught, left: readonly (Argument | FixedOption | JoinedOption)[]): ReadonlyMap<string, unknown> {
    const absent = left.flatMap((unit) => {
      const element = unit.kind === "argument" ? unit.elements.at(-1) : unit.kind === "option" ? unit.value : undefined;
      return element?.kind === "whole" ? [element.name] : [];
    });
    const bound = bindings(caught, new Set(absent));
    if ("differs" in bound) throw new Missed(`<${bound.differs}> stands in several places, with different values`);
    return bound.params;
  }

  #checkedFlags(): readonly string[] {
    try {
      return flagsWithEffort(this.#operation, this.#flags, this.#place.effort);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      throw new Missed(error.message.replace(/^Invalid flags: /, ""));
    }
  }
}

/**
 * Reads a command line as an operation with its options anywhere behind the subcommand. Every word has to have a meaning, and everything that
 * the template needs has to be there; what building would leave out or put in by itself may be missing.
 * @throws CodedError `template_defect`
 */
export function matchAnyOrder(
  operation: Operation,
  form: TypedForm,
  words: readonly string[],
  place: TypedPlace,
): Attempt {
  const other = form.head.findIndex((text, index) => words[index] !== text);
  if (other >= 0) {
    const word = words[other];
    const why =
      word === undefined ? `missing ${form.head[other] ?? ""}` : `${shownWord(word)} is not ${form.head[other] ?? ""}`;
    return { kind: "missed", understood: other, why };
  }
  const reading = new Reading(operation, form, words, place);
  try {
    return { kind: "found", asked: reading.read() };
  } catch (error) {
    if (error instanceof Missed) return { kind: "missed", understood: reading.at, why: error.message };
    throw error;
  }
}
