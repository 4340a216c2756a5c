import { randomBytes } from "node:crypto";
import { attempt, CodedError, messageOf } from "../wire/errors.ts";
import type { EnrolAnswer, EnrolAsk, EnrolmentFields } from "../wire/schema.ts";
import { printable } from "../wire/text.ts";
import type { Carrier } from "./carrier.ts";
import {
  isSigned,
  keyOfSecret,
  MAX_ADDRESSES,
  SECRET_BYTES,
  writeEnrolmentCode,
  type EnrolmentKind,
} from "./enrolment-code.ts";
import { LinkFault, demand } from "./fault.ts";
import { firstMessage } from "./greeting.ts";
import { readPayload } from "./hello.ts";
import type { LinkIdentity } from "./identity.ts";
import { jsonMessage, MESSAGE } from "./message.ts";
import { OpenCodes } from "./open-codes.ts";
import type { Pin, Pins } from "./pins.ts";
import { tcpAddress } from "./tcp.ts";
import type { Secured } from "./tls.ts";

export { readEnrolmentCode, type EnrolmentCode, type EnrolmentKind } from "./enrolment-code.ts";

/** What a machine says of itself when it is enrolled. */
export interface EnrolmentSelf {
  readonly name: string;
  /** Tags, version and whatever else the other side is to keep: plain JSON, at most 4 KiB. */
  readonly about: Readonly<Record<string, unknown>>;
}

export interface NewCode {
  readonly kind: EnrolmentKind;
  /** Where the code's reader is to connect, as HOST:PORT; 1 to 8. */
  readonly addresses: readonly string[];
  /** Default: 15 minutes. */
  readonly lifetimeMs?: number;
  /** The name that the machine is to have, whatever it says. */
  readonly name?: string;
  /** Kept with the machine, instead of what it says of itself under the same names. */
  readonly about?: Readonly<Record<string, unknown>>;
}

export interface DeskOptions {
  /** Where open codes are kept; whoever makes codes and whoever listens may be different processes. */
  readonly directory: string;
  readonly identity: LinkIdentity;
  readonly pins: Pins;
  readonly self: () => EnrolmentSelf;
  /** A machine was enrolled. */
  readonly enrolled?: (pin: Pin) => void;
  /** Somebody was turned away, and why. */
  readonly refused?: (why: string) => void;
}

const LIFETIME_MS = 15 * 60 * 1_000;
/** After so many wrong tries nobody is listened to for a minute. */
const MAX_WRONG = 5;
const PAUSE_MS = 60_000;

/** Makes codes, and takes the strangers that have one. */
export class EnrolmentDesk {
  readonly #options: DeskOptions;
  readonly #codes: OpenCodes;
  #wrong = 0;
  #pausedUntil = Number.NEGATIVE_INFINITY;

  constructor(options: DeskOptions) {
    this.#options = options;
    this.#codes = new OpenCodes(options.directory);
  }

  /** True while strangers are listened to: a code is open, or was within the last hour, and not too many wrong ones came. */
  get isOpen(): boolean {
    if (performance.now() < this.#pausedUntil) return false;
    return attempt(
      () => Date.now() < this.#codes.rememberedUntil,
      (error) => {
        // Machines that are known connect all the same.
        this.#options.refused?.(error.message);
        return false;
      },
    );
  }

  /** Makes a code, which is shown once and kept nowhere. @throws CodedError `enrolment_invalid` for addresses that are none, `file_failed` */
  async make(code: NewCode): Promise<{ readonly code: string; readonly expiresAt: Date }> {
    const { kind, addresses, lifetimeMs = LIFETIME_MS, name, about } = code;
    const wrong = addresses.find((address) => tcpAddress(address) === undefined || address.length > 255);
    if (wrong !== undefined || addresses.length === 0 || addresses.length > MAX_ADDRESSES)
      throw new CodedError(
        "enrolment_invalid",
        printable(wrong === undefined ? `a code has 1 to ${MAX_ADDRESSES} addresses` : `${wrong}: is not HOST:PORT`),
        {
          hint: "Say where this machine can be reached, as HOST:PORT.",
        },
      );
    const secret = randomBytes(SECRET_BYTES);
    const expiresAt = Math.ceil((Date.now() + lifetimeMs) / 1_000) * 1_000;
    await this.#codes.add({
      code: keyOfSecret(secret).publicText,
      kind,
      expires_at: expiresAt,
      ...(name === undefined ? {} : { name }),
      ...(about === undefined ? {} : { about }),
    });
    const { fingerprint } = this.#options.identity.current;
    return {
      code: writeEnrolmentCode({ kind, addresses, fingerprint, expiresAt, secret }),
      expiresAt: new Date(expiresAt),
    };
  }

  /** Makes all codes void. Returns how many could still have been used. @throws CodedError `file_failed` */
  async burn(): Promise<number> {
    return this.#codes.clear();
  }

  /** Talks to a stranger. For `LinkListener`. Throws nothing that a stranger could bring about. */
  async take(secured: Secured, signal: AbortSignal): Promise<void> {
    let answered: Promise<void> | undefined;
    try {
      await firstMessage(secured, MESSAGE.ask, signal, (carrier, message) => {
        demand(message.type === MESSAGE.ask, "a goodbye before the question");
        answered = this.#answer(carrier, secured, readPayload("enrol_ask", message));
      });
      await answered;
    } catch (error) {
      if (!(error instanceof LinkFault)) throw error;
      this.#options.refused?.(printable(`it does not speak as it should: ${error.message}`));
    }
  }

  async #answer(carrier: Carrier, secured: Secured, ask: EnrolAsk): Promise<void> {
    let answer: EnrolAnswer;
    try {
      answer = await this.#decide(secured, ask);
    } catch (error) {
      answer = { refused: error instanceof CodedError && error.code === "enrolment_invalid" ? "name" : "failed" };
      this.#options.refused?.(printable(`${ask.name}: ${messageOf(error)}`));
    }
    carrier.close(jsonMessage(MESSAGE.answer, answer));
  }

  async #decide({ binding, fingerprint }: Secured, ask: EnrolAsk): Promise<EnrolAnswer> {
    const { identity, self } = this.#options;
    const fields = this.#codes.get(ask.code);
    const statement = { binding, redeemer: fingerprint, listener: identity.current.fingerprint };
    // Also for unknown codes, which then take as long as known ones.
    const isProved = isSigned(ask.code, statement, ask.signature);
    if (fields === undefined || !isProved) return this.#wrongTry(ask);
    const claim = await this.#codes.claim(ask.code, fingerprint);
    if (claim !== "taken" && claim !== "again") {
      this.#options.refused?.(`${ask.name}: its code is ${claim}`);
      return { refused: claim };
    }
    await this.#pin(fields, fingerprint, ask);
    return { name: self().name, about: self().about };
  }

  async #pin(fields: EnrolmentFields, fingerprint: string, ask: EnrolAsk): Promise<void> {
    const pin: Pin = {
      name: fields.name ?? ask.name,
      fingerprints: [fingerprint],
      enrolledAt: new Date(),
      addresses: [],
      about: { ...ask.about, ...fields.about },
    };
    try {
      await this.#options.pins.add(pin);
    } catch (error) {
      await this.#codes.release(ask.code, fingerprint);
      throw error;
    }
    this.#options.enrolled?.(pin);
  }

  #wrongTry({ name }: EnrolAsk): EnrolAnswer {
    if (++this.#wrong >= MAX_WRONG) {
      this.#wrong = 0;
      this.#pausedUntil = performance.now() + PAUSE_MS;
    }
    this.#options.refused?.(`${name}: no code that was made here`);
    return { refused: "unknown" };
  }
}
