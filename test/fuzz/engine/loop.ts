import { clear, takeFeatures, type Counters } from "./coverage.ts";
import { minimised } from "./minimise.ts";
import { mutated } from "./mutate.ts";
import { Random } from "./random.ts";
import { Failure, type Subject, type Target } from "./target.ts";

/** An input for which something does not hold. */
export interface Finding {
  /** First line of what was thrown. */
  readonly message: string;
  readonly stack: string;
  readonly input: Buffer;
}

export interface Limits {
  /** Stops after so many inputs, or milliseconds, whichever comes first. */
  readonly runs: number;
  readonly milliseconds: number;
  /** An input that takes longer each of three times is a finding. */
  readonly slowMs: number;
  /** Stops after so many different findings. */
  readonly findings: number;
}

export interface Report {
  readonly runs: number;
  readonly milliseconds: number;
  /** How many different places and counts were seen. */
  readonly features: number;
  /** Everything that reached something new, in the order in which it was found. */
  readonly corpus: readonly Buffer[];
  readonly findings: readonly Finding[];
}

const MINIMISING = 2_000;

/** The same defect gives the same text, but for numbers and what is quoted. */
function signature(message: string): string {
  return message.split(": ", 1)[0]?.replace(/[0-9]+/g, "0") ?? message;
}

/** Varies inputs of a target, keeps what reaches something new, and makes what fails small. */
export class Fuzzer {
  readonly #target: Target;
  readonly #subject: Subject;
  readonly #counters: Counters;
  readonly #random: Random;
  readonly #tokens: readonly Buffer[];
  /** Told each input before it is checked: what is known when it never ends. */
  readonly #announce: (input: Buffer) => void;
  readonly #seen = new Set<number>();
  readonly #corpus: Buffer[] = [];
  readonly #findings = new Map<string, Finding>();

  constructor(
    target: Target,
    subject: Subject,
    counters: Counters,
    options: {
      readonly seed: number;
      readonly tokens: readonly string[];
      readonly announce: (input: Buffer) => void;
    },
  ) {
    this.#target = target;
    this.#subject = subject;
    this.#counters = counters;
    this.#random = new Random(options.seed);
    this.#tokens = [...target.tokens, ...options.tokens].map((token) => Buffer.from(token));
    this.#announce = options.announce;
  }

  async run(inputs: readonly Buffer[], limits: Limits): Promise<Report> {
    const started = performance.now();
    const elapsed = (): number => performance.now() - started;
    let runs = 0;
    for (const input of [...this.#target.seeds.map((seed) => Buffer.from(seed)), ...inputs]) {
      await this.#try(input, limits);
      runs++;
    }
    if (this.#corpus.length === 0) this.#corpus.push(Buffer.from("a"));
    while (runs < limits.runs && elapsed() < limits.milliseconds && this.#findings.size < limits.findings) {
      await this.#try(mutated(this.#pick(), this.#material()), limits);
      runs++;
    }
    await this.#settle();
    return {
      runs,
      milliseconds: elapsed(),
      features: this.#seen.size,
      corpus: this.#corpus,
      findings: [...this.#findings.values()],
    };
  }

  /** The features that an input reaches, after it was checked to the end. */
  async features(input: Buffer): Promise<ReadonlySet<number>> {
    await this.#outcome(input, this.#subject.check);
    return new Set(takeFeatures(this.#counters));
  }

  /** Half of the time one of the newest: they lead on. */
  #pick(): Buffer {
    const { length } = this.#corpus;
    const index = this.#random.below(2) === 0 ? this.#random.below(length) : length - this.#random.length(length);
    return this.#corpus[Math.max(0, index)] ?? Buffer.of();
  }

  #material() {
    return {
      random: this.#random,
      tokens: this.#tokens,
      other: () => this.#random.of(this.#corpus),
      maxBytes: this.#target.maxBytes,
      separator: this.#target.separator,
    };
  }

  async #try(input: Buffer, limits: Limits): Promise<void> {
    const before = performance.now();
    const error = await this.#outcome(input, this.#subject.check);
    const took = performance.now() - before;
    const features = takeFeatures(this.#counters);
    if (error !== undefined) await this.#found(error instanceof Failure ? error.input : input, error);
    else if (took > limits.slowMs && (await this.#isSlow(input, limits.slowMs)))
      this.#keep(new Error(`takes longer than ${limits.slowMs} ms`), input);
    let isNew = false;
    for (const feature of features) {
      if (this.#seen.has(feature)) continue;
      this.#seen.add(feature);
      isNew = true;
    }
    if (isNew) this.#corpus.push(input);
  }

  async #outcome(input: Buffer, check: Subject["check"]): Promise<Error | undefined> {
    this.#announce(input);
    clear(this.#counters);
    try {
      await check(input);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error(`threw something that is no Error: ${String(error)}`);
    }
  }

  async #isSlow(input: Buffer, slowMs: number): Promise<boolean> {
    for (let time = 0; time < 2; time++) {
      const before = performance.now();
      await this.#outcome(input, this.#subject.verify ?? this.#subject.check);
      if (performance.now() - before <= slowMs) return false;
    }
    return true;
  }

  /** Makes the input small, unless the same was found before. */
  async #found(input: Buffer, error: Error): Promise<void> {
    const what = signature(error.message);
    if (this.#findings.has(what)) return;
    const verify = this.#subject.verify ?? this.#subject.check;
    const fails = async (candidate: Buffer): Promise<boolean> => {
      const thrown = await this.#outcome(candidate, verify);
      return thrown !== undefined && signature(thrown.message) === what;
    };
    const small = (await fails(input)) ? await minimised(input, fails, MINIMISING) : input;
    this.#keep((await this.#outcome(small, verify)) ?? error, small);
  }

  #keep(error: Error, input: Buffer): void {
    const [message = ""] = error.message.split("\n", 1);
    const what = signature(error.message);
    if (!this.#findings.has(what)) this.#findings.set(what, { message, stack: error.stack ?? "", input });
  }

  async #settle(): Promise<void> {
    try {
      this.#subject.settle?.();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      await this.#found(error.input, error);
    }
  }
}
