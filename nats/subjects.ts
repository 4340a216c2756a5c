import { randomBytes } from "node:crypto";
import { CodedError } from "../wire/errors.ts";
import { quoted, shortened } from "../wire/text.ts";

/** The subjects that machines meet on. docs/nats.md says who may use which. */

export const DEFAULT_PREFIX = "cmd2host";
/** Bytes. */
const MAX_NAME = 128;
const MAX_PREFIX = 64;
const TOKEN_BYTES = 16;
const TOKEN = /^[A-Za-z0-9_-]{22}$/;

/** 128 random bits as 22 characters: what only the two ends of a connection and the servers between them know. */
export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString("base64url");
}

export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/**
 * A machine's name as one token of a subject: letters, digits, `-` and `_` stand for themselves, every other byte is `=` and two digits.
 * @throws CodedError `nats_unusable` when it is empty or longer than 128 bytes
 */
export function nameToken(name: string): string {
  const bytes = Buffer.from(name);
  if (bytes.length === 0 || bytes.length > MAX_NAME || bytes.toString() !== name)
    throw new CodedError("nats_unusable", `${quoted(shortened(name, MAX_NAME))} is no name of a machine`, {
      hint: `A name has from 1 to ${MAX_NAME} bytes.`,
    });
  return [...bytes]
    .map((byte) => String.fromCharCode(byte))
    .map((character) =>
      /[A-Za-z0-9_-]/.test(character)
        ? character
        : `=${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
    )
    .join("");
}

/** The name that a token stands for; undefined when it stands for none. */
export function tokenName(token: string): string | undefined {
  if (!/^(?:[A-Za-z0-9_-]|=[0-9A-F]{2}){1,384}$/.test(token)) return undefined;
  const bytes = token.replace(/=(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  const name = Buffer.from(bytes, "latin1").toString("utf8");
  // One name has one token, or permissions for one would not hold for the other.
  return Buffer.byteLength(name) <= MAX_NAME && nameToken(name) === token ? name : undefined;
}

/** Both ends of a connection, as tokens of subjects. */
export interface Ends {
  /** Who listens. */
  readonly machine: string;
  /** Who dials. */
  readonly dialler: string;
}

/** All subjects of one fleet. Names are tokens, or `*` for all. */
export class Subjects {
  readonly #prefix: string;

  /** @throws CodedError `nats_unusable` */
  constructor(prefix: string) {
    if (prefix.length > MAX_PREFIX || !/^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/.test(prefix))
      throw new CodedError(
        "nats_unusable",
        `NATS: prefix ${quoted(shortened(prefix, MAX_PREFIX))} must be letters, digits, "-" and "_", with dots between`,
      );
    this.#prefix = prefix;
  }

  /** Where a dialler asks a machine for a connection. */
  dial({ machine, dialler }: Ends): string {
    return `${this.#prefix}.dial.${machine}.${dialler}`;
  }

  /** What goes to the machine that listens, of one connection. */
  to({ machine, dialler }: Ends, token: string): string {
    return `${this.#prefix}.to.${machine}.${dialler}.${token}`;
  }

  /** What comes from it. */
  from({ machine, dialler }: Ends, token: string): string {
    return `${this.#prefix}.from.${machine}.${dialler}.${token}`;
  }

  presence(machine: string): string {
    return `${this.#prefix}.presence.${machine}`;
  }

  audit(machine: string): string {
    return `${this.#prefix}.audit.${machine}`;
  }

  /** What every inbox of a machine begins with. */
  inbox(machine: string): string {
    return `${this.#prefix}.inbox.${machine}`;
  }

  /** The name of the stream that keeps audits. */
  auditStream(): string {
    return `${this.#prefix.replaceAll(".", "_")}_audit`;
  }

  /** Who dials whom, by the subject that a dial came on. */
  endsOfDial(subject: string): Ends | undefined {
    const [kind, machine, dialler, ...more] = this.#parts(subject);
    return kind === "dial" && machine !== undefined && dialler !== undefined && more.length === 0
      ? { machine, dialler }
      : undefined;
  }

  /** Whose announcement comes on this subject. */
  machineOfPresence(subject: string): string | undefined {
    const [kind, machine = "", ...more] = this.#parts(subject);
    return kind === "presence" && more.length === 0 ? tokenName(machine) : undefined;
  }

  #parts(subject: string): readonly string[] {
    return subject.startsWith(`${this.#prefix}.`) ? subject.slice(this.#prefix.length + 1).split(".") : [];
  }
}
