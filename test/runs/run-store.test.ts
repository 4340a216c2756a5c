import { randomUUID } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CODES } from "../../wire/codes.ts";
import { CodedError } from "../../wire/errors.ts";
import { STREAMS } from "../../wire/names.ts";
import { check } from "../../wire/parse.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import {
  about,
  completed,
  everything,
  failed,
  finished,
  NEVER,
  openStore,
  OTHER_SESSION,
  OWNER,
  page,
  SESSION,
  VIEWER,
  write,
} from "./store.ts";

const ALL = { unit: "bytes", offset: 0, maxBytes: 1_000_000 } as const;

describe("a run", () => {
  it("is running until it ends, and then says how it ended", async () => {
    let now = 1_000;
    const { store } = openStore({}, undefined, () => now);
    const run = store.begin(about());
    await write(run, "one\ntwo");
    now = 3_500;
    const running = await store.status(VIEWER, run.id, 0, NEVER);
    expect(running).toEqual({
      run_id: run.id,
      operation: "op",
      project: "p",
      state: "running",
      background: false,
      started_at: "1970-01-01T00:00:01.000Z",
      duration_ms: 2_500,
      stdout: { bytes: 7, lines: 1 },
      stderr: { bytes: 0, lines: 0 },
      last_line: "two",
    });
    expect(store.active).toBe(1);
    run.end(failed());
    now = 9_000;
    expect(store.active).toBe(0);
    const ended = await store.status(OWNER, run.id, 0, NEVER);
    expect(ended).toEqual({
      ...running,
      session: "aaaaaaaa",
      state: "failed",
      exit_code: 143,
      signal: "SIGTERM",
      code: "cancelled",
      message: "gone",
      hint: "again",
      notice: "n",
    });
    expect(check("run_reply", { run: ended }).ok).toBe(true);
  });

  it("is unknown to other sessions in the same words as a run that does not exist", async () => {
    const { store } = openStore();
    const id = await finished(store, "secret");
    const stranger = { kind: "session", key: OTHER_SESSION } as const;
    const nobody = randomUUID();
    const said = async (ask: () => unknown): Promise<unknown> => {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        return [error.code, error.hint, error.message.replace(/[0-9a-f-]{36}/, "ID")];
      }
    };
    const expected = ["run_unknown", CODES.run_unknown.hint, 'No such run: "ID"'];
    for (const one of [id, nobody]) {
      expect(await said(async () => store.status(stranger, one, 0, NEVER))).toEqual(expected);
      expect(await said(async () => store.read(stranger, one, "stdout", ALL, 0, NEVER))).toEqual(expected);
      expect(await said(() => store.cancel(stranger, one))).toEqual(expected);
    }
    expect(store.list(stranger)).toEqual([]);
    expect(store.list(VIEWER)).toHaveLength(1);
  });

  it("is not looked for on the disk by an id that is no UUID", () => {
    const { store } = openStore();
    for (const id of ["", "../x", "__proto__", `${"a".repeat(8)}/..`])
      expect(() => store.cancel(OWNER, id)).toThrow("No such run");
    expect(() => store.begin(about({ id: "../x" }))).toThrow(RangeError);
    expect(() => store.begin(about({ session: "../x" }))).toThrow(RangeError);
    const used = about();
    store.begin(used).end(completed());
    expect(() => store.begin(used)).toThrow("new run");
  });

  it("is aborted by its own session and by the owner, and not once it has ended", async () => {
    const { store } = openStore();
    const [one, two, three] = [store.begin(about()), store.begin(about()), store.begin(about())];
    expect(store.cancel(VIEWER, one.id).state).toBe("running");
    expect([one.signal.aborted, one.signal.reason]).toEqual([true, "cancelled"]);
    two.end(completed());
    store.cancel(OWNER, two.id);
    store.stopAll("shutting_down");
    expect(two.signal.aborted).toBe(false);
    expect(three.signal.reason).toBe("shutting_down");
    two.end(failed());
    expect((await store.status(VIEWER, two.id, 0, NEVER)).state).toBe("completed");
  });

  it("keeps nothing of what comes after its end", async () => {
    const { store } = openStore();
    const id = await finished(store, "before");
    const run = store.begin(about());
    run.end(completed());
    expect(run.output.write("stdout", Buffer.from("after"))).toBeUndefined();
    expect((await page(store, run.id, ALL)).text).toBe("");
    expect((await page(store, id, ALL)).text).toBe("before");
  });

  it("is listed with the newest first", async () => {
    const { store } = openStore();
    const ids = [
      await finished(store, ""),
      await finished(store, "", { session: OTHER_SESSION }),
      await finished(store, ""),
    ];
    expect(store.list(OWNER).map((run) => run.run_id)).toEqual([...ids].reverse());
    expect(store.list(VIEWER).map((run) => run.run_id)).toEqual([ids[2], ids[0]]);
  });
});

describe("the list of runs", () => {
  it("holds the newest 1,000, and those that go on behind them", async () => {
    const { store } = openStore();
    const old = store.begin(about());
    for (let count = 0; count < 1_000; count++) store.begin(about({ session: OTHER_SESSION })).end(completed());
    const listed = store.list(OWNER);
    expect([listed.length, listed.at(-1)?.run_id]).toEqual([1_000, old.id]);
    old.end(completed());
    expect(store.list(OWNER).some(({ run_id }) => run_id === old.id)).toBe(false);
    await store.settled();
  });
});

describe("waiting for a run", () => {
  it("for output is not over when half a character has come", async () => {
    const { store } = openStore();
    const run = store.begin(about());
    const [first, second] = [Buffer.from("é").subarray(0, 1), Buffer.from("é").subarray(1)];
    await write(run, first);
    const wanted = { unit: "bytes", offset: 0, maxBytes: 100 } as const;
    const waiting = store.read(OWNER, run.id, "stdout", wanted, 20_000, NEVER);
    expect(await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 300, "waits"))])).toBe("waits");
    await write(run, second);
    expect((await waiting).text).toBe("é");
  });

  it("ends when the run ends, when the time is over, or when nobody wants to know any more", async () => {
    const { store } = openStore();
    const run = store.begin(about());
    expect((await store.status(VIEWER, run.id, 5, NEVER)).state).toBe("running");
    const controller = new AbortController();
    const aborted = store.status(VIEWER, run.id, 60_000, controller.signal);
    const waiting = store.status(VIEWER, run.id, 60_000, NEVER);
    controller.abort();
    expect((await aborted).state).toBe("running");
    run.end(completed(3));
    expect(await waiting).toMatchObject({ state: "completed", exit_code: 3 });
    expect((await store.status(VIEWER, run.id, 60_000, NEVER)).state).toBe("completed");
  });

  it("for output ends when something comes behind the asked place", async () => {
    const { store } = openStore();
    const run = store.begin(about());
    await write(run, "abc");
    const wanted = { unit: "bytes", offset: 3, maxBytes: 100 } as const;
    const later = store.read(VIEWER, run.id, "stdout", wanted, 60_000, NEVER);
    await write(run, "nothing for you", "stderr");
    await write(run, "def");
    expect(await later).toMatchObject({ text: "def", offset: 3, next_offset: 6, more: true, state: "running" });
    const never = store.read(VIEWER, run.id, "stdout", { ...wanted, offset: 6 }, 60_000, NEVER);
    run.end(completed());
    expect(await never).toMatchObject({ text: "", offset: 6, more: false, state: "completed" });
  });

  it("for a line ends when the line is complete", async () => {
    const { store } = openStore();
    const run = store.begin(about());
    const wanted = { unit: "lines", line: 2, maxLines: 10, maxBytes: 100 } as const;
    const later = store.read(VIEWER, run.id, "stdout", wanted, 60_000, NEVER);
    await write(run, "one\ntw");
    await write(run, "o\nthr");
    expect(await later).toMatchObject({ text: "two\n", line: 2, next_line: 3, next_offset: 8, more: true });
    run.end(completed());
    expect(await page(store, run.id, { ...wanted, line: 3 })).toMatchObject({ text: "thr", next_line: 4, more: false });
  });

  it("leaves nothing behind when it is given up", async () => {
    const { store } = openStore();
    const run = store.begin(about());
    for (let round = 0; round < 200; round++) {
      const controller = new AbortController();
      const waits = [
        store.status(VIEWER, run.id, 60_000, controller.signal),
        store.read(VIEWER, run.id, "stdout", ALL, 60_000, controller.signal),
      ];
      controller.abort();
      await Promise.all(waits);
    }
    // Every listener and timer that stayed would keep this test's process busy for a minute.
    expect(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length).toBeLessThan(50);
  });
});

describe("the last line", () => {
  it("is the last that is not blank of the stream that was written last", async () => {
    const { store } = openStore();
    const run = store.begin(about());
    const now = async (): Promise<string | undefined> => (await store.status(VIEWER, run.id, 0, NEVER)).last_line;
    expect(await now()).toBeUndefined();
    await write(run, "  \n", "stderr");
    expect(await now()).toBeUndefined();
    await write(run, "out\n\n \n");
    expect(await now()).toBe("out");
    await write(run, "warn", "stderr");
    await write(run, "ing: \u001b[31mred\u0007\n", "stderr");
    expect(await now()).toBe("warning: \\x1b[31mred\\a");
    await write(run, " 10%\r 20%\r");
    expect(await now()).toBe("20%");
    await write(run, `\n${"é".repeat(3_000)}`);
    expect(Buffer.byteLength((await now()) ?? "")).toBeLessThanOrEqual(200);
    expect(await now()).toMatch(/^é+$/);
    run.end(completed());
    await store.settled();
    expect(await now()).toMatch(/^é+$/);
  });
});

describe("the disk", () => {
  it("has one private directory per session, and private files", async () => {
    const { store, root } = openStore();
    const run = store.begin(about());
    await write(run, "out");
    await write(run, "err", "stderr");
    run.end(completed());
    const quiet = await finished(store, "");
    await store.settled();
    const directory = join(root, SESSION);
    expect(readdirSync(directory).sort()).toEqual(
      [`${run.id}.err`, `${run.id}.json`, `${run.id}.out`, `${quiet}.json`].sort(),
    );
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(directory, `${run.id}.err`), "utf8")).toBe("err");
  });

  it("is not touched by a small run until it ends", async () => {
    const { store, root } = openStore();
    const run = store.begin(about());
    await write(run, "x".repeat(60_000));
    await store.settled();
    expect(existsSync(root)).toBe(false);
    run.end(completed());
    await store.settled();
    expect(existsSync(root)).toBe(true);
  });

  it("gives a later daemon what an earlier one kept", async () => {
    const { store, root } = openStore({ maxRunBytes: 300_000 });
    const ids = [await finished(store, "first\n"), await finished(store, `${"x".repeat(99)}\n`.repeat(10_000))];
    const bad = store.begin(about({ session: OTHER_SESSION, background: true }));
    await write(bad, "oops", "stderr");
    bad.end(failed());
    await store.settled();
    const later = openStore({}, root).store;
    expect(later.list(OWNER)).toEqual(store.list(OWNER));
    for (const id of [...ids, bad.id]) {
      for (const stream of STREAMS) {
        const wanted = { unit: "lines", line: -3, maxLines: 2, maxBytes: 1_000 } as const;
        expect(await page(later, id, wanted, stream)).toEqual(await page(store, id, wanted, stream));
      }
    }
    later.cancel(OWNER, bad.id);
    expect(later.active).toBe(0);
  });

  it("says of a run that went on when an earlier daemon ended that the daemon stopped, and has what was written", async () => {
    const { store, root } = openStore();
    const large = store.begin(about());
    for (let count = 0; count < 30; count++) await write(large, `${"y".repeat(9_999)}\n`);
    const background = store.begin(about({ background: true }));
    await write(background, "small");
    await store.settled();
    // What waits for the disk is written beside everything else, until no more than 64 KiB wait.
    const size = (): number => statSync(join(root, SESSION, `${large.id}.out`), { throwIfNoEntry: false })?.size ?? 0;
    await expect.poll(size).toBeGreaterThanOrEqual(300_000 - 65_536);
    const later = openStore({}, root);
    const info = await later.store.status(VIEWER, large.id, 0, NEVER);
    expect(info).toMatchObject({
      state: "failed",
      code: "shutting_down",
      message: expect.stringContaining("stopped") as string,
    });
    expect(info.stdout.bytes).toBeGreaterThanOrEqual(65_536);
    expect(info.stdout.lines).toBe(Math.floor(info.stdout.bytes / 10_000));
    const all = await everything(later.store, large.id, 1_000_000);
    expect(all.toString()).toBe(`${"y".repeat(9_999)}\n`.repeat(30).slice(0, info.stdout.bytes));
    expect(await later.store.status(VIEWER, background.id, 0, NEVER)).toMatchObject({
      code: "shutting_down",
      background: true,
    });
    await later.store.settled();
    const third = openStore({}, root).store;
    expect(third.list(OWNER)).toEqual(later.store.list(OWNER));
    large.end(completed());
    background.end(completed());
  });

  it("is cleared of files that belong to no run, and of nothing else", async () => {
    const { store, root } = openStore();
    const id = await finished(store, "kept");
    await store.settled();
    const directory = join(root, SESSION);
    const [orphan, damaged, foreign] = [randomUUID(), randomUUID(), randomUUID()];
    writeFileSync(join(directory, `${orphan}.out`), "lost");
    writeFileSync(join(directory, `${id}.json.new`), "half");
    writeFileSync(join(directory, `${damaged}.json`), "{");
    writeFileSync(join(directory, `${foreign}.json`), readFileSync(join(directory, `${id}.json`)));
    writeFileSync(join(directory, "notes.txt"), "mine");
    mkdirSync(join(root, "other"));
    writeFileSync(join(root, "other", `${orphan}.out`), "mine");
    const later = openStore({}, root).store;
    expect(later.list(OWNER).map((run) => run.run_id)).toEqual([id]);
    expect(readdirSync(directory).sort()).toEqual([`${id}.json`, `${id}.out`, "notes.txt"].sort());
    expect(readdirSync(join(root, "other"))).toHaveLength(1);
  });

  it("is not read through links", async () => {
    const { store, root } = openStore();
    const id = await finished(store, "kept\n");
    await store.settled();
    const outside = join(tempDirectory(), "secret");
    writeFileSync(outside, "secret\n");
    rmSync(join(root, SESSION, `${id}.out`));
    symlinkSync(outside, join(root, SESSION, `${id}.out`));
    await expect(page(store, id, ALL)).rejects.toMatchObject({ code: "output_lost" });
    const linked = `${tempDirectory()}/runs`;
    mkdirSync(linked);
    symlinkSync(join(root, SESSION), join(linked, SESSION));
    expect(openStore({}, linked).store.list(OWNER)).toEqual([]);
  });

  it("that holds less of a file than it should gives no page", async () => {
    const { store, root } = openStore();
    const id = await finished(store, "0123456789");
    await store.settled();
    writeFileSync(join(root, SESSION, `${id}.out`), "01234");
    await expect(page(store, id, ALL)).rejects.toMatchObject({ code: "output_lost" });
  });
});

describe("a disk that takes nothing", () => {
  it("ends no run, is warned about once, and loses the output that did not fit into memory", async () => {
    const { store, root, warnings } = openStore();
    writeFileSync(root, "a file where the directory should be");
    const run = store.begin(about());
    for (let count = 0; count < 100; count++) await write(run, Buffer.alloc(65_536, "z"));
    await store.settled();
    expect(run.signal.aborted).toBe(false);
    await expect(page(store, run.id, ALL)).rejects.toMatchObject({ code: "output_lost" });
    run.end(completed());
    const small = await finished(store, "small");
    expect((await page(store, small, ALL)).text).toBe("small");
    await store.settled();
    expect(await store.status(VIEWER, run.id, 0, NEVER)).toMatchObject({
      state: "completed",
      stdout: { bytes: 6_553_600 },
    });
    await expect(page(store, small, ALL)).rejects.toMatchObject({ code: "output_lost" });
    expect(warnings).toEqual([expect.stringContaining("cannot be kept")]);
  });

  it("is warned about again after it worked meanwhile", async () => {
    const { store, root, warnings } = openStore();
    for (const broken of [true, false, true]) {
      rmSync(root, { recursive: true, force: true });
      if (broken) writeFileSync(root, "");
      await finished(store, "small");
      await store.settled();
    }
    expect(warnings).toHaveLength(2);
  });

  it("for one stream loses only that stream", async () => {
    const { store, root } = openStore();
    const run = store.begin(about());
    mkdirSync(join(root, SESSION, `${run.id}.out`), { recursive: true });
    await write(run, "out");
    await write(run, "err", "stderr");
    run.end(completed());
    await store.settled();
    await expect(page(store, run.id, ALL)).rejects.toMatchObject({ code: "output_lost" });
    expect((await page(store, run.id, ALL, "stderr")).text).toBe("err");
  });
});

describe("the bounds", () => {
  it("refuse background runs of a session beyond the limit, until one has ended", () => {
    const { store } = openStore({ maxBackground: 2 });
    const first = store.begin(about({ background: true }));
    store.begin(about({ background: true }));
    store.begin(about());
    expect(() => store.begin(about({ background: true }))).toThrow(expect.objectContaining({ code: "too_many_runs" }));
    store.begin(about({ background: true, session: OTHER_SESSION }));
    first.end(completed());
    store.begin(about({ background: true }));
  });

  it("remove the runs that finished first when the space is used up", async () => {
    const { store, root } = openStore({ maxBytes: 10_000 });
    const ids = [];
    for (let count = 0; count < 5; count++) ids.push(await finished(store, "x".repeat(3_000)));
    expect(store.list(VIEWER).map((run) => run.run_id)).toEqual([ids[4], ids[3], ids[2]]);
    await store.settled();
    expect(readdirSync(join(root, SESSION)).filter((name) => name.endsWith(".out"))).toHaveLength(3);
  });

  it("keep no more of a run than there is space for, and let runs that go on stay", async () => {
    const { store, root } = openStore({ maxBytes: 1_000 });
    const old = await finished(store, "x".repeat(500));
    const quiet = await finished(store, "");
    const run = store.begin(about());
    await write(run, "a".repeat(800));
    await write(run, "b".repeat(800));
    const { missing, text } = await page(store, run.id, ALL);
    expect({ missing, text }).toEqual({
      missing: { from: 1_000, to: 1_600 },
      text: `${"a".repeat(800)}${"b".repeat(200)}`,
    });
    expect(store.list(VIEWER).map((one) => one.run_id)).toEqual([run.id, quiet]);
    expect(store.list(VIEWER).map((one) => one.run_id)).not.toContain(old);
    run.end(completed());
    await store.settled();
    expect(statSync(join(root, SESSION, `${run.id}.out`)).size).toBe(1_000);
  });

  it("count what an earlier daemon left", async () => {
    const { store, root } = openStore();
    const ids = [await finished(store, "x".repeat(600)), await finished(store, "x".repeat(600))];
    await store.settled();
    const later = openStore({ maxBytes: 1_000 }, root).store;
    later.cleanUp(() => true);
    expect(later.list(VIEWER).map((run) => run.run_id)).toEqual([ids[1]]);
    await finished(later, "x".repeat(500));
    expect(later.list(VIEWER).map((run) => run.run_id)).not.toContain(ids[1]);
  });

  it("keep 1,000 runs of a session, the oldest finished go first", async () => {
    const { store } = openStore();
    const other = await finished(store, "", { session: OTHER_SESSION });
    const going = store.begin(about());
    const ids = [];
    for (let count = 0; count < 1_002; count++) ids.push(await finished(store, ""));
    const left = store.list(VIEWER).map((run) => run.run_id);
    expect(left).toHaveLength(1_000);
    expect(left).toContain(going.id);
    expect(left).not.toContain(ids[2]);
    expect(left).toContain(ids[3]);
    expect(store.cancel(OWNER, other).state).toBe("completed");
  });
});

describe("clean-up", () => {
  it("removes what is too old and what belongs to no session any more, and leaves what goes on", async () => {
    let now = 10_000;
    const { store, root } = openStore({ maxAgeMs: 5_000 }, undefined, () => now);
    await finished(store, "old");
    now = 12_000;
    const young = await finished(store, "young");
    await finished(store, "gone", { session: OTHER_SESSION });
    const going = store.begin(about({ session: OTHER_SESSION }));
    now = 16_000;
    store.cleanUp((key) => key === SESSION);
    expect(store.list(OWNER).map((run) => run.run_id)).toEqual([going.id, young]);
    expect(going.signal.aborted).toBe(false);
    await store.settled();
    expect(readdirSync(root)).toEqual([SESSION]);
    expect(readdirSync(join(root, SESSION)).sort()).toEqual([`${young}.json`, `${young}.out`]);
  });

  it("of a session ends its runs and removes everything", async () => {
    const { store, root } = openStore();
    await finished(store, "done");
    const small = store.begin(about());
    const large = store.begin(about());
    await write(small, "x");
    for (let count = 0; count < 10; count++) await write(large, Buffer.alloc(50_000, "x"));
    const stays = await finished(store, "other", { session: OTHER_SESSION });
    store.removeSession(SESSION);
    expect([small.signal.reason, large.signal.reason]).toEqual(["cancelled", "cancelled"]);
    expect(store.list(OWNER).map((run) => run.run_id)).toEqual([stays]);
    expect(store.active).toBe(2);
    await write(large, "more");
    small.end(failed());
    large.end(failed());
    await store.settled();
    expect(readdirSync(root)).toEqual([OTHER_SESSION]);
    expect(store.active).toBe(0);
  });

  it("ends what goes on when its session is gone, and nothing else", () => {
    const { store } = openStore();
    const [orphan, other] = [store.begin(about()), store.begin(about({ session: OTHER_SESSION }))];
    store.endOrphans((key) => key === OTHER_SESSION);
    expect([orphan.signal.aborted, orphan.signal.reason, other.signal.aborted]).toEqual([true, "cancelled", false]);
  });
});
