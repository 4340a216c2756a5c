import { createPublicKey, KeyObject, webcrypto, X509Certificate } from "node:crypto";
import { createConnection, createServer, type AddressInfo, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer } from "node:tls";
import "reflect-metadata";
import { KeyUsageFlags, KeyUsagesExtension, X509CertificateGenerator } from "@peculiar/x509";
import { beforeAll, describe, expect, it } from "vitest";
import { fingerprintOf, fingerprintOfCertificate, indexOfFingerprint, isFingerprint } from "../../link/fingerprint.ts";
import { Handshakes } from "../../link/handshakes.ts";
import { tcpAddress, tcpConnect } from "../../link/tcp.ts";
import { secureClient, secureServer } from "../../link/tls.ts";
import { atEnd } from "../fixtures/temp.ts";
import { between } from "./between.ts";
import { duplexes } from "./duplexes.ts";
import { acquaint, allOf, dialling, echo, hearing, listening, machine, until, type Machine } from "./machines.ts";
import { RawMachine } from "./raw.ts";

let gateway: Machine;
let agent: Machine;

beforeAll(async () => {
  [gateway, agent] = [await machine("gateway"), await machine("web1")];
  await acquaint(gateway, agent);
});

/** A connection to a port, and what was said on it. */
function plain(port: number): { readonly socket: Socket; readonly closed: Promise<void> } {
  const socket = createConnection({ port, host: "127.0.0.1" });
  socket.on("error", () => undefined).resume();
  atEnd(() => {
    socket.destroy();
  });
  return {
    socket,
    closed: new Promise((resolve) =>
      socket.once("close", () => {
        resolve();
      }),
    ),
  };
}

/** A TLS server of another make, with a key that a test chooses. */
async function server(
  options: { readonly namedCurve?: string; readonly protocols?: readonly string[] } = {},
): Promise<string> {
  const algorithm = { name: "ECDSA", namedCurve: options.namedCurve ?? "P-256", hash: "SHA-256" };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=cmd2host",
    notAfter: new Date("2100-01-01"),
    signingAlgorithm: algorithm,
    keys,
    extensions: [new KeyUsagesExtension(KeyUsageFlags.digitalSignature)],
  });
  const listener = createTlsServer(
    {
      key: KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" }),
      cert: certificate.toString("pem"),
      ALPNProtocols: [...(options.protocols ?? ["cmd2host-link/1"])],
    },
    (socket) => socket.on("error", () => undefined).resume(),
  );
  listener.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  atEnd(() => {
    listener.close();
  });
  return `127.0.0.1:${(listener.address() as AddressInfo).port}`;
}

describe("a listener", () => {
  it.each([
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
    ["random bytes", Buffer.from("8f0aa2".repeat(500), "hex")],
    ["a TLS record of nonsense", Buffer.from("160301ffff" + "01".repeat(70_000), "hex")],
  ])("closes a connection that begins with %s", async (_, bytes) => {
    const { port, listener } = await listening(agent, hearing());
    const { socket, closed } = plain(port);
    socket.write(bytes);
    await closed;
    await until(() => listener.counts.handshakes === 1);
  });

  it("speaks TLS 1.3 only", async () => {
    const { port, listener } = await listening(agent, hearing());
    const peer = new RawMachine({ port, key: gateway.identity.current, maxVersion: "TLSv1.2" });
    await peer.closed();
    expect(peer.error).toMatch(/version/i);
    await until(() => listener.counts.handshakes === 1);
  });

  it("takes no other protocol, and no enrolment without a desk", async () => {
    const { port, listener } = await listening(agent, hearing());
    for (const protocol of ["h2", "cmd2host-enrol/1", "cmd2host-link/2"]) {
      const peer = new RawMachine({ port, key: gateway.identity.current, protocol });
      await peer.closed();
    }
    await until(() => listener.counts.handshakes === 3);
    expect(listener.counts.accepted).toBe(0);
  });

  it("is not held by connections that say nothing, nor by those that begin and stop", async () => {
    const { port, address, listener } = await listening(agent, hearing(echo), {
      handshakes: { active: 4, waiting: 20, patienceMs: 300 },
    });
    const silent = Array.from({ length: 25 }, () => plain(port));
    await Promise.all(silent.slice(0, 5).map(async ({ closed }) => closed));
    expect(listener.counts.crowded).toBe(5);
    for (let n = 0; n < 8; n++) plain(port).socket.write(Buffer.from("1603010100", "hex"));
    const stream = await dialling(gateway, "web1", address).open();
    stream.end("in between");
    expect(String(await allOf(stream))).toBe("in between");
  });

  it("takes connections whose first bytes were looked at", async () => {
    const { listener } = await listening(agent, hearing(echo));
    const shared = createServer({ allowHalfOpen: true }, (socket) => {
      socket.once("readable", () => {
        const bytes = socket.read() as Buffer;
        expect(bytes[0]).toBe(0x16);
        socket.unshift(bytes);
        listener.take(socket);
      });
    });
    await new Promise<void>((resolve) => shared.listen(0, "127.0.0.1", resolve));
    atEnd(() => {
      shared.close();
    });
    const { port } = shared.address() as AddressInfo;
    const stream = await dialling(gateway, "web1", `127.0.0.1:${port}`).open();
    stream.end("shared");
    expect(String(await allOf(stream))).toBe("shared");
  });

  it("closes what comes after it was closed, and cannot listen where somebody does", async () => {
    const { listener, port } = await listening(agent, hearing());
    await expect(listener.listen({ host: "127.0.0.1", port })).rejects.toMatchObject({ code: "listen_failed" });
    await listener.close();
    const [one, two] = duplexes();
    listener.take(one);
    await until(() => two.destroyed);
  });
});

describe("a link over any stream", () => {
  it("carries what one over a socket does", async () => {
    const { listener } = await listening(agent, hearing(echo));
    const connect = async (): Promise<Duplex> => {
      const [one, two] = duplexes();
      listener.take(one);
      return Promise.resolve(two);
    };
    const stream = await dialling(gateway, "web1", "", {}, { connect }).open();
    const sent = Buffer.alloc(1_000_000, "abc");
    stream.end(sent);
    expect((await allOf(stream)).equals(sent)).toBe(true);
  });

  it("goes on over another one when records were damaged", async () => {
    const { port } = await listening(agent, hearing(echo));
    const net = await between(port);
    const events = hearing();
    const stream = await dialling(gateway, "web1", net.address, events).open();
    const got = allOf(stream);
    stream.write("one ");
    await until(() => net.recorded.length === 1);
    net.damage();
    stream.end("two");
    expect(String(await got)).toBe("one two");
    expect(events.heard).toEqual(["connected web1", "stalled web1", "resumed web1"]);
  });
});

describe("a client", () => {
  const refusal = async (address: string): Promise<unknown> => {
    try {
      await dialling(gateway, "web1", address).connected();
      return undefined;
    } catch (error) {
      return error;
    }
  };

  it("says nothing to whoever has another key", async () => {
    const other = await machine("web1");
    await other.pins.add({
      name: "gateway",
      fingerprints: [gateway.identity.current.fingerprint],
      enrolledAt: new Date(),
      addresses: [],
      about: {},
    });
    const { address, listener } = await listening(other, hearing());
    expect(await refusal(address)).toMatchObject({
      code: "target_key_mismatch",
      message: `expected the key ${agent.identity.current.fingerprint}, and was shown ${other.identity.current.fingerprint}`,
    });
    expect(listener.counts.accepted).toBe(0);
  });

  it("takes no key of another kind", async () => {
    expect(await refusal(await server({ namedCurve: "P-384" }))).toMatchObject({
      code: "target_key_mismatch",
      message: expect.stringContaining("no key that can be used") as string,
    });
  });

  it("tells another protocol from another key, and both from nobody", async () => {
    expect(await refusal(await server({ protocols: ["h2"] }))).toMatchObject({ code: "link_version" });
    const { port } = await listening(agent, hearing());
    const gone = await between(port);
    gone.closed = true;
    expect(await refusal(gone.address)).toMatchObject({ code: "target_unreachable" });
    expect(await refusal("127.0.0.1:1")).toMatchObject({
      code: "target_unreachable",
      message: "127.0.0.1:1: ECONNREFUSED",
    });
    expect(await refusal("nonsense")).toMatchObject({ message: "nonsense: is not HOST:PORT" });
  });

  it("tries one address after the other, until it is given up", async () => {
    const { address } = await listening(agent, hearing());
    const never = new AbortController();
    (await tcpConnect(["127.0.0.1:1", address])(never.signal)).destroy();
    await expect(tcpConnect([])(never.signal)).rejects.toMatchObject({ message: "it has no address" });
    never.abort();
    await expect(tcpConnect(["127.0.0.1:1", address])(never.signal)).rejects.toMatchObject({ code: "cancelled" });
  });

  it("and a server can be given up", async () => {
    const given = new AbortController();
    const [one, two] = duplexes();
    const { current } = gateway.identity;
    const client = secureClient(one, current, "cmd2host-link/1", [], given.signal);
    given.abort();
    await expect(client).rejects.toMatchObject({ code: "cancelled" });
    expect(await secureServer(two, current, ["cmd2host-link/1"], given.signal)).toMatchObject({ kind: "failed" });
    const [three, four] = duplexes();
    const late = new AbortController();
    const accepting = secureServer(three, current, ["cmd2host-link/1"], late.signal);
    late.abort();
    expect(await accepting).toEqual({ kind: "failed", why: "given up" });
    await until(() => four.destroyed);
  });
});

describe("connections that have proved nothing", () => {
  /** One that has said something, and stays for as long as it is not given up. */
  const spoken = async (handshakes: Handshakes, name: string, ended: string[]): Promise<boolean> => {
    const [one, two] = duplexes();
    one.unshift(Buffer.from("x"));
    two.on("error", () => undefined);
    return handshakes.during(one, async (signal) => {
      await new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => {
          resolve();
        });
      });
      ended.push(name);
    });
  };

  it("are given up after a time, with or without a word", async () => {
    const handshakes = new Handshakes({ limitMs: 20 });
    const ended: string[] = [];
    const [silent, other] = duplexes();
    expect(
      await Promise.all([spoken(handshakes, "slow", ended), handshakes.during(silent, async () => Promise.resolve())]),
    ).toEqual([true, false]);
    expect([ended, other.destroyed, handshakes.size, handshakes.crowded]).toEqual([["slow"], true, 0, 0]);
  });

  it("have their turns; whoever took long is given up for who waits, and the oldest of those for the newest", async () => {
    const handshakes = new Handshakes({ active: 1, waiting: 2, patienceMs: 30, limitMs: 60_000 });
    const ended: string[] = [];
    const all = [spoken(handshakes, "first", ended)];
    await new Promise((resolve) => setTimeout(resolve, 60));
    all.push(spoken(handshakes, "second", ended));
    expect(await all[0]).toBe(true);
    expect([ended, handshakes.crowded]).toEqual([["first"], 1]);
    all.push(...["third", "fourth", "fifth"].map(async (name) => spoken(handshakes, name, ended)));
    // Before it had its turn.
    expect(await all[2]).toBe(false);
    await until(() => ended.includes("second") && ended.includes("fourth"));
    handshakes.close();
    expect(await Promise.all(all)).toEqual([true, true, false, true, true]);
    expect([ended, handshakes.size]).toEqual([["first", "second", "fourth", "fifth"], 0]);
  });

  it("that end without a word are nothing", async () => {
    const handshakes = new Handshakes();
    const work = async (): Promise<void> => Promise.reject(new Error("nobody came"));
    const [one, two] = duplexes();
    const ended = handshakes.during(one, work);
    two.end();
    expect(await ended).toBe(false);
    expect(await handshakes.during(one, work)).toBe(false);
    const [three, four] = duplexes();
    const closed = handshakes.during(three, work);
    four.destroy();
    expect(await closed).toBe(false);
  });
});

it("names keys by the hash of their SubjectPublicKeyInfo", () => {
  const { certificate, fingerprint } = gateway.identity.current;
  const read = new X509Certificate(certificate);
  const { publicKey } = read;
  expect(fingerprintOfCertificate(read)).toBe(fingerprint);
  expect(fingerprintOf(createPublicKey(certificate).export({ type: "spki", format: "der" }))).toBe(fingerprint);
  expect(publicKey.asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
  expect(isFingerprint(fingerprint)).toBe(true);
  expect(isFingerprint(`${fingerprint}=`)).toBe(false);
  expect(indexOfFingerprint(["sha256:x", fingerprint], fingerprint)).toBe(1);
  expect(indexOfFingerprint([], fingerprint)).toBe(-1);
});

it("reads addresses", () => {
  expect(tcpAddress("web1.example:9880")).toEqual({ host: "web1.example", port: 9_880 });
  expect(tcpAddress("[::1]:9880")).toEqual({ host: "::1", port: 9_880 });
  for (const wrong of [
    "",
    "web1",
    "web1:",
    "web1:0",
    "web1:65536",
    "web1:1e3",
    "::1:9880",
    "a b:1",
    "[web1]:1",
    "web1:1\n",
  ])
    expect(tcpAddress(wrong)).toBeUndefined();
});
