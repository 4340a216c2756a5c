import type { Duplex } from "node:stream";
import { CodedError } from "../wire/errors.ts";
import type { EnrolAnswer, EnrolAsk } from "../wire/schema.ts";
import { printable } from "../wire/text.ts";
import { cancelled } from "../wire/client-connect.ts";
import type { EnrolmentSelf } from "./enrolment.ts";
import { keyOfSecret, readEnrolmentCode, signStatement, type EnrolmentCode } from "./enrolment-code.ts";
import { LinkFault } from "./fault.ts";
import { firstMessage } from "./greeting.ts";
import { readPayload } from "./hello.ts";
import type { LinkIdentity } from "./identity.ts";
import { HANDSHAKE_MS } from "./limits.ts";
import { jsonMessage, MESSAGE } from "./message.ts";
import type { Pin, Pins } from "./pins.ts";
import { tcpConnect } from "./tcp.ts";
import { PROTOCOL, secureClient, type Secured } from "./tls.ts";

export interface RedeemOptions {
  readonly identity: LinkIdentity;
  readonly pins: Pins;
  readonly self: EnrolmentSelf;
  /** What the machine is to be called here, instead of what it calls itself. */
  readonly as?: string;
  /** Kept with the machine, instead of what it says of itself under the same names. */
  readonly about?: Readonly<Record<string, unknown>>;
  /** Another way there than TCP to the code's addresses. */
  readonly connect?: (signal: AbortSignal) => Promise<Duplex>;
  readonly signal?: AbortSignal;
}

const REFUSALS = new Map([
  ["used", "the code was used already"],
  ["expired", "the code has expired"],
  ["unknown", "the code is not known there any more"],
  ["name", "its name or its key is enrolled there already"],
]);

function invalid(why: string): CodedError {
  return new CodedError("enrolment_invalid", why);
}

/** Talks to whoever made the code. @throws CodedError */
async function asked(secured: Secured, ask: EnrolAsk, signal: AbortSignal): Promise<EnrolAnswer> {
  let answer: EnrolAnswer | undefined;
  try {
    await firstMessage(
      secured,
      MESSAGE.answer,
      signal,
      (carrier, message) => {
        if (message.type === MESSAGE.answer) answer = readPayload("enrol_answer", message);
        carrier.drop("answered");
      },
      jsonMessage(MESSAGE.ask, ask),
    );
  } catch (error) {
    if (!(error instanceof LinkFault)) throw error;
    if (answer === undefined && signal.aborted) throw cancelled();
    if (answer === undefined)
      throw new CodedError("target_unreachable", printable(`no answer to the enrolment code: ${error.message}`));
  }
  return answer ?? { refused: "failed" };
}

async function secured(code: EnrolmentCode, options: RedeemOptions, signal: AbortSignal): Promise<Secured> {
  const connection = await (options.connect ?? tcpConnect(code.addresses))(signal);
  try {
    return await secureClient(connection, options.identity.current, PROTOCOL.enrolment, [code.fingerprint], signal);
  } catch (error) {
    // It takes no codes now.
    if (error instanceof CodedError && error.code === "link_version")
      throw invalid(
        "no enrolment code is open there: it has expired or was used, or too many wrong ones came within the last minute",
      );
    throw error;
  }
}

/**
 * Uses a code: afterwards both machines know each other. It may be tried again by the same machine, if it was cut off.
 * @throws CodedError `enrolment_invalid` (mistyped, expired, used, or the name is taken), `target_unreachable`, `target_key_mismatch`, `cancelled`
 */
export async function redeem(text: string, options: RedeemOptions): Promise<Pin> {
  const code = readEnrolmentCode(text);
  const { identity, pins, self } = options;
  const limit = new AbortController();
  const abort = (): void => {
    limit.abort();
  };
  const timer = setTimeout(abort, 3 * HANDSHAKE_MS);
  options.signal?.addEventListener("abort", abort, { once: true });
  if (options.signal?.aborted === true) abort();
  try {
    const connection = await secured(code, options, limit.signal);
    const { privateKey, publicText } = keyOfSecret(code.secret);
    const statement = {
      binding: connection.binding,
      redeemer: identity.current.fingerprint,
      listener: code.fingerprint,
    };
    const signature = signStatement(privateKey, statement);
    const ask = { code: publicText, signature, name: self.name, about: self.about };
    const answer = await asked(connection, ask, limit.signal);
    if (answer.name === undefined)
      throw invalid(REFUSALS.get(answer.refused ?? "") ?? "the machine that made the code could not use it now");
    const pin: Pin = {
      name: options.as ?? answer.name,
      fingerprints: [code.fingerprint],
      enrolledAt: new Date(),
      addresses: code.addresses,
      about: { ...answer.about, ...options.about },
    };
    await pins.add(pin);
    return pin;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", abort);
  }
}
