import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, it } from "vitest";
import { tempDirectory } from "../../fixtures/temp.ts";
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

/** What a process may take more while it holds output that nobody reads, in MB. */
const BOUND = 64;

it("a reader that reads nothing for a while holds its own command and nobody else's, in bounded memory, and gets every byte", async () => {
  const { gateway } = fleet;
  const agent = machineOf(fleet, "web1");
  const processes = [gateway.served, agent.served];
  // What both need for a stream that is read.
  expect(await inShell("$EXEC 'head -c 100000000 /dev/zero' | sha256sum").ended).toMatchObject({ exit: 0 });
  const before = processes.map(({ memory }) => memory.now);

  const go = join(tempDirectory(), "go");
  const slow = inShell(`$EXEC 'head -c 500000000 /dev/zero' | { until [ -e ${go} ]; do sleep 0.1; done; sha256sum; }`);
  const quick = inShell("$EXEC 'head -c 200000000 /dev/zero' | sha256sum");
  const { exit, stdout } = await quick.ended;
  expect([exit, stdout]).toEqual([0, `${hashOf(200 * MB)}  -\n`]);
  expect([slow.hasEnded, agent.commands.length]).toEqual([false, 1]);
  await sleep(5_000);
  expect([slow.hasEnded, agent.commands.length]).toEqual([false, 1]);
  writeFileSync(go, "");
  const all = await slow.ended;
  // What was started last is listed first.
  const records = await Promise.all([gateway, agent].map(async ({ audit }) => (await audit.all()).slice(0, 3)));
  for (const { outcome } of records.flat()) expect(outcome).toMatchObject({ outcome: "completed", exit_code: 0 });
  const [here = [], there = []] = records.map((found) =>
    found.map(({ decision, outcome }) => [decision?.["id"], outcome?.["stdout_bytes"]]),
  );
  expect(new Set(here.map(String))).toEqual(new Set(there.map(String)));
  expect(here.map(([, bytes]) => bytes).sort()).toEqual([100 * MB, 200 * MB, 500 * MB]);
  expect([await gateway.audit.isGood(), await agent.audit.isGood()]).toEqual([true, true]);
  expect([all.exit, all.stdout, all.stderr]).toEqual([0, `${hashOf(500 * MB)}  -\n`, ""]);
  const grown = processes.map(({ memory }, index) => memory.most - (before[index] ?? 0));
  process.stdout.write(
    `slow reader: 200 MB beside it in ${quick.seconds.toFixed(1)} s; memory before ${before.map(Math.round).join(" and ")} MB, most while 500 MB waited ${grown.map((mb) => `+${Math.round(mb)}`).join(" and ")} MB (gateway and agent)\n`,
  );
  for (const mb of grown) expect(mb).toBeLessThan(BOUND);
});
