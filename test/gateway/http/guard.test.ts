import { describe, expect, it } from "vitest";
import { Proxies } from "../../../gateway/http/peer.ts";
import { ask, exec, keyed } from "../fixtures/ask.ts";
import { openRig, type Rig } from "../fixtures/rig.ts";
import { raw } from "./raw.ts";

const SETTINGS = { hosts: ["gateway.lan", "GW.example:8443"], origins: ["https://board.example"], trustedProxies: [] };

async function guarded(): Promise<Rig> {
  return openRig({ http: { settings: SETTINGS } });
}

async function status(rig: Rig, headers: Readonly<Record<string, string>>): Promise<number> {
  return (await ask(rig.url, "/api/targets", { headers: { ...keyed(), ...headers } })).status;
}

describe("the names that a gateway answers to", () => {
  it.each([
    ["127.0.0.1", 200],
    ["127.0.0.1:9877", 200],
    ["192.168.7.5:1", 200],
    ["[::1]:9877", 200],
    ["[fd00::7]", 200],
    ["localhost:9877", 200],
    ["gateway.lan", 200],
    ["Gateway.LAN.:9877", 200],
    ["gw.example", 200],
    ["evil.example", 421],
    ["evil.gateway.lan", 421],
    ["gateway.lan.evil.example", 421],
    ["127.0.0.1.evil.example", 421],
    ["localhost.evil.example", 421],
    ["0x7f000001", 421],
    ["[::1", 421],
    ["[gateway.lan]", 421],
  ])("Host %s: %i", async (host, expected) => {
    expect(await status(await guarded(), { Host: host })).toBe(expected);
  });

  it("are told to whoever is refused, together with the way to add one", async () => {
    const { text } = await ask((await guarded()).url, "/health", { headers: { Host: "evil.example" } });
    expect(JSON.parse(text)).toEqual({
      code: "request_invalid",
      error: "this gateway does not answer to the name evil.example",
      hint: "Add the name to server.allowed_hosts in gateway.toml, or use the address.",
    });
  });

  it("may change while it runs", async () => {
    const rig = await guarded();
    rig.server.change({ ...SETTINGS, hosts: ["other.lan"] });
    expect([await status(rig, { Host: "gateway.lan" }), await status(rig, { Host: "other.lan" })]).toEqual([421, 200]);
    expect(() => {
      rig.server.change({ hosts: [], origins: [], trustedProxies: ["nonsense"] });
    }).toThrow(/not a network/);
    expect(await status(rig, { Host: "other.lan" })).toBe(200);
  });
});

describe("pages in browsers", () => {
  it("are refused whatever they send, with the gateway's key too", async () => {
    const rig = await guarded();
    for (const headers of [
      { Origin: "https://evil.example" },
      { Origin: "null" },
      { Origin: "http://127.0.0.1" },
      { Origin: "https://board.example.evil.example" },
      { Origin: "https://BOARD.example" },
      { "Sec-Fetch-Site": "cross-site" },
      { "Sec-Fetch-Site": "same-site" },
    ])
      expect([headers, await status(rig, headers)]).toEqual([headers, 403]);
    expect(
      (await exec(rig.url, { target: "a", command: "true" }, { ...keyed(), Origin: "https://evil.example" })).status,
    ).toBe(403);
    expect(rig.fleet.asked).toEqual([]);
    expect(await status(rig, { "Sec-Fetch-Site": "none" })).toBe(200);
  });

  it("get no leave to read anything by default, not even by asking before", async () => {
    const rig = await openRig();
    const preflight = await ask(rig.url, "/api/exec", {
      method: "OPTIONS",
      headers: { Origin: "https://evil.example", "Access-Control-Request-Method": "POST" },
    });
    expect(preflight.status).toBe(403);
    for (const answer of [preflight, await ask(rig.url, "/api/targets", { headers: keyed() })])
      expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
  });

  it("of an origin that the owner named may use it, with a key", async () => {
    const rig = await guarded();
    const own = { Origin: "https://board.example" };
    const preflight = await ask(rig.url, "/mcp", { method: "OPTIONS", headers: own });
    expect([preflight.status, preflight.headers["access-control-allow-origin"]]).toEqual([
      204,
      "https://board.example",
    ]);
    expect(preflight.headers["access-control-allow-headers"]).toContain("authorization");
    const answer = await ask(rig.url, "/api/targets", { headers: { ...own, ...keyed() } });
    expect([answer.status, answer.headers["access-control-allow-origin"], answer.headers.vary]).toEqual([
      200,
      "https://board.example",
      "Origin",
    ]);
    expect((await ask(rig.url, "/api/targets", { headers: own })).status).toBe(401);
  });
});

describe("a request that two programs may read differently", () => {
  it.each([
    [
      "two hosts",
      "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 400 /,
    ],
    [
      "two origins",
      "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: a\r\nOrigin: b\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 400 /,
    ],
    ["no host", "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n", /^HTTP\/1\.1 400 /],
    [
      "an address with another host",
      "GET http://evil.example/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
      /^HTTP\/1\.1 400 /,
    ],
    [
      "two lengths",
      "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
      /^HTTP\/1\.1 400 /,
    ],
    [
      "too large headers",
      `GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Large: ${"x".repeat(20_000)}\r\n\r\n`,
      /^HTTP\/1\.1 431 /,
    ],
  ])("%s: refused", async (_title, text, expected) => {
    expect((await raw((await guarded()).port, text)).text).toMatch(expected);
  });

  it("needs no Host in the version of HTTP that has none, as health checks send", async () => {
    expect((await raw((await guarded()).port, "GET /health HTTP/1.0\r\n\r\n")).text).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe("whom a request comes from", () => {
  it.each([
    ["10.0.0.9", undefined, "10.0.0.9"],
    ["::ffff:10.0.0.9", undefined, "10.0.0.9"],
    ["10.0.0.9", "203.0.113.5", "10.0.0.9"],
    ["172.16.0.1", "203.0.113.5", "203.0.113.5"],
    ["172.16.0.1", "198.51.100.1, 203.0.113.5", "203.0.113.5"],
    ["172.16.0.1", "203.0.113.5, 172.16.0.2", "203.0.113.5"],
    ["172.16.0.1", "172.16.0.3, 172.16.0.2", "172.16.0.3"],
    ["172.16.0.1", "nonsense", "172.16.0.1"],
    ["172.16.0.1", "", "172.16.0.1"],
    ["fd00::1", "2001:db8::5", "2001:db8::5"],
    ["fe80::1", "2001:db8::5", "fe80::1"],
    [undefined, "203.0.113.5", ""],
  ])("%s that forwards for %s: %s", (remote, forwarded, peer) => {
    expect(new Proxies(["172.16.0.0/12", "fd00::/8", "192.0.2.7"]).peerOf(remote, forwarded)).toBe(peer);
  });

  it.each(["", "nonsense", "10.0.0.0/33", "10.0.0.0/x", "10.0.0.0/8/8", "fd00::/129", "10.0.0.0/"])(
    "%j is no network",
    (network) => {
      expect(() => new Proxies([network])).toThrow(
        expect.objectContaining({ code: "gateway_config_invalid" }) as Error,
      );
    },
  );

  it("is told to the audit, as far as a trusted proxy says so", async () => {
    const forwarded = { ...keyed(), "X-Forwarded-For": "203.0.113.5" };
    const direct = await openRig();
    const behind = await openRig({ http: { settings: { hosts: [], origins: [], trustedProxies: ["127.0.0.0/8"] } } });
    for (const [rig, peer] of [
      [direct, "127.0.0.1"],
      [behind, "203.0.113.5"],
    ] as const) {
      await exec(rig.url, { target: "a", command: "true" }, forwarded);
      await ask(rig.url, "/nope", { headers: { "X-Forwarded-For": "203.0.113.5" } });
      expect([rig.fleet.asked[0], rig.failed]).toMatchObject([{ peer }, [peer]]);
    }
  });
});
