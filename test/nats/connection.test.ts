import { once } from "node:events";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, it } from "vitest";
import type { NatsClient } from "../../nats/client.ts";
import { dial } from "../../nats/dial.ts";
import { listen } from "../../nats/listen.ts";
import { encodeMessage, encodeTerms, MESSAGE } from "../../nats/messages.ts";
import { atEnd } from "../fixtures/temp.ts";
import {
  broken,
  connectedPair,
  heard,
  machine,
  PATIENT,
  patterned,
  pour,
  random,
  textOf,
  verifying,
} from "./machines.ts";
import { describeNats, startServer, until, type NatsServer } from "./servers.ts";

describeNats("a connection over one NATS server", () => {
  let server: NatsServer;
  let gateway: NatsClient;
  let agent: NatsClient;

  beforeAll(async () => {
    server = await startServer();
    gateway = await machine(server, "gw1");
    agent = await machine(server, "web1.example/ct 7");
  });

  const pair = async (options = PATIENT, farOptions = options) => connectedPair(gateway, agent, options, farOptions);

  it("carries exactly what was written, of every size around a chunk, in both directions at once", async () => {
    for (const size of [1, 65_535, 65_536, 65_537, 1_000_000]) {
      const { near, far } = await pair();
      const [there, back] = [random(size), random(size)];
      near.end(there.bytes);
      far.end(back.bytes);
      const [atFar, atNear] = await Promise.all([heard(far), heard(near)]);
      expect([atFar, atNear]).toEqual([
        { bytes: size, sha256: there.sha256, error: undefined },
        { bytes: size, sha256: back.sha256, error: undefined },
      ]);
    }
  });

  it("carries 50 MB each way at once, in writes of any size", async () => {
    const { near, far } = await pair();
    const checks = [verifying(near), verifying(far)];
    const total = 50_000_000;
    const ended = Promise.all([once(near, "end"), once(far, "end")]);
    await Promise.all([
      pour(near, total, 77_777).then(() => near.end()),
      pour(far, total, 300_000).then(() => far.end()),
    ]);
    await ended;
    expect(checks.map(({ seen, isWrong }) => [seen(), isWrong()])).toEqual([
      [total, false],
      [total, false],
    ]);
  });

  it("says who dialled, and lets a name hold any character", async () => {
    const come: string[] = [];
    const listener = listen(agent, "größe .*>", (connection, { dialler }) => {
      come.push(dialler);
      connection.destroy();
    });
    atEnd(() => {
      listener.close();
    });
    await agent.connection.flush();
    const connection = await dial(gateway, "größe .*>", AbortSignal.timeout(20_000));
    expect((await broken(connection))?.message).toContain("the other end closed the connection");
    expect(come).toEqual(["gw1"]);
  });

  it("shares connections among all who listen under one name with a queue", async () => {
    const counts = [0, 0];
    for (const index of [0, 1])
      listen(
        agent,
        "pool",
        (connection) => {
          counts[index] = (counts[index] ?? 0) + 1;
          connection.on("error", () => undefined);
        },
        "pool",
      );
    await agent.connection.flush();
    const all = await Promise.all(
      Array.from({ length: 40 }, async () => dial(gateway, "pool", AbortSignal.timeout(20_000))),
    );
    await until("all came", () => counts.reduce((sum, count) => sum + count, 0) === 40);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    for (const connection of all) connection.destroy();
  });

  it("ends one direction and lets the other one go on, where that is wanted", async () => {
    const { near, far } = await pair();
    near.end("question");
    expect(await textOf(far)).toBe("question");
    far.write("ans");
    await sleep(50);
    far.end("wer");
    expect(await textOf(near)).toBe("answer");
    await Promise.all([broken(near), broken(far)]);
    expect([near.errored, far.errored]).toEqual([null, null]);
  });

  it("ends both directions with one, as a socket does, where nothing else was said", async () => {
    const { near, far } = await pair({ ...PATIENT, allowHalfOpen: false });
    near.end("last words");
    const closed = Promise.all([broken(near), broken(far)]);
    expect((await heard(far)).bytes).toBe(10);
    near.resume();
    expect(await closed).toEqual([undefined, undefined]);
    expect(() => far.write("more")).not.toThrow();
  });

  it("tells the other end of being destroyed", async () => {
    for (const why of [undefined, new Error("mine")]) {
      const { near, far } = await pair();
      far.write("not read");
      const ends = Promise.all([broken(near), broken(far)]);
      near.destroy(why);
      const [own, other] = await ends;
      expect(own).toBe(why);
      expect(other).toMatchObject({
        code: "target_unreachable",
        message: "gw1 over NATS: the other end closed the connection",
      });
    }
  });

  it("still gives what came when the other end ended, and then went away", async () => {
    const { near, far } = await pair();
    near.write(patterned(0, 500_000));
    near.end();
    await once(near, "finish");
    near.destroy();
    await sleep(100);
    expect(far.destroyed).toBe(false);
    const { bytes, error } = await heard(far);
    expect([bytes, error]).toEqual([500_000, undefined]);
    // Nobody is there to take anything.
    const failed = broken(far);
    far.write("more");
    expect(await failed).toMatchObject({ code: "target_unreachable" });
  });

  it("fails what is being written when it is destroyed", async () => {
    const { near, far } = await pair();
    far.on("error", () => undefined);
    const failed = new Promise((resolve) => near.write(Buffer.alloc(20_000_000), resolve));
    near.destroy();
    expect(await failed).toMatchObject({ message: expect.stringContaining("closed") as unknown });
  });

  it("holds a writer whose reader stands still, in bounded memory, and loses nothing", async () => {
    const options = { ...PATIENT, window: 262_144, maxWindow: 524_288 };
    const { near, far } = await pair(options);
    const total = 30_000_000;
    const before = gateway.connection.stats().outBytes;
    const poured = pour(near, total).then(() => near.end());
    await sleep(1_000);
    // The window, and a little for what begins the connection.
    expect(gateway.connection.stats().outBytes - before).toBeLessThan(300_000);
    const check = verifying(far);
    const ended = once(far, "end");
    for (let count = 0; count < 20; count++) {
      far.pause();
      await sleep(5);
      far.resume();
      await sleep(5);
    }
    await Promise.all([poured, ended]);
    expect([check.seen(), check.isWrong()]).toEqual([total, false]);
  });

  it("takes very many tiny writes, in bounded memory", async () => {
    const { near, far } = await pair();
    const before = gateway.connection.stats().outMsgs;
    for (let count = 0; count < 20_000; count++) near.write("x");
    await sleep(200);
    expect(gateway.connection.stats().outMsgs - before).toBeLessThan(5_000);
    near.end();
    expect((await heard(far)).bytes).toBe(20_000);
  });

  it("can be read with read(), a few bytes at a time", async () => {
    const { near, far } = await pair();
    near.end(patterned(0, 3_000_000));
    let seen = 0;
    for await (const chunk of far) {
      const bytes = chunk as Buffer;
      if (!bytes.equals(patterned(seen, bytes.length))) throw new Error(`wrong at ${seen}`);
      seen += bytes.length;
    }
    expect(seen).toBe(3_000_000);
    near.destroy();
  });

  it("lives as long as both ends live, and nobody says anything", async () => {
    const { near, far } = await pair({ allowHalfOpen: true, heartbeatMs: 60 });
    await sleep(700);
    near.end("still there");
    expect(await textOf(far)).toBe("still there");
    far.end();
    near.resume();
    expect(await broken(near)).toBeUndefined();
  });

  it("throws what a listener throws where nobody catches it, and goes on", async () => {
    const { near, far } = await pair();
    const caught = new Promise<unknown>((resolve) => {
      const listeners = process.listeners("uncaughtException");
      process.removeAllListeners("uncaughtException");
      process.once("uncaughtException", (error) => {
        for (const listener of listeners) process.on("uncaughtException", listener);
        resolve(error);
      });
    });
    const thrown = new Error("a bug of whoever listens");
    far.once("data", () => {
      throw thrown;
    });
    near.write("x");
    expect(await caught).toBe(thrown);
    far.resume();
    const other = await pair();
    other.near.end("y");
    expect((await heard(other.far)).bytes).toBe(1);
  });

  it("says at once that nobody listens", async () => {
    const started = performance.now();
    await expect(dial(gateway, "nobody", AbortSignal.timeout(20_000))).rejects.toMatchObject({
      code: "target_unreachable",
      message: "nobody over NATS: no machine of this name is there",
    });
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it("gives up on who listens and does not answer, and when it is told to", async () => {
    agent.subscribe(agent.subjects.dial({ machine: "mute", dialler: "*" }), () => undefined);
    await agent.connection.flush();
    await expect(dial(gateway, "mute", AbortSignal.timeout(20_000), { answerMs: 100 })).rejects.toMatchObject({
      code: "target_unreachable",
      message: "mute over NATS: it does not answer",
    });
    const stop = new AbortController();
    const attempt = dial(gateway, "mute", stop.signal);
    stop.abort(new Error("not wanted any more"));
    await expect(attempt).rejects.toThrow("not wanted any more");
    await expect(dial(gateway, "mute", stop.signal)).rejects.toThrow("not wanted any more");
    const other = new AbortController();
    const second = dial(gateway, "mute", other.signal);
    other.abort("a word");
    await expect(second).rejects.toThrow("a word");
  });

  it("forgets a dialler that does not confirm", async () => {
    const come: Duplex[] = [];
    const listener = listen(agent, "careful", (connection) => come.push(connection), undefined, { answerMs: 100 });
    const ends = { machine: "careful", dialler: "gw1" };
    const answers: Buffer[] = [];
    const reply = gateway.subjects.from(ends, "A".repeat(22));
    gateway.subscribe(reply, (message) => answers.push(Buffer.from(message.data)));
    await Promise.all([agent.connection.flush(), gateway.connection.flush()]);
    gateway.publish(
      gateway.subjects.dial(ends),
      Buffer.from("01" + "0".repeat(16) + "01" + "00100000" + "00010000", "hex"),
      reply,
    );
    // An accept, and then the reset of who waited for nothing.
    await until("both came", () => answers.length === 2);
    expect(answers.map(([type]) => type)).toEqual([0x02, 0x08]);
    expect(come).toEqual([]);
    listener.close();
  });

  it("takes no more connections than 64 from one dialler, and lets others in", async () => {
    const listener = listen(agent, "busy", (connection) => {
      connection.on("error", () => undefined);
    });
    await agent.connection.flush();
    const open: Duplex[] = [];
    for (let count = 0; count < 64; count++) open.push(await dial(gateway, "busy", AbortSignal.timeout(20_000)));
    await expect(dial(gateway, "busy", AbortSignal.timeout(20_000))).rejects.toMatchObject({
      code: "target_unreachable",
      message: "busy over NATS: it takes no more connections",
    });
    const other = await machine(server, "gw2");
    (await dial(other, "busy", AbortSignal.timeout(20_000))).destroy();
    for (const connection of open) connection.destroy();
    await until("there is room again", async () =>
      dial(gateway, "busy", AbortSignal.timeout(20_000)).then(
        (connection) => {
          connection.destroy();
          return true;
        },
        () => false,
      ),
    );
    listener.close();
    await agent.connection.flush();
    await expect(dial(gateway, "busy", AbortSignal.timeout(20_000))).rejects.toThrow("no machine of this name");
  });
});

describeNats("a server that takes only small messages", () => {
  it("carries the same in smaller ones, and says so where even that is too little", async () => {
    const [server, tiny] = await Promise.all([startServer("max_payload: 8192"), startServer("max_payload: 512")]);
    const [gateway, agent] = [await machine(server, "gw"), await machine(server, "web1")];
    const { near, far } = await connectedPair(gateway, agent);
    const { bytes, sha256 } = random(1_000_000);
    near.end(bytes);
    expect(await heard(far)).toEqual({ bytes: 1_000_000, sha256, error: undefined });
    const poor = await machine(tiny, "gw");
    await expect(dial(poor, "web1", AbortSignal.timeout(20_000))).rejects.toMatchObject({ code: "nats_unusable" });
    // A listener cannot say so to who dials, and takes nobody.
    const listener = listen(poor, "gw", () => undefined);
    const ends = { machine: "gw", dialler: "gw" };
    const terms = encodeTerms({ window: 100_000, chunk: 50_000 });
    const answers: unknown[] = [];
    const reply = poor.subjects.from(ends, "A".repeat(22));
    poor.subscribe(reply, (message) => answers.push(message));
    poor.publish(poor.subjects.dial(ends), encodeMessage(MESSAGE.dial, 0n, terms), reply);
    await poor.connection.flush();
    await poor.connection.flush();
    expect(answers).toEqual([]);
    listener.close();
  });
});
