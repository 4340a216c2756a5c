import { chmodSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { nkeys } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { NatsClient, type NatsStatus } from "../../nats/client.ts";
import { authenticatorOf, newNkey, tlsOptionsOf } from "../../nats/credentials.ts";
import { dial } from "../../nats/dial.ts";
import { listen } from "../../nats/listen.ts";
import { accountsText } from "../../nats/permissions.ts";
import { StandingSubscription } from "../../nats/standing-subscription.ts";
import { atEnd, tempDirectory } from "../fixtures/temp.ts";
import { fleetKeys, heard, machine } from "./machines.ts";
import { certificates, describeNats, startServer, until } from "./servers.ts";

const LIMIT = (): AbortSignal => AbortSignal.timeout(20_000);

function secretFile(text: string, mode = 0o600): string {
  const path = join(tempDirectory(), "secret");
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

/** A credentials file as nsc writes it; whether a server would take its JWT does not matter here. */
function credsText(seed: string): string {
  return `-----BEGIN NATS USER JWT-----
eyJ0eXAiOiJKV1QifQ.e30.c2ln
------END NATS USER JWT------

************************* IMPORTANT *************************
-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------
`;
}

describe("the key of a machine", () => {
  it("is a seed, or the credentials that nsc makes", () => {
    const { seed, publicKey } = newNkey();
    const answer = authenticatorOf({ servers: [], name: "x", nkeySeedFile: secretFile(`# web1\n${seed}\n`) });
    const { nkey, sig } = answer?.("nonce") as { nkey: string; sig: string };
    expect(nkey).toBe(publicKey);
    expect(nkeys.fromPublic(publicKey).verify(Buffer.from("nonce"), nkeys.decode(sig))).toBe(true);
    const creds = authenticatorOf({ servers: [], name: "x", credsFile: secretFile(credsText(seed)) });
    expect(creds?.("nonce")).toMatchObject({ jwt: "eyJ0eXAiOiJKV1QifQ.e30.c2ln", nkey: publicKey });
    expect(authenticatorOf({ servers: [], name: "x" })).toBeUndefined();
  });

  it("is refused where others can read or write it, and where it is none; no message repeats it", () => {
    const { seed } = newNkey();
    const cases: readonly (readonly [string, string, string])[] = [
      [secretFile(seed, 0o644), "config_untrusted", "everybody can read it (mode 644)"],
      [secretFile(seed, 0o660), "config_untrusted", "can be written by others"],
      ["/nonexistent/seed", "file_failed", "there is no such file"],
      [secretFile(""), "nats_unusable", "holds no seed of a user's nkey"],
      [secretFile(seed.replace("SU", "SA")), "nats_unusable", "holds no seed"],
      // The checksum does not fit.
      [
        secretFile(`${seed.slice(0, 30)}${seed[30] === "A" ? "B" : "A"}${seed.slice(31)}`),
        "nats_unusable",
        "holds no seed",
      ],
    ];
    for (const [nkeySeedFile, code, message] of cases) {
      const read = (): unknown => authenticatorOf({ servers: [], name: "x", nkeySeedFile });
      expect(read).toThrow(expect.objectContaining({ code }));
      expect(read).toThrow(message);
      expect(read).not.toThrow(seed.slice(2, 20));
    }
    for (const text of ["nothing", seed, credsText("SUnothing")])
      expect(() => authenticatorOf({ servers: [], name: "x", credsFile: secretFile(text) })).toThrow(
        "holds no credentials of NATS",
      );
  });

  it("is read again for each connection, and the last good one stays in force", () => {
    const [first, second] = [newNkey(), newNkey()];
    const path = secretFile(first.seed);
    const answer = authenticatorOf({ servers: [], name: "x", nkeySeedFile: path });
    writeFileSync(path, second.seed);
    expect(answer?.("n")).toMatchObject({ nkey: second.publicKey });
    writeFileSync(path, "half written");
    expect(answer?.("n")).toMatchObject({ nkey: second.publicKey });
  });

  it("of TLS is read with the same care", () => {
    const { ca, cert, key } = certificates("IP:127.0.0.1");
    expect(tlsOptionsOf({})).toEqual({ handshakeFirst: false });
    expect(tlsOptionsOf({ caFile: ca, certFile: cert, keyFile: key, handshakeFirst: true })).toMatchObject({
      ca: expect.stringContaining("BEGIN CERTIFICATE") as unknown,
      cert: expect.stringContaining("BEGIN CERTIFICATE") as unknown,
      key: expect.stringContaining("PRIVATE KEY") as unknown,
      handshakeFirst: true,
    });
    chmodSync(key, 0o644);
    expect(() => tlsOptionsOf({ certFile: cert, keyFile: key })).toThrow("everybody can read it");
    expect(() => tlsOptionsOf({ caFile: "/nonexistent/ca" })).toThrow("there is no such file");
  });
});

describeNats("a connection to NATS", () => {
  it("is tried until there is a server, and tells of every failure", async () => {
    const said: NatsStatus[] = [];
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    // Whoever answers here is no NATS server.
    probe.on("connection", (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const address = probe.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    const server = await startServer();
    const servers = [`127.0.0.1:${port}`];
    const stop = new AbortController();
    const attempt = NatsClient.connect({ servers, name: "gw" }, stop.signal, (status) => said.push(status));
    await until("it failed", () => said.length > 0);
    expect(said[0]).toMatchObject({ type: "failed" });
    stop.abort();
    await expect(attempt).rejects.toMatchObject({
      code: "target_unreachable",
      message: expect.stringContaining(`no connection to 127.0.0.1:${port}: `) as unknown,
    });
    await expect(NatsClient.connect({ servers, name: "gw" }, stop.signal)).rejects.toThrow("not tried");
    probe.close();
    // With one that works beside, it is found.
    const client = await NatsClient.connect({ servers: [...servers, server.address], name: "gw" }, LIMIT());
    expect(client.isConnected).toBe(true);
    await client.close();
    await client.close();
    expect(client.isConnected).toBe(false);
  });

  it("is closed when it comes too late", async () => {
    const server = await startServer();
    const stop = new AbortController();
    const said: string[] = [];
    const attempt = NatsClient.connect({ servers: [server.address], name: "gw" }, stop.signal, ({ type }) =>
      said.push(type),
    );
    stop.abort();
    await expect(attempt).rejects.toMatchObject({ code: "target_unreachable" });
    expect(said).toEqual(["connected", "closed"]);
  });

  it("is refused before any server is asked when a file cannot be used", async () => {
    await expect(
      NatsClient.connect({ servers: ["127.0.0.1:1"], name: "gw", nkeySeedFile: "/nonexistent" }, LIMIT()),
    ).rejects.toMatchObject({ code: "file_failed" });
  });

  it("closes without a server within a few seconds, and sends nothing afterwards", async () => {
    const server = await startServer();
    const client = await machine(server, "gw");
    await server.kill();
    await until("it is noticed", () => !client.isConnected);
    const started = performance.now();
    await client.close();
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(() => {
      client.publish("x", Buffer.from("y"));
    }).toThrow("there is no connection to a server");
    expect(() => client.subscribe("x", () => undefined)).toThrow("there is no connection to a server");
    expect(client.said.map(({ type }) => type)).toEqual(["connected", "disconnected", "closed"]);
  });

  it("says what the server does not take, and closes when the library gives up", async () => {
    const server = await startServer("max_payload: 1024");
    const client = await machine(server, "gw");
    expect(() => {
      client.publish("x", Buffer.alloc(2_000));
    }).toThrow(expect.objectContaining({ code: "target_unreachable" }));
    await client.connection.close();
    await until("it is closed", () => client.said.at(-1)?.type === "closed");
    expect(client.isConnected).toBe(false);
    expect(() => client.subscribe("x", () => undefined)).toThrow("there is no connection to a server");
  });

  it("listens again to what was denied for some time", async () => {
    const users = fleetKeys({ gw1: "gateway", web1: "agent" });
    const [gateway, agent] = users;
    if (gateway === undefined || agent === undefined) throw new Error("no keys");
    // As if it were another machine's key.
    const server = await startServer(accountsText([gateway, { ...agent, name: "other" }]));
    const of = async ({ name, seedFile }: { name: string; seedFile: string }): ReturnType<typeof machine> =>
      machine(server, name, { nkeySeedFile: seedFile });
    const [near, far] = [await of(gateway), await of(agent)];
    const listener = listen(far, "web1", (connection) => connection.pipe(connection));
    atEnd(() => {
      listener.close();
    });
    await until("it is denied", () => far.said.some(({ type }) => type === "denied"));
    const impatient = new StandingSubscription(far, "not.mine", () => undefined, undefined, 20);
    await until("it is denied again and again", () => far.said.length > 5);
    impatient.close();
    server.configure(accountsText([gateway, agent]));
    await server.kill();
    await until("it is noticed", () => !far.isConnected && !near.isConnected);
    await server.start();
    await until("they are back", () => far.isConnected && near.isConnected);
    await far.connection.flush();
    const connection = await dial(near, "web1", LIMIT());
    connection.end("again");
    expect((await heard(connection)).bytes).toBe(5);
  });
});

describeNats("a connection to NATS with TLS", () => {
  const tlsText = ({ cert, key }: { cert: string; key: string }): string =>
    `tls: { cert_file: ${JSON.stringify(cert)}, key_file: ${JSON.stringify(key)} }`;

  const failureOf = async (settings: Parameters<typeof NatsClient.connect>[0]): Promise<string> => {
    const stop = new AbortController();
    let reason = "";
    await NatsClient.connect(settings, stop.signal, (status) => {
      if (status.type === "failed") reason = status.reason;
      stop.abort();
    }).then(
      async (client) => client.close(),
      () => undefined,
    );
    return reason;
  };

  it("takes a server whose certificate is for its address, and no other", async () => {
    for (const [host, name, other] of [
      ["127.0.0.1", "IP:127.0.0.1", "IP:127.0.0.2"],
      ["localhost", "DNS:localhost", "DNS:nats.example"],
      // A certificate for localhost says nothing of an address.
      ["127.0.0.1", "IP:127.0.0.1", "DNS:localhost"],
    ] as const) {
      const [good, bad] = [certificates(name), certificates(other)];
      const [right, wrong] = [await startServer(tlsText(good)), await startServer(tlsText(bad))];
      const settings = (port: number, ca: string) => ({
        servers: [`tls://${host}:${port}`],
        name: "gw",
        tls: { caFile: ca },
      });
      expect([host, await failureOf(settings(right.port, good.ca))]).toEqual([host, ""]);
      expect(await failureOf(settings(wrong.port, bad.ca))).toMatch(/altnames|does not match/);
      expect(await failureOf(settings(right.port, bad.ca))).toMatch(/self.signed|unable to verify/);
      // Nor without any authority that knows it.
      expect(await failureOf({ servers: [`tls://${host}:${right.port}`], name: "gw" })).not.toBe("");
    }
  });

  it("never speaks to a server without TLS when it is demanded", async () => {
    const server = await startServer();
    expect(await failureOf({ servers: [`tls://${server.address}`], name: "gw" })).toContain("does not support 'tls'");
  });
});
