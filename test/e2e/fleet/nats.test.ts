import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { accountsText } from "../../../nats/permissions.ts";
import { atEnd, tempDirectory } from "../../fixtures/temp.ts";
import { fleetKeys } from "../../nats/machines.ts";
import { describeNats, PROGRAM } from "../../nats/servers.ts";
import { AgentMachine, GatewayMachine, truthOf, whole, type Exec } from "./machines.ts";
import { makeNetwork, type Host } from "./net.ts";
import { Running, until } from "./running.ts";
import { counting, numbered } from "./texts.ts";

const CLIENTS = 4_222;
const ROUTES = 6_222;
const MONITOR = 8_222;
/** More than a client of NATS takes to notice that its server is gone: 15 s. */
const LONG_LEASE = 20;

/** A nats-server on a host of the network. */
class NatsHost {
  readonly host: Host;
  readonly name: string;
  readonly #configuration = join(tempDirectory(), "nats.conf");
  #running: Running | undefined;

  constructor(host: Host, name: string, all: readonly Host[], accounts: string) {
    this.host = host;
    this.name = name;
    const routes = all.map(({ address }) => `nats://${address}:${ROUTES}`);
    writeFileSync(
      this.#configuration,
      `server_name: ${name}
listen: ${host.address}:${CLIENTS}
http: ${host.address}:${MONITOR}
jetstream: { store_dir: ${JSON.stringify(join(tempDirectory(), "jetstream"))}, max_memory_store: 16MB, max_file_store: 1GB }
cluster: { name: fleet, listen: ${host.address}:${ROUTES}, routes: ${JSON.stringify(routes)} }
${accounts}`,
    );
    atEnd(async () => this.kill());
  }

  get address(): string {
    return `nats://${this.host.address}:${CLIENTS}`;
  }

  start(): void {
    this.#running = new Running(this.host, [PROGRAM ?? "", "-c", this.#configuration], { PATH: process.env["PATH"] });
  }

  async kill(): Promise<void> {
    this.#running?.kill("SIGKILL");
    await this.#running?.ended;
  }

  /** What it says of itself; undefined while it does not answer. */
  async about(page: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const url = `http://${this.host.address}:${MONITOR}/${page}`;
    const { exit, stdout } = await new Running(this.host, ["curl", "-s", "-m", "5", url], {
      PATH: process.env["PATH"],
    }).ended;
    return exit === 0 ? (JSON.parse(stdout) as Record<string, unknown>) : undefined;
  }

  /** The names of the machines that are connected to it. */
  async clients(): Promise<readonly string[]> {
    const about = await this.about("connz?auth=1");
    const { connections = [] } = (about ?? {}) as { readonly connections?: readonly { readonly name?: string }[] };
    return connections.map(({ name = "" }) => name).sort();
  }
}

/** Which server leads JetStream; undefined while none does. */
async function leaderOf(server: NatsHost): Promise<string | undefined> {
  const about = (await server.about("jsz")) as { readonly meta_cluster?: { readonly leader?: string } } | undefined;
  return about?.meta_cluster?.leader;
}

describeNats("a fleet that meets on a cluster of NATS", () => {
  let servers: readonly NatsHost[];
  let gateway: GatewayMachine;
  let agents: readonly AgentMachine[];
  let leader: NatsHost;
  let follower: NatsHost;
  let last: NatsHost;

  beforeAll(async () => {
    const [first, one, two, ...others] = makeNetwork(6);
    if (first === undefined || one === undefined || two === undefined) throw new Error("six hosts are needed");
    const keys = fleetKeys({ gw: "gateway", left: "agent", right: "agent" });
    const seedOf = (name: string): string => keys.find((key) => key.name === name)?.seedFile ?? "";
    servers = others.map((host, index) => new NatsHost(host, `nats${index + 1}`, others, accountsText(keys)));
    for (const server of servers) server.start();
    const [any] = servers;
    await until("there is a leader", async () => any !== undefined && (await leaderOf(any)) !== undefined);
    const name = any === undefined ? undefined : await leaderOf(any);
    const [found] = servers.filter((server) => server.name === name);
    const [next, another] = servers.filter((server) => server.name !== name);
    if (found === undefined || next === undefined || another === undefined) throw new Error("three servers are needed");
    [leader, follower, last] = [found, next, another];

    const machine = async (host: Host, own: string, server: NatsHost): Promise<AgentMachine> =>
      AgentMachine.start(host, own, {
        dials: true,
        agent: { nats: { servers: [server.address], nkey_seed_file: seedOf(own) } },
      });
    const tables = `[nats]\nname = "gw"\nservers = [${JSON.stringify(leader.address)}]\nnkey_seed = ${JSON.stringify(seedOf("gw"))}\n`;
    [gateway, ...agents] = await Promise.all([
      GatewayMachine.start(first, { tables, lease: LONG_LEASE }),
      machine(one, "left", follower),
      machine(two, "right", leader),
    ]);
    // Nobody reaches anybody but the servers.
    for (const { host } of agents) first.cut(host);
    for (const agent of agents) {
      await until(`${agent.name} is enrolled`, async () =>
        agent.enrol(gateway).then(
          () => true,
          () => false,
        ),
      );
      await gateway.untilReached(agent.name);
    }
  });

  it("goes on exactly when one server is killed and the leader is cut off in the middle of a stream", async () => {
    expect([await leader.clients(), await follower.clients(), await last.clients()]).toEqual([
      ["gw", "right"],
      ["left"],
      [],
    ]);
    const lines = 1_300;
    const running = agents.map(({ name }) => gateway.exec(name, counting(lines)));
    for (const one of running) await one.says("line 20\n");
    await follower.kill();
    await gateway.served.logs("agent: goes on", { target: "left" });
    leader.host.unplug();
    for (const { name } of agents) {
      const times = name === "left" ? 2 : 1;
      await gateway.served.logs("agent: goes on", { target: name }, times);
    }
    await expectWhole(running, lines);
    expect(await last.clients()).toEqual(["gw", "left", "right"]);
  });

  it("goes on exactly when all servers are killed and started again in the middle of a stream", async () => {
    leader.host.plug();
    await follower.kill();
    follower.start();
    await until("the cluster is whole", async () => (await leaderOf(follower)) !== undefined);
    const lines = 600;
    const times = agents.map(({ name }) => gateway.served.count("agent: goes on", { target: name }));
    const running = agents.map(({ name }) => gateway.exec(name, counting(lines)));
    for (const one of running) await one.says("line 20\n");
    await Promise.all(servers.map(async (server) => server.kill()));
    for (const server of servers) server.start();
    for (const [index, { name }] of agents.entries())
      await gateway.served.logs("agent: goes on", { target: name }, (times[index] ?? 0) + 1);
    await expectWhole(running, lines);
  });

  it("loses what runs when no server is there for longer than the lease, and is whole again when one is", async () => {
    const running = agents.map(({ name }) => gateway.exec(name, counting(10_000)));
    for (const one of running) await one.says("line 20\n");
    await Promise.all(servers.map(async (server) => server.kill()));
    const ends = await Promise.all(running.map(async (one) => one.said()));
    for (const server of servers) server.start();
    for (const [index, { name, audit }] of agents.entries()) {
      const { exit, outcome } = ends[index] ?? {};
      expect([exit, outcome]).toMatchObject([1, { outcome: "failed", code: "link_lost" }]);
      const id = outcome?.run_id ?? "";
      await gateway.untilReached(name);
      expect((await gateway.run(id, name)).run).toMatchObject({ state: "failed", code: "cancelled" });
      expect(await gateway.audit.of(id)).toMatchObject({ outcome: { outcome: "failed", code: "link_lost" } });
      expect(await audit.of(id)).toMatchObject({ outcome: { outcome: "failed", code: "cancelled" } });
      expect(await gateway.exec(name, "echo again").said()).toMatchObject({ exit: 0, stdout: "again\n" });
    }
  });

  /** Every command ran to its end, every byte of it came, all records say so, and no session was lost on the way. */
  async function expectWhole(running: readonly Exec[], lines: number): Promise<void> {
    for (const [index, agent] of agents.entries()) {
      const said = await running[index]?.said();
      expect([said?.exit, said?.stdout]).toEqual([0, numbered(lines)]);
      if (said !== undefined) expect(await truthOf(gateway, agent, said)).toEqual(whole(0, numbered(lines).length));
      expect(gateway.served.count("agent connected", { target: agent.name })).toBe(1);
    }
  }
});
