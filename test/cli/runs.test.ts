import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { DaemonClient } from "../../wire/client.ts";
import type { RunInfo } from "../../wire/schema.ts";
import { blake3Hex } from "../../host/util/hash.ts";
import { TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { Host, Sheet, smallConfig } from "./harness.ts";
import { finished, openScene, OTHER_TOKEN, start, waiting, type Scene } from "./runs-scene.ts";

const LONG_NAME = "n".repeat(120);

async function runsOf(scene: Scene, ...more: string[]): Promise<readonly RunInfo[]> {
  return ((await scene.host.json("runs", ...more)) as { runs: readonly RunInfo[] }).runs;
}

describe("runs", () => {
  let scene: Scene;
  let first: string;
  let second: string;
  let goesOn: RunInfo;

  beforeAll(async () => {
    scene = await openScene();
    first = await finished(scene.agent, "a\\nb\\nlast", "oh\\n", 3);
    second = await finished(scene.other, "x\\n");
    goesOn = await waiting(scene);
  });

  it("lists the runs of all sessions in a table, the newest first", async () => {
    const { exit, stdout, stderr } = await scene.host.run("runs");
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
    const [head = "", ...rows] = stdout.trimEnd().split("\n");
    expect(head.split(/ {2,}/)).toEqual([
      "RUN",
      "STATE",
      "EXIT",
      "PROJECT",
      "OPERATION",
      "SESSION",
      "STARTED",
      "DURATION",
      "STDOUT",
      "STDERR",
    ]);
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string;
    const duration = expect.stringMatching(/^[\d.]+m?s$/) as string;
    const [own, others] = [blake3Hex(TOKEN).slice(0, 8), blake3Hex(OTHER_TOKEN).slice(0, 8)];
    expect(rows.map((row) => row.split(/ {2,}/))).toEqual([
      [goesOn.run_id.slice(0, 8), "running", "-", "owner_repo", "say_and_wait", own, time, duration, "7 B", "7 B"],
      [second.slice(0, 8), "completed", "0", "other_repo", "say", others, time, duration, "2 B", "0 B"],
      [first.slice(0, 8), "completed", "3", "owner_repo", "say", own, time, duration, "8 B", "3 B"],
    ]);
    expect((await scene.host.run("runs", "list")).stdout.split("\n")[0]).toBe(head);
  });

  it("gives everything that is known as JSON", async () => {
    expect(await runsOf(scene)).toMatchObject([
      { run_id: goesOn.run_id, state: "running", background: true, last_line: expect.any(String) as string },
      { run_id: second, session: blake3Hex(OTHER_TOKEN).slice(0, 8), stdout: { bytes: 2, lines: 1 } },
      { run_id: first, state: "completed", exit_code: 3, project: "owner_repo", operation: "say" },
    ]);
  });

  it("can be asked for one project, one state and a number, and says how many are not shown", async () => {
    const ids = async (...more: string[]): Promise<readonly string[]> =>
      (await runsOf(scene, ...more)).map(({ run_id: id }) => id);
    expect(await ids("--project=owner_repo")).toEqual([goesOn.run_id, first]);
    expect(await ids("--state=running")).toEqual([goesOn.run_id]);
    expect(await ids("--state=completed", "--project=other_repo")).toEqual([second]);
    expect(await ids("--limit=1")).toEqual([goesOn.run_id]);
    expect(await scene.host.run("runs", "--limit", "2")).toMatchObject({
      exit: 0,
      stderr: "1 older run is not shown; see --limit.\n",
    });
    expect(await scene.host.run("runs", "--project=nothing")).toEqual({ exit: 0, stdout: "No runs.\n", stderr: "" });
  });

  it.each([
    [["--state=done"], '--state "done" is no state of a run'],
    [["--limit=0"], '--limit "0" is no whole number from 1 to 1000'],
    [["--limit=many"], '--limit "many" is no whole number'],
    [["show", "abcd", "--limit=3"], 'unknown option "--limit"'],
  ])("refuses %j", async (argv, said) => {
    expect(await scene.host.run("runs", ...argv)).toMatchObject({
      exit: 2,
      stdout: "",
      stderr: expect.stringContaining(said) as string,
    });
  });

  it("show says what is known of a run and how its output ends", async () => {
    const { exit, stdout, stderr } = await scene.host.run("runs", "show", first.slice(0, 9));
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
    expect(stdout).toMatch(
      new RegExp(
        `^Run: ${first}\nOperation: say\nProject: owner_repo\nSession: [0-9a-f]{8}\n` +
          "State: completed with exit code 3 after [0-9.]+m?s\nStarted: [^\n]+Z\nstdout: 8 B\nstderr: 3 B\n\n" +
          "stdout, lines 1 to 3 of 3:\na\nb\nlast\n\nstderr, lines 1 to 1 of 1:\noh\n$",
      ),
    );
    expect((await scene.host.run("runs", "show", goesOn.run_id)).stdout).toMatch(
      /\nState: running for .+\nStarted: .+, in the background\n(?:.*\n)*\nstderr, lines 1 to 1 of 1:\nso bad\n$/,
    );
  });

  it("show gives the run and the pages as JSON", async () => {
    expect(await scene.host.json("runs", "show", first, "--tail=1", "--stream=stdout")).toMatchObject({
      run: { run_id: first, exit_code: 3 },
      output: [{ stream: "stdout", text: "last", line: 3, total_bytes: 8 }],
    });
  });

  it.each([
    [["show", "zzzz"], 2, '"zzzz" is not the beginning of a run\'s id'],
    [["show", "abc"], 2, '"abc" is not the beginning'],
    [["show", "ffff-ffff"], 1, "no run's id begins with ffff-ffff"],
    [["show", "ffffffff-0000-4000-8000-000000000000"], 1, "No such run"],
    [["show", "abcd", "--stream=all"], 2, '--stream "all" is no stream of a run'],
    [["show", "abcd", "--lines=5-2"], 2, '--lines "5-2" is no range of lines'],
    [["show", "abcd", "--lines=0-2"], 2, "is no range"],
    [["show", "abcd", "--lines=12345678901"], 2, "is no range"],
    [["show", "abcd", "--lines=1-2", "--tail=3"], 2, "do not go together"],
    [["show", "abcd", "--output", "--json"], 2, "--output gives the whole output"],
    [["show", "abcd", "--output", "--grep=x"], 2, "--output gives the whole output"],
    [["tail", "abcd", "-n", "x"], 2, '--lines "x" is no number of lines'],
    [["tail", "abcd", "--exit-status"], 2, "--exit-status goes with --follow"],
    [["tail"], 2, "missing RUN"],
    [["cancel"], 2, "name the runs in one way"],
    [["cancel", "abcd", "--all"], 2, "name the runs in one way"],
    [["cancel", "ffff"], 1, "no run's id begins with ffff"],
  ])("%j exits with %i", async (argv, exit, said) => {
    const answer = await scene.host.run("runs", ...argv);
    expect(answer.exit).toBe(exit);
    expect(`${answer.stdout}${answer.stderr}`).toContain(said);
  });

  it("show and tail write the output itself when asked, to the stream where it was written", async () => {
    expect(await scene.host.run("runs", "show", first, "--output")).toEqual({
      exit: 0,
      stdout: "a\nb\nlast",
      stderr: "oh\n",
    });
    expect(await scene.host.run("runs", "show", first, "--output", "--stream=stderr")).toEqual({
      exit: 0,
      stdout: "",
      stderr: "oh\n",
    });
    expect(await scene.host.run("runs", "tail", "-n2", first)).toEqual({ exit: 0, stdout: "b\nlast", stderr: "oh\n" });
    expect(await scene.host.run("runs", "tail", "-n+2", first)).toEqual({ exit: 0, stdout: "b\nlast", stderr: "" });
    expect(await scene.host.run("runs", "tail", "--lines=0", first)).toEqual({ exit: 0, stdout: "", stderr: "" });
    expect(await scene.host.run("runs", "tail", goesOn.run_id)).toEqual({
      exit: 0,
      stdout: "so far\n",
      stderr: "so bad\n",
    });
  });

  it("lets a client on the containers' socket see nothing without a token, and with one only its own", async () => {
    const stranger = new DaemonClient(scene.address, "");
    expect(await stranger.runs()).toMatchObject({ code: "unauthenticated" });
    expect(await stranger.cancel(goesOn.run_id)).toMatchObject({ code: "unauthenticated" });
    expect(await stranger.status(goesOn.run_id, 0)).toMatchObject({ code: "unauthenticated" });
    expect(await scene.other.read({ runId: goesOn.run_id })).toMatchObject({ code: "run_unknown" });
    const { runs } = await scene.other.runs();
    expect(runs?.map(({ run_id: id, session }) => [id, session])).toEqual([[second, undefined]]);
    expect(statSync(scene.base.directory.lockSocket).mode & 0o777).toBe(0o600);
  });
});

describe("a run's output that is long or strange", () => {
  let scene: Scene;
  const lines = Array.from({ length: 200 }, (_, index) => `line ${index + 1}`);

  beforeAll(async () => {
    scene = await openScene();
  });

  it("is shown in parts: the last lines, a range, or what a pattern finds", async () => {
    const id = await finished(scene.agent, lines.map((line) => `${line}\\n`).join(""));
    const show = async (...more: string[]): Promise<string> =>
      (await scene.host.run("runs", "show", id, "--stream=stdout", ...more)).stdout.split("\n\n").slice(1).join("\n\n");
    const text = (from: number, to: number): string =>
      lines
        .slice(from - 1, to)
        .map((line) => `${line}\n`)
        .join("");
    expect(await show()).toBe(`stdout, lines 181 to 200 of 200:\n${text(181, 200)}`);
    expect(await show("--tail=2")).toBe(`stdout, lines 199 to 200 of 200:\n${text(199, 200)}`);
    expect(await show("--lines=20-22")).toBe(`stdout, lines 20 to 22 of 200:\n${text(20, 22)}`);
    expect(await show("--lines=200")).toBe("stdout, lines 200 to 200 of 200:\nline 200\n");
    expect(await show("--lines=199-")).toBe(`stdout, lines 199 to 200 of 200:\n${text(199, 200)}`);
    expect(await show("--lines=300-")).toBe("stdout, no such lines of 200\n");
    expect(await show("--grep=7$")).toContain("stdout, 20 matches:\n7:line 7\n17:line 17\n");
    expect(await show("--grep=line 12$")).toBe("stdout, 1 match:\n12:line 12\n");
    expect(await scene.host.run("runs", "show", id, "--grep=(")).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining("is not a pattern that can be used") as string,
    });
  });

  it("comes out byte for byte, also when it is no text and longer than a page", async () => {
    const size = 3_000_001;
    const { run_id: id = "" } = await scene.agent.run({ operation: "write_bytes", params: { count: String(size) } });
    const binary = await finished(scene.agent, "\\377\\376\\000\\303");
    const whole = { stdout: new Sheet(), stderr: new Sheet() };
    expect(await scene.host.runInto(whole, "runs", "show", id, "--output")).toMatchObject({ exit: 0, stderr: "" });
    expect(whole.stdout.bytes.equals(Buffer.alloc(size))).toBe(true);
    const strange = { stdout: new Sheet(), stderr: new Sheet() };
    await scene.host.runInto(strange, "runs", "tail", "-f", binary);
    expect(strange.stdout.bytes).toEqual(Buffer.from([0xff, 0xfe, 0x00, 0xc3]));
  });

  it("cannot steer a terminal", async () => {
    const id = await finished(scene.agent, "\\033[2J\\tfür\\n\\302\\233\\303", "\\033]0;title\\007");
    scene.host.terminal = true;
    const tail = await scene.host.run("runs", "tail", id);
    const show = await scene.host.run("runs", "show", id);
    const follow = await scene.host.run("runs", "tail", "-f", id);
    scene.host.terminal = false;
    expect(tail).toEqual({ exit: 0, stdout: "\\x1b[2J\tfür\n\\u009b\ufffd", stderr: "\\x1b]0;title\\a" });
    expect(show.stdout).toContain("\\x1b[2J\tfür\n\\u009b");
    expect(show.stdout.replace(/\u001b\[(?:1|22)m/g, "")).not.toContain("\u001b");
    expect(follow.stderr).toMatch(/^\\x1b\]0;title\\acmd2host: completed with exit code 0 after .+\n$/);
    expect((await scene.host.run("runs", "tail", id)).stdout).toBe("\u001b[2J\tfür\n\u009b\ufffd");
  });

  it("says what was not kept, where it would stand", async () => {
    const small = await openScene({ settings: { runs: { max_run_bytes: 1_000_000 } } });
    const { run_id: id = "" } = await small.agent.run({ operation: "write_bytes", params: { count: "5000000" } });
    const { run } = (await small.host.json("runs", "show", id)) as { readonly run: RunInfo };
    const { from = 0, to = 0 } = run.stdout.missing ?? {};
    expect(to).toBeGreaterThan(from);
    const sheets = { stdout: new Sheet(), stderr: new Sheet() };
    await small.host.runInto(sheets, "runs", "show", id, "--output");
    expect(sheets.stdout.bytes).toHaveLength(5_000_000 - (to - from));
    expect(sheets.stderr.bytes.toString()).toBe(`cmd2host: bytes ${from} to ${to - 1} of stdout were not kept\n`);
  });
});

describe("runs tail --follow", () => {
  it("shows what comes until the run ends, and can end as it does", async () => {
    const scene = await openScene();
    const { run_id: id } = await start(scene.agent, "sleep_loudly", { seconds: "1" });
    const [followed, status] = await Promise.all([
      scene.host.run("runs", "tail", "-f"),
      scene.host.run("runs", "tail", "--follow", "--exit-status", id),
    ]);
    expect(followed).toEqual({ exit: 0, stdout: expect.stringMatching(/^pid \d+\ndone\n$/) as string, stderr: "" });
    expect(status).toEqual(followed);
    expect(await scene.host.run("runs", "tail", "-f")).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining("error: no run goes on\n") as string,
    });
  });

  it("begins where the streams end with -n 0, and exits with the run's code when it is cancelled", async () => {
    const scene = await openScene();
    const { run_id: id } = await waiting(scene);
    const following = scene.host.run("runs", "tail", "-n0", "-f", "--exit-status", id);
    const cancelled = await scene.host.run("runs", "cancel", id);
    expect(cancelled.stdout).toMatch(
      new RegExp(
        `^Cancelled 1 run:\n  ${id.slice(0, 8)} say_and_wait in owner_repo, failed \\(cancelled\\) with exit code \\S+.* after .+\n$`,
      ),
    );
    expect(await following).toEqual({ exit: 143, stdout: "", stderr: "" });
  });
});

describe("runs cancel", () => {
  let scene: Scene;

  beforeEach(async () => {
    scene = await openScene();
  });

  it("ends one run, several, all of a project or all, and says which", async () => {
    const [own, others, more] = [await waiting(scene), await waiting(scene, scene.other), await waiting(scene)];
    const ended = await finished(scene.agent, "x");
    const json = async (...argv: string[]): Promise<Record<string, readonly RunInfo[]>> =>
      (await scene.host.json("runs", "cancel", ...argv)) as Record<string, readonly RunInfo[]>;
    const ids = (runs: readonly RunInfo[] = []): readonly string[] => runs.map(({ run_id: id }) => id).sort();

    const named = await json(own.run_id, ended, own.run_id.slice(0, 12));
    expect([ids(named["cancelled"]), ids(named["ended_before"])]).toEqual([[own.run_id], [ended]]);
    expect(ids((await json("--project=other_repo"))["cancelled"])).toEqual([others.run_id]);
    expect((await scene.host.run("runs", "cancel", "--all")).stdout).toContain(
      `Cancelled 1 run:\n  ${more.run_id.slice(0, 8)} `,
    );
    expect(await scene.host.run("runs", "cancel", "--all")).toEqual({
      exit: 0,
      stdout: "No runs to cancel.\n",
      stderr: "",
    });
    expect((await scene.host.run("runs", "cancel", ended)).stdout).toContain("Had ended before: 1 run:\n");
    expect((await runsOf(scene)).map(({ state }) => state)).not.toContain("running");
  });

  it("ends a run whose program does not want to end", async () => {
    const file = join(scene.files, "pid");
    const { run_id: id } = await start(scene.agent, "ignore_term", { seconds: "60", file });
    await expect.poll(() => readdirSync(scene.files)).toContain("pid");
    expect(await scene.host.json("runs", "cancel", id)).toMatchObject({
      cancelled: [{ run_id: id, state: "failed", code: "cancelled" }],
      running: [],
    });
  });

  it("ends nothing when one of the runs is not there", async () => {
    const { run_id: id } = await waiting(scene);
    expect((await scene.host.run("runs", "cancel", id, "ffff")).exit).toBe(1);
    expect(await runsOf(scene, "--state=running")).toHaveLength(1);
  });
});

describe("the beginning of a run's id", () => {
  it("has to fit one run; lists show as many characters as tell all apart", async () => {
    // Ids are random: what a daemon left is given the ones that are wanted, for the next daemon to find.
    const ends = ["0000-4000-8000-000000000001", "0001-4000-8000-000000000001", "0001-4000-8000-000000000002"];
    const earlier = ends.map((end) => `abcdef01-${end}`);
    const scene = await openScene();
    const id = await finished(scene.agent, "");
    await scene.running.stop();
    const directory = join(scene.base.directory.runs, blake3Hex(TOKEN));
    const text = readFileSync(join(directory, `${id}.json`), "utf8");
    for (const other of earlier) writeFileSync(join(directory, `${other}.json`), text.replaceAll(id, other));
    await startDaemon(scene.base);

    const { exit, stderr } = await scene.host.run("runs", "show", "ABCD");
    expect(exit).toBe(2);
    const [said, ...rest] = stderr.split("\n");
    expect(said).toBe("error: abcd fits 3 runs:");
    expect(rest.slice(0, 3).sort()).toEqual(earlier.map((one) => `  ${one} say in owner_repo, completed`));
    expect(rest.slice(3)).toEqual(["hint: Give more characters.", ""]);
    expect(await scene.host.run("runs", "show", "abcdef01-0000")).toMatchObject({ exit: 0 });
    const { stdout } = await scene.host.run("runs");
    expect(stdout).toContain(`\n${earlier[2] ?? ""}  completed  0 `);
  });
});

describe("the runs of a token", () => {
  it("are removed when it is revoked or replaced, and nothing is said when there were none", async () => {
    const host = new Host();
    host.project("owner_repo", smallConfig(host.checkout));
    const mint = async (): Promise<string> => (await host.run("token", "mint", "--project=owner_repo")).stdout.trim();
    const runs = join(host.base, "runs");
    const keep = (token: string): string => {
      const directory = join(runs, blake3Hex(token));
      mkdirSync(directory, { recursive: true });
      for (const id of ["1", "2"].map((digit) => `abcdef01-0000-4000-8000-00000000000${digit}`))
        for (const ending of [".json", ".out"]) writeFileSync(join(directory, `${id}${ending}`), "x");
      return directory;
    };
    const [first, second, third, quiet] = [await mint(), await mint(), await mint(), await mint()];
    const kept = [keep(first), keep(second), keep(third)];
    const revoke = await host.run("token", "revoke", blake3Hex(first));
    expect(revoke).toMatchObject({ exit: 0, stderr: "" });
    expect(revoke.stdout).toMatch(/^Revoked 1 token:\n.+\nRemoved the outputs of 2 runs\.\n$/);
    const rotate = await host.run("token", "rotate", blake3Hex(second));
    expect(rotate.stderr).toMatch(/Revoked .+\.\nRemoved the outputs of 2 runs\.\n$/);
    expect(kept.map((directory) => existsSync(directory))).toEqual([false, false, true]);
    expect((await host.run("token", "revoke", blake3Hex(quiet))).stdout).not.toContain("Removed");
    expect(await host.json("token", "revoke", blake3Hex(third))).toEqual({
      revoked: [blake3Hex(third)],
      runs_removed: 2,
    });
    expect(readdirSync(runs)).toEqual([]);
  });

  it("that cannot be removed are named, and the token has ended all the same", async () => {
    const host = new Host();
    host.project("owner_repo", smallConfig(host.checkout));
    const token = (await host.run("token", "mint", "--project=owner_repo")).stdout.trim();
    mkdirSync(join(host.base, "runs"));
    writeFileSync(join(host.base, "runs", blake3Hex(token)), "no directory");
    const { exit, stdout, stderr } = await host.run("token", "revoke", "--all");
    expect([exit, stdout.split("\n")[0]]).toEqual([0, "Revoked 1 token:"]);
    expect(stderr).toMatch(/cannot be removed: ENOTDIR\n/);
    expect(await host.json("token", "list")).toEqual({ tokens: [] });
  });

  it("are not there for the owner any more either", async () => {
    const scene = await openScene();
    const id = await finished(scene.agent, "x");
    // A run is written behind its reply.
    while (!existsSync(join(scene.base.directory.runs, blake3Hex(TOKEN), `${id}.json`))) await sleep(10);
    await scene.host.run("token", "revoke", "--project=owner_repo");
    expect(await scene.host.run("runs", "show", id, "--output")).toMatchObject({ exit: 1, stdout: "" });
  });
});

describe("the owner's way in", () => {
  it("is there however long the name of the base directory is", async () => {
    const root = join(tempDirectory(), LONG_NAME);
    mkdirSync(root, { mode: 0o700 });
    const scene = await openScene({ root });
    const id = await finished(scene.agent, "x");
    expect((await runsOf(scene)).map(({ run_id: one }) => one)).toEqual([id]);
    expect((await scene.host.run("runs", "tail", id)).stdout).toBe("x");
    const before = readdirSync("/proc/self/fd").length;
    await scene.host.run("runs");
    // Others of this process open and close files meanwhile.
    await expect.poll(() => readdirSync("/proc/self/fd").length, { timeout: 10_000 }).toBeLessThanOrEqual(before);
  });

  it.each([
    ["there is no base directory", () => "nothing"],
    ["the base directory has a long name and is not there", () => LONG_NAME],
  ])("is missed with the way to start a daemon when %s", async (_what, name) => {
    const host = new Host();
    host.environment = { ...host.environment, CMD2HOST_CONFIG_DIR: join(host.root, name()) };
    for (const argv of [["runs"], ["runs", "show", "abcd"], ["runs", "tail", "-f"], ["runs", "cancel", "--all"]]) {
      const { exit, stdout, stderr } = await host.run(...argv);
      expect([exit, stdout]).toEqual([1, ""]);
      expect(stderr).toMatch(
        /^error: no daemon answers at .+\/daemon\.lock: ENOENT\nhint: Start it with cmd2host serve\./,
      );
    }
    expect(await host.json("runs")).toMatchObject({ error: { code: "daemon_unreachable" } });
  });

  it("is missed after a daemon that ended, whose socket is still there or not", async () => {
    const scene = await openScene();
    await scene.running.stop();
    expect(await scene.host.json("runs")).toMatchObject({ error: { code: "daemon_unreachable" } });
    rmSync(scene.base.directory.lockSocket, { force: true });
    expect(await scene.host.json("runs")).toMatchObject({ error: { code: "daemon_unreachable" } });
  });
});
