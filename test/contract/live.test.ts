import { createHash } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { blake3Hex } from "../../host/util/hash.ts";
import { DaemonClient } from "../../wire/client.ts";
import type { StreamOptions } from "../../wire/daemon-calls.ts";
import type { Accepted, OperationTemplate, OutcomeFields, RunInfo } from "../../wire/schema.ts";
import { defaultBase, defaultProject, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { sendJson } from "../fixtures/exchange.ts";
import { CANCEL, FrameTalk, requestBytes } from "../fixtures/frame-talk.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";
import { isGoneWithin, pidIn } from "../exec/processes.ts";
import { Gathered } from "./routes.ts";
import { soon } from "./routes-process.ts";

const programs = fixturePrograms();
const file = { file: { type: "string" } };
const operations: Readonly<Record<string, OperationTemplate>> = {
  step: { command: `${programs}/step`, args_template: ["{file}"], params: file },
  both: { command: `${programs}/say`, args_template: ["out\\n", "err\\n"] },
  wait: { command: `${programs}/say-and-wait`, args_template: ["60"] },
  held: { command: `${programs}/say-and-wait`, args_template: ["60", "{file}"], params: file },
  lines: { command: "seq", args_template: ["{count}"], params: { count: { type: "integer" } } },
  stdin_none: { command: `${programs}/read-stdin` },
  stdin_optional: { command: `${programs}/read-stdin`, stdin: "optional" },
  stdin_required: { command: `${programs}/read-stdin`, stdin: "required" },
  copy: { command: "cat", stdin: "required" },
  swallow: {
    command: `${programs}/swallow`,
    args_template: ["{file}"],
    params: file,
    stdin: "required",
    max_stdin_bytes: 100_000,
  },
  deaf: {
    command: `${programs}/say-and-wait`,
    args_template: ["60", "{file}"],
    params: file,
    stdin: "optional",
  },
  deaf_and_short: { command: `${programs}/say`, args_template: ["done\\n"], stdin: "optional" },
};
const OTHER = "a".repeat(64);
const { base, repo } = defaultBase({ allowed_operations: Object.keys(operations), operations });
base.writeToken(OTHER, { repo: "owner/repo" });
const { address, lines: logged } = await startDaemon(base, { runs: { max_background: 4 } });
const client = new DaemonClient(address, TOKEN);

interface Streamed {
  readonly outcome: OutcomeFields;
  readonly output: Gathered;
  readonly accepted: Accepted | undefined;
}

async function stream(
  operation: string,
  params: Record<string, unknown> = {},
  options: Partial<StreamOptions> = {},
): Promise<Streamed> {
  const output = new Gathered();
  let accepted: Accepted | undefined;
  const outcome = await client.stream(
    { operation, params },
    { output, ...options, accepted: (one) => (accepted = one) },
  );
  return { outcome, output, accepted };
}

function fileName(): string {
  return join(tempDirectory(), "file");
}

/** `bytes` in pieces, as somebody would send them who has them. */
function pieces(bytes: number, size = 50_000): Readable {
  return Readable.from(
    (function* () {
      for (let at = 0; at < bytes; at += size) yield Buffer.alloc(Math.min(size, bytes - at), "x");
    })(),
    { objectMode: false },
  );
}

async function started(operation: string, params: Record<string, unknown> = {}, as = client): Promise<RunInfo> {
  const began = await as.start({ operation, params });
  if (began.kind === "started") return began.run;
  throw new Error(`not started: ${JSON.stringify(began.reply)}`);
}

async function endAll(): Promise<void> {
  for (const { run_id: id, state } of (await client.runs()).runs ?? [])
    if (state === "running") await client.cancel(id);
  for (const { run_id: id } of (await client.runs()).runs ?? []) await client.status(id, 10);
}

describe("output", () => {
  it("comes while the program runs, each stream as it is written", async () => {
    const go = fileName();
    const talk = await FrameTalk.open(
      address,
      requestBytes({ token: TOKEN, operation: "step", params: { file: go }, request_id: "r" }),
    );
    await talk.until("stdout");
    await talk.until("stderr");
    expect(talk.got.filter(({ name }) => name === "outcome")).toEqual([]);
    writeFileSync(go, "");
    const got = await talk.ended;
    const said = (wanted: string): string =>
      got.flatMap(({ name, payload }) => (name === wanted ? [String(payload)] : [])).join("");
    expect([said("stdout"), said("stderr")]).toEqual(["one\ntwo\n", "first\nsecond\n"]);
    expect(got.at(-1)).toMatchObject({
      name: "outcome",
      payload: { request_id: "r", outcome: "completed", stdout_bytes: 8, stderr_bytes: 13 },
    });
    expect(got.filter(({ name }) => ["hello", "accepted", "outcome"].includes(name)).map(({ name }) => name)).toEqual([
      "hello",
      "accepted",
      "outcome",
    ]);
  });

  it("can be read by run id while it comes, before anybody knows how it ends", async () => {
    const go = fileName();
    const told: Accepted[] = [];
    const output = new Gathered();
    const accepted = (one: Accepted): void => {
      told.push(one);
    };
    const running = client.stream({ operation: "step", params: { file: go } }, { output, accepted });
    await soon(() => told.length > 0);
    const runId = told[0]?.run_id ?? "";
    const { page } = await client.read({ runId, waitSeconds: 10 });
    expect(page).toMatchObject({ text: "one\n", state: "running", more: true, next_offset: 4 });
    writeFileSync(go, "");
    expect((await running).run_id).toBe(runId);
    expect((await client.read({ runId, offset: 4 })).page).toMatchObject({ text: "two\n", more: false });
  });

  it("is the same by a command line as by name, and raw for both", async () => {
    const output = new Gathered();
    const outcome = await client.stream({ argv: ["seq", "3"] }, { output });
    expect(outcome).toMatchObject({ outcome: "completed", exit_code: 0, stdout_bytes: 6 });
    expect(output.text("stdout")).toBe("1\n2\n3\n");
  });
});

describe("standard input", () => {
  it("that an operation does not take is dropped, and denied when it is meant", async () => {
    const came = await stream("stdin_none", {}, { stdin: pieces(1_000_000) });
    expect(came.accepted?.stdin).toBe(false);
    expect(came.output.text("stdout").trim()).toBe("0");
    const meant = await stream("stdin_none", {}, { stdin: pieces(10), stdinRequired: true });
    expect(meant.outcome).toMatchObject({ outcome: "denied", code: "stdin_not_allowed" });
    expect(meant.accepted).toBeUndefined();
  });

  it("that is optional may be there or not", async () => {
    const without = await stream("stdin_optional");
    expect([without.accepted?.stdin, without.output.text("stdout").trim()]).toEqual([false, "0"]);
    const empty = await stream("stdin_optional", {}, { stdin: pieces(0) });
    expect([empty.accepted?.stdin, empty.output.text("stdout").trim()]).toEqual([true, "0"]);
    const some = await stream("stdin_optional", {}, { stdin: pieces(123_456) });
    expect([some.accepted?.stdin, some.output.text("stdout").trim()]).toEqual([true, "123456"]);
  });

  it("that is required must be there, in protocol 1 and in the background it cannot be", async () => {
    expect((await stream("stdin_required")).outcome.code).toBe("stdin_required");
    expect((await client.run({ operation: "stdin_required" })).code).toBe("stdin_required");
    const asked = { token: TOKEN, operation: "stdin_required", stdin: true };
    expect(await sendJson(address, asked)).toMatchObject({ outcome: "denied", code: "stdin_required" });
    const talk = await FrameTalk.open(address, requestBytes({ ...asked, background: true }));
    expect((await talk.ended).at(-1)?.payload).toMatchObject({ code: "stdin_required" });
    expect((await stream("stdin_required", {}, { stdin: pieces(7) })).output.text("stdout").trim()).toBe("7");
  });

  it("comes through byte for byte, back and forth at the same time", async () => {
    const sent = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * 7919) % 256));
    const { outcome, output } = await stream("copy", {}, { stdin: Readable.from([sent]) });
    expect(outcome).toMatchObject({ outcome: "completed", stdout_bytes: sent.length });
    const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
    expect(digest(output.bytes("stdout"))).toBe(digest(sent));
  });

  it("beyond what the operation takes ends the program", async () => {
    const pid = fileName();
    const stdin = Readable.from(
      (async function* () {
        yield "x";
        await pidIn(pid);
        for (let times = 0; times < 200; times++) yield Buffer.alloc(50_000);
      })(),
      { objectMode: false },
    );
    const { outcome } = await stream("swallow", { file: pid }, { stdin });
    expect(outcome).toMatchObject({ outcome: "failed", code: "stdin_too_large" });
    expect(await isGoneWithin(await pidIn(pid), 10_000)).toBe(true);
    const exactly = await stream("swallow", { file: pid }, { stdin: pieces(100_000) });
    expect(exactly.outcome).toMatchObject({ outcome: "completed", exit_code: 0 });
  });

  it("that the program never reads holds nobody up: not its end, and not a cancel", async () => {
    const short = await stream("deaf_and_short", {}, { stdin: pieces(20_000_000) });
    expect(short.outcome).toMatchObject({ outcome: "completed", exit_code: 0 });
    expect(short.output.text("stdout")).toBe("done\n");
    // With the first all that is left waits in the client, with the second in what lies between it and the daemon.
    for (const bytes of [20_000_000, 1_400_000]) {
      const [pid, stop] = [fileName(), new AbortController()];
      const held = stream("deaf", { file: pid }, { stdin: pieces(bytes), signal: stop.signal });
      const number = await pidIn(pid);
      await sleep(500);
      stop.abort();
      expect((await held).outcome).toMatchObject({ outcome: "failed", code: "cancelled" });
      expect(await isGoneWithin(number, 10_000)).toBe(true);
    }
  });
});

describe("a run in the background", () => {
  it("goes on without its client: its status, its pages, its end", async () => {
    const go = fileName();
    const run = await started("step", { file: go });
    expect(run).toMatchObject({ operation: "step", state: "running", background: true });
    const first = await client.read({ runId: run.run_id, waitSeconds: 10 });
    expect(first.page).toMatchObject({ text: "one\n", state: "running", more: true });
    const early = await client.status(run.run_id, 0);
    expect(early.run).toMatchObject({ state: "running", stdout: { bytes: 4, lines: 1 } });
    expect(early.run?.exit_code).toBeUndefined();
    const [late, rest] = [
      client.status(run.run_id, 30),
      client.read({ runId: run.run_id, offset: 4, waitSeconds: 30 }),
    ];
    writeFileSync(go, "");
    expect((await rest).page?.text).toBe("two\n");
    expect((await late).run).toMatchObject({ state: "completed", exit_code: 0, stderr: { bytes: 13, lines: 2 } });
    expect((await client.read({ runId: run.run_id, stream: "stderr" })).page).toMatchObject({
      text: "first\nsecond\n",
      more: false,
    });
  });

  it("can be cancelled, once and again", async () => {
    const pid = fileName();
    const run = await started("held", { file: pid });
    const number = await pidIn(pid);
    for (let times = 0; times < 3; times++) expect((await client.cancel(run.run_id)).run?.run_id).toBe(run.run_id);
    expect((await client.status(run.run_id, 10)).run).toMatchObject({ state: "failed", code: "cancelled" });
    expect((await client.cancel(run.run_id)).run).toMatchObject({ state: "failed", code: "cancelled" });
    expect(await isGoneWithin(number, 10_000)).toBe(true);
  });

  it("is one of a few of its session; others have their own", async () => {
    const runs = await Promise.all(Array.from({ length: 4 }, async () => started("wait")));
    const fifth = await client.start({ operation: "wait" });
    expect(fifth).toMatchObject({ kind: "refused", reply: { outcome: "denied", code: "too_many_runs" } });
    expect((await client.run({ operation: "both" })).outcome).toBe("completed");
    const other = new DaemonClient(address, OTHER);
    const theirs = await started("wait", {}, other);
    await other.cancel(theirs.run_id);
    const [gone] = runs;
    await client.cancel(gone?.run_id ?? "");
    await client.status(gone?.run_id ?? "", 10);
    await started("wait");
    await endAll();
  });

  it("started a thousand times at once: a few run, the rest is told why not, and others are served meanwhile", async () => {
    const counts = new Map<string, number>();
    const count = (what: string): void => {
      counts.set(what, (counts.get(what) ?? 0) + 1);
    };
    const starter = async (): Promise<void> => {
      for (let index = 0; index < 50; index++) {
        const began = await client.start({ operation: "wait" });
        count(began.kind === "started" ? "started" : (began.reply.code ?? "none"));
      }
    };
    const others = async (): Promise<void> => {
      for (let index = 0; index < 20; index++) {
        expect((await new DaemonClient(address, OTHER).run({ operation: "both" })).stdout).toBe("out\n");
      }
    };
    await Promise.all([...Array.from({ length: 20 }, starter), others()]);
    expect([...counts].sort()).toEqual([
      ["started", 4],
      ["too_many_runs", 996],
    ]);
    await endAll();
  });
});

describe("another session", () => {
  it("knows nothing of a run: asked for its status, its output or its end, it is as if there were none", async () => {
    const pid = fileName();
    const run = await started("held", { file: pid });
    const number = await pidIn(pid);
    const other = new DaemonClient(address, OTHER);
    const nobody = "00000000-0000-4000-8000-000000000000";
    const ask = async (id: string) => [
      await other.status(id, 0),
      await other.read({ runId: id }),
      await other.read({ runId: id, grep: "so" }),
      await other.cancel(id),
    ];
    const [theirs, none] = [await ask(run.run_id), await ask(nobody)];
    for (const reply of theirs) expect(reply).toMatchObject({ code: "run_unknown" });
    expect(JSON.stringify(theirs).replaceAll(run.run_id, "ID")).toBe(JSON.stringify(none).replaceAll(nobody, "ID"));
    expect(JSON.stringify((await other.runs()).runs)).not.toContain(run.run_id);
    expect((await client.status(run.run_id, 0)).run?.state).toBe("running");
    await client.cancel(run.run_id);
    expect(await isGoneWithin(number, 10_000)).toBe(true);
  });

  it("cannot tell what is an id from what is not", async () => {
    for (const id of ["", "x", "../../tokens", "0".repeat(10_000), "é\u0000"]) {
      expect((await client.status(id, 0)).code).toBe("run_unknown");
      expect((await client.read({ runId: id })).code).toBe("run_unknown");
    }
  });

  it("that was revoked reads nothing any more", async () => {
    const brief = "b".repeat(64);
    base.writeToken(brief, { repo: "owner/repo" });
    const revoked = new DaemonClient(address, brief);
    const { run_id: id } = await revoked.run({ operation: "both" });
    expect((await revoked.read({ runId: id ?? "" })).page?.text).toBe("out\n");
    rmSync(join(base.directory.tokens, blake3Hex(brief)));
    for (const reply of await Promise.all([
      revoked.read({ runId: id ?? "" }),
      revoked.status(id ?? "", 0),
      revoked.cancel(id ?? ""),
      revoked.runs(),
    ]))
      expect(reply.code).toBe("unauthenticated");
  });
});

describe("a watch", () => {
  it("returns when the configuration was edited and approved, with what is allowed then", async () => {
    const own = defaultBase({ allowed_operations: ["both"], operations });
    const running = await startDaemon(own.base);
    const watcher = new DaemonClient(running.address, TOKEN);
    const { revision = "" } = await watcher.list("");
    expect((await watcher.watch(revision, 0)).revision).toBe(revision);
    const text = JSON.stringify(defaultProject(own.repo, { allowed_operations: ["both", "lines"], operations }));
    const told = watcher.watch(revision, 30);
    own.base.approve("owner_repo", text);
    own.base.writeProject("owner_repo", text, false);
    const first = await told;
    // Between the two writes nothing is approved, which is a change as well.
    const after = first.code === "config_not_allowed" ? await watcher.watch(revision, 30) : first;
    expect(after.operations?.map(({ id }) => id)).toEqual(["both", "lines"]);
    expect(after.revision).not.toBe(revision);
  });

  it("is one of a bounded number; who asks without waiting is answered all the same", async () => {
    const own = defaultBase({ allowed_operations: ["both"], operations });
    const running = await startDaemon(own.base);
    const watcher = new DaemonClient(running.address, TOKEN);
    const { revision = "" } = await watcher.list("");
    const { run_id: runId = "" } = await watcher.run({ operation: "both" });
    const stop = new AbortController();
    const held = Array.from({ length: 64 }, async () =>
      watcher.watch(revision, 60, { signal: stop.signal }).catch(() => undefined),
    );
    let refused = await watcher.watch(revision, 1);
    for (let tries = 0; tries < 100 && refused.code === undefined; tries++) refused = await watcher.watch(revision, 1);
    expect(refused.code).toBe("too_many_waiting");
    const status = await watcher.status(runId, 0);
    const page = await watcher.read({ runId });
    stop.abort();
    await Promise.all(held);
    expect([status.code, page.code]).toEqual([undefined, undefined]);
    expect([status.run?.state, page.page?.text]).toEqual(["completed", "out\n"]);
  });
});

describe("a daemon that stops", () => {
  it("lets runs in the background finish; ends those that do not; and its successor knows all of them", async () => {
    const own = defaultBase({ allowed_operations: Object.keys(operations), operations });
    const firstDaemon = await startDaemon(own.base, { drain_timeout: 2 });
    const before = new DaemonClient(firstDaemon.address, TOKEN);
    const [go, pid] = [fileName(), fileName()];
    const finishes = await started("step", { file: go }, before);
    const stays = await started("held", { file: pid }, before);
    const number = await pidIn(pid);
    const { run_id: over = "" } = await before.run({ operation: "lines", params: { count: 100_000 } });
    const stopped = firstDaemon.stop();
    await sleep(100);
    writeFileSync(go, "");
    await stopped;
    expect(await isGoneWithin(number, 10_000)).toBe(true);

    const after = new DaemonClient((await startDaemon(own.base)).address, TOKEN);
    expect((await after.status(finishes.run_id, 0)).run).toMatchObject({ state: "completed", exit_code: 0 });
    expect((await after.read({ runId: finishes.run_id })).page).toMatchObject({ text: "one\ntwo\n", more: false });
    expect((await after.status(stays.run_id, 0)).run).toMatchObject({ state: "failed", code: "shutting_down" });
    expect((await after.read({ runId: stays.run_id })).page?.text).toBe("so far\n");
    expect((await after.read({ runId: over, line: -1 })).page?.text).toBe("100000\n");
    expect((await after.runs()).runs?.map(({ run_id: id }) => id)).toEqual([over, stays.run_id, finishes.run_id]);
  });

  it("answers who is watching a run, too", async () => {
    const own = defaultBase({ allowed_operations: Object.keys(operations), operations });
    const running = await startDaemon(own.base, { drain_timeout: 1 });
    const talk = await FrameTalk.open(running.address, requestBytes({ token: TOKEN, operation: "wait" }));
    await talk.until("stdout");
    const run = await started("wait", {}, new DaemonClient(running.address, TOKEN));
    const waiting = new DaemonClient(running.address, TOKEN).status(run.run_id, 60);
    await sleep(300); // a connection that is not taken yet is closed when the daemon stops
    const stopped = running.stop();
    expect((await talk.ended).at(-1)).toMatchObject({ name: "outcome", payload: { code: "shutting_down" } });
    expect((await waiting).run?.run_id).toBe(run.run_id);
    await stopped;
  });
});

describe("a daemon that stops while requests only wait", () => {
  it("answers them at once, and does not take its time to drain", async () => {
    const own = defaultBase();
    const running = await startDaemon(own.base, { drain_timeout: 20 });
    const watcher = new DaemonClient(running.address, TOKEN);
    const { revision = "" } = await watcher.list("");
    const told = watcher.watch(revision, 120);
    await sleep(300); // a connection that is not taken yet is closed when the daemon stops
    const before = performance.now();
    await running.stop();
    expect((await told).revision).toBe(revision);
    expect(performance.now() - before).toBeLessThan(10_000);
  });
});

describe("a cancel frame", () => {
  it("right behind the request ends it, whenever it is read", async () => {
    for (const parts of [
      [Buffer.concat([requestBytes({ token: TOKEN, operation: "wait" }), CANCEL, CANCEL, CANCEL])],
      [requestBytes({ token: TOKEN, operation: "wait" }), CANCEL],
    ]) {
      const talk = await FrameTalk.open(address, ...parts);
      expect((await talk.ended).at(-1)).toMatchObject({ name: "outcome", payload: { code: "cancelled" } });
    }
    expect(repo).not.toBe("");
    expect(logged.filter(({ level }) => level === "error")).toEqual([]);
  });
});
