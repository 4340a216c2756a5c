import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { tempDirectory } from "../../fixtures/temp.ts";
import { machineOf, startFleet, truthOf, whole, type Fleet, type Said } from "./machines.ts";
import { makeNetwork } from "./net.ts";
import { cmd2host } from "./program.ts";
import { Running } from "./running.ts";

let fleet: Fleet;

beforeAll(async () => {
  fleet = await startFleet(makeNetwork(2), { web1: {} });
});

it("an end whose disk is full runs nothing, says so, and goes on by itself when there is room again", async () => {
  const { gateway } = fleet;
  const machine = machineOf(fleet, "web1");
  const exec = async (command: string): Promise<Said> => gateway.exec("web1", command).said();
  expect((await exec("echo before")).exit).toBe(0);

  machine.served.limitFiles(0);
  const onMachine = await exec("echo ran >&2; echo ran");
  expect([onMachine.exit, onMachine.stdout, onMachine.outcome]).toMatchObject([
    1,
    "",
    { outcome: "failed", code: "audit_unavailable" },
  ]);
  machine.served.limitFiles(undefined);
  // The gateway has permitted it, and has a record of how that ended. The machine could write nothing, and so nothing ran.
  const [newest] = await gateway.audit.all();
  expect(newest).toMatchObject({
    decision: { verdict: "permit", argv: ["shell", "echo ran >&2; echo ran"] },
    outcome: { outcome: "failed", code: "audit_unavailable" },
  });
  const id = String(newest?.decision?.["id"]);
  expect(await machine.audit.of(id)).toEqual({ decision: undefined, outcome: undefined });

  const before = (await machine.audit.all()).length;
  gateway.served.limitFiles(0);
  const onGateway = await exec("echo ran");
  expect([onGateway.exit, onGateway.stdout, onGateway.outcome.code]).toEqual([1, "", "audit_unavailable"]);
  gateway.served.limitFiles(undefined);
  expect(await machine.audit.all()).toHaveLength(before);

  const after = await exec("echo after");
  expect([after.exit, after.stdout]).toEqual([0, "after\n"]);
  expect(await truthOf(gateway, machine, after)).toEqual(whole(0, "after\n".length));
  for (const { audit } of [gateway, machine]) expect(await audit.notes()).toContain("interrupted");
});

it("a caller whose disk is full gets nothing of a file, and the machine stops to send it", async () => {
  const { gateway } = fleet;
  const machine = machineOf(fleet, "web1");
  const [file, into] = [join(tempDirectory(), "large"), tempDirectory()];
  writeFileSync(file, Buffer.alloc(50_000_000));
  const words = [
    "/bin/sh",
    "-c",
    'ulimit -S -f 1000; exec "$@"',
    "sh",
    ...cmd2host("pull", "web1", file, into, "--json"),
  ];
  const { exit, stdout } = await new Running(gateway.host, words, gateway.environment()).ended;
  expect([exit, stdout]).toEqual([1, expect.stringContaining('"file_failed"')]);
  expect(readdirSync(into)).toEqual([]);
  await machine.untilNoCommands();
  const records = await Promise.all([gateway, machine].map(async ({ audit }) => (await audit.all())[0]));
  expect(records).toMatchObject([
    { decision: { operation: "pull" }, outcome: { outcome: "failed", code: "cancelled" } },
    { decision: { operation: "pull" }, outcome: { outcome: "failed", code: "cancelled" } },
  ]);
  expect(records[0]?.decision?.["id"]).toBe(records[1]?.decision?.["id"]);
});
