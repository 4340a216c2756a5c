import { beforeAll, describe, expect, it } from "vitest";
import { AuditStreamSink } from "../../nats/audit-stream.ts";
import { NatsClient } from "../../nats/client.ts";
import { newNkey } from "../../nats/credentials.ts";
import { dial } from "../../nats/dial.ts";
import { listen } from "../../nats/listen.ts";
import { accountsText, permissionsOf, type NatsUser } from "../../nats/permissions.ts";
import { Presence } from "../../nats/presence.ts";
import { atEnd, tempDirectory } from "../fixtures/temp.ts";
import { broken, connectedPair, fleetKeys, heard, machine, PATIENT } from "./machines.ts";
import { describeNats, jetStreamText, startServer, until, type NatsServer } from "./servers.ts";

describe("the permissions of a machine", () => {
  it("are those that docs/nats.md shows, and name no other machine", () => {
    expect(permissionsOf({ name: "web1", role: "agent" })).toEqual({
      publish: ["cmd2host.from.web1.*.*", "cmd2host.presence.web1", "cmd2host.audit.web1"],
      subscribe: ["cmd2host.dial.web1.*", "cmd2host.to.web1.*.*", "cmd2host.inbox.web1.>"],
    });
    expect(permissionsOf({ name: "gw1", role: "gateway" }, "home.fleet")).toEqual({
      publish: [
        "home.fleet.dial.*.gw1",
        "home.fleet.to.*.gw1.*",
        "home.fleet.audit.gw1",
        "$JS.API.STREAM.CREATE.home_fleet_audit",
      ],
      subscribe: ["home.fleet.from.*.gw1.*", "home.fleet.presence.*", "home.fleet.inbox.gw1.>"],
    });
  });

  it("cannot be widened by a name", () => {
    for (const name of ["*", ">", "a.b", "a b", 'x", ">", "y', "web1\n"])
      for (const subject of Object.values(permissionsOf({ name, role: "agent" })).flat() as string[])
        expect(subject).toMatch(/^cmd2host\.[a-z]+\.(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+(?:\.\*|\.>)*$/);
    expect(() => permissionsOf({ name: "", role: "agent" })).toThrow("no name");
    expect(() => permissionsOf({ name: "x".repeat(129), role: "agent" })).toThrow("no name");
  });
});

describeNats("a server with these permissions", () => {
  let server: NatsServer;
  let directory: string;
  let users: readonly (NatsUser & { readonly seedFile: string })[];
  let machines: Readonly<Record<"gw1" | "gw2" | "web1" | "web2", NatsClient & { readonly said: unknown[] }>>;

  beforeAll(async () => {
    users = fleetKeys({ gw1: "gateway", gw2: "gateway", web1: "agent", web2: "agent" });
    directory = tempDirectory();
    server = await startServer(jetStreamText(directory) + accountsText(users), directory);
    const of = async (name: string): ReturnType<typeof machine> =>
      machine(server, name, { nkeySeedFile: users.find((user) => user.name === name)?.seedFile });
    machines = { gw1: await of("gw1"), gw2: await of("gw2"), web1: await of("web1"), web2: await of("web2") };
  });

  it("lets gateways reach agents, and agents be seen", async () => {
    const { gw1, gw2, web1 } = machines;
    const listener = listen(web1, "web1", (connection) => connection.pipe(connection), undefined, PATIENT);
    await web1.connection.flush();
    for (const gateway of [gw1, gw2]) {
      const connection = await dial(gateway, "web1", AbortSignal.timeout(20_000));
      connection.end(Buffer.alloc(3_000_000, 7));
      expect((await heard(connection)).bytes).toBe(3_000_000);
    }
    listener.close();
    const seen: string[] = [];
    const presence = new Presence(gw1, {
      came: ({ name }) => seen.push(name),
      changed: () => undefined,
      went: () => undefined,
    });
    await gw1.connection.flush();
    web1.publish(
      web1.subjects.presence("web1"),
      Buffer.from('{"name":"web1","fingerprint":"0123456789abcdef","version":"1","tags":[]}'),
    );
    await until("it is seen", () => seen.length === 1);
    presence.close();
    expect([...gw1.said, ...gw2.said, ...web1.said]).toEqual([
      { type: "connected", server: gw1.serverName },
      { type: "connected", server: gw1.serverName },
      { type: "connected", server: gw1.serverName },
    ]);
  });

  it("denies an agent everything that is another machine's", async () => {
    const { web2 } = machines;
    const { subjects } = web2;
    const [victim, all] = [
      { machine: "web1", dialler: "gw1" },
      { machine: "*", dialler: "*" },
    ];
    const denied = [
      subjects.dial(all),
      subjects.dial({ machine: "web1", dialler: "*" }),
      subjects.to({ machine: "web1", dialler: "*" }, "*"),
      subjects.to(victim, "A".repeat(22)),
      subjects.from({ machine: "web1", dialler: "*" }, "*"),
      // What is its own belongs to the other end to read.
      subjects.from({ machine: "web2", dialler: "*" }, "*"),
      subjects.presence("*"),
      subjects.audit("*"),
      `${subjects.inbox("web1")}.>`,
      "cmd2host.>",
      ">",
      "_INBOX.>",
      "$JS.>",
    ];
    const published = [
      subjects.dial(victim),
      subjects.to(victim, "A".repeat(22)),
      subjects.to({ machine: "web2", dialler: "gw1" }, "A".repeat(22)),
      subjects.from(victim, "A".repeat(22)),
      subjects.presence("web1"),
      subjects.audit("web1"),
      `${subjects.inbox("gw1")}.x.y`,
      "_INBOX.x",
      "$JS.API.STREAM.CREATE.cmd2host_audit",
      "$JS.API.STREAM.DELETE.cmd2host_audit",
      "$JS.API.STREAM.MSG.GET.cmd2host_audit",
      "$JS.API.INFO",
    ];
    web2.said.length = 0;
    for (const subject of denied) {
      web2.subscribe(subject, () => undefined);
      await web2.connection.flush();
    }
    for (const subject of published) {
      web2.publish(subject, Buffer.from("x"));
      await web2.connection.flush();
    }
    await until("all are told", () => web2.said.length === denied.length + published.length);
    expect(web2.said).toEqual([
      ...denied.map((subject) => ({ type: "denied", operation: "subscription", subject })),
      ...published.map((subject) => ({ type: "denied", operation: "publish", subject })),
    ]);
    web2.said.length = 0;
  });

  it("denies a gateway what another gateway and its agents say to each other", async () => {
    const { gw2 } = machines;
    const { subjects } = gw2;
    gw2.said.length = 0;
    const victim = { machine: "web1", dialler: "gw1" };
    for (const subject of [
      subjects.from(victim, "*"),
      subjects.to(victim, "*"),
      "cmd2host.from.>",
      "cmd2host.inbox.>",
    ]) {
      gw2.subscribe(subject, () => undefined);
      await gw2.connection.flush();
    }
    for (const subject of [
      subjects.dial(victim),
      subjects.to(victim, "A".repeat(22)),
      subjects.from(victim, "A".repeat(22)),
      subjects.presence("web1"),
      "$JS.API.STREAM.DELETE.cmd2host_audit",
      "$JS.API.STREAM.PURGE.cmd2host_audit",
      "$JS.API.STREAM.UPDATE.cmd2host_audit",
    ]) {
      gw2.publish(subject, Buffer.from("x"));
      await gw2.connection.flush();
    }
    await until("all are told", () => gw2.said.length === 11);
    expect(gw2.said.every((status) => (status as { type: string }).type === "denied")).toBe(true);
    gw2.said.length = 0;
  });

  it("does not let an agent listen in another's place, and says so to who tries", async () => {
    const { gw1, web2 } = machines;
    const come: unknown[] = [];
    const listener = listen(web2, "web1", (connection) => come.push(connection));
    await until("it is told", () => web2.said.length > 0);
    expect(web2.said).toContainEqual({ type: "denied", operation: "subscription", subject: "cmd2host.dial.web1.*" });
    await expect(dial(gw1, "web1", AbortSignal.timeout(20_000))).rejects.toThrow("no machine of this name is there");
    await expect(dial(web2, "gw1", AbortSignal.timeout(20_000))).rejects.toMatchObject({
      code: "nats_unusable",
      message: expect.stringContaining("this machine may not use cmd2host.") as unknown,
    });
    listener.close();
    expect(come).toEqual([]);
  });

  it("ends a connection whose subject is not allowed any more, and says why", async () => {
    const { gw1, web2 } = machines;
    const { near, far } = await connectedPair(gw1, web2);
    const ends = Promise.all([broken(near), broken(far)]);
    // As far as the server sees, this is a message of the connection that its permissions do not cover.
    const narrowed = users.map((user) => (user.name === "web2" ? { ...user, name: "web9" } : user));
    server.configure(jetStreamText(directory) + accountsText(narrowed));
    server.reload();
    await until("it is noticed", () => {
      if (!near.destroyed) near.write("x");
      return near.destroyed && far.destroyed;
    });
    const errors = (await ends).map((error) => error?.message);
    expect(errors[0]).toMatch(/^web2 over NATS: the other end/);
    expect(errors[1]).toMatch(/^gw1 over NATS: (NATS does not allow cmd2host\.|the server of NATS was lost)/);
    server.configure(jetStreamText(directory) + accountsText(users));
    server.reload();
    await until("it is back", () => web2.isConnected);
    web2.said.length = 0;
  });

  it("does not let the reply subject of a message reach what its sender may not", async () => {
    const { gw1, web1, web2 } = machines;
    const { subjects } = web2;
    const sink = new AuditStreamSink(gw1, { create: true });
    sink.send("a record");
    await sink.close();
    expect(sink.takeDropped()).toBe(0);
    // JetStream answers to any reply subject. What it says is no announcement, no dial and no message of a connection.
    const answers: string[] = [];
    gw1.subscribe(subjects.presence("*"), ({ data }) => answers.push(Buffer.from(data).toString()));
    const come: unknown[] = [];
    const listener = listen(web1, "web1", (connection) => come.push(connection));
    const presence = new Presence(gw1, {
      came: (one) => come.push(one),
      changed: () => undefined,
      went: () => undefined,
    });
    await Promise.all([web1.connection.flush(), gw1.connection.flush()]);
    for (const reply of [subjects.presence("web1"), subjects.dial({ machine: "web1", dialler: "gw1" })]) {
      web2.publish(subjects.audit("web2"), Buffer.from("x"), reply);
      await web2.connection.flush();
    }
    await until("JetStream answered", () => answers.length > 0);
    expect(answers[0]).toContain('"stream":"cmd2host_audit"');
    await web1.connection.flush();
    expect(come).toEqual([]);
    listener.close();
    presence.close();
  });

  it("refuses a key that it does not know, and takes it as soon as it does", async () => {
    const [late] = fleetKeys({ late: "agent" });
    if (late === undefined) throw new Error("no key");
    const said: string[] = [];
    const stop = new AbortController();
    atEnd(() => {
      stop.abort();
    });
    const connected = NatsClient.connect(
      { servers: [server.address], name: "late", nkeySeedFile: late.seedFile },
      stop.signal,
      (status) => said.push(status.type === "failed" ? status.reason : status.type),
    );
    await until("it is refused", () => said.length > 0);
    expect(said[0]).toMatch(/authorization violation/i);
    server.configure(jetStreamText(directory) + accountsText([...users, late]));
    server.reload();
    const client = await connected;
    expect(client.isConnected).toBe(true);
    await client.close();
    expect(newNkey().publicKey).toMatch(/^U[A-Z2-7]{55}$/);
  });

  it("loses a machine whose key it does not know any more, and takes it back", async () => {
    const { web2 } = machines;
    web2.said.length = 0;
    const without = users.filter(({ name }) => name !== "web2");
    const listener = listen(web2, "web2", (connection) => connection.pipe(connection));
    server.configure(jetStreamText(directory) + accountsText(without));
    server.reload();
    await until("it is gone", () => !web2.isConnected);
    server.configure(jetStreamText(directory) + accountsText(users));
    server.reload();
    await until("it is back", () => web2.isConnected);
    const { gw1 } = machines;
    await web2.connection.flush();
    await until("it is reached", async () =>
      dial(gw1, "web2", AbortSignal.timeout(20_000)).then(
        (connection) => {
          connection.destroy();
          return true;
        },
        () => false,
      ),
    );
    listener.close();
  });
});
