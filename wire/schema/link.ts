import { type Static, Type } from "typebox";

/** SHA-256 of a public key (SubjectPublicKeyInfo, DER): how a machine of the fleet is known. */
const fingerprint = () => Type.String({ pattern: "^sha256:[A-Za-z0-9_-]{43}$" });
/** `web1`, or NODE/CONTAINER. */
const machineName = () =>
  Type.String({
    pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)?$",
    maxLength: 128,
  });
/** Bytes in base64url. */
const bytes = (maxLength: number) => Type.String({ pattern: "^[A-Za-z0-9_-]+$", maxLength });
const count = (maximum: number) => Type.Integer({ minimum: 0, maximum });
const words = (maxLength: number, maxItems: number) => Type.Array(Type.String({ maxLength }), { maxItems });
/** Whatever else is to be kept or told about a machine; the link does not look at it. */
const about = () => Type.Optional(Type.Record(Type.String(), Type.Unknown()));

/** Who a machine is to us: what a file of the pins holds. */
export const PinFile = Type.Object({
  name: machineName(),
  /** The newest last. Two while its key is being changed. */
  fingerprints: Type.Array(fingerprint(), { minItems: 1, maxItems: 2 }),
  /** ISO 8601. */
  enrolled_at: Type.String({ maxLength: 64 }),
  /** Where it listens, as HOST:PORT; missing when it dials in. */
  addresses: Type.Optional(words(300, 16)),
  about: about(),
});

const session = () => Type.String({ pattern: "^[A-Za-z0-9_-]{22}$" });
const facts = () => ({
  /** Version of the software, to be shown. */
  software: Type.String({ maxLength: 64 }),
  /** What the machine calls itself, to be shown. */
  name: Type.String({ maxLength: 128 }),
  /** Milliseconds for which a session outlives its connection. */
  lease_ms: Type.Integer({ minimum: 100, maximum: 3_600_000 }),
  /** Bytes that the other end may send on a new stream. */
  window: Type.Integer({ minimum: 1, maximum: 16_777_216 }),
  /** Streams of the other end that it takes at the same time; 0: none. */
  streams: count(65_536),
  capabilities: words(64, 64),
  /** Milliseconds since 1970. */
  clock: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
});
const received = () => count(Number.MAX_SAFE_INTEGER);

/** What whoever dialled says first. */
export const LinkHelloFile = Type.Object({
  /** Versions of the link that it speaks. */
  link_min: count(65_535),
  link_max: count(65_535),
  ...facts(),
  /** The session that it wants to go on with, and how many messages of it have come. */
  resume: Type.Optional(Type.Object({ session: session(), received: received() })),
});

/** What it is answered. */
export const LinkWelcomeFile = Type.Object({
  /** The version that is spoken from here on. */
  link: count(65_535),
  ...facts(),
  session: session(),
  /** Set when the session of the hello goes on. */
  received: Type.Optional(received()),
});

/** Why a session or a connection ends, said last. */
export const LinkByeFile = Type.Object({
  reason: Type.String({ maxLength: 32 }),
  detail: Type.Optional(Type.String({ maxLength: 512 })),
  link_min: Type.Optional(count(65_535)),
  link_max: Type.Optional(count(65_535)),
  software: Type.Optional(Type.String({ maxLength: 64 })),
});

/** A machine's new key, said in a session that its old key vouches for. */
export const LinkKeyFile = Type.Object({
  /** SubjectPublicKeyInfo, DER. */
  public_key: bytes(256),
  /** By the new key, over both fingerprints. */
  signature: bytes(256),
});

/** The answer to it. */
export const LinkKeyPinnedFile = Type.Object({ fingerprint: fingerprint() });

/** What a machine says that wants to be enrolled. */
export const EnrolAskFile = Type.Object({
  /** The public half of the code's secret. */
  code: bytes(64),
  /** By the secret half, over what both ends of the connection have in common. */
  signature: bytes(128),
  name: machineName(),
  about: about(),
});

/** The answer: the other machine, or why not. */
export const EnrolAnswerFile = Type.Object({
  name: Type.Optional(machineName()),
  about: about(),
  refused: Type.Optional(Type.String({ maxLength: 32 })),
});

/** What is kept of an enrolment code: nothing that the code could be made from. */
export const EnrolmentFile = Type.Object({
  code: bytes(64),
  kind: Type.Unsafe<"agent" | "gateway">({ enum: ["agent", "gateway"] }),
  /** Milliseconds since 1970. */
  expires_at: count(Number.MAX_SAFE_INTEGER),
  /** The name that the machine is to have, whatever it says. */
  name: Type.Optional(machineName()),
  about: about(),
  used_by: Type.Optional(fingerprint()),
});

export type PinFields = Static<typeof PinFile>;
export type LinkHello = Static<typeof LinkHelloFile>;
export type LinkWelcome = Static<typeof LinkWelcomeFile>;
export type LinkBye = Static<typeof LinkByeFile>;
export type LinkKey = Static<typeof LinkKeyFile>;
export type LinkKeyPinned = Static<typeof LinkKeyPinnedFile>;
export type EnrolAsk = Static<typeof EnrolAskFile>;
export type EnrolAnswer = Static<typeof EnrolAnswerFile>;
export type EnrolmentFields = Static<typeof EnrolmentFile>;
