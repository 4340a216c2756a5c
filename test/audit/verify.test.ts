import { generateKeyPairSync } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { describe, expect, it } from "vitest";
import { linkText } from "../../host/audit/chain.ts";
import { readHead } from "../../host/audit/head.ts";
import { logName } from "../../host/audit/log-names.ts";
import { noteBody, sealedLine, unsealedLine } from "../../host/audit/record.ts";
import type { DamageKind } from "../../host/audit/verification.ts";
import { blake3Hex } from "../../host/util/hash.ts";
import { Logs } from "./logs.ts";

interface Chained {
  readonly seq: number;
  readonly prev: string;
  readonly hash: string;
}

function parsed(line: string | undefined): Chained {
  return JSON.parse(line ?? "") as Chained;
}

/** A record that fits behind another one, as anybody can make it. */
function forged(previous: string | undefined): string {
  const body = { kind: "decision", time: "2030-01-01T00:00:00.000Z", verdict: "permit" } as const;
  const unsealed = unsealedLine(parsed(previous), body);
  return sealedLine(unsealed, blake3Hex(unsealed)).trimEnd();
}

/** The same record with another operation, and a hash that is right. */
function rehashed(line: string): string {
  const unsealed = line.slice(0, -75).replace("gh_pr_view", "gh_pr_list");
  return sealedLine(unsealed, blake3Hex(unsealed)).trimEnd();
}

const at = (lines: readonly string[], index: number): string => lines[index] ?? "";

/** Ten lines: a start, eight decisions, an end. */
const ATTACKS: readonly (readonly [string, (lines: string[]) => readonly string[], DamageKind, number, number])[] = [
  ["a changed character", (lines) => lines.with(4, at(lines, 4).replace("gh_pr_view", "gh_pr_viex")), "edited", 5, 5],
  ["a changed first record", (lines) => lines.with(0, at(lines, 0).replace('"sync"', '"sinc"')), "edited", 1, 1],
  ["a member added", (lines) => lines.with(4, at(lines, 4).replace('"verdict"', '"x":1,"verdict"')), "edited", 5, 5],
  ["white space", (lines) => lines.with(4, at(lines, 4).replace('"verdict":', '"verdict": ')), "edited", 5, 5],
  ["a hash replaced", (lines) => lines.with(4, at(lines, 4).slice(0, -66) + `${"0".repeat(64)}"}`), "edited", 5, 5],
  ["a record changed, with a new hash", (lines) => lines.with(4, rehashed(at(lines, 4))), "edited", 5, 5],
  ["a record removed", (lines) => lines.toSpliced(4, 1), "cut_in_middle", 5, 5],
  ["several records removed", (lines) => lines.toSpliced(2, 5), "cut_in_middle", 3, 3],
  ["the first records removed", (lines) => lines.slice(2), "cut_at_beginning", 1, 3],
  [
    "two records swapped",
    (lines) => [...lines.slice(0, 4), at(lines, 5), at(lines, 4), ...lines.slice(6)],
    "reordered",
    5,
    6,
  ],
  ["a record moved back", (lines) => [...lines.toSpliced(2, 1), at(lines, 2)], "reordered", 3, 4],
  ["a record twice", (lines) => lines.toSpliced(5, 0, at(lines, 4)), "inserted", 5, 5],
  ["a record repeated later", (lines) => lines.toSpliced(7, 0, at(lines, 2)), "reordered", 8, 3],
  ["a made up record", (lines) => lines.toSpliced(5, 0, forged(at(lines, 4))), "inserted", 6, 6],
  ["text that is no JSON", (lines) => lines.with(4, "hello"), "not_json", 5, 5],
  ["an empty line", (lines) => lines.toSpliced(4, 0, ""), "not_json", 5, 5],
  ["JSON that is no record", (lines) => lines.with(4, "[1]"), "not_json", 5, 5],
  ["bytes that are nothing", (lines) => lines.with(4, "\u0000\u001b[2J"), "not_json", 5, 5],
  ["half a record in the middle", (lines) => lines.with(4, at(lines, 4).slice(0, 80)), "not_json", 5, 5],
];

describe("audit verify finds", () => {
  it.each(ATTACKS)("%s", async (_, attack, kind, line, seq) => {
    const logs = await new Logs().write(8);
    const lines = [...logs.lines()];
    expect(lines).toHaveLength(10);
    writeFileSync(logs.path(), attack(lines).join("\n") + "\n");
    const { damage } = await logs.verify();
    expect(damage).toMatchObject({ kind, file: logs.files()[0], line, seq });
  });

  it("records cut off at the end", async () => {
    const logs = await new Logs().write(8);
    const lines = logs.lines();
    writeFileSync(logs.path(), `${lines.slice(0, 6).join("\n")}\n`);
    expect((await logs.verify()).damage).toMatchObject({ kind: "cut_at_end", seq: 7 });
  });

  it("everything removed", async () => {
    const logs = await new Logs().write(8);
    rmSync(logs.path());
    expect((await logs.verify()).damage).toMatchObject({ kind: "cut_at_end", seq: 1 });
  });

  it("half a record at the end", async () => {
    const logs = await new Logs().write(8);
    truncateSync(logs.path(), readFileSync(logs.path()).length - 30);
    expect((await logs.verify()).damage).toMatchObject({ kind: "half_record", line: 10, seq: 10 });
  });

  it("a file that is missing between two others", async () => {
    const logs = await new Logs({ maxFileBytes: 3_000 }).write(30);
    rmSync(logs.path(2));
    const { damage } = await logs.verify();
    expect(damage).toMatchObject({ kind: "cut_in_middle", file: logs.files()[2], line: 1 });
  });

  it("a change at the end of one file, from the beginning of the next", async () => {
    const logs = await new Logs({ maxFileBytes: 3_000 }).write(30);
    const lines = [...logs.lines(1)];
    writeFileSync(logs.path(1), `${lines.with(-1, rehashed(lines.at(-1) ?? "")).join("\n")}\n`);
    const { damage } = await logs.verify();
    expect(damage).toMatchObject({ kind: "edited", file: logs.files()[1], line: lines.length });
  });

  it("a chain that was made anew from a record on", async () => {
    const logs = await new Logs().write(8);
    const lines = [...logs.lines().slice(0, 4)];
    while (lines.length < 10) lines.push(forged(lines.at(-1)));
    writeFileSync(logs.path(), `${lines.join("\n")}\n`);
    expect((await logs.verify()).damage).toMatchObject({ kind: "rewritten", seq: 10 });
  });

  it("another log in its place, which says that all before it was pruned", async () => {
    const logs = await new Logs().write(8);
    const before = { seq: 499, hash: "a".repeat(64) };
    const body = noteBody("pruned", "2030-01-01T00:00:00.000Z", { through: linkText(before), files: 1 });
    const unsealed = unsealedLine(before, body);
    const lines = [sealedLine(unsealed, blake3Hex(unsealed)).trimEnd()];
    while (lines.length < 5) lines.push(forged(lines.at(-1)));
    rmSync(logs.path());
    writeFileSync(logName(logs.directory, 500).path, `${lines.join("\n")}\n`);
    expect((await logs.verify()).damage).toMatchObject({ kind: "rewritten", seq: 10 });
    await logs.write(1);
    expect((await logs.verify()).damage).toMatchObject({ kind: "noted" });
  });

  it("an older log with its older head, but only beside a head that was written down", async () => {
    const logs = await new Logs().write(3);
    const [old, oldHead] = [`${logs.path()}.old`, `${logs.settings.headFile}.old`];
    copyFileSync(logs.path(), old);
    copyFileSync(logs.settings.headFile, oldHead);
    await logs.write(5);
    const written = readHead(logs.settings.headFile).head;
    copyFileSync(old, logs.path());
    copyFileSync(oldHead, logs.settings.headFile);
    expect((await logs.verify()).damage).toBeUndefined();
    expect((await logs.verify({ written })).damage).toMatchObject({ kind: "rolled_back", seq: 6 });
    await logs.write(8);
    expect((await logs.verify()).damage).toBeUndefined();
    expect((await logs.verify({ written })).damage).toMatchObject({ kind: "rewritten", seq: written?.seq });
  });

  it("an older log under a newer head, also after the daemon went on with it", async () => {
    const logs = await new Logs().write(3);
    const old = `${logs.path()}.old`;
    copyFileSync(logs.path(), old);
    await logs.write(5);
    copyFileSync(old, logs.path());
    expect((await logs.verify()).damage).toMatchObject({ kind: "cut_at_end", seq: 6 });
    await logs.write(20);
    expect((await logs.verify()).damage).toMatchObject({ kind: "noted", seq: 6, line: 6 });
  });

  it("a head that is gone, was changed, or was signed by somebody else", async () => {
    const logs = await new Logs().write(3);
    const head = readFileSync(logs.settings.headFile, "utf8");
    rmSync(logs.settings.headFile);
    expect((await logs.verify()).damage).toMatchObject({ kind: "head_missing" });
    writeFileSync(logs.settings.headFile, head.replaceAll('"seq":', '"seq":1'));
    expect((await logs.verify()).damage).toMatchObject({ kind: "signature_wrong" });
    writeFileSync(logs.settings.headFile, head);
    const other = await new Logs().write(3);
    copyFileSync(other.settings.headFile, logs.settings.headFile);
    expect((await logs.verify()).damage).toMatchObject({ kind: "key_replaced" });
    copyFileSync(other.settings.keyFile, logs.settings.keyFile);
    expect((await logs.verify()).damage).toMatchObject({ kind: "key_replaced" });
  });

  it("a link in place of a file, which no daemon starts with", async () => {
    const logs = await new Logs().write(3);
    const away = `${logs.path()}.away`;
    renameSync(logs.path(), away);
    symlinkSync(away, `${logs.directory}/audit-000000000001.jsonl`);
    expect((await logs.verify()).damage).toMatchObject({ kind: "no_file", file: "audit-000000000001.jsonl" });
    await expect(logs.open()).rejects.toMatchObject({ code: "audit_unavailable" });
  });

  it("a key that was replaced, from the record on where it began to sign", async () => {
    const logs = await new Logs().write(3);
    const { privateKey } = generateKeyPairSync("ed25519");
    writeFileSync(logs.settings.keyFile, privateKey.export({ format: "pem", type: "pkcs8" }), { mode: 0o600 });
    expect((await logs.verify()).damage).toMatchObject({ kind: "key_replaced" });
    await logs.write(3);
    expect(logs.notes()).toContain("key_changed");
    expect((await logs.verify()).damage).toMatchObject({ kind: "noted", seq: 6 });
  });

  it("nothing in a log of which all is good from a record on that is known", async () => {
    const logs = await new Logs({ maxFileBytes: 3_000 }).write(30);
    const good = parsed(logs.lines(3)[1]);
    writeFileSync(logs.path(0), "hello\n");
    expect((await logs.verify()).damage).toMatchObject({ kind: "not_json" });
    expect(await logs.verify({ from: good })).toMatchObject({ damage: undefined, first: good.seq });
    const wrong = { ...good, hash: "0".repeat(64) };
    expect((await logs.verify({ from: wrong })).damage).toMatchObject({ kind: "cut_at_beginning" });
  });
});

it("a copy of the log, its head and its key can be verified elsewhere", async () => {
  const logs = await new Logs({ maxFileBytes: 3_000 }).write(30);
  const copy = `${logs.base.root}/copy`;
  cpSync(logs.directory, copy, { recursive: true });
  rmSync(logs.directory, { recursive: true });
  const { damage, last, head } = await logs.verify({ directory: copy });
  expect([damage, last === undefined ? "" : linkText(last)]).toEqual([
    undefined,
    head === undefined ? "-" : linkText(head),
  ]);
});
