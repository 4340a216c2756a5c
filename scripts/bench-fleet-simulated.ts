/**
 * For bench-fleet.ts: many agents that dial out, in one process. They only answer pings. Makes their keys and writes them into the gateway's directory first,
 * reads them as each agent does when it starts, says so, and dials when it is told to.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { LinkDialler } from "../link/dial.ts";
import { isFingerprint } from "../link/fingerprint.ts";
import { loadIdentity, type LinkIdentity } from "../link/identity.ts";
import { Pins } from "../link/pins.ts";
import { tcpConnect } from "../link/tcp.ts";

const [directory = "", linkPort = "0", count = "1"] = process.argv.slice(2);
const state = join(directory, "state");
mkdirSync(join(state, "agents"), { recursive: true, mode: 0o700 });
const gateway = await loadIdentity(join(state, "link"));
const enrolledAt = new Date();

/** A pin as its room writes it; a thousand of them one by one would take longer than what is measured. */
function writePin(file: string, name: string, fingerprint: string, addresses: readonly string[]): void {
  const pin = { name, fingerprints: [fingerprint], enrolled_at: enrolledAt.toISOString(), addresses };
  writeFileSync(file, JSON.stringify(addresses.length === 0 ? { ...pin, addresses: undefined } : pin), { mode: 0o600 });
}

const pong = JSON.stringify({ pong: { hostname: "simulated", uptime_seconds: 1, shell: "", version: "0" } });

function answer(stream: Duplex): void {
  stream.on("error", () => undefined);
  stream.once("data", () => {
    stream.end(pong);
  });
  stream.resume();
}

/** What was just written is read again until its time stamp is of the past. */
const SETTLED_MS = 100;
const diallers: LinkDialler[] = [];
const identities: LinkIdentity[] = [];
for (let index = 0; index < Number(count); index++) {
  const name = `sim${index}`;
  const own = join(directory, "simulated", name);
  mkdirSync(join(own, "gateways"), { recursive: true, mode: 0o700 });
  const identity = await loadIdentity(join(own, "link"));
  identities.push(identity);
  writePin(join(state, "agents", `${name}.json`), name, identity.current.fingerprint, []);
  writePin(join(own, "gateways/gw.json"), "gw", gateway.current.fingerprint, [`127.0.0.1:${linkPort}`]);
  diallers.push(
    new LinkDialler({
      name,
      peer: "gw",
      identity,
      pins: new Pins(join(own, "gateways")),
      events: { stream: answer },
      connect: tcpConnect([`127.0.0.1:${linkPort}`]),
    }),
  );
}
await sleep(SETTLED_MS);
for (const identity of identities) if (!isFingerprint(identity.current.fingerprint)) throw new Error("no key");
process.stdout.write("ready\n");
process.stdin.once("data", () => {
  for (const dialler of diallers) dialler.start();
});
