import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { readHead } from "../../host/audit/head.ts";
import { blake3Hex } from "../../host/util/hash.ts";
import { decision, ending, ID, Logs, NO_HASH } from "./logs.ts";

describe("the log", () => {
  it("holds a decision and its outcome under one id, in a chain, in files that only their owner can read", async () => {
    const logs = new Logs();
    const log = await logs.open();
    log.decided(decision());
    log.ended(ending());
    await log.close();
    const records = logs.records();
    expect(records.map(({ kind }) => kind)).toEqual(["note", "decision", "outcome", "note"]);
    expect(records[1]).toMatchObject({
      seq: 2,
      id: ID,
      verdict: "permit",
      session: "a1b2c3d4",
      transport: "unix",
      peer: "unix",
      project: "owner_repo",
      config: "c".repeat(64),
      route: "mcp",
      operation: "gh_pr_view",
      rule: "allowed_operations",
      argv: ["gh", "pr", "view", "42"],
      cwd: "/src/repo",
    });
    expect(records[2]).toMatchObject({
      id: ID,
      outcome: "completed",
      exit_code: 0,
      ms: 12.3,
      stdout_bytes: 5,
      stdout_sha256: "d".repeat(64),
      project: "owner_repo",
      operation: "gh_pr_view",
      session: "a1b2c3d4",
    });
    let previous = NO_HASH;
    for (const line of logs.lines()) {
      const { prev, hash } = JSON.parse(line) as { prev: string; hash: string };
      expect(prev).toBe(previous);
      expect(hash).toBe(blake3Hex(line.slice(0, -75)));
      previous = hash;
    }
    expect(statSync(logs.path()).mode & 0o777).toBe(0o600);
    expect(statSync(logs.directory).mode & 0o777).toBe(0o700);
    expect(statSync(logs.settings.keyFile).mode & 0o777).toBe(0o600);
    expect(statSync(logs.settings.headFile).mode & 0o777).toBe(0o600);
    expect((await logs.verify()).damage).toBeUndefined();
  });

  it("is written when decided returns, whatever becomes of the process", async () => {
    const logs = new Logs();
    const log = await logs.open();
    log.decided(decision());
    expect(logs.records().at(-1)).toMatchObject({ kind: "decision", id: ID });
    await log.close();
  });

  it("cuts long texts and says so, and names the whole command line by its digest", async () => {
    const logs = new Logs();
    const log = await logs.open();
    const argv = ["gh", "x".repeat(5_000), ...Array.from({ length: 100 }, () => "y".repeat(1_000))];
    log.decided(decision({ argv, operation: "o".repeat(1_000), message: "m".repeat(10_000) }));
    const control = "\u0001".repeat(100_000);
    log.decided(decision({ argv: [control], cwd: control, message: control, operation: control, project: control }));
    await log.close();
    const [, record = {}] = logs.records();
    expect(String(record["operation"])).toMatch(/^o{256}… \(744 more bytes\)$/);
    expect(String(record["message"])).toMatch(/^m{2048}… \(7952 more bytes\)$/);
    const kept = record["argv"] as readonly string[];
    expect(kept[1]).toMatch(/^x{2048}… \(2952 more bytes\)$/);
    expect(kept.length + Number(record["argv_more"])).toBe(argv.length);
    expect(record["argv_sha256"]).toBe(createHash("sha256").update(JSON.stringify(argv)).digest("hex"));
    expect(Math.max(...logs.lines().map((line) => Buffer.byteLength(line)))).toBeLessThan(131_072);
    expect((await logs.verify()).damage).toBeUndefined();
  });

  it.each([
    ["digest", undefined, createHash("sha256").update('["gh","pr","view","42"]').digest("hex")],
    ["none", undefined, undefined],
  ] as const)("holds of the command line what %s allows", async (argv, whole, digest) => {
    const logs = new Logs({ argv });
    const log = await logs.open();
    log.decided(decision());
    await log.close();
    const [, record = {}] = logs.records();
    expect([record["argv"], record["argv_sha256"]]).toEqual([whole, digest]);
  });

  it("shows controls, C1 and bidi marks as escapes to whoever prints the file itself", async () => {
    const logs = new Logs();
    const log = await logs.open();
    const text = "a\u001b[31m\u009b31m\u202e\u2028\u0007\ud800ü😀";
    log.decided(decision({ operation: text, message: text, argv: [text], id: text }));
    await log.close();

    expect(readFileSync(logs.path(), "utf8").replaceAll("\n", "")).not.toMatch(
      /[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/u,
    );
    expect(String(logs.records()[1]?.["operation"])).toContain("a\u001b[31m\u009b31m\u202e\u2028\u0007");
    expect(String(logs.records()[1]?.["operation"])).toContain("ü😀");
  });
});

describe("the clock", () => {
  it("may jump: numbers go on, and going back is noted", async () => {
    const logs = new Logs();
    const day = 86_400_000;
    let now = Date.parse("2030-01-02T00:00:00Z");
    logs.now = () => now;
    const log = await logs.open();
    log.decided(decision({ id: "1" }));
    now -= 500; // only set right
    log.decided(decision({ id: "2" }));
    now -= day;
    log.decided(decision({ id: "3" }));
    now += 400 * day;
    log.decided(decision({ id: "4" }));
    await log.close();
    now -= 900 * day;
    await (await logs.open()).close();
    expect(logs.notes()).toEqual(["started", "clock_back", "stopped", "clock_back", "started", "stopped"]);
    expect(logs.records().map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(logs.records()[3]).toMatchObject({ from: "2030-01-01T23:59:59.500Z", to: "2029-12-31T23:59:59.500Z" });
    const { damage, notes } = await logs.verify();
    expect(damage).toBeUndefined();
    expect(notes.map(({ note }) => note)).toEqual(["clock_back", "clock_back"]);
  });
});

describe("a log that grows", () => {
  it("goes on in another file that names the end of the one before", async () => {
    const logs = await new Logs({ maxFileBytes: 3_000 }).write(30);
    expect(logs.files().length).toBeGreaterThan(3);
    const last = JSON.parse(logs.lines(0).at(-1) ?? "") as { seq: number; hash: string };
    expect(JSON.parse(logs.lines(1)[0] ?? "")).toMatchObject({
      seq: last.seq + 1,
      prev: last.hash,
      note: "rotated",
      continues: `${last.seq}:${last.hash}`,
    });
    expect(logs.files().every((_, index) => statSync(logs.path(index)).size <= 3_000)).toBe(true);
    expect(await logs.verify()).toMatchObject({ damage: undefined, first: 1 });
  });

  it.each([
    ["number", { maxFiles: 3 }, 3],
    ["size", { maxBytes: 9_000 }, 3],
  ])("loses its oldest files by their %s, and can be verified from where it begins", async (_, bounds, most) => {
    const logs = await new Logs({ maxFileBytes: 3_000, ...bounds }).write(60);
    expect(logs.files().length).toBeLessThanOrEqual(most);
    expect(logs.notes()).toContain("pruned");
    const verification = await logs.verify();
    expect(verification).toMatchObject({ damage: undefined });
    expect(verification.first).toBeGreaterThan(1);
    // One file more than it says is damage.
    rmSync(logs.path(0));
    expect((await logs.verify()).damage).toMatchObject({ kind: "cut_at_beginning", line: 1 });
  });

  it("goes on when not even one record fits into a file", async () => {
    const logs = await new Logs({ maxFileBytes: 10, maxFiles: 5 }).write(20);
    expect(logs.files().length).toBeLessThanOrEqual(6);
    expect(logs.records().map(({ id }) => id)).toContain("19");
    expect((await logs.verify()).damage).toBeUndefined();
  });
});

describe("a log that cannot be written", () => {
  const refused = expect.objectContaining({ code: "audit_unavailable" }) as unknown;

  it.runIf(process.geteuid?.() === 0)(
    "since a new file's name cannot be forced to the disk, goes on in that file, which names the end of the one before",
    async () => {
      const logs = new Logs({ maxFileBytes: 3_000 });
      const log = await logs.open();
      while (statSync(logs.path()).size < 2_600) log.decided(decision());
      // Files can be made there, but the directory cannot be opened.
      for (const path of [logs.base.root, logs.directory, dirname(logs.settings.headFile)]) chmodSync(path, 0o333);
      process.seteuid?.(65_534);
      try {
        expect(() => {
          log.decided(decision({ id: "2" }));
        }).toThrow(refused);
      } finally {
        process.seteuid?.(0);
      }
      chmodSync(logs.directory, 0o700);
      expect([logs.files().length, logs.lines()]).toEqual([2, []]);
      log.decided(decision({ id: "3" }));
      await log.close();
      expect(logs.notes()).toEqual(["started", "rotated", "interrupted", "stopped"]);
      expect((await logs.verify()).damage).toBeUndefined();
    },
  );

  it("whose directory is gone lets nothing run, until the directory is back [promise 4]", async () => {
    const logs = new Logs();
    const log = await logs.open();
    log.decided(decision());
    renameSync(logs.directory, `${logs.directory}-away`);
    expect(() => {
      log.decided(decision({ id: "2" }));
    }).toThrow(refused);
    log.ended(ending());
    expect(() => {
      log.decided(decision({ id: "3" }));
    }).toThrow(refused);
    renameSync(`${logs.directory}-away`, logs.directory);
    log.decided(decision({ id: "4" }));
    await log.close();
    const kinds = logs
      .records()
      .map(({ kind, note, id }) => (kind === "note" ? note : `${String(kind)} ${String(id)}`));
    expect(kinds).toEqual([
      "started",
      `decision ${ID}`,
      "gap",
      "interrupted",
      `outcome ${ID}`,
      "decision 4",
      "stopped",
    ]);
    expect(logs.records()[3]).toMatchObject({ refused: 2, denials_missing: 0 });
  });

  it.each([
    [
      "was removed",
      (path: string) => {
        rmSync(path);
      },
    ],
    [
      "was replaced by an older copy of itself",
      (path: string) => {
        renameSync(`${path}.copy`, path);
      },
    ],
    [
      "was cut",
      (path: string) => {
        truncateSync(path, 100);
      },
    ],
    [
      "has more in it than was written",
      (path: string) => {
        appendFileSync(path, "{}\n");
      },
    ],
    [
      "became a link",
      (path: string) => {
        renameSync(path, `${path}.away`);
        symlinkSync(`${path}.away`, path);
      },
    ],
  ])("because its file %s refuses, then goes on in another file and says so [promise 4]", async (_, change) => {
    const logs = new Logs();
    const log = await logs.open();
    log.decided(decision({ id: "1" }));
    const path = logs.path();
    copyFileSync(path, `${path}.copy`);
    log.decided(decision({ id: "2" }));
    change(path);
    expect(() => {
      log.decided(decision({ id: "3" }));
    }).toThrow(refused);
    log.decided(decision({ id: "4" }));
    await log.close();
    expect(logs.lines().map((line) => (JSON.parse(line) as { note?: string }).note)).toEqual([
      "gap",
      "interrupted",
      undefined,
      "stopped",
    ]);
    expect((await logs.verify()).damage).toBeDefined();
    expect(logs.said).toContain("the audit cannot be written: nothing runs until it can");
    expect(logs.said).toContain("the audit can be written again");
  });

  it("whose head cannot be written refuses as well [promise 4]", async () => {
    const logs = new Logs();
    const log = await logs.open();
    rmSync(logs.settings.headFile);
    mkdirSync(logs.settings.headFile);
    log.decided(decision({ id: "1" }));
    const before = logs.records().length;
    // The head is written behind the reply; from then on it is known.
    await expect
      .poll(
        () => {
          try {
            log.decided(decision({ id: "2" }));
            return "written";
          } catch (error) {
            return (error as { code?: string }).code;
          }
        },
        { timeout: 5_000 },
      )
      .toBe("audit_unavailable");
    const after = logs.records().length;
    for (let count = 0; count < 5; count++)
      expect(() => {
        log.decided(decision({ id: "3" }));
      }).toThrow(refused);
    expect(logs.records().length).toBe(after);
    expect(after).toBeGreaterThanOrEqual(before);
    rmSync(logs.settings.headFile, { recursive: true });
    log.decided(decision({ id: "4" }));
    await log.close();
    expect((await logs.verify()).damage).toBeUndefined();
  });
});

describe("a log that was left by a crash", () => {
  it("with half a record is repaired, and what was there is in a note", async () => {
    const logs = await new Logs().write(3);
    appendFileSync(logs.path(), '{"seq":6,"prev":"00\u001b');
    expect((await logs.verify()).damage).toMatchObject({ kind: "half_record", line: 6, seq: 6 });
    await (await logs.open()).close();
    expect(logs.notes()).toEqual(["started", "stopped", "repaired", "started", "stopped"]);
    expect(logs.records()[5]).toMatchObject({ bytes: 20, text: '{"seq":6,"prev":"00\u001b' });
    expect(await logs.verify()).toMatchObject({ damage: undefined, unsigned: 0 });
  });

  it("that is nothing but half a record begins anew", async () => {
    const logs = await new Logs().write(1);
    writeFileSync(logs.path(), '{"seq":1');
    rmSync(logs.settings.headFile);
    await (await logs.open()).close();
    expect(logs.notes()).toEqual(["repaired", "started", "stopped"]);
    expect((await logs.verify()).damage).toBeUndefined();
  });

  it("with an empty new file goes on", async () => {
    const logs = await new Logs().write(3);
    writeFileSync(join(logs.directory, "audit-000000000006.jsonl"), "");
    await (await logs.open()).close();
    expect(logs.files()).toHaveLength(1);
    expect((await logs.verify()).damage).toBeUndefined();
  });

  it("says which records were not signed yet", async () => {
    const logs = await new Logs().write(3);
    const head = readFileSync(logs.settings.headFile);
    await logs.write(4);
    writeFileSync(logs.settings.headFile, head);
    expect(await logs.verify()).toMatchObject({ damage: undefined, unsigned: 6 });
    await (await logs.open()).close();
    expect(logs.notes()).toContain("unsigned");
    expect(await logs.verify()).toMatchObject({ damage: undefined, unsigned: 0 });
  });

  it("takes the other head when one is torn", async () => {
    const logs = await new Logs().write(3);
    const whole = readHead(logs.settings.headFile).head;
    const bytes = readFileSync(logs.settings.headFile);
    bytes.fill(0x20, ((whole?.turn ?? 0) % 2) * 512 + 100, ((whole?.turn ?? 0) % 2) * 512 + 200);
    writeFileSync(logs.settings.headFile, bytes);
    const older = readHead(logs.settings.headFile).head;
    expect(older?.turn).toBe((whole?.turn ?? 0) - 1);
    expect(await logs.verify()).toMatchObject({ damage: undefined });
  });

  it("after a power cut lacks what was not on the disk, which is no damage but is said", async () => {
    const logs = await new Logs({ sync: "never" }).write(3);
    const lines = logs.lines();
    writeFileSync(logs.path(), `${lines.slice(0, 3).join("\n")}\n`);
    expect((await logs.verify()).damage).toMatchObject({ kind: "cut_at_end", seq: 4 });
    await (await logs.open()).close();
    expect(logs.notes()).toEqual(["started", "lost_power", "started", "stopped"]);
    const { damage, notes } = await logs.verify();
    expect([damage, notes.map(({ note }) => note)]).toEqual([undefined, ["lost_power"]]);
  });
});

it("each forces every record to the disk before it returns, never does not; both can be verified", async () => {
  for (const sync of ["each", "never"] as const) {
    const logs = await new Logs({ sync }).write(3);
    expect(readHead(logs.settings.headFile).head?.synced).toBe(sync === "each" ? 5 : 0);
    expect((await logs.verify()).damage).toBeUndefined();
  }
});

it("keeps the key that is there, and makes none where one is", async () => {
  const logs = await new Logs().write(1);
  const key = readFileSync(logs.settings.keyFile, "utf8");
  expect(key).toContain("PRIVATE KEY");
  await logs.write(1);
  expect(readFileSync(logs.settings.keyFile, "utf8")).toBe(key);
  expect(existsSync(logs.settings.headFile)).toBe(true);
});

it("takes nothing after it was closed", async () => {
  const logs = new Logs();
  const log = await logs.open();
  await log.close();
  const lines = logs.lines();
  expect(() => {
    log.decided(decision());
  }).toThrow(expect.objectContaining({ code: "audit_unavailable" }));
  log.ended(ending());
  expect([logs.files().length, logs.lines()]).toEqual([1, lines]);
});
