/** Bounds of the protocol. Sizes are bytes, times are milliseconds unless the name says otherwise. */

/** Largest request of a client that announces nothing (compatible with the original daemon). */
export const MAX_REQUEST_BYTES = 65_536;
/** Largest request of a client whose first member is `"protocol": 2`. */
export const MAX_REQUEST_BYTES_ANNOUNCED = 1_048_576;
/** Deepest nesting of a request or a configuration. */
export const MAX_JSON_DEPTH = 128;
/** Longest member name in a request or a configuration. */
export const MAX_JSON_KEY_BYTES = 1_024;
/** From connect to the last byte of the request; absolute, not per read. */
export const READ_DEADLINE_MS = 5_000;
/** For writing the whole reply. */
export const WRITE_DEADLINE_MS = 10_000;
/** Delay of the answer to a failed authentication. */
export const AUTH_FAILURE_DELAY_MS = 1_000;
/** How long, and for how many bytes, a connection is read and dropped after its reply, so that no reset eats the reply. */
export const LINGER_MS = 2_000;
export const LINGER_BYTES = 16_777_216;
/** After the client's FIN: when the first whitespace probe is sent, and how often. */
export const PROBE_INTERVAL_MS = 500;
/** Largest reply that a client accepts. */
export const MAX_REPLY_BYTES = 10_485_760;
/** Client: connect, and connect to end of reply. */
export const CLIENT_DIAL_TIMEOUT_MS = 10_000;
export const CLIENT_REPLY_TIMEOUT_MS = 60_000;
/** Hard bound of captured output per stream, whatever a configuration asks for. */
export const MAX_CAPTURE_BYTES = 67_108_864;
export const MAX_REQUEST_ID_BYTES = 128;
export const TOKEN_LIFETIME_MS = 24 * 60 * 60 * 1_000;
export const DEFAULT_PORT = 9_876;

/** Largest payload of a frame that carries bytes (standard input, output, error). */
export const MAX_DATA_FRAME_BYTES = 65_536;
/** Largest payload of the frame that asks for a session with the MCP server. */
export const MAX_MCP_FRAME_BYTES = 65_536;
/** Standard input that waits for a program that does not read it; then the client is not read any more. */
export const MAX_PENDING_STDIN_BYTES = 1_048_576;
/** How often a daemon that does not read its client asks whether it is still there. */
export const ALIVE_INTERVAL_MS = 500;
/** Page of output when a request does not say how much it wants. */
export const DEFAULT_PAGE_BYTES = 32_768;
export const DEFAULT_PAGE_LINES = 500;
/** Streaming protocol: for a client to read what is on its way when its command has ended. */
export const STREAM_DEADLINE_MS = 60_000;
