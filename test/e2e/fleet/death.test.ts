import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { tempDirectory } from "../../fixtures/temp.ts";
import { LEASE, machineOf, startFleet, truthOf, whole, type Exec, type Fleet } from "./machines.ts";
import { makeNetwork } from "./net.ts";
import { until } from "./running.ts";
import { counting, numbered } from "./texts.ts";

let fleet: Fleet;

beforeAll(async () => {
  fleet = await startFleet(makeNetwork(3), { web1: {}, db1: { dials: true } });
});

/** The run that an error of `exec` names. */
function namedRun({ stderr }: Exec): string {
  return /\(run ([0-9a-f-]{36})\)/.exec(stderr)?.[1] ?? "";
}

/** Programs of a machine, by their command lines. */
function commandLines(pids: readonly number[]): readonly string[] {
  return pids.map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1).join(" ")).sort();
}

describe("an agent that is killed", () => {
  it("is noticed when its lease is over; it works again without being enrolled again, and ends what it left", async () => {
    const { gateway } = fleet;
    const machine = machineOf(fleet, "web1");
    const silent = gateway.exec("web1", "echo begun; sleep 1000");
    const writing = gateway.exec("web1", "echo begun; while :; do sleep 0.1; echo x; done");
    const { run_id: background } = await gateway.asked<{ readonly run_id: string }>(
      ...["exec", "web1", "--background", "sleep 1000"],
    );
    await silent.says("begun");
    await writing.says("x\nx\n");
    // What it has put on the disk of them is what the next one knows.
    await until("all three are noted", () => readdirSync(join(machine.base, "running")).length === 3);
    await machine.served.end("SIGKILL");
    const killedAt = performance.now();
    const ends = await Promise.all([silent.said(), writing.said()]);
    const seconds = (performance.now() - killedAt) / 1_000;
    expect(seconds).toBeGreaterThan(LEASE - 1);
    expect(seconds).toBeLessThan(LEASE + 10);
    for (const { exit, stdout, outcome } of ends) {
      expect([exit, outcome]).toMatchObject([1, { outcome: "failed", code: "link_lost", stdout_bytes: stdout.length }]);
      const id = outcome.run_id ?? "";
      expect(await gateway.audit.of(id)).toMatchObject({ outcome: { outcome: "failed", code: "link_lost" } });
      // Nobody was there to write how it ended.
      expect(await machine.audit.of(id)).toMatchObject({ decision: { verdict: "permit" }, outcome: undefined });
    }
    // Its next word to nobody ended the one. Nothing ends the others: they have sessions of their own, and no parent.
    await until("the writing command has ended", () => machine.commands.length === 2);
    expect(commandLines(machine.commands)).toEqual(["sleep 1000", "sleep 1000"]);
    expect((await gateway.exec("web1", "true").said()).outcome).toMatchObject({ code: "target_unreachable" });

    await machine.start();
    await gateway.untilReached("web1");
    expect(await gateway.exec("web1", "echo again").said()).toMatchObject({ exit: 0, stdout: "again\n" });
    await machine.untilNoCommands();
    await machine.served.logs("programs that a daemon left running when it was killed were ended", { processes: "2" });
    expect(await machine.audit.notes()).toContain("left_running");
    expect((await gateway.run(background, "web1")).run).toMatchObject({ state: "failed", code: "shutting_down" });
    const gone = await gateway.ran("runs", "show", ends[0].outcome.run_id ?? "", "--target=web1", "--json");
    expect([gone.exit, gone.stdout]).toEqual([1, expect.stringContaining('"run_unknown"')]);
    expect([await machine.audit.isGood(), await gateway.audit.isGood()]).toEqual([true, true]);
  });

  it("is told at once when it is there again within the lease: the new one knows nothing of the old one's sessions", async () => {
    const { gateway } = fleet;
    for (const name of ["web1", "db1"]) {
      const machine = machineOf(fleet, name);
      const running = gateway.exec(name, "echo begun; while :; do sleep 0.1; echo x; done");
      await running.says("x\n");
      await machine.served.end("SIGKILL");
      await machine.start();
      const startedAt = performance.now();
      const { exit, outcome } = await running.said();
      expect([exit, outcome]).toMatchObject([1, { outcome: "failed", code: "link_lost" }]);
      expect(outcome.message).toMatch(/the other side has forgotten it|it has begun another session/);
      expect((performance.now() - startedAt) / 1_000).toBeLessThan(LEASE - 1);
      await machine.untilNoCommands();
      await gateway.untilReached(name);
    }
  });
});

describe("an agent that is stopped", () => {
  it("ends what does not end by itself while it drains, and says why; the same is recorded on both ends", async () => {
    const { gateway } = fleet;
    for (const name of ["web1", "db1"]) {
      const machine = machineOf(fleet, name);
      const short = gateway.exec(name, "echo begun; sleep 1; echo ended; exit 3");
      const long = gateway.exec(name, "echo begun; sleep 1000");
      for (const one of [short, long]) await one.says("begun");
      const ending = machine.served.end("SIGTERM");
      const [first, second] = [await short.said(), await long.said()];
      expect((await ending).exit).toBe(0);
      expect(second).toMatchObject({ exit: 143, outcome: { outcome: "failed", code: "shutting_down" } });
      expect(machine.commands).toEqual([]);
      await machine.start();
      await gateway.untilReached(name);
      expect(await truthOf(gateway, machine, first)).toEqual(whole(3, "begun\nended\n".length));
      const stopped = { ...whole(143, "begun\n".length).caller, outcome: "failed", code: "shutting_down" };
      expect(await truthOf(gateway, machine, second)).toEqual({
        ...{ caller: stopped, gateway: stopped, machine: stopped, kept: stopped },
      });
    }
  });
});

describe("a gateway that is killed", () => {
  it("leaves its callers with an error and the id; machines end the commands, or finish them, and come back by themselves", async () => {
    const { gateway } = fleet;
    const mark = join(tempDirectory(), "mark");
    const machines = ["web1", "db1"].map((name) => machineOf(fleet, name));
    const runs = machines.map((machine) => ({
      machine,
      cancelled: gateway.exec(machine.name, counting(10_000)),
      kept: gateway.keep(machine.name, `${counting(480)}; echo ${machine.name} >> ${mark}`),
    }));
    for (const { cancelled, kept } of runs) for (const one of [cancelled, kept]) await one.says("line 20\n");
    await gateway.served.end("SIGKILL");
    const killedAt = performance.now();
    for (const { machine, cancelled, kept } of runs)
      for (const one of [cancelled, kept]) {
        const { exit, stderr, stdout } = await one.ended;
        expect(exit).toBe(1);
        expect(JSON.parse(stderr)).toMatchObject({
          error: {
            code: "link_lost",
            message: `the connection to the gateway broke while the command ran, and how it ended is not known here (run ${namedRun(one)})`,
            hint: `Ask for it when the target is back: cmd2host runs show ${namedRun(one)} --target=${machine.name}`,
          },
        });
        expect(numbered(10_000).startsWith(stdout)).toBe(true);
      }
    expect((performance.now() - killedAt) / 1_000).toBeLessThan(LEASE);
    expect((await gateway.ran("targets")).stderr).toContain("does not answer: ECONNREFUSED");

    // It stays away for longer than the lease.
    for (const { machine, cancelled } of runs) {
      await machine.served.logs("gateway gone");
      await until(
        "its record says how it ended",
        async () => (await machine.audit.of(namedRun(cancelled))).outcome !== undefined,
      );
    }
    await gateway.start();
    await gateway.untilReached("web1", "db1");
    for (const { machine, cancelled, kept } of runs) {
      await machine.untilNoCommands();
      const [first, second] = [namedRun(cancelled), namedRun(kept)];
      expect((await gateway.run(first, machine.name)).run).toMatchObject({ state: "failed", code: "cancelled" });
      expect((await gateway.run(second, machine.name)).run).toMatchObject({ state: "completed", exit_code: 0 });
      expect(await gateway.outputOf(second, machine.name)).toBe(numbered(480));
      expect(await machine.audit.of(first)).toMatchObject({ outcome: { outcome: "failed", code: "cancelled" } });
      expect(await machine.audit.of(second)).toMatchObject({ outcome: { outcome: "completed", exit_code: 0 } });
      for (const id of [first, second])
        expect(await gateway.audit.of(id)).toMatchObject({ decision: { verdict: "permit" }, outcome: undefined });
      expect(await gateway.exec(machine.name, "echo again").said()).toMatchObject({ exit: 0, stdout: "again\n" });
      expect(await machine.audit.isGood()).toBe(true);
    }
    expect(readFileSync(mark, "utf8").split("\n").sort()).toEqual(["", "db1", "web1"]);
    expect(await gateway.audit.isGood()).toBe(true);
  });
});

describe("a gateway that is killed and started again at once", () => {
  it("knows nothing of the streams that it had; machines end these commands at once, or finish them, and take new ones", async () => {
    const { gateway } = fleet;
    const machines = ["web1", "db1"].map((name) => machineOf(fleet, name));
    const runs = machines.map((machine) => ({
      machine,
      cancelled: gateway.exec(machine.name, counting(10_000)),
      kept: gateway.keep(machine.name, counting(300)),
    }));
    for (const { cancelled, kept } of runs) for (const one of [cancelled, kept]) await one.says("line 20\n");
    await gateway.served.end("SIGKILL");
    await gateway.start();
    await gateway.untilReached("web1", "db1");
    for (const { machine, cancelled, kept } of runs) {
      const { name, audit } = machine;
      expect(await gateway.exec(name, "echo again").said()).toMatchObject({ exit: 0, stdout: "again\n" });
      for (const one of [cancelled, kept]) {
        const { exit, stderr } = await one.ended;
        expect([exit, JSON.parse(stderr)]).toMatchObject([1, { error: { code: "link_lost" } }]);
        expect(await gateway.audit.of(namedRun(one))).toMatchObject({
          decision: { verdict: "permit", target: name },
          outcome: undefined,
        });
      }
      const [first, second] = [namedRun(cancelled), namedRun(kept)];
      await machine.untilNoCommands();
      expect((await gateway.run(first, name)).run).toMatchObject({ state: "failed", code: "cancelled" });
      expect((await gateway.run(second, name)).run).toMatchObject({ state: "completed", exit_code: 0 });
      expect(await gateway.outputOf(second, name)).toBe(numbered(300));
      expect(await audit.of(first)).toMatchObject({ outcome: { outcome: "failed", code: "cancelled" } });
      expect(await audit.of(second)).toMatchObject({ outcome: { outcome: "completed", exit_code: 0 } });
      expect([await audit.isGood(), await gateway.audit.isGood()]).toEqual([true, true]);
    }
  });
});

describe("a gateway that is stopped", () => {
  it("lets what runs come to its end for ten seconds, then ends it and says so, and takes nothing new", async () => {
    const { gateway } = fleet;
    const short = gateway.exec("web1", "echo begun; sleep 4; echo ended; exit 3");
    const long = gateway.exec("db1", "echo begun; sleep 1000");
    for (const one of [short, long]) await one.says("begun");
    const ending = gateway.served.end("SIGTERM");
    await gateway.served.logs("Shutting down...");
    await sleep(500);
    const late = await gateway.exec("web1", "true").ended;
    expect([late.exit, late.stderr]).toEqual([1, expect.stringContaining("gateway_unreachable")]);
    expect(await short.said()).toMatchObject({ exit: 3, stdout: "begun\nended\n", outcome: { outcome: "completed" } });
    const { exit, outcome } = await long.said();
    expect([exit, outcome]).toMatchObject([143, { outcome: "failed", code: "shutting_down" }]);
    expect((await ending).exit).toBe(0);
    const machine = machineOf(fleet, "db1");
    await machine.untilNoCommands();
    const id = outcome.run_id ?? "";
    expect(await gateway.audit.of(id)).toMatchObject({ outcome: { outcome: "failed", code: "shutting_down" } });
    expect(await machine.audit.of(id)).toMatchObject({ outcome: { outcome: "failed", code: "cancelled" } });
    expect([await machine.audit.isGood(), await gateway.audit.isGood()]).toEqual([true, true]);

    await gateway.start();
    await gateway.untilReached("web1", "db1");
    expect((await gateway.run(id, "db1")).run).toMatchObject({ state: "failed", code: "cancelled" });
  });
});
