import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { NatsClient, type NatsStatus } from "../../nats/client.ts";
import type { ConnectionOptions } from "../../nats/connection-options.ts";
import { dial } from "../../nats/dial.ts";
import { listen } from "../../nats/listen.ts";
import type { NatsSettings } from "../../nats/settings.ts";
import { newNkey } from "../../nats/credentials.ts";
import type { NatsRole, NatsUser } from "../../nats/permissions.ts";
import { atEnd, tempDirectory } from "../fixtures/temp.ts";
import { tokenName } from "../../nats/subjects.ts";
import { until, type NatsServer } from "./servers.ts";

/** A connection to NATS that is closed with the test, and what it said of itself. */
export async function machine(
  servers: NatsServer | readonly NatsServer[],
  name: string,
  settings: Partial<NatsSettings> = {},
): Promise<NatsClient & { readonly said: NatsStatus[] }> {
  const said: NatsStatus[] = [];
  const nats = await NatsClient.connect(
    { servers: [servers].flat().map(({ address }) => address), name, ...settings },
    AbortSignal.timeout(20_000),
    (status) => said.push(status),
  );
  atEnd(async () => nats.close());
  return Object.assign(nats, { said });
}

/** A new key for each machine, with its seed in a file. */
export function fleetKeys(
  roles: Readonly<Record<string, NatsRole>>,
): readonly (NatsUser & { readonly seedFile: string })[] {
  const directory = tempDirectory();
  return Object.entries(roles).map(([name, role]) => {
    const { seed, publicKey } = newNkey();
    const seedFile = join(directory, `${name}.nk`);
    writeFileSync(seedFile, `${seed}\n`, { mode: 0o600 });
    return { name, role, nkey: publicKey, seedFile };
  });
}

/** Both ends of a connection. */
export interface Pair {
  /** Of the gateway, which dialled. */
  readonly near: Duplex;
  /** Of the machine. */
  readonly far: Duplex;
}

/** Long heartbeats, so that nothing but what is tested ends a connection on a busy machine. */
export const PATIENT: ConnectionOptions = { heartbeatMs: 60_000, allowHalfOpen: true };

export async function connectedPair(
  gateway: NatsClient,
  agent: NatsClient,
  options: ConnectionOptions = PATIENT,
  farOptions = options,
): Promise<Pair> {
  const come: Duplex[] = [];
  const name = tokenName(agent.self) ?? "";
  const listener = listen(agent, name, (connection) => come.push(connection), undefined, farOptions);
  await agent.connection.flush();
  let near: Duplex | undefined;
  // The servers of a cluster tell each other a moment later who listens.
  await until("the machine is reached", async () => {
    near = await dial(gateway, name, AbortSignal.timeout(20_000), options).catch(() => undefined);
    return near !== undefined;
  });
  await until("the connection came", () => come.length > 0);
  // Two who listen under one name are an error.
  listener.close();
  const [far] = come;
  if (near === undefined || far === undefined) throw new Error("nobody came");
  for (const end of [near, far]) end.on("error", () => undefined);
  atEnd(() => {
    near?.destroy();
    far.destroy();
  });
  return { near, far };
}

/** What an end gave until it ended, and the error that ended it. */
export interface Heard {
  readonly bytes: number;
  readonly sha256: string;
  readonly error: Error | undefined;
}

/** Reads until the end, or until the connection is destroyed. */
export async function heard(end: Duplex): Promise<Heard> {
  const hash = createHash("sha256");
  let bytes = 0;
  let error: Error | undefined;
  end.on("data", (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  end.on("error", (thrown) => {
    error = thrown;
  });
  await Promise.race([once(end, "end").catch(() => undefined), new Promise((resolve) => end.once("close", resolve))]);
  return { bytes, sha256: hash.digest("hex"), error };
}

/** The text that an end gave until the other one ended. The end itself stays. */
export async function textOf(end: Duplex): Promise<string> {
  let text = "";
  end.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  await once(end, "end");
  return text;
}

/** Every byte says where it stands, so that a part is known to be the beginning of the whole. */
export function patterned(from: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let index = 0; index < length; index++) bytes[index] = ((from + index) * 2_654_435_761) >>> 24;
  return bytes;
}

/** Checks each chunk against `patterned`, and counts. */
export function verifying(end: Duplex): { readonly seen: () => number; readonly isWrong: () => boolean } {
  let seen = 0;
  let isWrong = false;
  end.on("data", (chunk: Buffer) => {
    isWrong ||= !chunk.equals(patterned(seen, chunk.length));
    seen += chunk.length;
  });
  return { seen: () => seen, isWrong: () => isWrong };
}

/** Writes as fast as it is taken, until it ends or breaks. Returns how many bytes were written. */
export async function pour(end: Duplex, total: number, size = 100_000): Promise<number> {
  let sent = 0;
  while (sent < total && !end.destroyed) {
    const chunk = patterned(sent, Math.min(size, total - sent));
    sent += chunk.length;
    if (end.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        end.off("drain", go).off("close", go);
        resolve();
      };
      end.once("drain", go).once("close", go);
    });
  }
  return sent;
}

/** Resolves with the error that destroyed it, or undefined when it closed without one. */
export async function broken(end: Duplex): Promise<Error | undefined> {
  if (end.closed) return end.errored ?? undefined;
  return new Promise((resolve) => {
    let error: Error | undefined;
    end.once("error", (thrown) => {
      error = thrown;
    });
    end.once("close", () => {
      resolve(error);
    });
  });
}

export function random(length: number): { readonly bytes: Buffer; readonly sha256: string } {
  const bytes = randomBytes(length);
  return { bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
}
