import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { loadIdentity } from "../../link/identity.ts";
import { EnrolmentDesk } from "../../link/enrolment.ts";
import { Pins } from "../../link/pins.ts";
import { natsPlace, wayTo } from "../../nats/place.ts";
import { Base } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { machineProject, startGateway, untilReached } from "../fixtures/fleet.ts";
import { fixturePrograms } from "../fixtures/temp.ts";
import { Gathered } from "../contract/routes.ts";
import { describeNats, startServer } from "../nats/servers.ts";

describeNats("a fleet that meets on NATS", () => {
  it("runs commands on a machine that nobody can connect to, over servers that can read nothing", async () => {
    const server = await startServer();
    const servers = [`nats://127.0.0.1:${server.port}`];
    const gateway = await startGateway({ tables: `[nats]\nservers = ${JSON.stringify(servers)}\nname = "gw"\n` });
    const base = new Base().writeProject("machine", machineProject(fixturePrograms()));
    await startDaemon(base, { agent: { name: "hidden", listen: false, nats: { servers } } });
    const { link, gateways, enrolment } = base.directory;
    const desk = new EnrolmentDesk({
      directory: enrolment,
      identity: await loadIdentity(link),
      pins: new Pins(gateways),
      self: () => ({ name: "hidden", about: {} }),
    });
    const { code } = await desk.make({
      kind: "agent",
      addresses: [natsPlace("hidden")],
      about: { project: "machine" },
    });
    const client = gateway.client();
    // As soon as the agent has found the server.
    for (let tries = 0; ; tries++) {
      const failure = await client.ask("POST", "/v2/enrolments", { code }).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failure === undefined) break;
      if (tries > 200) throw failure instanceof Error ? failure : new Error("not enrolled");
      await sleep(50);
    }
    await untilReached(client, "hidden");
    const output = new Gathered();
    const count = 200;
    const running = client
      .on("hidden")
      .stream(
        { operation: "shell", params: { command: `for i in $(seq ${count}); do echo $i; sleep 0.01; done` } },
        { output },
      );
    while (output.text("stdout").length < 50) await sleep(5);
    // The broker is gone, and comes back: what was on its way is sent again.
    await server.kill();
    await sleep(300);
    await server.start();
    expect(await running).toMatchObject({ outcome: "completed", exit_code: 0 });
    expect(output.text("stdout")).toBe(Array.from({ length: count }, (_, index) => `${index + 1}\n`).join(""));
    expect(join(base.root, "link")).toBe(link);
  });
});

it("an address of NATS is told from one of the network, and the network comes first", async () => {
  const tried: string[] = [];
  const direct = (addresses: readonly string[]) => async () => {
    tried.push(...addresses);
    return Promise.reject(new Error("closed"));
  };
  const road = {
    dial: async (name: string) => {
      tried.push(`nats ${name}`);
      return Promise.reject(new Error("nobody"));
    },
  };
  const { signal } = new AbortController();
  await expect(wayTo(["h:1", natsPlace("m"), "h:2"], direct, road)(signal)).rejects.toThrow("nobody");
  expect(tried.splice(0)).toEqual(["h:1", "h:2", "nats m"]);
  await expect(wayTo([natsPlace("m")], direct, road)(signal)).rejects.toThrow("nobody");
  expect(tried.splice(0)).toEqual(["nats m"]);
  await expect(wayTo([natsPlace("m"), "h:1"], direct, undefined)(signal)).rejects.toThrow("closed");
  expect(tried).toEqual(["h:1"]);
});
