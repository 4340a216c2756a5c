import type { Duplex } from "node:stream";
import { cancelled, connected, type Address, type Way } from "./client-connect.ts";
import { CodedError, errnoOf } from "./errors.ts";
import { MAX_REPLY_BYTES } from "./limits.ts";

/** Protocol 1 from the client's side: one JSON object there, one back. */

/** Writes one request, leaves the write side open (as the original's client does), and reads to the end. */
async function roundTrip(socket: Duplex, request: object, timeoutMs: number | undefined): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            const why = `no complete reply within ${timeoutMs / 1_000} s`;
            socket.destroy(new CodedError("reply_timeout", `failed to read response: ${why}`));
          }, timeoutMs);
    socket.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > MAX_REPLY_BYTES)
        socket.destroy(
          new CodedError("reply_invalid", `failed to read response: longer than ${MAX_REPLY_BYTES} bytes`),
        );
      else chunks.push(chunk);
    });
    socket.once("end", () => {
      socket.end();
    });
    // Whatever ends the connection, a complete reply that came before it counts: the original resets after an oversize request.
    socket.once("error", (error) => {
      if (error instanceof CodedError) reject(error);
      else if (length === 0)
        reject(new CodedError("reply_invalid", `failed to read response: ${errnoOf(error) ?? error.message}`));
    });
    socket.once("close", () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks));
    });
    socket.write(JSON.stringify(request));
  });
}

/**
 * One request and its reply, on a connection of their own. Aborting closes the connection.
 * @param timeoutMs from the request to the end of the reply; undefined waits for as long as it takes
 * @throws CodedError `daemon_unreachable`, `reply_timeout`, `reply_invalid`, `cancelled`
 */
export async function exchange(
  address: Address | Way,
  request: object,
  timeoutMs: number | undefined,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const socket = await connected(address, signal);
  const cancel = (): void => {
    socket.destroy(cancelled());
  };
  signal?.addEventListener("abort", cancel, { once: true });
  if (signal?.aborted === true) cancel();
  try {
    return await roundTrip(socket, request, timeoutMs);
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
}
