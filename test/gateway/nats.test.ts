import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { loadIdentity } from "../../link/identity.ts";
import { EnrolmentDesk } from "../../link/enrolment.ts";
import { Pins } from "../../link/pins.ts";
import { natsPlace, wayTo } from "../../nats/place.ts";
import { Base } from "../fixtures/base.ts";
import { NatsClient } from "../../nats/client.ts";
import type { DaemonConfig } from "../../wire/schema.ts";
import { startDaemon, type RunningDaemon } from "../fixtures/daemon.ts";
import { machineProject, startGateway, untilReached, type RunningGateway } from "../fixtures/fleet.ts";
import { atEnd, fixturePrograms, tempDirectory } from "../fixtures/temp.ts";
import { Gathered } from "../contract/routes.ts";
import { kept } from "../nats/audits.ts";
import { describeNats, jetStreamText, startServer, until } from "../nats/servers.ts";

/** A machine that listens nowhere and is enrolled at a gateway over NATS. */
async function hiddenAgent(gateway: RunningGateway, base: Base, nats: object): Promise<RunningDaemon> {
  const agent = { name: "hidden", listen: false, nats } as NonNullable<DaemonConfig["agent"]>;
  const running = await startDaemon(base, { agent });
  const { link, gateways, enrolment } = base.directory;
  const desk = new EnrolmentDesk({
    directory: enrolment,
    identity: await loadIdentity(link),
    pins: new Pins(gateways),
    self: () => ({ name: "hidden", about: {} }),
  });
  const { code } = await desk.make({ kind: "agent", addresses: [natsPlace("hidden")], about: { project: "machine" } });
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
  return running;
}

function auditText(directory: string): string {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".jsonl"))
    .sort()
    .map((name) => readFileSync(join(directory, name), "utf8"))
    .join("");
}

describeNats("a fleet that meets on NATS", () => {
  it("runs commands on a machine that nobody can connect to, over servers that can read nothing", async () => {
    const server = await startServer();
    const servers = [`nats://127.0.0.1:${server.port}`];
    const gateway = await startGateway({ tables: `[nats]\nservers = ${JSON.stringify(servers)}\nname = "gw"\n` });
    const base = new Base().writeProject("machine", machineProject(fixturePrograms()));
    await hiddenAgent(gateway, base, { servers });
    const client = gateway.client();
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
  });

  it("keeps what both ends record in a stream, whole and in order, though there was no server at first", async () => {
    const server = await startServer(jetStreamText(tempDirectory()));
    const servers = [`nats://127.0.0.1:${server.port}`];
    await server.kill();
    const tables = `[nats]\nservers = ${JSON.stringify(servers)}\nname = "gw"\naudit = true\n`;
    const gateway = await startGateway({ tables });
    const base = new Base().writeProject("machine", machineProject(fixturePrograms()));
    await server.start();
    const agent = await hiddenAgent(gateway, base, { servers, audit: true });
    const outcome = await gateway
      .client()
      .on("hidden")
      .run({ operation: "say", params: { text: "x" } });
    expect(outcome.exit_code).toBe(0);
    await agent.stop();
    await gateway.stop(0);
    const nats = await NatsClient.connect({ servers, name: "reader" }, new AbortController().signal, () => undefined);
    atEnd(async () => nats.close());
    const own = auditText(join(gateway.directory, "state/audit"));
    expect(own.split("\n").length).toBeGreaterThan(3);
    expect((await kept(nats, "gw")).text).toBe(own);
    expect((await kept(nats, "hidden")).text).toBe(auditText(base.directory.audit));
  });

  it("notices by itself that a machine has come back", async () => {
    const server = await startServer();
    const servers = [`nats://127.0.0.1:${server.port}`];
    const gateway = await startGateway({ tables: `[nats]\nservers = ${JSON.stringify(servers)}\nname = "gw"\n` });
    const base = new Base().writeProject("machine", machineProject(fixturePrograms()));
    await (await hiddenAgent(gateway, base, { servers })).stop();
    const connected = (): number => gateway.lines.filter(({ event }) => event === "agent connected").length;
    const before = connected();
    await startDaemon(base, { agent: { name: "hidden", listen: false, nats: { servers } } });
    await until("the gateway has dialled again", () => connected() > before);
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
