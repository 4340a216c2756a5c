import { beforeAll, describe, expect, it } from "vitest";
import { decodeAnnouncement, encodeAnnouncement, type Announcement } from "../../nats/announcement.ts";
import type { NatsClient } from "../../nats/client.ts";
import { announce, Presence } from "../../nats/presence.ts";
import { atEnd } from "../fixtures/temp.ts";
import { machine } from "./machines.ts";
import { bundledPeer, startPeer } from "./programs.ts";
import { describeNats, startServer, until, type NatsServer } from "./servers.ts";

const WEB1: Announcement = {
  name: "web1.example",
  fingerprint: "SHA256:0123456789abcdefABCDEF+/=",
  version: "0.1.0",
  tags: ["web", "größe"],
};

describe("an announcement", () => {
  it("comes back as it was", () => {
    expect(decodeAnnouncement(encodeAnnouncement(WEB1, false))).toEqual({ announcement: WEB1, leaves: false });
    expect(decodeAnnouncement(encodeAnnouncement(WEB1, true))).toEqual({ announcement: WEB1, leaves: true });
  });

  it("is refused where it is anything else", () => {
    const good = JSON.parse(encodeAnnouncement(WEB1, false).toString()) as Record<string, unknown>;
    const texts = [
      "",
      "null",
      "[]",
      "7",
      '"x"',
      "{}",
      "{",
      `${JSON.stringify(good)} x`,
      JSON.stringify(good).replace("{", '{"name":"other",'),
      JSON.stringify(good).replace("{", '{"__proto__":{},'),
      JSON.stringify({ ...good, more: 1 }),
      JSON.stringify({ ...good, name: 7 }),
      JSON.stringify({ ...good, name: "" }),
      JSON.stringify({ ...good, name: "x".repeat(129) }),
      JSON.stringify({ ...good, name: "a\u001b[2Jb" }),
      JSON.stringify({ ...good, name: "a\u202eb" }),
      JSON.stringify({ ...good, fingerprint: "short" }),
      JSON.stringify({ ...good, fingerprint: ["0123456789abcdef0123456789abcdef"] }),
      JSON.stringify({ ...good, version: "1\n" }),
      JSON.stringify({ ...good, tags: "web" }),
      JSON.stringify({ ...good, tags: [7] }),
      JSON.stringify({ ...good, tags: Array.from({ length: 65 }, () => "x") }),
      JSON.stringify({ ...good, leaves: "yes" }),
      JSON.stringify({ ...good, tags: Array.from({ length: 64 }, () => "x".repeat(128)) }),
    ];
    for (const text of texts) expect([text, decodeAnnouncement(Buffer.from(text))]).toEqual([text, undefined]);
    expect(decodeAnnouncement(Buffer.from([0x7b, 0xff, 0x7d]))).toBeUndefined();
    expect(decodeAnnouncement(Buffer.from(`${JSON.stringify(good)} \n`))).toBeDefined();
    expect(() => encodeAnnouncement({ ...WEB1, version: "" }, false)).toThrow("too long or no text");
  });
});

/** What was told, in words. */
function listening(): { readonly told: string[]; readonly listener: ConstructorParameters<typeof Presence>[1] } {
  const told: string[] = [];
  return {
    told,
    listener: {
      came: ({ name, tags }) => told.push(`${name} came ${tags.join()}`),
      changed: ({ name, tags }) => told.push(`${name} changed ${tags.join()}`),
      went: (name) => told.push(`${name} went`),
    },
  };
}

describeNats("the presence of machines", () => {
  let server: NatsServer;
  let gateway: NatsClient;

  beforeAll(async () => {
    server = await startServer();
    gateway = await machine(server, "gw");
  });

  it("is told when one comes, changes and leaves", async () => {
    const { told, listener } = listening();
    const presence = new Presence(gateway, listener);
    await gateway.connection.flush();
    const agent = await machine(server, "web1.example");
    let stop = announce(agent, WEB1, 20);
    await until("it came", () => told.length === 1);
    expect(presence.get("web1.example")).toEqual(WEB1);
    expect(presence.all()).toEqual([WEB1]);
    stop();
    stop();
    await until("it went", () => told.length === 2);
    stop = announce(agent, WEB1);
    announce(agent, { ...WEB1, tags: [] });
    await until("it changed", () => told.length === 4);
    stop();
    await agent.close();
    await until("it went", () => told.length >= 5);
    expect(told.slice(0, 5)).toEqual([
      "web1.example came web,größe",
      "web1.example went",
      "web1.example came web,größe",
      "web1.example changed ",
      "web1.example went",
    ]);
    expect(presence.get("web1.example")).toBeUndefined();
    presence.close();
  });

  it("ends when a machine says nothing any more, and goes on over a restart of the server", async () => {
    const own = await startServer();
    const [watcher, agent] = [await machine(own, "gw"), await machine(own, "web1.example")];
    const { told, listener } = listening();
    const presence = new Presence(watcher, listener, 500);
    await watcher.connection.flush();
    announce(agent, WEB1);
    await until("it came", () => told.length === 1);
    // The next announcement would be in five seconds.
    await until("the lease ended", () => told.length === 2);
    await own.kill();
    await until("it is noticed", () => !agent.isConnected && !watcher.isConnected);
    await own.start();
    await until("it came again", () => told.length === 3);
    expect(told).toEqual(["web1.example came web,größe", "web1.example went", "web1.example came web,größe"]);
    presence.close();
  });

  it("believes no message on another machine's subject, and none that is no announcement", async () => {
    const { told, listener } = listening();
    const presence = new Presence(gateway, listener);
    await gateway.connection.flush();
    const agent = await machine(server, "mallory");
    const claim = encodeAnnouncement(WEB1, false);
    for (const subject of ["mallory", "web1", "web1.example", "web1=2eexample", "=zz"].map((token) =>
      agent.subjects.presence(token),
    ))
      agent.publish(subject, claim);
    agent.publish(agent.subjects.presence("web1=2Eexample"), Buffer.from("{}"));
    await agent.connection.flush();
    agent.publish(agent.subjects.presence("web1=2Eexample"), claim);
    await until("the right one came", () => told.length > 0);
    // Nor does anybody leave in another's name.
    agent.publish(agent.subjects.presence("mallory"), encodeAnnouncement(WEB1, true));
    agent.publish(agent.subjects.presence("mallory"), encodeAnnouncement({ ...WEB1, name: "mallory" }, true));
    await agent.connection.flush();
    await gateway.connection.flush();
    expect(told).toEqual(["web1.example came web,größe"]);
    presence.close();
  });

  it("keeps ten thousand machines, and no more", async () => {
    const { told, listener } = listening();
    const presence = new Presence(gateway, listener, 600_000);
    await gateway.connection.flush();
    const agent = await machine(server, "many");
    for (let count = 0; count < 10_005; count++)
      agent.publish(agent.subjects.presence(`m${count}`), encodeAnnouncement({ ...WEB1, name: `m${count}` }, false));
    agent.publish(agent.subjects.presence("m0"), encodeAnnouncement({ ...WEB1, name: "m0" }, true));
    await until("all came", () => told.at(-1) === "m0 went");
    expect(told).toHaveLength(10_001);
    expect(presence.all()).toHaveLength(9_999);
    presence.close();
  });

  it("closes with the connection to NATS", async () => {
    const watcher = await machine(server, "gw2");
    const { told, listener } = listening();
    const presence = new Presence(watcher, listener);
    await watcher.connection.flush();
    const agent = await machine(server, "web1.example");
    announce(agent, WEB1);
    await until("it came", () => told.length === 1);
    await watcher.close();
    expect(presence.all()).toEqual([]);
    expect(told).toHaveLength(1);
  });

  it("keeps no process alive", async () => {
    atEnd(() => undefined);
    const program = await bundledPeer();
    const { child } = await startPeer(program, [server.address, "web9", "announce"]);
    if (child.exitCode === null) await new Promise((resolve) => child.once("exit", resolve));
    expect(child.exitCode).toBe(0);
  });
});
