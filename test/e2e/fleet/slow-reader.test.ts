import { createHash } from "node:crypto";
import { beforeAll, expect, it } from "vitest";
import { machineOf, startFleet, type Fleet } from "./machines.ts";
import { makeNetwork } from "./net.ts";
import { cmd2host } from "./program.ts";
import { Running } from "./running.ts";

const MB = 1_000_000;
let fleet: Fleet;

beforeAll(async () => {
  fleet = await startFleet(makeNetwork(2), { web1: {} });
});

/** The hash of so many zeros. */
function hashOf(bytes: number): string {
  const hash = createHash("sha256");
  const piece = Buffer.alloc(MB);
  for (let at = 0; at < bytes; at += piece.length) hash.update(piece);
  return hash.digest("hex");
}

/** A command line of ours, and who reads what it writes: a line of shell in which `$EXEC` stands for it. */
function inShell(script: string): Running {
  const { gateway } = fleet;
  const env = { ...gateway.environment(), EXEC: cmd2host("exec", "web1").join(" ") };
  return new Running(gateway.host, ["/bin/bash", "-c", `set -o pipefail; ${script}`], env);
}

it("a reader that reads nothing for ten seconds holds its own command and nobody else's, in bounded memory, and gets every byte", async () => {
  const { gateway } = fleet;
  const agent = machineOf(fleet, "web1");
  // What both need for a stream that is read.
  expect(await inShell("$EXEC 'head -c 100000000 /dev/zero' | sha256sum").ended).toMatchObject({ exit: 0 });
  const before = [gateway.served.memory.now, agent.served.memory.now];

  const slow = inShell("$EXEC 'head -c 500000000 /dev/zero' | { sleep 10; sha256sum; }");
  const quick = inShell("$EXEC 'head -c 200000000 /dev/zero' | sha256sum");
  const { exit, stdout } = await quick.ended;
  console.log("quick", quick.seconds, 200 / quick.seconds, "MB/s");
  expect([exit, stdout]).toEqual([0, `${hashOf(200 * MB)}  -\n`]);
  expect(slow.seconds).toBeLessThan(10);
  const held = [gateway.served.memory.now, agent.served.memory.now];
  const all = await slow.ended;
  console.log("slow", slow.seconds, before, held, gateway.served.memory, agent.served.memory);
  expect([all.exit, all.stdout, all.stderr]).toEqual([0, `${hashOf(500 * MB)}  -\n`, ""]);
});
