import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { atEnd } from "../../fixtures/temp.ts";
import type { Certificate } from "./certificates.ts";

export const TOKEN = "PVEAPIToken=root@pam!commando=s3cret";

type Reply = (response: ServerResponse, request: IncomingMessage) => void;

export function json(data: unknown, status = 200): Reply {
  return text(JSON.stringify({ data }), status);
}

export function text(body: string, status = 200): Reply {
  return (response) => {
    response.writeHead(status, { "content-type": "application/json;charset=UTF-8" });
    response.end(body);
  };
}

/** The loopback, and one interface with this address, as Proxmox answers for a container. */
export function interfaces(inet: string | undefined, more: object = {}): Reply {
  const eth0 = { name: "eth0", hwaddr: "bc:24:11:00:00:01", "hardware-address": "bc:24:11:00:00:01", ...more };
  return json([
    { name: "lo", hwaddr: "00:00:00:00:00:00", inet: "127.0.0.1/8", inet6: "::1/128" },
    inet === undefined ? eth0 : { ...eth0, inet, inet6: "fe80::be24:11ff:fe00:1/64" },
  ]);
}

/** A row of a list of containers. */
export function row(vmid: number | string, name: unknown, status: unknown = "running"): object {
  return { vmid, name, status, type: "lxc", cpus: 2, maxmem: 536_870_912, uptime: 4_711, tags: "" };
}

/** The API of a Proxmox node, over real TLS, with answers of the recorded shape. */
export class FakeProxmox {
  readonly asked: { readonly path: string; readonly authorization: string | undefined }[] = [];
  /** By the path below the node's own. */
  readonly replies = new Map<string, Reply>();
  connections = 0;
  readonly #server: Server;
  readonly #node: string;

  constructor({ cert, key }: Certificate, node = "pve1") {
    this.#node = node;
    this.#server = createServer({ cert, key }, (request, response) => {
      this.#answer(request, response);
    });
    this.#server.on("secureConnection", () => {
      this.connections++;
    });
    atEnd(async () => this.close());
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }

  on(path: string, reply: Reply): this {
    this.replies.set(path, reply);
    return this;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? "";
    const { authorization } = request.headers;
    this.asked.push({ path, authorization });
    const known = this.replies.get(path.replace(`/api2/json/nodes/${this.#node}/`, ""));
    if (authorization !== TOKEN) text("", 401)(response, request);
    else (known ?? text('{"data":null}', 501))(response, request);
  }
}
