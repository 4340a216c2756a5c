import type { Duplex } from "node:stream";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gatewayPlaces } from "../../gateway/places.ts";
import { loadIdentity } from "../../link/identity.ts";
import { Pins } from "../../link/pins.ts";
import { FRAME, frameHeader, jsonFrame, PREFACE } from "../../wire/frames.ts";
import type { RunningGateway } from "../fixtures/fleet.ts";
import { hearing, listening, machine } from "../link/machines.ts";

/** Machines in other hands: the link is real, and what they answer is made by hand. */

/** The id under which they claim that everything ran. */
export const CLAIMED_ID = "11111111-2222-4333-8444-555555555555";

export const HELLO = Buffer.concat([PREFACE, jsonFrame(FRAME.hello, { protocol: 2, capabilities: [] })]);

export function accepted(more: object = {}): Buffer {
  return jsonFrame(FRAME.accepted, {
    run_id: CLAIMED_ID,
    operation: "shell",
    stdin: false,
    timeout_seconds: 60,
    ...more,
  });
}

export function outcome(more: object = {}): Buffer {
  const nothing = { stdout_bytes: 0, stderr_bytes: 0 };
  return jsonFrame(FRAME.outcome, { outcome: "completed", run_id: CLAIMED_ID, exit_code: 0, ...nothing, ...more });
}

/** Output, in as many frames as it takes. */
export function written(stream: "stdout" | "stderr", what: string | Buffer): Buffer {
  const bytes = Buffer.from(what);
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 65_536) {
    const piece = bytes.subarray(at, at + 65_536);
    frames.push(frameHeader(FRAME[stream], piece.length), piece);
  }
  return Buffer.concat(frames);
}

/** The machines that a gateway knows. */
export function agentsOf({ directory }: RunningGateway): Pins {
  return new Pins(gatewayPlaces(join(directory, "state")).agents);
}

/**
 * A machine that a gateway knows, and that is in other hands.
 * @param answer to a request, by its first bytes as text
 */
export async function capture(
  gateway: RunningGateway,
  name: string,
  answer: (request: string) => Buffer | string,
): Promise<void> {
  const self = await machine(name);
  const { fingerprint: its } = (await loadIdentity(gatewayPlaces(join(gateway.directory, "state")).link)).current;
  const known = { enrolledAt: new Date(), about: {} };
  await self.pins.add({ ...known, name: "gateway", fingerprints: [its], addresses: [] });
  const answering = (stream: Duplex): void => {
    stream.on("error", () => undefined);
    stream.once("data", (request: Buffer) => stream.resume().end(answer(request.toString("latin1"))));
  };
  const { address } = await listening(self, hearing(answering));
  const { fingerprint } = self.identity.current;
  await agentsOf(gateway).add({ ...known, name, fingerprints: [fingerprint], addresses: [address] });
  while ((await gateway.client().on(name).run({ operation: "uptime" })).code === "target_unknown") await sleep(20);
}
