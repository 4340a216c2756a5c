import { CredentialFiles } from "./credential-files.ts";
import { LEAST_SECRET, type KnownSecret } from "./known-secret.ts";
import { LinePatterns } from "./line-patterns.ts";
import type { RedactRules } from "./redact-rules.ts";
import { Redactor, type StreamRedactor } from "./redactor.ts";
import { RuleBook } from "./rule-book.ts";
import { secretValues } from "./secret-values.ts";

/** What is known of whoever gets a text, and of what was run for it. */
export interface Surroundings {
  /** The caller's token; empty when there is none. */
  readonly token: string;
  readonly rules: RedactRules;
  /** Of the program; undefined when none is run. */
  readonly environment: ReadonlyMap<string, string> | undefined;
}

/** A text, and how many places of it were masked. */
export interface RedactedText {
  readonly text: string;
  readonly count: number;
}

/** Masks what leaves for one caller. */
export interface Masking {
  redactText(text: string): RedactedText;
  /** For one stream. */
  stream(): StreamRedactor;
}

const MOST_BOOKS = 32;

/** Two ways of masking, one behind the other. */
class InTurn implements StreamRedactor {
  readonly #first: StreamRedactor;
  readonly #second: StreamRedactor;

  constructor(first: StreamRedactor, second: StreamRedactor) {
    this.#first = first;
    this.#second = second;
  }

  get count(): number {
    return this.#first.count + this.#second.count;
  }

  write(bytes: Buffer): Buffer {
    return this.#second.write(this.#first.write(bytes));
  }

  end(): Buffer {
    return Buffer.concat([this.#second.write(this.#first.end()), this.#second.end()]);
  }
}

/** What `shortened` writes in place of an end: what stands before it may be half a secret. */
const CUT = /(?=… \(\d+ more bytes\))/;

/** A text that is short is searched in one go. */
function maskText(stream: StreamRedactor, text: string): RedactedText {
  const masked = [stream.write(Buffer.from(text)), stream.end()];
  return stream.count === 0 ? { text, count: 0 } : { text: Buffer.concat(masked).toString(), count: stream.count };
}

/** Masks what may be the beginning of a secret, where a text's end was left out. */
function maskBeginnings(book: RuleBook, text: string): RedactedText {
  const parts = text.split(CUT);
  let count = 0;
  const masked = parts.map((part, index) => {
    if (index === parts.length - 1) return part;
    const stream = new Redactor(book);
    const out = Buffer.concat([stream.write(Buffer.from(part)), stream.cut()]);
    count += stream.count;
    return out.toString();
  });
  return count === 0 ? { text, count } : { text: masked.join(""), count };
}

/** Lets everything through. */
class Unmasked implements StreamRedactor {
  readonly count = 0;

  write(bytes: Buffer): Buffer {
    return bytes;
  }

  end(): Buffer {
    return Buffer.alloc(0);
  }
}

/** Knows the secrets of this host, and makes what masks them. */
export class Redaction {
  readonly #environment: ReadonlyMap<string, string>;
  readonly #files: CredentialFiles;
  /** Made for a set of secrets and rules; the one that was used longest ago goes first. */
  readonly #books = new Map<string, RuleBook>();

  /** @param environment the daemon's own: where credentials are found, and what no program's output may show */
  constructor(environment: ReadonlyMap<string, string>) {
    this.#environment = environment;
    this.#files = new CredentialFiles(environment);
  }

  /** Masks for one caller: in messages, and in the output of its programs where the rules do not switch that off. */
  for({ token, rules, environment }: Surroundings): Masking {
    let book: RuleBook | undefined;
    const made = (): RuleBook => (book ??= this.#book(this.#secrets(token, rules, environment), rules));
    const stream = (): StreamRedactor => {
      const known = new Redactor(made());
      return rules.patterns.length === 0 ? known : new InTurn(new LinePatterns(rules.patterns), known);
    };
    const redactText = (text: string): RedactedText => {
      const all = maskText(stream(), text);
      if (!CUT.test(all.text)) return all;
      // Never by the secrets of this host: whoever tries beginnings would find one out, a letter at a time. The caller knows its own token.
      const open = this.#book(token.length < LEAST_SECRET ? [] : [{ kind: "session-token", value: token }], rules);
      const { text: shown, count } = maskBeginnings(open, all.text);
      return { text: shown, count: all.count + count };
    };
    return { redactText, stream: () => (rules.enabled ? stream() : new Unmasked()) };
  }

  #secrets(
    token: string,
    { env }: RedactRules,
    environment: ReadonlyMap<string, string> | undefined,
  ): readonly KnownSecret[] {
    const values = new Map<string, KnownSecret>();
    const add = (secret: KnownSecret): void => {
      if (!values.has(secret.value)) values.set(secret.value, secret);
    };
    if (Buffer.byteLength(token) >= LEAST_SECRET) add({ kind: "session-token", value: token });
    for (const secret of this.#files.secrets()) add(secret);
    for (const value of secretValues(this.#environment, env)) add({ kind: "environment", value });
    if (environment !== undefined)
      for (const value of secretValues(environment, env)) add({ kind: "environment", value });
    return [...values.values()];
  }

  #book(secrets: readonly KnownSecret[], { off }: RedactRules): RuleBook {
    const key = JSON.stringify([[...off], secrets.map(({ kind, value }) => [kind, value])]);
    const known = this.#books.get(key) ?? new RuleBook(secrets, off);
    this.#books.delete(key);
    this.#books.set(key, known);
    for (const oldest of this.#books.keys()) {
      if (this.#books.size <= MOST_BOOKS) break;
      this.#books.delete(oldest);
    }
    return known;
  }
}
