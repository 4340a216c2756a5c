import { randomUUID } from "node:crypto";
import { request as httpRequest } from "node:http";
import { PassThrough, Readable, type Duplex } from "node:stream";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { LinkDialler } from "../../link/dial.ts";
import { Pins } from "../../link/pins.ts";
import { redeem } from "../../link/redeem.ts";
import { exchange } from "../../wire/client-exchange.ts";
import { FRAME, frameHeader, jsonFrame, PREFACE } from "../../wire/frames.ts";
import { CodedError } from "../../wire/errors.ts";
import { MAX_REQUEST_BYTES_ANNOUNCED } from "../../wire/limits.ts";
import { Gathered } from "../contract/routes.ts";
import { ADMIN_KEY, READER_KEY, startAgent, startGateway } from "../fixtures/fleet.ts";
import { allOf, dialling, hearing, listening, machine, until } from "../link/machines.ts";
import { accepted, agentsOf, capture, CLAIMED_ID, HELLO, outcome, written } from "./captured.ts";

/** Attacks in a fleet, where each side may be in other hands. What runs between real machines is in test/e2e/fleet. */

const OTHER_KEY = "o".repeat(32);
const LIMITED_KEY = "l".repeat(32);
const gateway = await startGateway({
  tables: `[[callers]]
name = "other"
key = "${OTHER_KEY}"
tags = ["web"]
operations = ["shell"]
[[callers]]
name = "limited"
key = "${LIMITED_KEY}"
targets = ["web1"]
operations = ["uptime", "shell"]
rate = { runs = 2, per_secs = 3600 }
concurrent = 1
`,
});
const [admin, reader, other] = [gateway.client(ADMIN_KEY), gateway.client(READER_KEY), gateway.client(OTHER_KEY)];
const web1 = await startAgent(gateway, "web1", { tags: ["web"], agent: { max_concurrent: 8 } });
await startAgent(gateway, "db1");
const agentsKnown = agentsOf(gateway);
const web1Known = agentsKnown.get("web1");

type Members = Readonly<Record<string, unknown>>;

function records(directory = join(gateway.directory, "state/audit")): readonly Members[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".jsonl"))
    .flatMap((name) => readFileSync(join(directory, name), "utf8").trim().split("\n"))
    .map((line) => JSON.parse(line) as Members);
}

interface Lie {
  readonly what: string;
  readonly answer: readonly Buffer[];
  readonly expected: object;
}

const BROKEN = { outcome: "failed", code: "reply_invalid" };
const LIES: readonly Lie[] = [
  {
    what: "speaks another protocol",
    answer: [Buffer.from("HTTP/1.1 200 OK\r\n\r\n")],
    expected: { outcome: "failed", code: "link_version" },
  },
  { what: "says nothing", answer: [], expected: BROKEN },
  { what: "writes output before it has accepted anything", answer: [HELLO, written("stdout", "x")], expected: BROKEN },
  { what: "accepts twice", answer: [HELLO, accepted(), accepted()], expected: BROKEN },
  {
    what: "announces more than there is room for",
    answer: [HELLO, accepted(), Buffer.from([FRAME.stdout, 0xff, 0xff, 0xff, 0xff])],
    expected: BROKEN,
  },
  { what: "ends with what is no outcome", answer: [HELLO, accepted(), outcome({ exit_code: "0" })], expected: BROKEN },
  { what: "falls silent in the middle", answer: [HELLO, accepted(), written("stdout", "half")], expected: BROKEN },
  {
    what: "ends with a code that there is not",
    answer: [HELLO, accepted(), outcome({ outcome: "failed", code: "__proto__", message: "\u001b[2J" })],
    expected: { outcome: "failed", code: "internal" },
  },
  {
    what: "claims to be another run",
    answer: [HELLO, accepted(), written("stdout", "ok"), outcome()],
    expected: { outcome: "completed", exit_code: 0 },
  },
];
const nameOf = ({ what }: Lie): string => what.replaceAll(" ", "-");
await Promise.all(
  LIES.map(async (lie) => {
    const answer = Buffer.concat(lie.answer);
    await capture(gateway, nameOf(lie), () => answer);
  }),
);

describe("a captured machine", () => {
  it.each(LIES)("that $what harms nobody else, and its run has a true ending in the record", async (lie) => {
    const name = nameOf(lie);
    const output = new Gathered();
    const ended = await admin.on(name).stream({ operation: "shell", params: { command: "id" } }, { output });
    expect(ended).toMatchObject(lie.expected);
    const decision = records().findLast(({ kind, target }) => kind === "decision" && target === name);
    const id = decision?.["id"];
    expect(ended.run_id).toBe(id);
    expect(records().filter((record) => record["kind"] === "outcome" && record["id"] === id)).toHaveLength(1);
    expect(records().some((record) => record["id"] === CLAIMED_ID)).toBe(false);
    expect((await admin.on("web1").run({ operation: "uptime" })).exit_code).toBe(0);
  });

  it("that answers at another one's address is told nothing", async () => {
    const impostor = await machine("web1");
    const events = hearing(() => undefined);
    const { address } = await listening(impostor, events);
    if (web1Known === undefined) throw new Error("web1 is not known");
    await agentsKnown.add({
      ...web1Known,
      name: "moved",
      fingerprints: web1Known.fingerprints.map(() => `sha256:${"A".repeat(43)}`),
      addresses: [address],
    });
    while (
      !gateway.lines.some(
        ({ event, fields }) => event === "link" && String(fields["reason"]).startsWith("moved: expected the key"),
      )
    )
      await sleep(10);
    const ended = await admin
      .on("moved")
      .stream({ operation: "shell", params: { command: "id" } }, { output: new Gathered() });
    expect(ended).toMatchObject({ outcome: "failed", code: "target_key_mismatch" });
    expect(events.heard).toEqual([]);
  });
});

describe("a captured gateway", () => {
  it("with another key is turned away by a machine that listens, and not spoken to by one that dials out", async () => {
    const rogue = await machine("rogue");
    const address = web1Known?.addresses[0] ?? "";
    await rogue.pins.add({
      ...{ name: "web1", fingerprints: web1Known?.fingerprints ?? [], addresses: [], about: {} },
      enrolledAt: new Date(),
    });
    const dialler = dialling(rogue, "web1", address);
    await expect(dialler.open(AbortSignal.timeout(10_000))).rejects.toMatchObject({ code: "link_refused" });
    expect(dialler.peer).toBeUndefined();

    const behindNat = await machine("db9");
    await behindNat.pins.add({
      ...{ name: "gateway", fingerprints: web1Known?.fingerprints ?? [], addresses: [], about: {} },
      enrolledAt: new Date(),
    });
    const { address: taken } = await listening(rogue, hearing());
    const events = hearing();
    dialling(behindNat, "gateway", taken, events).start();
    await until(() => events.heard.length > 0);
    expect(events.heard).toEqual([expect.stringMatching(/^warn gateway: expected the key sha256:/)]);
  });
});

describe("a gateway that a machine lets in, and that is in other hands", () => {
  const address = web1Known?.addresses[0] ?? "";

  /** One with a key that the machine's owner let in. */
  async function captured(name: string): Promise<LinkDialler> {
    const self = await machine(name);
    const known = { enrolledAt: new Date(), addresses: [] };
    const { fingerprint } = self.identity.current;
    await new Pins(web1.base.directory.gateways).add({
      ...{ ...known, name, fingerprints: [fingerprint], about: { project: "machine" } },
    });
    await self.pins.add({ ...known, name: "web1", fingerprints: web1Known?.fingerprints ?? [], about: {} });
    return dialling(self, "web1", address);
  }

  function request(message: object): Buffer {
    const id = randomUUID();
    return Buffer.concat([
      PREFACE,
      jsonFrame(FRAME.request, { protocol: 2, ...message, via: { caller: "admin", target: "web1", id } }),
    ]);
  }

  it("runs at most as many commands at once as the machine takes, and nobody else waits for it", async () => {
    const dialler = await captured("flooding");
    const refused: string[] = [];
    const streams = await Promise.all(Array.from({ length: 200 }, async () => dialler.open()));
    for (const stream of streams) {
      stream.write(request({ operation: "shell", params: { command: "echo begun; sleep 60" } }));
      void allOf(stream).then(
        (said) => refused.push(said.toString()),
        () => undefined,
      );
    }
    await until(() => refused.length >= 200 - 8);
    // Those who only look are not counted, and the owner's own clients have another way in.
    const ping = await dialler.open();
    ping.write(request({ ping: true }));
    expect((await allOf(ping)).toString()).toContain('"pong"');
    expect(refused.filter((said) => said.includes('"agent_full"'))).toHaveLength(200 - 8);
    dialler.close();
    await until(() =>
      web1.lines.some(({ event, fields }) => event === "gateway gone" && fields["gateway"] === "flooding"),
    );
    while ((await admin.on("web1").run({ operation: "uptime" })).code === "agent_full") await sleep(20);
    expect(await admin.on("web1").run({ operation: "uptime" })).toMatchObject({ exit_code: 0 });
  });

  it.each<readonly [string, () => Buffer, string]>([
    [
      "announces a request that is larger than any may be",
      () => Buffer.concat([PREFACE, frameHeader(FRAME.request, MAX_REQUEST_BYTES_ANNOUNCED + 1)]),
      "frame_too_large",
    ],
    [
      "sends a command that is larger than a system takes",
      () => request({ operation: "shell", params: { command: "x".repeat(MAX_REQUEST_BYTES_ANNOUNCED - 1_000) } }),
      "spawn_failed",
    ],
    [
      "sends frames of a kind that there is not",
      () => Buffer.concat([PREFACE, Buffer.from([0x7f, 0, 0, 0, 0])]),
      "frame_malformed",
    ],
    [
      "sends no JSON",
      () => Buffer.concat([PREFACE, frameHeader(FRAME.request, 3), Buffer.from("{x}")]),
      "json_invalid",
    ],
    [
      "sends a request twice",
      () => Buffer.concat([request({ ping: true }), request({ ping: true })]),
      "frame_malformed",
    ],
  ])("and %s is told so, and no other stream suffers", async (_, bytes, code) => {
    const dialler = await captured(`frames-${randomUUID().slice(0, 8)}`);
    const [stream, beside] = [await dialler.open(), await dialler.open()];
    stream.on("error", () => undefined);
    stream.write(bytes());
    expect((await allOf(stream)).toString()).toContain(code);
    beside.write(request({ operation: "uptime" }));
    expect((await allOf(beside)).toString()).toContain('"exit_code":0');
  });

  it("cannot open more streams than the machine takes", async () => {
    const dialler = await captured("opening");
    const opened = await Promise.all(
      Array.from({ length: 1_024 }, async () => {
        const stream = await dialler.open();
        stream.on("error", () => undefined);
        return stream;
      }),
    );
    expect(opened).toHaveLength(1_024);
    await expect(dialler.open()).rejects.toSatisfy(
      (error) => error instanceof CodedError && error.code === "agent_full",
    );
    expect(await admin.on("web1").run({ operation: "uptime" })).toMatchObject({ exit_code: 0 });
  });
});

/** Whatever a caller likes to send, as bytes of the daemon's protocol behind a key. */
async function raw(key: string, message: object): Promise<Members> {
  const headers = { Authorization: `Bearer ${key}`, Connection: "Upgrade", Upgrade: "cmd2host/2" };
  const connect = async (): Promise<Duplex> =>
    new Promise((resolve, reject) => {
      httpRequest(`${gateway.url}/v2/call`, { headers, agent: false })
        .once("upgrade", (_response, socket, head) => {
          socket.unshift(head);
          resolve(socket);
        })
        .once("error", reject)
        .end();
    });
  const reply = await exchange({ kind: "way", name: "raw", connect }, message, 20_000, undefined);
  return JSON.parse(reply.toString("utf8")) as Members;
}

describe("a caller", () => {
  it.each<readonly [string, object]>([
    ["names another caller", { via: { caller: "admin", target: "db1", id: CLAIMED_ID } }],
    ["names another session", { token: "f".repeat(64), session: "admin" }],
    ["names another project", { project: "admin", project_id: "machine" }],
  ])("that %s is who its key says", async (_, more) => {
    expect(
      await raw(READER_KEY, { target: "web1", operation: "shell", params: { command: "id" }, ...more }),
    ).toMatchObject({
      code: "caller_not_allowed",
    });
    expect(await raw(READER_KEY, { target: "db1", operation: "uptime", ...more })).toMatchObject({
      code: "target_unknown",
    });
    const allowed = await raw(READER_KEY, { target: "web1", operation: "uptime", ...more });
    expect(allowed).toMatchObject({ exit_code: 0 });
    expect(records().filter(({ id }) => id === CLAIMED_ID)).toEqual([]);
    const last = records().findLast(({ kind }) => kind === "decision");
    expect(last).toMatchObject({ caller: "reader", target: "web1", verdict: "permit" });
    expect(records(web1.base.directory.audit).findLast(({ kind }) => kind === "decision")).toMatchObject({
      caller: "reader",
      id: last?.["id"],
    });
  });

  it("sees, reads, follows and ends no run of another one, on the same machine, with the same operations", async () => {
    const output = new Gathered();
    const stop = new AbortController();
    const command = "echo secret-of-admin; sleep 60";
    const running = admin
      .on("web1")
      .stream({ operation: "shell", params: { command } }, { output, signal: stop.signal });
    while (output.text("stdout") === "") await sleep(5);
    const { runs = [] } = await admin.on("web1").runs();
    const [id = ""] = (runs ?? []).flatMap(({ run_id: runId, state }) => (state === "running" ? [runId] : []));
    for (const foreign of [reader, other]) {
      const target = foreign.on("web1");
      expect((await target.runs()).runs?.some(({ run_id: runId }) => runId === id)).toBe(false);
      for (const reply of [await target.status(id, 0), await target.read({ runId: id }), await target.cancel(id)])
        expect(reply).toMatchObject({ code: "run_unknown" });
    }
    expect((await admin.on("web1").status(id, 0)).run?.state).toBe("running");
    stop.abort();
    await running;
  });

  it("gets no page of another one's command", async () => {
    const command = "yes secret | head -n 30000";
    const { body } = await admin.ask("POST", "/api/exec", { target: "web1", command });
    const { next_page: next } = body as { readonly next_page?: string };
    expect(next).toMatch(/^[A-Za-z0-9_-]+$/);
    for (const foreign of [reader, other])
      await expect(foreign.ask("GET", `/api/exec?page=${next ?? ""}`)).rejects.toMatchObject({ code: "page_unknown" });
    expect((await admin.ask("GET", `/api/exec?page=${next ?? ""}`)).body).toMatchObject({
      stdout: expect.stringContaining("secret") as string,
    });
  });

  it("that has spent its rate or its places takes nothing of another one's", async () => {
    const limited = gateway.client(LIMITED_KEY).on("web1");
    const output = new Gathered();
    const stop = new AbortController();
    const running = limited.stream(
      { operation: "shell", params: { command: "echo begun; sleep 60" } },
      { output, signal: stop.signal },
    );
    while (output.text("stdout") === "") await sleep(5);
    expect(await limited.run({ operation: "uptime" })).toMatchObject({ code: "too_many_at_once" });
    expect(await reader.on("web1").run({ operation: "uptime" })).toMatchObject({ exit_code: 0 });
    stop.abort();
    expect(await running).toMatchObject({ code: "cancelled" });
    expect(await limited.run({ operation: "uptime" })).toMatchObject({ exit_code: 0 });
    // A reconnection, another project, another session: it is the key that counts.
    for (const more of [{}, { session: "admin" }, { via: { caller: "admin", target: "web1", id: CLAIMED_ID } }])
      expect(await raw(LIMITED_KEY, { target: "web1", operation: "uptime", ...more })).toMatchObject({
        code: "rate_limited",
      });
    expect(await reader.on("web1").run({ operation: "uptime" })).toMatchObject({ exit_code: 0 });
  });

  it("cannot write to the standard input of another one's command, nor end it by an id of its own", async () => {
    const output = new Gathered();
    const [input, stop] = [new PassThrough(), new AbortController()];
    const running = admin
      .on("web1")
      .stream({ operation: "shell", params: { command: "cat" } }, { output, stdin: input, signal: stop.signal });
    input.write("mine\n");
    while (output.text("stdout") === "") await sleep(5);
    const { runs = [] } = await admin.on("web1").runs();
    const [id = ""] = (runs ?? []).flatMap(({ run_id: runId, state }) => (state === "running" ? [runId] : []));
    const theirs = new Gathered();
    const own = await other
      .on("web1")
      .stream(
        { operation: "shell", params: { command: "cat" } },
        { output: theirs, stdin: Readable.from(["theirs\n"]) },
      );
    expect([own.exit_code, theirs.text("stdout")]).toEqual([0, "theirs\n"]);
    for (const message of [
      { cancel_run: id },
      { run_id: id, operation: "shell", params: { command: "exit 1" } },
      { cancel_run: id, via: { caller: "admin", target: "web1", id: randomUUID() } },
    ])
      await raw(OTHER_KEY, { target: "web1", ...message });
    input.end("still mine\n");
    expect(await running).toMatchObject({ outcome: "completed", exit_code: 0, run_id: id });
    expect(output.text("stdout")).toBe("mine\nstill mine\n");
  });

  it.each<readonly [string, string, string, object | undefined]>([
    ["takes a machine in", "POST", "/v2/enrolments", { code: "c2h1.x" }],
    ["makes an invitation", "POST", "/v2/invitations", { name: "x", tags: ["web"], addresses: ["127.0.0.1:1"] }],
    ["adds a target", "POST", "/v2/targets", { name: "evil", host: "127.0.0.1" }],
    ["gives a target a tag that is its own right", "POST", "/v2/targets/db1/tags", { add: ["web"] }],
    ["removes a target", "DELETE", "/v2/targets/web1", undefined],
    ["changes the gateway's key", "POST", "/v2/rotation", {}],
  ])("that is no administrator and %s changes nothing", async (_, method, path, body) => {
    const before = (await admin.ask("GET", "/v2/targets?all=1")).body as {
      readonly targets: readonly { readonly name: string; readonly tags: readonly string[] }[];
    };
    await expect(other.ask(method, path, body)).rejects.toMatchObject({
      code: expect.stringMatching(/caller_not_allowed|gateway_unreachable/) as string,
    });
    const after = (await admin.ask("GET", "/v2/targets?all=1")).body as typeof before;
    const short = ({ targets }: typeof before): unknown => targets.map(({ name, tags }) => [name, tags]);
    expect(short(after)).toEqual(short(before));
  });
});

describe("an enrolment code", () => {
  it("that was used is good for nobody else", async () => {
    const { body } = await admin.ask("POST", "/v2/invitations", {
      ...{ name: "late", tags: [], addresses: [`127.0.0.1:${gateway.gateway.linkPort ?? 0}`] },
    });
    const { code } = body as { readonly code: string };
    const [first, second] = [await machine("late"), await machine("thief")];
    const use = async (who: typeof first) =>
      redeem(code, { identity: who.identity, pins: who.pins, self: { name: who.name, about: {} } });
    await use(first);
    await expect(use(second)).rejects.toMatchObject({ code: "enrolment_invalid" });
    expect(agentsKnown.get("late")?.fingerprints).toEqual([first.identity.current.fingerprint]);
    expect(second.pins.list()).toEqual([]);
  });

  it("does not let a machine take another one's name, tags or key, whatever it says of itself", async () => {
    const before = agentsKnown.get("web1");
    const addresses = [`127.0.0.1:${gateway.gateway.linkPort ?? 0}`];
    const { body } = await admin.ask("POST", "/v2/invitations", { tags: [], addresses });
    const { code } = body as { readonly code: string };
    const thief = await machine("web1");
    const about = { tags: ["web", "admin"], project: "machine", pad: "x".repeat(4_000) };
    const use = async (name: string) =>
      redeem(code, { identity: thief.identity, pins: thief.pins, self: { name, about } });
    await expect(use("web1")).rejects.toMatchObject({ code: "enrolment_invalid" });
    await use("newcomer");
    expect(agentsKnown.get("web1")).toEqual(before);
    const { body: listed } = await admin.ask("GET", "/v2/targets?name=newcomer");
    expect(listed).toMatchObject({ targets: [{ name: "newcomer", tags: [] }] });
    // Nobody whose rights hang on a tag gets at it, or is led there.
    expect(await reader.on("newcomer").run({ operation: "uptime" })).toMatchObject({ code: "target_unknown" });
  });

  it("is not read further when what comes with it is huge", async () => {
    const addresses = [`127.0.0.1:${gateway.gateway.linkPort ?? 0}`];
    const { body } = await admin.ask("POST", "/v2/invitations", { name: "huge", tags: [], addresses });
    const { code } = body as { readonly code: string };
    const huge = await machine("huge");
    const self = { name: "huge", about: { pad: "x".repeat(1_000_000) } };
    await expect(redeem(code, { identity: huge.identity, pins: huge.pins, self })).rejects.toThrow();
    expect(agentsKnown.get("huge")).toBeUndefined();
  });
});
