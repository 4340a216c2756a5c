import { beforeAll, expect, it } from "vitest";
import { dial } from "../../nats/dial.ts";
import { listen } from "../../nats/listen.ts";
import { broken, connectedPair, heard, machine, pour, verifying } from "./machines.ts";
import { describeNats, startCluster, until, type NatsServer } from "./servers.ts";

describeNats("a connection over a cluster of three servers", () => {
  let servers: readonly [NatsServer, NatsServer, NatsServer];

  beforeAll(async () => {
    servers = await startCluster();
    const [first] = servers;
    const probe = await machine(first, "probe");
    // Each says that it is in the cluster as soon as the routes are there.
    await until("the routes are there", () => probe.connection.getServers().length === 3);
    await probe.close();
  });

  it("goes on exactly when a server that neither end uses is killed, and dies exactly when one that an end uses is", async () => {
    const [first, second, third] = servers;
    const gateway = await machine(first, "gw");
    const agent = await machine(second, "web1");
    expect(gateway.isClustered).toBe(true);
    expect([gateway.serverName, agent.serverName]).toEqual(["node1", "node2"]);
    // Who waits for credit says nothing before its next heartbeat, and learns only then that nobody listens.
    const { near, far } = await connectedPair(gateway, agent, { heartbeatMs: 2_000, allowHalfOpen: true });
    const checks = [verifying(near), verifying(far)];
    const sent = Promise.all([pour(near, 4e9), pour(far, 4e9)]);
    const seen = (): number => Math.min(...checks.map((check) => check.seen()));
    await until("it is in the middle", () => seen() > 5_000_000);
    const before = seen();
    await third.kill();
    await until("it went on", () => seen() > before + 20_000_000);
    expect([near.destroyed, far.destroyed]).toEqual([false, false]);

    const ends = Promise.all([broken(near), broken(far)]);
    await second.kill();
    const errors = await ends;
    expect(errors[0]?.message).toMatch(/^web1 over NATS: (the other end is gone|the other end closed the connection)$/);
    expect(errors[1]?.message).toBe("gw over NATS: the server of NATS was lost");
    const written = await sent;
    for (const [index, check] of checks.entries()) {
      expect(check.isWrong()).toBe(false);
      expect(check.seen()).toBeLessThan(written[1 - index] ?? 0);
    }

    // The agent knows the other servers from the one that it had.
    const listener = listen(agent, "web1", (connection) => connection.pipe(connection));
    await until("the agent is at the last server", () => agent.isConnected && agent.serverName === "node1");
    await agent.connection.flush();
    const again = await dial(gateway, "web1", AbortSignal.timeout(20_000));
    again.end("here again");
    expect((await heard(again)).bytes).toBe(10);
    listener.close();
  });
});
