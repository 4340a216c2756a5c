import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { Sinks } from "../../host/audit/sinks.ts";
import { AuditStreamSink } from "../../nats/audit-stream.ts";
import { accountsText } from "../../nats/permissions.ts";
import { decision, ending, Logs } from "../audit/logs.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { kept, lines, managerOf, STREAM } from "./audits.ts";
import { fleetKeys, machine } from "./machines.ts";
import { describeNats, jetStreamText, startServer, until, type NatsServer } from "./servers.ts";

async function jetStreamServer(): Promise<NatsServer> {
  const directory = tempDirectory();
  return startServer(jetStreamText(directory), directory);
}

describeNats("the stream of audit records", () => {
  it("keeps the chain of a machine byte for byte, in order, and makes itself where that is allowed", async () => {
    const server = await jetStreamServer();
    const nats = await machine(server, "web1");
    const sink = new AuditStreamSink(nats, { create: true });
    const logs = new Logs();
    const log = await logs.open(new Sinks([sink]));
    for (let count = 0; count < 200; count++) {
      log.decided(decision());
      log.ended(ending());
    }
    await log.close();
    expect(sink.takeDropped()).toBe(0);
    expect(sink.trouble).toBeUndefined();
    const { text, messages } = await kept(nats, "web1");
    expect(text).toBe(
      logs
        .lines()
        .map((line) => `${line}\n`)
        .join(""),
    );
    // Those that waited went together.
    expect(messages).toBeLessThan(200);
    const { config } = await (await managerOf(nats)).streams.info(STREAM);
    expect(config).toMatchObject({
      subjects: ["cmd2host.audit.*"],
      num_replicas: 1,
      deny_delete: true,
      deny_purge: true,
      max_bytes: 1_073_741_824,
    });
  });

  it("keeps everything once when the server is killed and comes back in the middle", async () => {
    const server = await jetStreamServer();
    const nats = await machine(server, "web1");
    const sink = new AuditStreamSink(nats, { create: true });
    const all: string[] = [];
    const send = (count: number): void => {
      for (const line of lines(all.length, count)) {
        all.push(line);
        sink.send(line);
      }
    };
    send(10);
    await until("the first are there", async () =>
      kept(nats, "web1").then(
        ({ messages }) => messages > 0,
        () => false,
      ),
    );
    for (let count = 0; count < 50; count++) {
      send(20);
      await sleep(1);
    }
    await server.kill();
    for (let count = 0; count < 50; count++) {
      send(20);
      await sleep(1);
    }
    await server.start();
    await until("it is connected again", () => nats.isConnected);
    send(100);
    await until("all are there", async () => (await kept(nats, "web1")).text.length >= all.join("\n").length);
    await sink.close();
    expect((await kept(nats, "web1")).text).toBe(all.map((line) => `${line}\n`).join(""));
    expect(sink.takeDropped()).toBe(0);
  });

  it("keeps a message once that is sent again because its confirmation was lost", async () => {
    const server = await jetStreamServer();
    const nats = await machine(server, "web1");
    const line = `{"seq":1,"prev":"0","kind":"note","hash":"${"ab".repeat(32)}"}`;
    for (let count = 0; count < 2; count++) {
      const sink = new AuditStreamSink(nats, { create: true });
      sink.send(line);
      await sink.close();
      expect([sink.takeDropped(), sink.trouble]).toEqual([0, undefined]);
    }
    expect(await kept(nats, "web1")).toEqual({ text: `${line}\n`, messages: 1 });
    const message = await (await managerOf(nats)).streams.getMessage(STREAM, { seq: 1 });
    expect(message?.header.get("Nats-Msg-Id")).toBe("ab".repeat(32));
  });

  it("drops and counts what it has no room for, and what does not arrive by its end", async () => {
    const server = await startServer();
    const nats = await machine(server, "web1");
    const sink = new AuditStreamSink(nats, { create: false });
    const [line = ""] = lines(0, 1, 10_000);
    for (let count = 0; count < 100; count++) sink.send(line);
    // 52 of 20 KB fit into a megabyte.
    expect(sink.takeDropped()).toBe(48);
    sink.send("x".repeat(1_048_576));
    expect(sink.takeDropped()).toBe(1);
    await until("it is in trouble", () => sink.trouble !== undefined);
    expect(sink.trouble).toContain("jetstream is not enabled");
    const started = performance.now();
    await sink.close();
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(sink.takeDropped()).toBe(52);
    sink.send(line);
    expect(sink.takeDropped()).toBe(1);
  });

  it("waits for a server, and gives up when the connection to NATS is closed first", async () => {
    const server = await jetStreamServer();
    const nats = await machine(server, "web1");
    const sink = new AuditStreamSink(nats, { create: true });
    await server.kill();
    await until("it is noticed", () => !nats.isConnected);
    for (const line of lines(0, 3)) sink.send(line);
    await until("it is in trouble", () => sink.trouble === "there is no connection to a server");
    await nats.close();
    await sink.close();
    expect(sink.takeDropped()).toBe(3);
  });

  it("needs no right but its own subject, and says what is wrong when it lacks one", async () => {
    const directory = tempDirectory();
    const users = fleetKeys({ gw1: "gateway", web1: "agent" });
    const server = await startServer(jetStreamText(directory) + accountsText(users), directory);
    const of = async (name: string): ReturnType<typeof machine> =>
      machine(server, name, { nkeySeedFile: users.find((user) => user.name === name)?.seedFile });
    const [gateway, agent] = [await of("gw1"), await of("web1")];
    // The agent may not make the stream; it waits until a gateway has.
    const sink = new AuditStreamSink(agent, { create: true });
    sink.send("of the agent");
    await until("it may not", () => agent.said.some(({ type }) => type === "denied"));
    await sleep(800);
    // It tries again to be heard, and does not ask again for what it may not.
    expect(agent.said.filter(({ type }) => type === "denied")).toHaveLength(1);
    const other = new AuditStreamSink(gateway, { create: true });
    other.send("of the gateway");
    await other.close();
    expect(other.takeDropped()).toBe(0);
    await until("it has it", () => sink.trouble === undefined);
    await sink.close();
    expect(sink.takeDropped()).toBe(0);
    // In another machine's name it gets nowhere.
    const liar = await machine(server, "gw1", { nkeySeedFile: users[1]?.seedFile });
    const wrong = new AuditStreamSink(liar, { create: false });
    wrong.send("a lie");
    await until("it is told", () => wrong.trouble !== undefined);
    await sleep(800);
    const subject = "cmd2host.audit.gw1";
    expect(liar.said.filter((status) => status.type === "denied" && status.subject === subject)).toHaveLength(1);
    await liar.close();
    await wrong.close();
    expect(wrong.takeDropped()).toBe(1);
  });

  it("says why a stream cannot be made", async () => {
    const server = await jetStreamServer();
    const nats = await machine(server, "web1");
    const sink = new AuditStreamSink(nats, { create: true, replicas: 3, maxBytes: 1e6 });
    sink.send("x");
    await until("it is in trouble", () => sink.trouble?.includes("replicas") === true);
    const enough = new AuditStreamSink(nats, { create: true, replicas: 1, maxBytes: 1e6 });
    enough.send("y");
    await enough.close();
    expect(enough.takeDropped()).toBe(0);
    await sink.close();
    expect(sink.takeDropped()).toBe(0);
  });
});
