import { once } from "node:events";
import { lstatSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Logins } from "../../host/page/logins.ts";
import { TOKEN } from "../fixtures/base.ts";
import { approval, grant, MemoryDesk, project, token } from "../fixtures/page-desk.ts";
import { fullDesk } from "../fixtures/full-desk.ts";
import { ask, openPage, ownHeaders, partsOf, visit } from "../fixtures/page.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const ID = "00000000-0000-4000-8000-000000000001";

/** Sends bytes as they are; everything that came back until the other side closed, and how long that took. */
async function raw(port: number, text: string): Promise<{ readonly text: string; readonly ms: number }> {
  const started = performance.now();
  const socket: Socket = connect(port, "127.0.0.1");
  let got = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (got += chunk));
  socket.on("error", () => undefined);
  socket.write(text);
  await once(socket, "close");
  return { text: got, ms: performance.now() - started };
}

/** A page with one call that waits. */
async function waiting() {
  const desk = new MemoryDesk();
  desk.pending.push(approval());
  return { desk, page: await openPage(desk) };
}

describe("the page over HTTP", () => {
  it("answers every request with the headers that keep others out", async () => {
    const page = await openPage(new MemoryDesk());
    const visitor = await visit(page);
    for (const reply of [
      await ask(page.port, `/${page.name}/`),
      await ask(page.port, `/${page.name}/page.js`),
      await ask(page.port, "/nothing"),
      await ask(page.port, `/${page.name}/`, { headers: { Host: "evil.example" } }),
      await visitor.get("projects/none"),
      await visitor.post("runs/none/cancel", {}),
    ]) {
      const policy = String(reply.headers["content-security-policy"]);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).toContain("require-trusted-types-for 'script'");
      expect(policy).not.toMatch(/unsafe|http|\*/);
      expect(reply.headers).toMatchObject({
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
      });
      expect(reply.headers["access-control-allow-origin"]).toBeUndefined();
    }
  });

  it("gives away nothing under another name than its own", async () => {
    const page = await openPage(fullDesk());
    for (const path of [
      "/",
      "/api/feed",
      "/page.js",
      `/${page.name}`,
      `/${page.name}x/`,
      `/${page.name.toUpperCase()}/`,
    ])
      expect([path, (await ask(page.port, path)).status]).toEqual([path, 404]);
  });

  it("logs in with a code once, and sets a cookie that no script and no other site gets", async () => {
    const page = await openPage(new MemoryDesk());
    const { code } = partsOf(page.server.link());
    const login = { method: "POST", headers: ownHeaders(page.origin), body: JSON.stringify({ code }) };
    const first = await ask(page.port, `/${page.name}/api/login`, login);
    expect(first.status).toBe(200);
    const [cookie = ""] = first.headers["set-cookie"] ?? [];
    expect(cookie).toMatch(/^cmd2host_[0-9a-f]{12}=[\w-]{43}; /);
    for (const part of ["HttpOnly", "SameSite=Strict", `Path=/${page.name}/`]) expect(cookie).toContain(part);
    expect(cookie).not.toMatch(/Domain|Expires|Max-Age/);
    const second = await ask(page.port, `/${page.name}/api/login`, login);
    expect([second.status, JSON.parse(second.text)]).toEqual([
      403,
      expect.objectContaining({ code: "page_login_refused" }),
    ]);
    const { token: given } = JSON.parse(first.text) as { token: string };
    const headers = { ...login.headers, Cookie: cookie.split(";")[0] ?? "", "X-Cmd2host-Page": given };
    expect((await ask(page.port, `/${page.name}/api/projects/x`, { headers })).status).toBe(401);
  });

  it("takes neither a cookie nor a token alone, nor those of different logins, nor a session token of a container [promise 11]", async () => {
    const { desk, page } = await waiting();
    const [one, other] = [await visit(page), await visit(page)];
    const path = `/${page.name}/api/approvals/${ID}`;
    const own = ownHeaders(page.origin);
    const { Cookie = "", "X-Cmd2host-Page": pageToken = "" } = one.headers;
    for (const headers of [
      own,
      { ...own, Cookie },
      { ...own, "X-Cmd2host-Page": pageToken },
      { ...own, Cookie, "X-Cmd2host-Page": other.headers["X-Cmd2host-Page"] ?? "" },
      { ...own, "X-Cmd2host-Page": TOKEN, Authorization: `Bearer ${TOKEN}` },
      { ...own, Cookie: `${Cookie.split("=")[0] ?? ""}=${TOKEN}`, "X-Cmd2host-Page": TOKEN },
      { ...own, Cookie: Cookie.replace(/^[^=]+/, "cmd2host_000000000000"), "X-Cmd2host-Page": pageToken },
    ]) {
      expect((await ask(page.port, path, { method: "POST", headers, body: '{"kind":"once"}' })).status).toBe(401);
      expect((await ask(page.port, path, { headers })).status).toBe(401);
      expect((await ask(page.port, `/${page.name}/api/feed`, { headers })).status).toBe(401);
    }
    expect(desk.answered).toEqual([]);
    expect((await one.post(`approvals/${ID}`, { kind: "once" })).status).toBe(200);
    expect(desk.answered).toEqual([{ id: ID, answer: { kind: "once" } }]);
  });

  it("does not let pages of other sites and ports use a browser that is logged in", async () => {
    const { desk, page } = await waiting();
    const { headers, post } = await visit(page);
    const attacks: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
      ["another site", { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" }],
      ["a dev server on another port", { Origin: "http://127.0.0.1:3000", "Sec-Fetch-Site": "same-site" }],
      ["a name pointed here", { Host: `evil.example:${page.port}`, Origin: `http://evil.example:${page.port}` }],
      ["a sandboxed frame", { Origin: "null" }],
      ["a form", { "Content-Type": "application/x-www-form-urlencoded" }],
      ["a form that looks like JSON", { "Content-Type": "text/plain" }],
      ["a fetch without CORS", { "Sec-Fetch-Mode": "no-cors" }],
      ["another Host", { Host: `localhost:${page.port}` }],
    ];
    for (const [what, more] of attacks) {
      const { status } = await post(`approvals/${ID}`, { kind: "once" }, more);
      expect([what, status]).toEqual([what, expect.toSatisfy((one: number) => one >= 400)]);
    }
    const bare = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== "Origin"));
    const withoutOrigin = { method: "POST", headers: bare, body: '{"kind":"once"}' };
    expect((await ask(page.port, `/${page.name}/api/approvals/${ID}`, withoutOrigin)).status).toBe(403);
    const preflight = {
      method: "OPTIONS",
      headers: { Origin: "https://evil.example", "Access-Control-Request-Method": "POST" },
    };
    expect((await ask(page.port, `/${page.name}/api/approvals/${ID}`, preflight)).status).toBe(405);
    expect(desk.answered).toEqual([]);
  });

  it("speaks no WebSocket and tunnels nothing", async () => {
    const page = await openPage(new MemoryDesk());
    const host = `127.0.0.1:${page.port}`;
    const upgrade = await raw(
      page.port,
      `GET /${page.name}/api/feed HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
    expect(upgrade.text).toMatch(/^HTTP\/1.1 403 /);
    expect((await raw(page.port, `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).text).toMatch(/^HTTP\/1.1 403 /);
  });

  it("does not wait for slow headers and slow bodies, and takes no large ones", async () => {
    const page = await openPage(new MemoryDesk());
    const host = `127.0.0.1:${page.port}`;
    const own = Object.entries(ownHeaders(page.origin))
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join("");
    const [headers, body] = await Promise.all([
      raw(page.port, `GET /${page.name}/ HTTP/1.1\r\nHost: ${host}\r\nX-Slow: `),
      raw(page.port, `POST /${page.name}/api/login HTTP/1.1\r\nHost: ${host}\r\n${own}Content-Length: 100\r\n\r\n{`),
    ]);
    expect(headers.ms).toBeLessThan(30_000);
    expect(body.ms).toBeLessThan(40_000);
    expect(headers.text).toMatch(/^(?:HTTP\/1.1 408 |$)/);
    expect(
      (await raw(page.port, `GET /${page.name}/ HTTP/1.1\r\nHost: ${host}\r\nX-Large: ${"x".repeat(20_000)}\r\n\r\n`))
        .text,
    ).toMatch(/^HTTP\/1.1 431 /);
    const large = JSON.stringify({ code: "x".repeat(50_000) });
    const posted = await ask(page.port, `/${page.name}/api/login`, {
      method: "POST",
      headers: ownHeaders(page.origin),
      body: large,
    });
    expect(posted.status).toBe(413);
    const chunked = `POST /${page.name}/api/login HTTP/1.1\r\nHost: ${host}\r\n${own}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nffff\r\n${"x".repeat(0xffff)}\r\n0\r\n\r\n`;
    expect((await raw(page.port, chunked)).text).toMatch(/^HTTP\/1.1 413 /);
  });

  it("refuses two requests in one, and a body with two lengths", async () => {
    const page = await openPage(new MemoryDesk());
    const host = `127.0.0.1:${page.port}`;
    const twice = `POST /${page.name}/api/login HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n`;
    expect((await raw(page.port, twice)).text).toMatch(/^HTTP\/1.1 400 /);
    const hosts = `GET /${page.name}/ HTTP/1.1\r\nHost: ${host}\r\nHost: evil.example\r\nConnection: close\r\n\r\n`;
    expect((await raw(page.port, hosts)).text).toMatch(/^HTTP\/1.1 400 /);
  });

  it.each([
    ["nothing", ""],
    ["no JSON", "{"],
    ["a list", "[]"],
    ["another answer", '{"kind":"always"}'],
    ["a denial without a note", '{"kind":"deny"}'],
    ["a note that is too long", JSON.stringify({ kind: "deny", note: "x".repeat(2_001) })],
    ["a time without end", '{"kind":"operation","seconds":1e9}'],
    ["a time that is none", '{"kind":"operation","seconds":"900"}'],
  ])("takes no answer that is %s", async (_what, body) => {
    const { desk, page } = await waiting();
    const { headers } = await visit(page);
    const reply = await ask(page.port, `/${page.name}/api/approvals/${ID}`, { method: "POST", headers, body });
    expect([reply.status, JSON.parse(reply.text)]).toEqual([400, expect.objectContaining({ code: "request_invalid" })]);
    expect(desk.answered).toEqual([]);
  });

  it("does what its buttons say, and tells the daemon's log", async () => {
    const desk = new MemoryDesk();
    desk.pending.push(approval(), approval({ id: "second" }), approval({ id: "third" }));
    desk.run({ run_id: "run", operation: "op" });
    desk.tokenRows.push(token());
    desk.granted.push(grant());
    desk.views.set("p", project({ id: "p" }));
    const page = await openPage(desk);
    const visitor = await visit(page);
    const done = async (path: string, body: object = {}): Promise<number> => (await visitor.post(path, body)).status;
    expect(await done(`approvals/${ID}`, { kind: "deny", note: "not now" })).toBe(200);
    expect(await done("approvals/second", { kind: "operation", seconds: 900 })).toBe(200);
    expect(await done("approvals/third", { kind: "call" })).toBe(200);
    expect(await done("runs/run/cancel")).toBe(200);
    expect(await done("tokens/5e55101100000000/revoke")).toBe(200);
    expect(await done("grants/g1/revoke")).toBe(200);
    expect(await done("stop", { project: null })).toBe(200);
    expect(await done("stop", {})).toBe(400);
    expect(desk.stopped).toMatchObject([{ project: undefined }]);
    expect(await done("resume", { project: null })).toBe(200);
    expect(await done("grants/g1/revoke")).toBe(404);
    expect(desk.answered.map(({ answer }) => answer)).toEqual([
      { kind: "deny", note: "not now" },
      { kind: "operation", seconds: 900 },
      { kind: "call" },
    ]);
    expect([desk.cancelled, desk.tokenRows, desk.granted, desk.stopped]).toEqual([["run"], [], [], []]);
    expect(page.changes).toEqual([
      "opened",
      `answered with deny: ${ID}`,
      "answered with operation: second",
      "answered with call: third",
      "run cancelled: run",
      "token revoked: 5e55101100000000",
      "grant revoked: g1",
      "stopped everything",
      "resumed everything",
    ]);
    expect(page.bugs).toEqual([]);
  });

  it("answers what it does not have, and what goes wrong, without saying why inside", async () => {
    const bare = new MemoryDesk();
    const nothing = { approvals: undefined, grants: undefined, decisions: undefined, stops: undefined };
    const broken = Object.assign(bare, nothing, {
      projects: {
        list: () => [],
        view: () => {
          throw new Error("/secret/path");
        },
      },
    });
    const page = await openPage(broken);
    const visitor = await visit(page);
    expect((await visitor.get("decisions")).status).toBe(404);
    for (const path of [`approvals/${ID}`, "grants/x/revoke", "stop", "resume"])
      expect((await visitor.post(path, { kind: "once", project: null })).status).toBe(404);
    const reply = await visitor.get("projects/x");
    expect([reply.status, reply.text.includes("secret")]).toEqual([500, false]);
    expect(page.bugs).toHaveLength(1);
  });

  it("cuts long command lines, and gives all of them when asked", async () => {
    const desk = new MemoryDesk();
    const argv = ["/bin/echo", "x".repeat(10_000), ...Array.from({ length: 300 }, (_, index) => `word ${index}`)];
    desk.pending.push(approval({ argv }));
    const page = await openPage(desk);
    const visitor = await visit(page);
    const whole = JSON.parse((await visitor.get(`approvals/${ID}`)).text) as {
      argv: { words: { text: string; cut: number }[]; more: number };
    };
    expect(whole.argv.words.map(({ text }) => text)).toEqual(argv);
    expect([whole.argv.more, whole.argv.words.every(({ cut }) => cut === 0)]).toEqual([0, true]);
  });

  it("logs out", async () => {
    const page = await openPage(new MemoryDesk());
    const visitor = await visit(page);
    expect((await visitor.post("logout", {})).status).toBe(200);
    expect((await visitor.get("projects/x")).status).toBe(401);
  });

  it("serves a Unix socket that is the owner's alone", async () => {
    const socket = join(tempDirectory(), "page.sock");
    const page = await openPage(new MemoryDesk(), { socket });
    expect(lstatSync(socket).mode & 0o777).toBe(0o600);
    const { name, code } = partsOf(page.server.link());
    const get = async (host: string) => ask(0, `/${name}/`, { socketPath: socket, headers: { Host: host } });
    expect((await get("localhost:8080")).status).toBe(200);
    expect((await get("evil.example")).status).toBe(421);
    const headers = { ...ownHeaders("http://localhost:8080"), Host: "localhost:8080" };
    const login = await ask(0, `/${name}/api/login`, {
      socketPath: socket,
      method: "POST",
      headers,
      body: JSON.stringify({ code }),
    });
    expect(login.status).toBe(200);
  });

  it("ends everything when it is closed", async () => {
    const page = await openPage(new MemoryDesk());
    await visit(page);
    const idle = connect(page.port, "127.0.0.1");
    await once(idle, "connect");
    const gone = once(idle, "close");
    await page.server.close();
    await gone;
    await expect(ask(page.port, `/${page.name}/`)).rejects.toThrow();
  });

  it("never keeps a secret of a login as it is", () => {
    const logins = new Logins(Date.now);
    const login = logins.logIn(logins.code());
    const found = logins.find(login.cookie, login.token);
    expect(JSON.stringify(found)).not.toContain(login.cookie);
    expect(JSON.stringify(found)).not.toContain(login.token);
  });
});
