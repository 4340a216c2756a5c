import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { tempDirectory } from "../../fixtures/temp.ts";
import { LEASE, machineOf, startFleet, truthOf, whole, type Fleet } from "./machines.ts";
import { makeNetwork } from "./net.ts";
import { until } from "./running.ts";
import { counting, numbered, sequence } from "./texts.ts";

let fleet: Fleet;

beforeAll(async () => {
  fleet = await startFleet(makeNetwork(5), { web1: {}, web2: {}, db1: { dials: true }, db2: { dials: true } });
});

describe("a cut that heals within the lease", () => {
  it("loses no line, and no session, whichever side dials", async () => {
    const { gateway } = fleet;
    const lines = 320;
    const machines = [machineOf(fleet, "web1"), machineOf(fleet, "db1")];
    const running = machines.map(({ name }) => gateway.exec(name, counting(lines)));
    for (const one of running) await one.says("line 20\n");
    for (const { host } of machines) gateway.host.cut(host);
    await sleep(5_000);
    // Both ends have given the connection up by now, or do at any moment.
    for (const { name, served } of machines) {
      await gateway.served.logs("agent: connection lost", { target: name });
      await served.logs("gateway: connection lost");
    }
    for (const { host } of machines) gateway.host.heal(host);
    for (const [index, machine] of machines.entries()) {
      const said = await running[index]?.said();
      expect([said?.exit, said?.stdout]).toEqual([0, numbered(lines)]);
      if (said !== undefined) expect(await truthOf(gateway, machine, said)).toEqual(whole(0, numbered(lines).length));
    }
    for (const { name, served } of machines) {
      await gateway.served.logs("agent: goes on", { target: name });
      await served.logs("gateway: goes on");
      expect([gateway.served.count("agent connected", { target: name }), served.count("gateway connected")]).toEqual([
        1, 1,
      ]);
      expect([gateway.served.count("agent gone"), served.count("gateway gone")]).toEqual([0, 0]);
    }
  });
});

describe("a cut for longer than the lease", () => {
  it("ends the call as lost, with the id of the run; the machine ends the command, or finishes it when its policy says so", async () => {
    const { gateway } = fleet;
    const machine = machineOf(fleet, "web2");
    const { name, audit, served } = machine;
    const mark = join(tempDirectory(), "mark");
    const cancelled = gateway.exec(name, counting(10_000));
    const kept = gateway.keep(name, `${counting(500)}; echo done > ${mark}`);
    for (const one of [cancelled, kept]) await one.says("line 20\n");
    const cutAt = performance.now();
    gateway.host.cut(machine.host);
    const ends = await Promise.all([cancelled.said(), kept.said()]);
    const seconds = (performance.now() - cutAt) / 1_000;
    // Two thirds of the lease until the silence is noticed, the lease until nobody comes any more.
    expect(seconds).toBeLessThan(2 * LEASE + 10);
    const ids = ends.map(({ outcome }) => outcome.run_id ?? "");
    for (const [index, { exit, stdout, outcome, stderr }] of ends.entries()) {
      expect([exit, outcome]).toMatchObject([
        1,
        { outcome: "failed", code: "link_lost", exit_code: 1, stdout_bytes: stdout.length },
      ]);
      expect(stderr).toContain(`cmd2host runs show ${ids[index] ?? ""} --target=${name}`);
      expect(numbered(10_000).startsWith(stdout)).toBe(true);
    }

    // Nobody can reach the machine yet: it sees to its commands by itself.
    await until("the machine ends one command and finishes the other", () => machine.commands.length === 0);
    expect(readFileSync(mark, "utf8")).toBe("done\n");
    expect(await audit.of(ids[0] ?? "")).toMatchObject({ outcome: { outcome: "failed", code: "cancelled" } });
    expect(await audit.of(ids[1] ?? "")).toMatchObject({ outcome: { outcome: "completed", exit_code: 0 } });
    for (const id of ids)
      expect(await gateway.audit.of(id)).toMatchObject({
        decision: { verdict: "permit", caller: "admin", target: name },
        outcome: { outcome: "failed", code: "link_lost" },
      });

    gateway.host.heal(machine.host);
    await gateway.untilReached(name);
    expect(await gateway.exec(name, "echo again").said()).toMatchObject({ exit: 0, stdout: "again\n" });
    await gateway.served.logs("agent connected", { target: name }, 2);
    expect([gateway.served.count("agent gone", { target: name }), served.count("gateway gone")]).toEqual([1, 1]);
    const [first, second] = await Promise.all(ids.map(async (id) => gateway.run(id, name)));
    expect(first?.run).toMatchObject({ state: "failed", code: "cancelled" });
    expect(second?.run).toMatchObject({ state: "completed", exit_code: 0 });
    expect(await gateway.outputOf(ids[1] ?? "", name)).toBe(numbered(500));
    expect([await audit.isGood(), await gateway.audit.isGood()]).toEqual([true, true]);
  });
});

describe("a bad network", () => {
  it("that resets connections for three seconds loses nothing, whichever side dials", async () => {
    const { gateway } = fleet;
    const machines = [machineOf(fleet, "web1"), machineOf(fleet, "db1")];
    const before = machines.map(({ name }) => gateway.served.count("agent: goes on", { target: name }));
    const lines = 280;
    const running = machines.map(({ name }) => gateway.exec(name, counting(lines)));
    for (const one of running) await one.says("line 20\n");
    for (const { host } of machines) gateway.host.reject(host);
    await sleep(3_000);
    for (const { host } of machines) gateway.host.heal(host);
    for (const [index, machine] of machines.entries()) {
      const { name } = machine;
      const said = await running[index]?.said();
      expect([said?.exit, said?.stdout]).toEqual([0, numbered(lines)]);
      if (said !== undefined) expect(await truthOf(gateway, machine, said)).toEqual(whole(0, numbered(lines).length));
      await gateway.served.logs("agent: goes on", { target: name }, (before[index] ?? 0) + 1);
      expect(gateway.served.count("agent connected", { target: name })).toBe(1);
    }
  });

  it("that loses every fifth packet loses nothing of a stream", async () => {
    const { gateway } = fleet;
    const machine = machineOf(fleet, "web2");
    machine.host.lose(20);
    const said = await gateway.exec(machine.name, `${counting(100)}; seq 10000`).said();
    machine.host.loseNothing();
    const text = numbered(100) + sequence(10_000);
    expect([said.exit, said.stdout]).toEqual([0, text]);
    expect(await truthOf(gateway, machine, said)).toEqual(whole(0, text.length));
  });

  it("that carries a megabit a second delivers a stream whole, and at its own pace", async () => {
    const { gateway } = fleet;
    const machine = machineOf(fleet, "db2");
    machine.host.slowDown("1mbit");
    const said = await gateway.exec(machine.name, "seq 60000").said();
    machine.host.speedUp();
    expect([said.exit, said.stdout]).toEqual([0, sequence(60_000)]);
    expect(await truthOf(gateway, machine, said)).toEqual(whole(0, said.stdout.length));
    // 348 kB at 125 kB/s, less what fits into the bucket and the buffers: without the limit it takes no time.
    expect(said.seconds).toBeGreaterThan(2);
  });
});
