import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseGitConfig } from "../../../host/git/inspection/config-file.ts";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "git-config-"));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

/** Full names and values as git prints them, or undefined when git refuses the file. */
function byGit(bytes: Buffer): (readonly [string, string | undefined])[] | undefined {
  const file = join(directory, "config");
  writeFileSync(file, bytes);
  const run = spawnSync("git", ["config", "--list", "-z", "-f", file], { encoding: "buffer" });
  if (run.error !== undefined) throw run.error;
  if (run.status !== 0) return undefined;
  const records = run.stdout.toString("utf8").split("\0").slice(0, -1);
  return records.map((record) => {
    const end = record.indexOf("\n");
    return end < 0 ? [record, undefined] : [record.slice(0, end), record.slice(end + 1)];
  });
}

function byUs(bytes: Buffer): (readonly [string, string | undefined])[] | undefined {
  const parsed = parseGitConfig(bytes);
  if (!parsed.ok) return undefined;
  return parsed.entries.map(({ section, subsection, key, value }) => [
    [section, ...(subsection === undefined ? [] : [subsection]), key].join("."),
    value,
  ]);
}

function entriesOf(text: string): readonly unknown[] {
  const parsed = parseGitConfig(Buffer.from(text));
  if (!parsed.ok) throw new Error(`${parsed.line}: ${parsed.message}`);
  return parsed.entries.map(({ section, subsection, key, value }) => [section, subsection, key, value]);
}

describe("parseGitConfig", () => {
  it("reads sections, subsections and keys with git's rules for case", () => {
    expect(entriesOf('[Core]\nFileMode = TRUE\n[Remote "Origin\\"x\\\\y"]\nURL=a\n[Branch.Main]\nRemote\n')).toEqual([
      ["core", undefined, "filemode", "TRUE"],
      ["remote", 'Origin"x\\y', "url", "a"],
      ["branch", "main", "remote", undefined],
    ]);
  });

  it("tells an empty subsection from none", () => {
    expect(entriesOf('[core ""]\na=1\n[core.]\nb=2\n[core]\nc=3')).toEqual([
      ["core", "", "a", "1"],
      ["core", "", "b", "2"],
      ["core", undefined, "c", "3"],
    ]);
  });

  it("resolves quotes, escapes, continuation lines and comments", () => {
    expect(
      entriesOf('[a] k = "x # y" z ; no\nl = p\\\n q\nm = \\t\\n\\b\\"\\\\ # c\nn = a"  b "  c  \no = ""\np ='),
    ).toEqual([
      ["a", undefined, "k", "x # y z"],
      ["a", undefined, "l", "p q"],
      ["a", undefined, "m", '\t\n\b"\\'],
      ["a", undefined, "n", "a  b   c"],
      ["a", undefined, "o", ""],
      ["a", undefined, "p", ""],
    ]);
  });

  it("reads CRLF and a byte order mark", () => {
    expect(entriesOf("\ufeff[a]\r\nk = v\r\nl\r\n")).toEqual([
      ["a", undefined, "k", "v"],
      ["a", undefined, "l", undefined],
    ]);
  });

  it("gives the line on which a key begins, also behind continuation lines and CRLF", () => {
    const parsed = parseGitConfig(Buffer.from("[a]\r\nk = v\\\r\n w\r\n\n[b] l\nm = 1"));
    expect(parsed.ok && parsed.entries.map(({ key, line }) => [key, line])).toEqual([
      ["k", 2],
      ["l", 5],
      ["m", 6],
    ]);
  });

  it.each([
    ["a NUL byte", "[a]\nk = \0", 1],
    ["a NUL byte in a comment", "# \0\n[a]\nk=1", 1],
    ["a key before any section", "\nk = v", 2],
    ["an unclosed header", "[a\nk = v", 2],
    ["an unclosed subsection", '[a "b\nk = v', 2],
    ["an unquoted subsection", "[a b]\n", 1],
    ["text between subsection and bracket", '[a "b" ]\n', 1],
    ["an empty header", "[]\n", 1],
    ["a forbidden character in a section", "[a_b]\n", 1],
    ["a key that begins with a digit", "[a]\n1k = v\n", 2],
    ["a key with an underscore", "[a]\nk_l = v\n", 2],
    ["a comment behind a key without a value", "[a]\nk # c\n", 2],
    ["an unclosed quote", '[a]\nk = "v\nl = 1', 3],
    ["an unknown escape", "[a]\nk = \\x\n", 2],
    ["half a byte order mark", "\xef[a]\n", 1],
    ["a very long subsection", `[a "${"x".repeat(5000)}"]\n`, 1],
    ["too many keys", `[a]\n${"k\n".repeat(50_001)}`, 50_002],
  ])("refuses %s and names the line", (_, text, line) => {
    const parsed = parseGitConfig(Buffer.from(text, "latin1"));
    expect(parsed.ok).toBe(false);
    expect(!parsed.ok && parsed.line).toBe(line);
  });
});

// git 2.45 began to keep tabs between words as they are; there the generator leaves them out.
const keepsTabs = (): boolean => byGit(Buffer.from("[a]\nk = b\tc"))?.[0]?.[1] === "b\tc";

/** Mostly `good`, now and then one of `bad`, so that many whole files are acceptable. */
function mostly(good: readonly string[], bad: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 40, arbitrary: fc.constantFrom(...good) },
    { weight: 1, arbitrary: fc.constantFrom(...bad) },
  );
}

const joined = (parts: readonly string[]): string => parts.join("");

function configText(withTabs: boolean): fc.Arbitrary<string> {
  const blank = fc.constantFrom("", " ", "  ", ...(withTabs ? ["\t"] : []));
  const end = mostly(["\n", "\n", "\r\n", "\n\n", " # c\n", " ;\n"], ["", "\r\r\n", "\\\n"]);
  const name = mostly(["a", "Core", "x-Y", "r2", "-d", "9", "z.w", "Q.E.d", "f.", ".g"], ["", "_", "é", "a b"]);
  const key = mostly(["k", "Key", "url", "a-b", "x9"], ["9x", "-k", "k_l", "é", ""]);
  const piece = mostly(
    [
      ...["v", "W", "é", "ü\u200d", "=", "[", "]", "'", "\\\n", "\\\r\n", "\\n", "\\t", "\\b", '\\"', "\\\\"],
      ...['"q r"', '" # "', '""', '"; \\\n "', "#", ";", "  ", " ", "a.b", "!cmd", "\x01", "\x0b", "\x0c"],
      ...(withTabs ? ["\t", "\r"] : []),
    ],
    ['"', "\\x", "\\ ", "\\"],
  );
  const subsection = fc
    .array(mostly(["s", "T", "é", ".", " ", "/", '\\"', "\\\\", "\\x", "]", "#", "://"], ['"', "\\\n", "\n"]), {
      maxLength: 4,
    })
    .map(joined);
  const header = fc.oneof(
    fc.tuple(fc.constant("["), name, mostly(["]"], ["", " ]", "]]"])).map(joined),
    fc
      .tuple(fc.constant("["), name, fc.constantFrom(' "', '  "'), subsection, mostly(['"]'], ['" ]', "]", '"']))
      .map(joined),
  );
  const value = fc.array(piece, { maxLength: 6 }).map(joined);
  const pair = fc.tuple(blank, key, blank, fc.constant("="), blank, value).map(joined);
  const line = fc.oneof(
    { weight: 3, arbitrary: header },
    { weight: 6, arbitrary: pair },
    { weight: 1, arbitrary: fc.tuple(blank, key).map(joined) },
    { weight: 1, arbitrary: fc.constantFrom("# c", "; d [x]", "   ", "") },
  );
  return fc
    .tuple(
      mostly(["", "", "", "\ufeff"], ["\ufeff\ufeff"]),
      mostly(["[s]\n", "[s] ", '[s "t"]\r\n'], [""]),
      fc.array(fc.tuple(line, end).map(joined), { maxLength: 6 }).map(joined),
    )
    .map(joined);
}

/** What git accepts and we refuse on purpose. */
function refusedOnPurpose(bytes: Buffer, theirs: NonNullable<ReturnType<typeof byGit>>): boolean {
  return bytes.includes(0) || theirs.some(([name]) => !name.includes("."));
}

/** Each run starts git once. */
const SLOW_MS = 120_000;

describe("parseGitConfig beside the real git", () => {
  it(
    "gives git's entries whenever git accepts a file, and refuses whenever git does",
    () => {
      let accepted = 0;
      fc.assert(
        fc.property(configText(!keepsTabs()), (text) => {
          const bytes = Buffer.from(text);
          const theirs = byGit(bytes);
          if (theirs !== undefined && refusedOnPurpose(bytes, theirs)) expect(byUs(bytes)).toBeUndefined();
          else expect(byUs(bytes)).toEqual(theirs);
          if (theirs !== undefined && theirs.length > 0) accepted++;
        }),
        { numRuns: 500 },
      );
      expect(accepted).toBeGreaterThan(200);
    },
    SLOW_MS,
  );

  it(
    "agrees with git on files with a few bytes changed at random",
    () => {
      const change = fc.tuple(
        fc.nat(400),
        fc.constantFrom(...Array.from('[]"\\\n\r #;=.\tak-_\xff\x00')),
        fc.boolean(),
      );
      fc.assert(
        fc.property(configText(false), fc.array(change, { minLength: 1, maxLength: 3 }), (text, changes) => {
          let latin1 = Buffer.from(text).toString("latin1");
          for (const [place, character, insert] of changes) {
            const at = place % (latin1.length + 1);
            latin1 = latin1.slice(0, at) + character + latin1.slice(at + (insert ? 0 : 1));
          }
          const bytes = Buffer.from(latin1, "latin1");
          const theirs = byGit(bytes);
          const ours = byUs(bytes);
          if (theirs === undefined || refusedOnPurpose(bytes, theirs)) expect(ours).toBeUndefined();
          else if (!keepsTabs()) expect(ours).toEqual(theirs);
          else expect(ours?.map(([name]) => name)).toEqual(theirs.map(([name]) => name));
        }),
        { numRuns: 300 },
      );
    },
    SLOW_MS,
  );

  it(
    "never accepts bytes at random that git refuses",
    () => {
      const letters = fc.constantFrom(...Array.from('[[]]""\\\n\n\r  #;==.\taak-_\xef\xbb\xbf\x00'));
      fc.assert(
        fc.property(fc.array(letters, { maxLength: 24 }), (soup) => {
          const bytes = Buffer.from(soup.join(""), "latin1");
          if (byUs(bytes) !== undefined) expect(byGit(bytes)).toBeDefined();
        }),
        { numRuns: 500 },
      );
    },
    SLOW_MS,
  );
});
