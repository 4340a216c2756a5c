import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { Base } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { freePort } from "../fixtures/fleet.ts";
import { rawGateway } from "../fixtures/raw-gateway.ts";

/** Two gateways for one policy, and one for another, on a machine whose owner says that callers are the same at all of them. */
const policy = {
  machine: {},
  allowed_operations: ["nap"],
  operations: { nap: { command: "sleep", args_template: ["60"] } },
};
const base = new Base().writeProject("machine", policy).writeProject("other", policy);
const port = await freePort();
await startDaemon(base, {
  agent: { name: "web1", listen_address: "127.0.0.1", listen_port: port, shared_callers: true },
});

type Ask = (message: object, caller?: string, id?: string) => Promise<Record<string, unknown>>;

async function gateway(name: string, project: string): Promise<Ask> {
  const ask = await rawGateway(base, port, name, project);
  return async (message, caller = "alice", id = randomUUID()) => {
    const reply = await ask({ protocol: 2, ...message, via: { caller, target: "web1", id } });
    return JSON.parse(reply) as Record<string, unknown>;
  };
}

it("a caller finds through one gateway what it began through another one, and nobody else does", async () => {
  const [first, second, elsewhere] = [
    await gateway("first", "machine"),
    await gateway("second", "machine"),
    await gateway("elsewhere", "other"),
  ];
  const id = randomUUID();
  const napping = first({ operation: "nap" }, "alice", id);
  while (typeof (await second({ run_status: id }))["run"] !== "object") await sleep(10);
  expect(await second({ list_runs: true })).toMatchObject({ runs: [{ run_id: id }] });
  expect(await second({ run_status: id }, "bob")).toMatchObject({ code: "run_unknown" });
  expect(await elsewhere({ run_status: id })).toMatchObject({ code: "run_unknown" });
  expect(await elsewhere({ cancel_run: id })).toMatchObject({ code: "run_unknown" });
  await second({ cancel_run: id });
  expect(await napping).toMatchObject({ code: "cancelled" });

  rmSync(join(base.directory.gateways, "first.json"));
  expect(await second({ run_status: id })).toMatchObject({ run: { run_id: id, state: "failed" } });
});
