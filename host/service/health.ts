import type { IncomingMessage } from "node:http";
import { ALL_ADDRESSES } from "./answer.ts";

const TIMEOUT_MS = 5_000;
const MAX_BYTES = 4_096;

/** Where a gateway serves HTTP. */
export interface HttpPlace {
  readonly bind: string;
  readonly port: number;
  readonly isTls: boolean;
}

/** The address of a gateway's own look at itself, from the machine that it runs on. */
export function healthUrl({ bind, port, isTls }: HttpPlace): string {
  const host = ALL_ADDRESSES.get(bind) ?? bind;
  return `${isTls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}/health`;
}

/** Undefined when a gateway answers there and says that it is well; else why not, in words. Its certificate is not looked at: nothing is sent to it. */
export async function illness(place: HttpPlace): Promise<string | undefined> {
  const url = healthUrl(place);
  const options = { agent: false, timeout: TIMEOUT_MS, rejectUnauthorized: false };
  // Not before it is wanted: this is loaded with the command line.
  const request = place.isTls
    ? (await import("node:https")).request(url, options)
    : (await import("node:http")).request(url, options);
  return new Promise((resolve) => {
    const end = (why: string | undefined): void => {
      request.destroy();
      resolve(why);
    };
    const deadline = setTimeout(() => {
      end(`no answer within ${TIMEOUT_MS / 1_000} s`);
    }, TIMEOUT_MS);
    request.once("close", () => {
      clearTimeout(deadline);
    });
    request.on("error", (error) => {
      end(error.message === "" ? "no connection" : error.message);
    });
    request.once("response", (response) => {
      bodyOf(response).then(
        (text) => {
          end(
            isWell(response.statusCode, text) ? undefined : `HTTP ${response.statusCode ?? 0}, which no gateway says`,
          );
        },
        (error: unknown) => {
          end(String(error));
        },
      );
    });
    request.end();
  });
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of response.setEncoding("utf8")) {
    text += String(part);
    if (text.length > MAX_BYTES) break;
  }
  return text;
}

function isWell(status: number | undefined, text: string): boolean {
  return status === 200 && /^\{"status":"ok"[,}]/.test(text.replaceAll(/\s/g, ""));
}
