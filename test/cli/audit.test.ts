import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Writable } from "node:stream";
import { beforeEach, describe, expect, it } from "vitest";
import { sealedLine, unsealedLine } from "../../host/audit/record.ts";
import { blake3Hex } from "../../host/util/hash.ts";
import { decision, ending, Logs } from "../audit/logs.ts";
import { Host, Sheet } from "./harness.ts";

const PERMITTED = "11111111-0000-4000-8000-000000000001";
const DENIED = "22222222-0000-4000-8000-000000000002";
const FAILED = "33333333-0000-4000-8000-000000000003";
const LISTED = "33334444-0000-4000-8000-000000000004";
/** What may not reach a terminal. */

const RAW = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/u;

let logs: Logs;
let host: Host;

beforeEach(async () => {
  logs = new Logs();
  host = new Host();
  host.environment = { ...host.environment, CMD2HOST_CONFIG_DIR: logs.base.root };
  let now = Date.parse("2030-01-01T10:00:00Z");
  logs.now = () => (now += 1_000);
  const log = await logs.open();
  log.decided(decision({ id: PERMITTED }));
  log.ended(ending({ id: PERMITTED }));
  log.decided(
    decision({
      id: DENIED,
      verdict: "deny",
      code: "param_invalid",
      rule: "param_invalid",
      message: "no such number",
      project: "other",
    }),
  );
  log.decided(decision({ id: FAILED, operation: "git_push" }));
  log.decided(decision({ id: LISTED, operation: undefined, route: "list", rule: undefined, argv: undefined }));
  log.ended(ending({ id: FAILED, outcome: "failed", code: "timed_out", exitCode: 124, durationMs: 61_000 }));
  await log.close();
});

/** The last column, below the headings. */
async function ids(...words: string[]): Promise<readonly string[]> {
  const { stdout } = await host.run("audit", "list", ...words);
  return stdout === "Nothing.\n"
    ? []
    : stdout
        .split("\n")
        .slice(1, -1)
        .map((line) => line.split(/\s+/).at(-1) ?? "");
}

describe("audit list", () => {
  it("shows the newest first, with how it ended", async () => {
    const { exit, stdout, stderr } = await host.run("audit");
    expect([exit, stderr, stdout.replaceAll(/T10:00:\d\d/g, "T10:00:00").split("\n")]).toEqual([
      0,
      "",
      [
        "TIME                  RESULT     PROJECT     OPERATION   SESSION   EXIT  DURATION  WHY                 ID",
        "2030-01-01T10:00:00Z  permitted  owner_repo  (list)      a1b2c3d4  -     -         -                   33334444",
        "2030-01-01T10:00:00Z  failed     owner_repo  git_push    a1b2c3d4  124   1m        timed_out           33333333",
        "2030-01-01T10:00:00Z  denied     other       gh_pr_view  a1b2c3d4  -     -         param_invalid       22222222",
        "2030-01-01T10:00:00Z  completed  owner_repo  gh_pr_view  a1b2c3d4  0     12ms      allowed_operations  11111111",
        "",
      ],
    ]);
  });

  it.each([
    [["--project", "other"], [DENIED]],
    [["--operation", "git_push"], [FAILED]],
    [["--outcome", "deny"], [DENIED]],
    [
      ["--outcome", "permit"],
      [LISTED, FAILED, PERMITTED],
    ],
    [["--outcome", "completed"], [PERMITTED]],
    [["--outcome", "failed"], [FAILED]],
    [["--code", "timed_out"], [FAILED]],
    [["--code", "param_invalid"], [DENIED]],
    [["--session", "nobody"], []],
    [
      ["--limit", "2"],
      [LISTED, FAILED],
    ],
    [["--since", "2099-01-01"], []],
    [["--since", "2029-12-31T00:00:00Z", "--outcome", "deny"], [DENIED]],
  ])("takes %j", async (words, expected) => {
    expect(await ids(...words)).toEqual(expected.map((id) => id.slice(0, 8)));
  });

  it("counts back from now", async () => {
    const other = new Logs();
    host.environment = { ...host.environment, CMD2HOST_CONFIG_DIR: other.base.root };
    other.now = () => Date.now() - 7_200_000;
    await other.write(3);
    other.now = Date.now;
    await other.write(2);
    expect(await ids("--since=1h")).toEqual(["1", "0"]);
    expect(await ids("--since=3h")).toHaveLength(5);
  });

  it.each([
    ["--since", "yesterday", "is no time"],
    ["--outcome", "good", "is no outcome"],
    ["--limit", "0", "is no whole number"],
  ])("refuses %s %s", async (option, value, said) => {
    const { exit, stderr } = await host.run("audit", "list", option, value);
    expect([exit, stderr.includes(said)]).toEqual([2, true]);
  });

  it("gives the records to programs, and notes to who asks", async () => {
    const { entries } = (await host.json("audit", "list", "--notes")) as {
      entries: readonly Record<string, { readonly seq: number }>[];
    };
    expect(entries.map((entry) => Object.entries(entry).map(([kind, { seq }]) => `${kind} ${seq}`))).toEqual([
      ["note 8"],
      ["decision 6"],
      ["decision 5", "outcome 7"],
      ["decision 4"],
      ["decision 2", "outcome 3"],
      ["note 1"],
    ]);
  });

  it("says when lines are no records", async () => {
    appendFileSync(logs.path(), "hello\n[]\n");
    expect((await host.run("audit")).stderr).toBe("2 lines are no records; see cmd2host audit verify.\n");
  });

  it("says where nothing is", async () => {
    rmSync(logs.directory, { recursive: true });
    const { exit, stderr } = await host.run("audit");
    expect([exit, stderr]).toEqual([
      1,
      expect.stringMatching(
        /^error: there is no audit: .*\/audit is not there\nhint: It begins when a daemon starts: /,
      ),
    ]);
  });
});

describe("audit show", () => {
  it("shows every member of a decision and its outcome", async () => {
    const { stdout } = await host.run("audit", "show", "1111");
    expect(stdout).toContain("decision\n  seq:            2\n");
    expect(stdout).toContain('  argv:           ["gh","pr","view","42"]\n');
    expect(stdout).toContain("outcome\n  seq:            3\n");
    expect((await host.run("audit", "show", "2222")).stdout).toContain("no outcome is recorded\n");
    expect(await host.json("audit", "show", "1111")).toMatchObject({
      decision: { id: PERMITTED },
      outcome: { id: PERMITTED },
    });
  });

  it.each([
    ["3333", 2, `33334444-0000-4000-8000-000000000004\n  ${FAILED}`],
    ["9999", 1, "no decision's id begins with 9999"],
    ["x", 2, "is not the beginning of an id"],
  ])("of %s says what is wrong", async (id, exit, said) => {
    const found = await host.run("audit", "show", id);
    expect([found.exit, found.stderr.includes(said)]).toEqual([exit, true]);
  });
});

describe("audit verify and head", () => {
  it("say that all is good, and what is not", async () => {
    const head = await host.run("audit", "head");
    expect(head.stdout).toMatch(/^8:[0-9a-f]{64}\n$/);
    const good = await host.run("audit", "verify", "--head", head.stdout.trim());
    expect(good.exit).toBe(0);
    expect(good.stdout).toMatch(
      /^good: 8 records \(1 to 8\) in 1 file\.\nSigned up to record 8 at 2030-01-01T10:00:\d\d\.000Z by key \S{43}\.\n$/,
    );
    writeFileSync(logs.path(), readFileSync(logs.path(), "utf8").replace("git_push", "git_pull"));
    const bad = await host.run("audit", "verify");
    expect(bad).toEqual({
      exit: 1,
      stderr: "",
      stdout:
        "DAMAGED: a record was changed (edited)\n  where: audit-000000000001.jsonl, line 5, record 5\n  what:  The record does not have the hash that stands in it.\n4 records (1 to 4) in 1 file are good before it.\n",
    });
    expect(await host.json("audit", "verify")).toMatchObject({
      good: false,
      damage: { kind: "edited", line: 5, seq: 5 },
    });
    expect((await host.run("audit", "verify", "--head", "1:2")).exit).toBe(2);
  });

  it("say where nothing is", async () => {
    rmSync(logs.settings.headFile);
    expect((await host.run("audit", "head")).stderr).toContain("is not there");
    writeFileSync(logs.settings.headFile, "x");
    expect((await host.run("audit", "head")).stderr).toContain("holds no signed head");
    rmSync(logs.directory, { recursive: true });
    expect((await host.run("audit", "verify")).stderr).toContain("there is no audit: ");
  });
});

describe("audit export", () => {
  it("writes the lines as they are", async () => {
    expect((await host.run("audit", "export")).stdout).toBe(readFileSync(logs.path(), "utf8"));
    const { stdout } = await host.run("audit", "export", "--outcome=deny");
    expect(JSON.parse(stdout)).toMatchObject({ id: DENIED });
  });

  it("writes CSV that no spreadsheet takes for formulas", async () => {
    const log = await logs.open();
    log.decided(
      decision({ id: "x", operation: '=HYPERLINK("http://x","y")', project: "@a,b", message: "+1\n\u001b[2J" }),
    );
    await log.close();
    const { stdout } = await host.run("audit", "export", "--format=csv", "--project=@a,b");
    const [headings, line, ...rest] = stdout.split("\r\n");
    expect(headings).toMatch(/^seq,time,kind,id,verdict,/);
    expect(line).toContain(`"'=HYPERLINK(""http://x"",""y"")"`);
    expect(line).toContain(`"'@a,b"`);
    expect(line).toContain("'+1\\n\\x1b[2J");
    expect(rest).toEqual([""]);
    expect((await host.run("audit", "export", "--format=xml")).exit).toBe(2);
  });
});

/** Takes lines until it has seen a text; then nobody reads any more. */
class Until extends Writable {
  text = "";
  readonly #last: string;

  constructor(last: string) {
    super();
    this.#last = last;
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.text += chunk.toString("utf8");
    if (this.text.includes(this.#last)) done(Object.assign(new Error("EPIPE"), { code: "EPIPE" }));
    else done();
  }
}

describe("audit follow", () => {
  it("writes what comes, also in files that are begun meanwhile", async () => {
    const small = new Logs({ maxFileBytes: 3_000, maxFiles: 3 });
    host.environment = { ...host.environment, CMD2HOST_CONFIG_DIR: small.base.root };
    const log = await small.open();
    log.decided(decision({ id: "before", operation: "op_before" }));
    const stdout = new Until("op_59");
    const following = host.runInto({ stdout, stderr: new Sheet() }, "audit", "follow", "--outcome=permit", "-n", "1");
    await expect.poll(() => stdout.text).toContain("op_before");
    for (let count = 0; count < 60; count++) {
      log.decided(decision({ id: `${count}`, operation: `op_${count}` }));
      if (count % 5 === 4) await expect.poll(() => stdout.text, { timeout: 5_000 }).toContain(`op_${count}`);
    }
    expect((await following).exit).toBe(141);
    const operations = [...stdout.text.matchAll(/op_(\w+)/g)].map(([, name]) => name);
    expect(operations).toEqual(["before", ...Array.from({ length: 60 }, (_, index) => `${index}`)]);
    await log.close();
    expect(small.files().length).toBeGreaterThan(1);
  });

  it("writes JSON lines for programs", async () => {
    const stdout = new Until(FAILED);
    await host.runInto({ stdout, stderr: new Sheet() }, "audit", "follow", "--json", "--outcome=failed");
    expect(JSON.parse(stdout.text)).toMatchObject({ kind: "outcome", id: FAILED });
  });
});

describe("what others wrote into records", () => {
  const EVIL = "\u001b[31mred\u001b]0;title\u0007\u009b2J\r\n\u202edrowssap\u2028\u0000\ufeff\t\u007f";

  it("reaches no terminal, whoever wrote the log [promise 8]", async () => {
    const log = await logs.open();
    log.decided(
      decision({
        id: "aaaaaaaa-1",
        origin: { peer: EVIL, transport: "unix", session: EVIL, requestId: EVIL },
        project: EVIL,
        configHash: EVIL,
        operation: EVIL,
        target: EVIL,
        targetSource: EVIL,
        verdict: "deny",
        message: EVIL,
        rule: EVIL,
        approver: EVIL,
        argv: [EVIL, EVIL],
        cwd: EVIL,
        stdinDigest: EVIL,
      }),
    );
    await log.close();
    // And somebody with the account put in one by hand, with what the daemon would not write, under the right hash.
    const last = JSON.parse(logs.lines().at(-1) ?? "") as { seq: number; hash: string };
    const raw = {
      kind: "decision",
      time: EVIL,
      id: `aaaaaaaa-2${EVIL}`,
      verdict: EVIL,
      [EVIL]: EVIL,
      note: EVIL,
    } as const;
    const text = unsealedLine(last, raw)
      .replaceAll("\\u202e", "\u202e")
      .replaceAll("\\u009b", "\u009b")
      .replaceAll("\\u007f", "\u007f");
    appendFileSync(logs.path(), sealedLine(text, blake3Hex(text)));
    appendFileSync(logs.path(), `\u001b[2J\u009b\n`);
    host.terminal = true;
    const outputs = [
      await host.run("audit", "list", "--notes"),
      await host.run("audit", "show", "aaaaaaaa-1"),
      await host.run("audit", "show", "aaaaaaaa-2"),
      await host.run("audit", "verify"),
      await host.run("audit", "export"),
      await host.run("audit", "export", "--format=csv"),
      await host.run("audit", "head"),
    ];
    for (const { stdout, stderr } of outputs) expect((stdout + stderr).replaceAll("\r\n", "\n")).not.toMatch(RAW);
    const until = new Until("aaaaaaaa");
    await host.runInto({ stdout: until, stderr: new Sheet() }, "audit", "follow", "-n", "20");
    expect(until.text).not.toMatch(RAW);
    expect(outputs[0]?.stdout).toContain("\\x1b[31mred");
    expect(outputs[1]?.stdout).toContain("\\u202edrowssap");
  });
});
