import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { CodedError } from "../wire/errors.ts";
import { printable } from "../wire/text.ts";
import { demand } from "./fault.ts";
import { fingerprintOf, indexOfFingerprint, isLinkKey, spkiOf, type Fingerprint } from "./fingerprint.ts";
import { readPayload } from "./hello.ts";
import type { LinkIdentity, OwnKey } from "./identity.ts";
import { MAX_KEYS } from "./limits.ts";
import { jsonMessage, MESSAGE, type Message } from "./message.ts";
import type { Pins } from "./pins.ts";

/** What of a session a change of keys needs. */
export interface KeySession {
  readonly id: string;
  readonly name: string;
  readonly fingerprint: Fingerprint;
  /** Sends a message that counts. */
  readonly post: (message: Buffer) => void;
}

interface Told {
  readonly fingerprint: Fingerprint;
  isPinned: boolean;
}

/** What the new key signs: it is for this session, so nobody can use it in another one. */
function statement(session: string, fingerprint: Fingerprint): Buffer {
  return Buffer.from(`cmd2host-link key\n${session}\n${fingerprint}\n`);
}

/** Takes the older key of a machine away, once its newer one was used. */
export async function dropOlderKey(pins: Pins, name: string, used: Fingerprint): Promise<void> {
  const { fingerprints = [] } = pins.get(name) ?? {};
  if (fingerprints.length < 2 || fingerprints.at(-1) !== used) return;
  await pins.change(name, (pin) => (pin.fingerprints.at(-1) === used ? { ...pin, fingerprints: [used] } : pin));
}

/**
 * A change of keys, in one session: a machine says which key it goes over to, in a session that its present key vouches for, and proves that it has it;
 * the other one pins it beside the present one.
 */
export class KeyChange {
  readonly #identity: LinkIdentity;
  readonly #pins: Pins;
  readonly #warn: (message: string) => void;
  #told: Told | undefined;
  #heard = 0;

  constructor(identity: LinkIdentity, pins: Pins, warn: (message: string) => void) {
    this.#identity = identity;
    this.#pins = pins;
    this.#warn = warn;
  }

  /** Whether the other side has pinned the key that we go over to. */
  get isKnown(): boolean {
    const { next } = this.#identity;
    return next !== undefined && this.#told?.fingerprint === next.fingerprint && this.#told.isPinned;
  }

  /** Says which key we go over to, if there is one that was not said yet. @throws CodedError `file_failed`, `config_untrusted` */
  announce(session: KeySession): void {
    const { next } = this.#identity;
    if (next === undefined || next.fingerprint === this.#told?.fingerprint) return;
    this.#told = { fingerprint: next.fingerprint, isPinned: false };
    session.post(announcement(session.id, next));
  }

  /** A message about keys came. Throws `LinkFault`. */
  message(session: KeySession, message: Message): void {
    if (message.type === MESSAGE.key_pinned) {
      const { fingerprint } = readPayload("link_key_pinned", message);
      if (this.#told?.fingerprint === fingerprint) this.#told.isPinned = true;
      return;
    }
    demand(++this.#heard <= MAX_KEYS, "more changes of its key than anybody needs");
    const fingerprint = verified(session.id, message);
    // Of one session one after the other: each message waits in its turn, and they are few.
    void this.#pin(session, fingerprint).catch((error: unknown) => {
      this.#warn(
        printable(
          `${session.name}: its new key is not pinned: ${error instanceof CodedError ? error.message : String(error)}`,
        ),
      );
    });
  }

  async #pin(session: KeySession, fingerprint: Fingerprint): Promise<void> {
    const owner = this.#pins.find(fingerprint);
    if (owner !== undefined && owner.name !== session.name)
      throw new CodedError("enrolment_invalid", `it is the key of ${owner.name}`);
    const present = session.fingerprint;
    const changed = await this.#pins.change(session.name, (pin) => {
      // Taken away meanwhile: what the key vouched for does not count any more.
      if (indexOfFingerprint(pin.fingerprints, present) < 0 || fingerprint === present) return pin;
      return { ...pin, fingerprints: [present, fingerprint] };
    });
    if (changed?.fingerprints.includes(fingerprint) === true)
      session.post(jsonMessage(MESSAGE.key_pinned, { fingerprint }));
  }
}

function announcement(session: string, key: OwnKey): Buffer {
  const privateKey = createPrivateKey(key.privateKey);
  return jsonMessage(MESSAGE.key, {
    public_key: spkiOf(createPublicKey(privateKey)).toString("base64url"),
    signature: sign("sha256", statement(session, key.fingerprint), privateKey).toString("base64url"),
  });
}

/** The fingerprint of a key that the other side has proved to have. Throws `LinkFault`. */
function verified(session: string, message: Message): Fingerprint {
  const { public_key: text, signature } = readPayload("link_key", message);
  const spki = Buffer.from(text, "base64url");
  const fingerprint = fingerprintOf(spki);
  let isProved = false;
  try {
    const key = createPublicKey({ key: spki, format: "der", type: "spki" });
    // Written in another way it would have another fingerprint.
    isProved =
      isLinkKey(key) &&
      spkiOf(key).equals(spki) &&
      verify("sha256", statement(session, fingerprint), key, Buffer.from(signature, "base64url"));
  } catch {
    // no key at all
  }
  demand(isProved, "a new key that it does not have");
  return fingerprint;
}
