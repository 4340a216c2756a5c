import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { LinkDialler, type DiallerOptions } from "../../link/dial.ts";
import { loadIdentity, type LinkIdentity } from "../../link/identity.ts";
import { LinkListener, type ListenerOptions } from "../../link/listen.ts";
import type { LinkEvents, LinkPeer } from "../../link/peer.ts";
import { Pins } from "../../link/pins.ts";
import { tcpConnect } from "../../link/tcp.ts";
import { atEnd, tempDirectory } from "../fixtures/temp.ts";

/** A machine of a fleet: its key, and whom it knows. */
export interface Machine {
  readonly name: string;
  readonly directory: string;
  readonly identity: LinkIdentity;
  readonly pins: Pins;
  readonly warnings: string[];
}

export async function machine(name: string): Promise<Machine> {
  const directory = join(tempDirectory(), name);
  mkdirSync(directory, { mode: 0o700 });
  const warnings: string[] = [];
  return {
    name,
    directory,
    warnings,
    identity: await loadIdentity(join(directory, "identity")),
    pins: new Pins(join(directory, "pins"), (message) => warnings.push(message)),
  };
}

/** Makes each known to the other. */
export async function acquaint(one: Machine, other: Machine): Promise<void> {
  for (const [a, b] of [
    [one, other],
    [other, one],
  ] as const)
    await a.pins.add({
      name: b.name,
      fingerprints: [b.identity.current.fingerprint],
      enrolledAt: new Date(),
      addresses: [],
      about: {},
    });
}

/** What happened to sessions, in words, in order. */
export interface Heard extends LinkEvents {
  readonly heard: string[];
}

export function hearing(stream?: (stream: Duplex, peer: LinkPeer) => void): Heard {
  const heard: string[] = [];
  return {
    heard,
    connected: (peer) => heard.push(`connected ${peer.name}`),
    stalled: (peer) => heard.push(`stalled ${peer.name}`),
    resumed: (peer) => heard.push(`resumed ${peer.name}`),
    lost: (peer) => heard.push(`lost ${peer.name}: ${peer.ending?.message ?? ""}`),
    warn: (message) => heard.push(`warn ${message}`),
    ...(stream === undefined ? {} : { stream }),
  };
}

/** Sends back what comes. */
export function echo(stream: Duplex): void {
  stream.pipe(stream);
}

export async function listening(
  at: Machine,
  events: LinkEvents,
  more: Partial<ListenerOptions> = {},
): Promise<{ readonly listener: LinkListener; readonly address: string; readonly port: number }> {
  const listener = new LinkListener({ name: at.name, identity: at.identity, pins: at.pins, events, ...more });
  const { port } = await listener.listen({ host: "127.0.0.1", port: 0 });
  atEnd(async () => listener.close());
  return { listener, port, address: `127.0.0.1:${port}` };
}

export function dialling(
  from: Machine,
  to: string,
  address: string,
  events: LinkEvents = {},
  more: Partial<DiallerOptions> = {},
): LinkDialler {
  const dialler = new LinkDialler({
    name: from.name,
    peer: to,
    identity: from.identity,
    pins: from.pins,
    events,
    connect: tcpConnect([address]),
    waits: { first: 10, longest: 50 },
    ...more,
  });
  atEnd(() => {
    dialler.close();
  });
  return dialler;
}

/** All bytes that come until the end. Rejects when the stream fails, or closes before its end. */
export async function allOf(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      resolve(Buffer.concat(chunks));
    });
    stream.on("error", reject);
    stream.on("close", () => {
      reject(new Error("closed before its end"));
    });
  });
}

/** Waits until something holds. */
export async function until(holds: () => boolean, what = String(holds)): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`never came to be: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
