import { beforeAll, describe, expect, it } from "vitest";
import { startFleet, type Fleet } from "./machines.ts";
import { makeNetwork } from "./net.ts";

let fleet: Fleet;

beforeAll(async () => {
  fleet = await startFleet(makeNetwork(5), {
    web1: { tags: ["web"] },
    web2: { tags: ["web"] },
    db1: { tags: ["db"], dials: true },
    db2: { tags: ["db"], dials: true },
  });
});

describe("five machines", () => {
  it("run a command each, two that listen and two that dial out", async () => {
    const { gateway, agents } = fleet;
    const names = Object.keys(agents);
    expect(names).toEqual(["web1", "web2", "db1", "db2"]);
    for (const name of names) {
      const command = `printf '%s|' "a  b" '$HOME'; cat /sys/class/net/eth0/address >&2; exit 7`;
      const { exit, stdout, outcome } = await gateway.exec(name, command).said();
      expect([name, exit, stdout]).toEqual([name, 7, "a  b|$HOME|"]);
      console.log(outcome);
    }
  });
});
