import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { IS_BUN } from "../../../host/util/runtime.ts";
import { ConnectionLimits } from "../../../host/exchange/limits.ts";
import { tempDirectory } from "../../fixtures/temp.ts";
import { ask, exec, keyed, page, pageOf } from "../fixtures/ask.ts";
import { openRig } from "../fixtures/rig.ts";
import { eventually } from "../mcp/clients.ts";
import { raw } from "./raw.ts";

const HEAD = "Host: 127.0.0.1\r\nAuthorization: Bearer k\r\n";

/** A connection that is kept open. */
async function open(port: number, text: string): Promise<{ readonly socket: Socket; readonly got: () => string }> {
  const socket = connect(port, "127.0.0.1");
  let got = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => (got += chunk));
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write(text);
  return { socket, got: () => got };
}

describe("the gateway's HTTP server", () => {
  it("answers every request with the headers that keep browsers from it", async () => {
    const rig = await openRig();
    const answers = [
      await ask(rig.url, "/health"),
      await ask(rig.url, "/nope"),
      await ask(rig.url, "/nope", { headers: keyed() }),
      await ask(rig.url, "/health", { headers: { Host: "evil.example" } }),
      await exec(rig.url, { target: "a", command: "true" }),
      await ask(rig.url, "/mcp", { method: "POST", headers: keyed(), body: "[]" }),
    ];
    for (const { headers } of answers)
      expect(headers).toMatchObject({
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "cross-origin-resource-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
      });
  });

  it("answers failed authentications late, some at a time, and the others not at all; good keys do not wait", async () => {
    const rig = await openRig({ penalty: [400, 1, 1] });
    const wrong = async (): Promise<number | string> =>
      ask(rig.url, "/api/targets", { headers: keyed("wrong") }).then(
        ({ status }) => status,
        () => "closed",
      );
    const began = performance.now();
    const refused = Promise.all([wrong(), wrong(), wrong(), wrong()]);
    await eventually(() => rig.failed.length === 4);
    expect((await ask(rig.url, "/api/targets", { headers: keyed() })).status).toBe(200);
    const results = await refused;
    expect(results.map(String).sort()).toEqual(["401", "401", "closed", "closed"]);
    expect(performance.now() - began).toBeGreaterThan(390);
  });

  it("ends a command whose client goes away before the first page, and not one whose client lost a later one", async () => {
    const rig = await openRig({ pages: { pageMaxBytes: 1_000 } });
    const gone = new AbortController();
    const asked = ask(rig.url, "/api/exec", {
      method: "POST",
      headers: { ...keyed(), "Content-Type": "application/json" },
      body: JSON.stringify({ target: "a", command: "sleep 60" }),
      signal: gone.signal,
    }).catch(() => undefined);
    await eventually(() => rig.fleet.places === 1);
    gone.abort();
    await asked;
    await eventually(() => rig.fleet.places === 0);

    const { next_page: token = "" } = pageOf(
      await exec(rig.url, { target: "a", command: "echo x; sleep 0.6; echo y" }),
    );
    const lost = new AbortController();
    const poll = ask(rig.url, `/api/exec?page=${token}`, { headers: keyed(), signal: lost.signal }).catch(
      () => undefined,
    );
    setTimeout(() => {
      lost.abort();
    }, 50);
    await poll;
    let last = await page(rig.url, token);
    while (last.status === 400) last = await page(rig.url, token);
    expect(pageOf(last)).toMatchObject({ stdout: "y\n" });
  });

  it("gives a page again to whoever says that its answer was lost", async () => {
    const rig = await openRig({ pages: { pageMaxBytes: 1_000 } });
    const { next_page: one = "" } = pageOf(await exec(rig.url, { target: "a", command: "seq 1000" }));
    const second = await page(rig.url, one);
    expect((await page(rig.url, one)).status).toBe(400);
    const again = await ask(rig.url, `/api/exec?page=${one}&again=1`, { headers: keyed() });
    expect(again.text).toBe(second.text);
    expect((await ask(rig.url, `/api/exec?page=${one}&again=1`, { headers: keyed("k2") })).status).toBe(400);
    await page(rig.url, pageOf(second).next_page ?? "");
    expect((await ask(rig.url, `/api/exec?page=${one}&again=1`, { headers: keyed() })).status).toBe(400);
  });

  it("gives output soon, and not only when a page's time is over", async () => {
    const rig = await openRig({ pages: { pageTimeoutMs: 30_000 } });
    const first = pageOf(await exec(rig.url, { target: "a", command: "echo early; sleep 60" }));
    expect(first).toMatchObject({ stdout: "early\n", next_page: expect.any(String) as string });
  });

  it("says nothing of a bug but that there is one", async () => {
    const rig = await openRig({
      calls: (fleet) =>
        Object.assign(Object.create(fleet) as typeof fleet, {
          targets: () => {
            throw new Error("secret of the inside");
          },
          ping: () => {
            throw new Error("another");
          },
        }),
    });
    for (const path of ["/api/targets", "/api/ping/a"]) {
      const { status, text } = await ask(rig.url, path, { headers: keyed() });
      expect([status, JSON.parse(text)]).toMatchObject([
        500,
        { code: "internal", error: "internal error in the gateway" },
      ]);
    }
    expect(rig.bugs.map(String)).toEqual(["Error: secret of the inside", "Error: another"]);
  });

  it("has room for routes of others, behind the same key", async () => {
    const rig = await openRig({
      http: {
        mount: (app) => {
          app.get("/v2/me", (context) => context.json({ name: context.get("caller").name, peer: context.get("peer") }));
        },
      },
    });
    expect((await ask(rig.url, "/v2/me")).status).toBe(401);
    const { text } = await ask(rig.url, "/v2/me", { headers: keyed("k2") });
    expect(JSON.parse(text)).toEqual({ name: "second", peer: "127.0.0.1" });
    expect((await ask(rig.url, "/v2/other", { headers: keyed() })).status).toBe(404);
  });

  it("cannot be opened where somebody else listens", async () => {
    const rig = await openRig();
    await expect(openRig({ http: { port: rig.port } })).rejects.toMatchObject({ code: "listen_failed" });
  });
});

/** A key and a certificate for it. */
function selfSigned(): { readonly key: Buffer; readonly cert: Buffer } {
  const directory = tempDirectory();
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const made = spawnSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-subj", "/CN=gateway.test", "-days", "2", "-keyout", key, "-out", cert],
  ]);
  if (made.status !== 0) throw new Error(`openssl: ${made.stderr.toString()}`);
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

describe("TLS", () => {
  it("is spoken with the certificate that is given", async () => {
    const rig = await openRig({ http: { tls: selfSigned() } });
    expect(rig.url).toMatch(/^https:/);
    expect(pageOf(await exec(rig.url, { target: "a", command: "echo hi" }))).toMatchObject({ stdout: "hi\n" });
    const plain = await raw(rig.port, "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    expect(plain.text).not.toContain("200");
  });

  it("needs files that are a certificate and its key", async () => {
    const wrong = [
      { key: "no key", cert: "no certificate" },
      { key: selfSigned().key, cert: selfSigned().cert },
    ];
    for (const tls of wrong)
      await expect(openRig({ http: { tls } })).rejects.toMatchObject({ code: "gateway_config_invalid" });
  });
});

describe("slow and many clients", () => {
  it("are not waited for when they send slowly", async () => {
    const rig = await openRig({ http: { bounds: { headersMs: 200, requestMs: 400, checkMs: 50 } } });
    const [headers, body] = await Promise.all([
      raw(rig.port, `GET /health HTTP/1.1\r\n${HEAD}X-Slow: `),
      raw(rig.port, `POST /api/exec HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{`),
    ]);
    for (const { text, ms } of [headers, body]) {
      expect(text).toMatch(/^(?:HTTP\/1.1 408 |$)/);
      expect(ms).toBeLessThan(20_000);
    }
  });

  it("are disconnected when they do not read", async () => {
    const places = new ConnectionLimits(8, 8);
    const rig = await openRig({ pages: { pageMaxBytes: 16_000_000 }, http: { places, bounds: { stalledMs: 200 } } });
    const body = JSON.stringify({ target: "a", command: "head -c 15000000 /dev/zero | tr '\\0' x" });
    const head = `POST /api/exec HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    const socket = connect(rig.port, "127.0.0.1");
    socket.on("error", () => undefined);
    // Nobody listens for data, so nothing is read but what the kernel takes.
    socket.write(head + body);
    await eventually(() => rig.fleet.asked.length === 1 && places.open === 1);
    await eventually(() => places.open === 0);
    socket.destroy();
  });

  it("may break off in the middle of a request", async () => {
    const places = new ConnectionLimits(8, 8);
    const rig = await openRig({ http: { places } });
    const { socket } = await open(
      rig.port,
      `POST /api/exec HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
    );
    await eventually(() => places.open === 1);
    socket.destroy();
    await eventually(() => places.open === 0);
    expect([rig.bugs, rig.fleet.asked]).toEqual([[], []]);
  });

  it("lose their place to somebody who speaks, and never one that works", async () => {
    const rig = await openRig({ http: { places: new ConnectionLimits(2, 2) } });
    const { socket } = await open(rig.port, "GET /health HTTP/1.1\r\n");
    const working = exec(rig.url, { target: "a", command: "sleep 0.5; echo done" });
    await eventually(() => rig.fleet.places === 1);
    const closed = once(socket, "close");
    expect((await ask(rig.url, "/health")).status).toBe(200);
    await closed;
    expect(pageOf(await working)).toMatchObject({ stdout: "done\n" });
  });

  it("get no place when all are taken by those who work", async () => {
    const rig = await openRig({ http: { places: new ConnectionLimits(1, 1) } });
    const working = exec(rig.url, { target: "a", command: "sleep 0.5; echo done" });
    await eventually(() => rig.fleet.places === 1);
    await expect(ask(rig.url, "/health")).rejects.toThrow();
    expect(pageOf(await working)).toMatchObject({ stdout: "done\n" });
  });

  it("may come in any number from behind a trusted proxy", async () => {
    const settings = { hosts: [], origins: [], trustedProxies: ["127.0.0.1"] };
    const rig = await openRig({ http: { settings, places: new ConnectionLimits(10, 1) } });
    const all = await Promise.all([0, 1, 2].map(async () => exec(rig.url, { target: "n/app", command: "true" })));
    expect(all.map(({ status }) => status).filter((status) => status === 200).length).toBeGreaterThan(1);
  });

  it("get their answer to a body that is far too large", async () => {
    const rig = await openRig();
    const head = `POST /mcp HTTP/1.1\r\n${HEAD}Content-Length: 99999999\r\n\r\n`;
    expect((await raw(rig.port, head)).text).toMatch(/^HTTP\/1.1 413 /);
    const chunk = `${(0x100000).toString(16)}\r\n${"x".repeat(0x100000)}\r\n`;
    const endless = `POST /mcp HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(18)}`;
    expect((await raw(rig.port, endless)).text).toMatch(/^HTTP\/1.1 413 /);
  });
});

describe("another protocol on the same port", () => {
  async function upgradable() {
    const taken: { readonly caller: string; readonly head: string; readonly peer: string }[] = [];
    const rig = await openRig({
      http: {
        upgrade: {
          protocol: "cmd2host",
          take: (_request, socket, head, caller, peer) => {
            taken.push({ caller: caller.name, head: head.toString(), peer });
            socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: cmd2host\r\nConnection: Upgrade\r\n\r\n");
            socket.on("data", (bytes: Buffer) => socket.write(bytes));
          },
        },
      },
    });
    return { rig, taken };
  }

  const ask101 = (headers: string, protocol = "cmd2host"): string =>
    `GET /v2/link HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${headers}\r\n`;

  it("is handed the connection of whoever shows a key", async () => {
    const { rig, taken } = await upgradable();
    const { socket, got } = await open(rig.port, `${ask101(HEAD)}first`);
    await eventually(() => got().includes("101"));
    socket.write("echo");
    await eventually(() => got().endsWith("echo"));
    expect(taken).toEqual([{ caller: "first", head: "first", peer: "127.0.0.1" }]);
    await rig.server.close(0);
    socket.write("still here");
    await eventually(() => got().endsWith("still here"));
    socket.destroy();
  });

  it("is refused without a key, from a browser, and under another name", async () => {
    const { rig, taken } = await upgradable();
    for (const [headers, status] of [
      ["Host: 127.0.0.1\r\n", 401],
      ["Host: 127.0.0.1\r\nAuthorization: Bearer wrong\r\n", 401],
      [`${HEAD}Origin: https://evil.example\r\n`, 403],
      ["Host: evil.example\r\nAuthorization: Bearer k\r\n", 421],
    ] as const)
      expect((await raw(rig.port, ask101(headers))).text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(taken).toEqual([]);
  });

  it("is not what somebody gets who offers to speak HTTP/2", async () => {
    const { rig } = await upgradable();
    const body = JSON.stringify({ target: "a", command: "echo hi" });
    const text = `POST /api/exec HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n${HEAD}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    if (IS_BUN) {
      expect((await raw(rig.port, text)).text).toMatch(/^HTTP\/1.1 400 .*Send no Upgrade header/s);
      return;
    }
    const { socket, got } = await open(rig.port, text);
    await eventually(() => got().includes('"stdout":"hi\\n"'));
    socket.write(`GET /health HTTP/1.1\r\n${HEAD}\r\n`);
    await eventually(() => got().includes('{"status":"ok"}'));
    socket.destroy();
  });
});

describe("a gateway that stops", () => {
  it("finishes requests that are in flight, and begins no more", async () => {
    const rig = await openRig();
    const running = exec(rig.url, { target: "a", command: "sleep 0.4; echo done" });
    await eventually(() => rig.fleet.places === 1);
    const closed = rig.server.close();
    await expect(ask(rig.url, "/health")).rejects.toThrow();
    expect(pageOf(await running)).toMatchObject({ stdout: "done\n", exit_code: 0 });
    await closed;
  });

  it("tells those who wait longer than it does, and ends their commands", async () => {
    const rig = await openRig({ pages: { pageTimeoutMs: 60_000 } });
    const running = exec(rig.url, { target: "a", command: "sleep 60" });
    await eventually(() => rig.fleet.places === 1);
    await rig.server.close(50);
    const { status, text, headers } = await running;
    expect([status, JSON.parse(text), headers["retry-after"]]).toMatchObject([503, { code: "shutting_down" }, "1"]);
    await eventually(() => rig.fleet.places === 0);
  });

  it("refuses what comes on a connection that was open", async () => {
    const rig = await openRig();
    const slow = exec(rig.url, { target: "a", command: "sleep 0.5" });
    const agent = request(`${rig.url}/api/exec`, {
      method: "POST",
      agent: false,
      headers: { ...keyed(), "Content-Type": "application/json", "Content-Length": "34" },
    });
    agent.write('{"target":"a",');
    await eventually(() => rig.fleet.places === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const closed = rig.server.close();
    agent.end('"command":"sleep 9"}'.padEnd(20));
    const [reply] = (await once(agent, "response")) as [{ readonly statusCode: number; resume(): void }];
    reply.resume();
    expect(reply.statusCode).toBe(503);
    expect((await slow).status).toBe(200);
    await closed;
  });
});
