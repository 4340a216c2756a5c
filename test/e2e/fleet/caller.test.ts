import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { Exec, machineOf, startFleet, truthOf, whole, type Fleet } from "./machines.ts";
import { makeNetwork, type Host } from "./net.ts";
import { cmd2host, type Recorded } from "./program.ts";
import { until } from "./running.ts";
import { counting, numbered } from "./texts.ts";

let fleet: Fleet;
/** Where somebody sits who asks the gateway, and nothing of the fleet runs. */
let desk: Host;

beforeAll(async () => {
  const [first, own, ...others] = makeNetwork(4);
  if (first === undefined || own === undefined) throw new Error("four hosts are needed");
  desk = own;
  fleet = await startFleet([first, ...others], { web1: {}, db1: { dials: true } });
});

function exec(...words: readonly string[]): Exec {
  return new Exec(desk, cmd2host("exec", ...words, "--json"), fleet.gateway.environment());
}

describe("a caller that is killed", () => {
  it("ends its command on the machine, or not when the policy lets it finish; both records say how it went", async () => {
    const { gateway } = fleet;
    for (const name of ["web1", "db1"]) {
      const machine = machineOf(fleet, name);
      const cancelled = exec(name, counting(10_000));
      const kept = exec(name, "--operation=keep", `--param=command=${counting(200)}`);
      for (const one of [cancelled, kept]) {
        await one.says("line 20\n");
        one.kill("SIGKILL");
        await one.ended;
      }
      await machine.untilNoCommands();
      // Both were started at once: which is the newest, nobody knows.
      const newest = (await machine.audit.all()).slice(0, 2);
      const recorded = (operation: string): Recorded | undefined =>
        newest.find(({ decision }) => decision?.["operation"] === operation);
      const [drop, keep] = [recorded("shell"), recorded("keep")];
      expect([drop?.outcome, keep?.outcome]).toMatchObject([
        { outcome: "failed", code: "cancelled" },
        { outcome: "completed", exit_code: 0 },
      ]);
      const [first, second] = [String(drop?.decision?.["id"]), String(keep?.decision?.["id"])];
      expect((await gateway.run(first, name)).run).toMatchObject({ state: "failed", code: "cancelled" });
      expect((await gateway.run(second, name)).run).toMatchObject({ state: "completed", exit_code: 0 });
      expect(await gateway.outputOf(second, name)).toBe(numbered(200));
      for (const id of [first, second])
        await until("the gateway has written how it ended", async () => {
          const { decision, outcome } = await gateway.audit.of(id);
          return decision?.["target"] === name && outcome?.["outcome"] === "failed" && outcome["code"] === "cancelled";
        });
      expect([await machine.audit.isGood(), await gateway.audit.isGood()]).toEqual([true, true]);
    }
  });
});

describe("a caller that is cut off from the gateway", () => {
  it("for some seconds loses nothing", async () => {
    const { gateway } = fleet;
    const said = exec("web1", counting(300));
    await said.says("line 20\n");
    desk.cut(gateway.host);
    await sleep(4_000);
    desk.heal(gateway.host);
    const ended = await said.said();
    expect([ended.exit, ended.stdout]).toEqual([0, numbered(300)]);
    expect(await truthOf(gateway, machineOf(fleet, "web1"), ended)).toEqual(whole(0, ended.stdout.length));
  });
});
