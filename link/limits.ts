/** Bounds of the link. Sizes are bytes, times are milliseconds unless the name says otherwise. docs/link.md says them too, and a test compares. */

/** The versions of the link that this software speaks. */
export const LINK_MIN = 1;
export const LINK_MAX = 1;

/** Payload of a message that carries bytes: 64 KiB, and a header in front of them that another protocol may have put there. */
export const MAX_DATA_BYTES = 65_600;
/** Hello, welcome, and the other messages in JSON. */
export const MAX_JSON_BYTES = 8_192;

/** For the handshake, and the hello behind it. */
export const HANDSHAKE_MS = 10_000;
/** Handshakes of a listener at the same time; the others wait. */
export const MAX_HANDSHAKES = 64;
/** Connections of a listener that have said nothing yet, and again as many that wait for their handshake; with more, the oldest is given up. */
export const MAX_UNPROVED = 1_024;
/** A handshake that has taken so long is given up when others wait for its place. */
export const HANDSHAKE_PATIENCE_MS = 3_000;

export const LEASE_MS = 30_000;
export const WINDOW_BYTES = 1_048_576;
export const SESSION_WINDOW_BYTES = 67_108_864;
export const STREAMS = 1_024;
/** The least that a stream may hold. */
export const MIN_WINDOW_BYTES = 16_384;
/** More credit than anybody gives. */
export const MAX_CREDIT_BYTES = 16_777_216;

/** Sent messages that were not acknowledged: with more, no data is sent; with twice as many, the other side is broken. */
export const MAX_UNACKNOWLEDGED_BYTES = 16_777_216;
/** What a message counts there besides its bytes. */
export const MESSAGE_OVERHEAD_BYTES = 256;
/** A receiver acknowledges after this much, and with every sign of life. */
export const ACKNOWLEDGE_BYTES = 262_144;
export const ACKNOWLEDGE_MESSAGES = 64;
/** Bytes that wait in a connection before streams have to: few, so that their turns come soon, and because a connection copies what waits together. */
export const CARRIER_BYTES = 16_384;

/** Pings that the other side may send within a sixth of the lease. */
export const MAX_PINGS = 1_024;
/** Changes of the key that may be announced in one session. */
export const MAX_KEYS = 16;

/** Clocks that differ by more are worth a word. */
export const CLOCK_SKEW_MS = 5 * 60 * 1_000;

/** To a TCP address. */
export const CONNECT_MS = 10_000;
/** How often it is looked whether everybody is still known. */
export const CHECK_MS = 5_000;
