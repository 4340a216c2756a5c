import { request, type IncomingMessage } from "node:http";
import { CodedError, messageOf } from "../../wire/errors.ts";
import { shortened } from "../../wire/text.ts";
import type { ProxmoxNode } from "../config/settings.ts";
import { PinnedAgent } from "./pinned-agent.ts";
import { strictJson } from "./strict-json.ts";
import { TimeLimit } from "./time-limit.ts";

export interface ProxmoxBounds {
  /** For one request, in milliseconds. */
  readonly requestMs: number;
  /** Of a list, and of what is said of one container. */
  readonly listBytes: number;
  readonly answerBytes: number;
}

export const PROXMOX_BOUNDS: ProxmoxBounds = {
  requestMs: 10_000,
  listBytes: 8_388_608,
  answerBytes: 262_144,
};

const STATUS_WORDS: ReadonlyMap<number, string> = new Map([
  [401, "the token is refused (status 401)"],
  [403, "the token may not read this (status 403)"],
]);

async function bodyOf(response: IncomingMessage, most: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > most) throw new CodedError("proxmox_failed", `the answer is longer than ${most} bytes`);
    parts.push(part);
  }
  if (!response.complete) throw new CodedError("proxmox_failed", "the answer was cut short");
  return Buffer.concat(parts);
}

/** `data` of an answer. */
function dataOf(body: Buffer): unknown {
  const value = strictJson(body);
  if (value === undefined) throw new CodedError("proxmox_failed", "the answer is not JSON");
  return typeof value === "object" && value !== null && "data" in value ? value.data : undefined;
}

/** Asks one node of Proxmox. Its answers are not trusted. To be closed. */
export class ProxmoxClient {
  readonly #node: ProxmoxNode;
  readonly #token: string;
  readonly #bounds: ProxmoxBounds;
  readonly #agent: PinnedAgent;

  constructor(node: ProxmoxNode, token: string, bounds: ProxmoxBounds) {
    this.#node = node;
    this.#token = token;
    this.#bounds = bounds;
    this.#agent = new PinnedAgent(node.host, node.port, node.trust);
  }

  /**
   * What the API says at a path below the node's own.
   * @throws CodedError `proxmox_failed`
   */
  async data(path: string, mostBytes: number, signal: AbortSignal): Promise<unknown> {
    const limit = new TimeLimit(signal, this.#bounds.requestMs);
    try {
      // A request that has no connection yet does not end with its signal.
      const response = await limit.race(this.#answer(path, limit.signal));
      if (response.statusCode !== 200) {
        response.destroy();
        const status = response.statusCode ?? 0;
        throw new CodedError("proxmox_failed", STATUS_WORDS.get(status) ?? `it answered with status ${status}`);
      }
      return dataOf(await bodyOf(response, mostBytes));
    } catch (error) {
      if (limit.isOver)
        throw new CodedError("proxmox_failed", `no whole answer within ${this.#bounds.requestMs} ms`, { cause: error });
      if (error instanceof CodedError) throw error;
      throw new CodedError("proxmox_failed", shortened(messageOf(error), 400), { cause: error });
    } finally {
      limit.end();
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #answer(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { name, host, port } = this.#node;
    return new Promise((resolve, reject) => {
      const asked = request({
        agent: this.#agent,
        host,
        port,
        path: `/api2/json/nodes/${encodeURIComponent(name)}/${path}`,
        headers: { authorization: this.#token, accept: "application/json", "accept-encoding": "identity" },
        signal,
      });
      asked.on("error", reject);
      asked.once("response", resolve);
      asked.end();
    });
  }
}
