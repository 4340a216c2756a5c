import { once } from "node:events";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, it } from "vitest";
import type { NatsClient } from "../../nats/client.ts";
import { dial } from "../../nats/dial.ts";
import { listen } from "../../nats/listen.ts";
import { atEnd } from "../fixtures/temp.ts";
import { broken, connectedPair, heard, machine, PATIENT, patterned, pour, verifying } from "./machines.ts";
import { bundledPeer, startPeer } from "./programs.ts";
import { describeNats, startServer, until, type NatsServer } from "./servers.ts";

/** Noticed within a second. */
const LIVELY = { heartbeatMs: 300, allowHalfOpen: true };

describeNats("a server that is lost", () => {
  it("destroys both ends in the middle of a stream when it is killed, with no wrong byte, and a new dial works when it is back", async () => {
    const server = await startServer();
    const [gateway, agent] = [await machine(server, "gw"), await machine(server, "web1")];
    const { near, far } = await connectedPair(gateway, agent);
    const checks = [verifying(near), verifying(far)];
    const ends = Promise.all([broken(near), broken(far)]);
    const poured = Promise.all([pour(near, 2e9), pour(far, 2e9)]);
    await until("it is in the middle", () => checks.every(({ seen }) => seen() > 5_000_000));
    await server.kill();
    expect(await ends).toMatchObject([
      { code: "target_unreachable", message: "web1 over NATS: the server of NATS was lost" },
      { code: "target_unreachable", message: "gw over NATS: the server of NATS was lost" },
    ]);
    const sent = await poured;
    for (const [index, { seen, isWrong }] of checks.entries()) {
      expect(isWrong()).toBe(false);
      expect(seen()).toBeLessThan(sent[1 - index] ?? 0);
    }
    expect(gateway.isConnected).toBe(false);
    await expect(dial(gateway, "web1", AbortSignal.timeout(20_000))).rejects.toMatchObject({
      code: "target_unreachable",
      message: "NATS: there is no connection to a server",
    });
    const listener = listen(agent, "web1", (connection) => connection.pipe(connection));
    await server.start();
    await until("both are back", () => gateway.isConnected && agent.isConnected);
    await agent.connection.flush();
    const again = await dial(gateway, "web1", AbortSignal.timeout(20_000));
    again.end("back");
    expect((await heard(again)).bytes).toBe(4);
    expect(gateway.said.map(({ type }) => type)).toEqual(["connected", "disconnected", "connected"]);
    listener.close();
  });

  it("is noticed by both ends when it stands still, as when the network is cut", async () => {
    const server = await startServer();
    const [gateway, agent] = [await machine(server, "gw"), await machine(server, "web1")];
    const { near, far } = await connectedPair(gateway, agent, LIVELY);
    near.write("x");
    await once(far, "data");
    const ends = Promise.all([broken(near), broken(far)]);
    server.freeze();
    atEnd(() => {
      server.thaw();
    });
    expect((await ends).map((error) => error?.message)).toEqual([
      "web1 over NATS: nothing came for too long",
      "gw over NATS: nothing came for too long",
    ]);
    const mute = dial(gateway, "web1", AbortSignal.timeout(20_000), { answerMs: 200 });
    await expect(mute).rejects.toThrow("web1 over NATS: it does not answer");
  });

  it("ends a dial that is on its way", async () => {
    const server = await startServer();
    const gateway = await machine(server, "gw");
    gateway.subscribe(gateway.subjects.dial({ machine: "mute", dialler: "*" }), () => undefined);
    await gateway.connection.flush();
    const attempt = dial(gateway, "mute", AbortSignal.timeout(20_000));
    const failed = expect(attempt).rejects.toThrow("mute over NATS: the server of NATS was lost");
    await sleep(50);
    await server.kill();
    await failed;
  });

  it("leaves what had come already to be read, when the other end had ended", async () => {
    const server = await startServer();
    const [gateway, agent] = [await machine(server, "gw"), await machine(server, "web1")];
    const { near, far } = await connectedPair(gateway, agent);
    near.end(patterned(0, 400_000));
    await once(near, "finish");
    await agent.connection.flush();
    await sleep(100);
    await server.kill();
    await until("it is noticed", () => !agent.isConnected && !gateway.isConnected);
    expect((await heard(far)).bytes).toBe(400_000);
    const failed = broken(far);
    far.write("nobody takes this");
    expect((await failed)?.message).toBe("gw over NATS: the server of NATS was lost");
  });
});

describeNats("an end that is lost", () => {
  let server: NatsServer;
  let gateway: NatsClient;
  let program: string;

  beforeAll(async () => {
    [server, program] = await Promise.all([startServer(), bundledPeer()]);
    gateway = await machine(server, "gw");
  });

  it("is noticed at once when its process is killed", async () => {
    // With the long default of heartbeats: the server says that nobody listens.
    const { child } = await startPeer(program, [server.address, "victim", "echo"]);
    const near = await dial(gateway, "victim", AbortSignal.timeout(20_000));
    near.write("hello");
    await once(near, "data");
    const ended = broken(near);
    child.kill("SIGKILL");
    await once(child, "exit");
    await sleep(50);
    near.write("anybody?");
    expect((await ended)?.message).toBe("victim over NATS: the other end is gone");
  });

  it("is noticed within three heartbeats when its process stands still, also while it is written to", async () => {
    const { child, said } = await startPeer(program, [server.address, "frozen", "sink", JSON.stringify(LIVELY)]);
    const near = await dial(gateway, "frozen", AbortSignal.timeout(20_000), LIVELY);
    near.write("hello");
    await sleep(100);
    child.kill("SIGSTOP");
    const ended = broken(near);
    void pour(near, 1e9);
    expect((await ended)?.message).toBe("frozen over NATS: nothing came for too long");
    // When it goes on, it first takes what came, and learns of the end.
    child.kill("SIGCONT");
    await until("it knows", () => said().includes("gw over NATS"));
    expect(said()).toBe("ready\ngw over NATS: the other end closed the connection\n");
  });

  it("says so when it leaves NATS", async () => {
    const agent = await machine(server, "web1");
    const { near, far } = await connectedPair(gateway, agent);
    const ends = Promise.all([broken(near), broken(far)]);
    await agent.close();
    expect((await ends).map((error) => error?.message)).toEqual([
      "web1 over NATS: the other end closed the connection",
      "gw over NATS: this machine leaves NATS",
    ]);
    await expect(dial(agent, "gw", AbortSignal.timeout(20_000))).rejects.toThrow("there is no connection to a server");
  });

  it("is not guessed: two machines that answer to one name get no connection", async () => {
    const agents = [await machine(server, "twin"), await machine(server, "twin")];
    for (const agent of agents) {
      listen(agent, "twin", (connection) => connection.on("error", () => undefined), undefined, PATIENT);
      await agent.connection.flush();
    }
    const near: Duplex = await dial(gateway, "twin", AbortSignal.timeout(20_000), PATIENT);
    expect((await broken(near))?.message).toBe(
      "twin over NATS: message 0 came again, or somebody else sent it; the connection is given up",
    );
  });
});
