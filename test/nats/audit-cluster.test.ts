import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { AuditStreamSink } from "../../nats/audit-stream.ts";
import { kept, lines, managerOf, STREAM } from "./audits.ts";
import { machine } from "./machines.ts";
import { describeNats, startCluster, until } from "./servers.ts";

describeNats("the stream of audit records in a cluster", () => {
  it("is kept by three servers, and loses nothing when any of them is killed", async () => {
    const servers = await startCluster();
    const nats = await machine(servers, "web1");
    const sink = new AuditStreamSink(nats, { create: true });
    const all: string[] = [];
    const send = (count: number): void => {
      for (const line of lines(all.length, count)) {
        all.push(line);
        sink.send(line);
      }
    };
    send(50);

    const manager = await managerOf(nats);
    await until("the stream is there", async () =>
      manager.streams.info(STREAM).then(
        ({ config, state }) => config.num_replicas === 3 && state.messages > 0,
        () => false,
      ),
    );
    const { cluster } = await manager.streams.info(STREAM);
    const leader = servers[Number(cluster?.leader?.at(-1)) - 1];
    for (let count = 0; count < 20; count++) {
      send(10);
      await sleep(1);
    }
    await leader?.kill();
    for (let count = 0; count < 20; count++) {
      send(10);
      await sleep(1);
    }
    await until("all are there", async () =>
      kept(nats, "web1").then(
        ({ text }) => text.length >= all.join("\n").length,
        () => false,
      ),
    );

    await sink.close();
    expect((await kept(nats, "web1")).text).toBe(all.map((line) => `${line}\n`).join(""));
    expect(sink.takeDropped()).toBe(0);
  });
});
