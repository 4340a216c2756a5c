import type { IncomingMessage } from "node:http";
import { Rejection } from "./rejection.ts";

/** The longest body: the original's limit, in bytes. */
export const MAX_BODY_BYTES = 2_097_152;
/** What is read of a longer one and thrown away, so that a client that sends first and reads then gets its answer. */
const LINGER_BYTES = 16_777_216;

function tooLarge(): Rejection {
  return new Rejection(413, "Failed to buffer the request body: length limit exceeded");
}

/**
 * Reads the body of a request.
 * @param deadlineMs the longest that it may take
 * @throws Rejection 413 when it is longer than `MAX_BODY_BYTES`, 408 when it is late, 400 when it breaks off
 */
export async function readBody(incoming: IncomingMessage, deadlineMs: number): Promise<Buffer> {
  if (Number(incoming.headers["content-length"] ?? 0) > LINGER_BYTES) throw tooLarge();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const settle = (end: () => void): void => {
      clearTimeout(timer);
      incoming.off("data", onData).off("end", onEnd).off("close", onClose);
      end();
    };
    const refuse = (rejection: Rejection): void => {
      settle(() => {
        incoming.pause();
        reject(rejection);
      });
    };
    const timer = setTimeout(() => {
      refuse(new Rejection(408, "Failed to buffer the request body: it did not come in time"));
    }, deadlineMs);
    function onData(chunk: Buffer): void {
      length += chunk.length;
      if (length > LINGER_BYTES) refuse(tooLarge());
      else if (length > MAX_BODY_BYTES) chunks.length = 0;
      else chunks.push(chunk);
    }
    function onEnd(): void {
      settle(() => {
        if (length > MAX_BODY_BYTES) reject(tooLarge());
        else resolve(Buffer.concat(chunks));
      });
    }
    function onClose(): void {
      refuse(new Rejection(400, "Failed to buffer the request body: it breaks off"));
    }
    incoming.on("data", onData).once("end", onEnd).once("close", onClose);
    // The reason comes with the close.
    incoming.on("error", () => undefined);
  });
}

const JSON_TYPE = /^\s*(?:application\/json|[^\s/;]+\/[^\s;]*\+json)\s*(?:;|$)/i;

/** @throws Rejection 415 when a body does not say that it is JSON */
export function expectJson(contentType: string | undefined): void {
  if (!JSON_TYPE.test(contentType ?? ""))
    throw new Rejection(415, "Expected request with `Content-Type: application/json`");
}
