import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseGitConfig } from "../../../host/git/inspection/config-file.ts";
import type { GitConfigEntry } from "../../../host/git/inspection/inspect.ts";
import { viewConfig } from "../../../host/git/room/view-config.ts";
import { tempDirectory } from "../../fixtures/temp.ts";

const directory = tempDirectory();
const file = join(directory, "config");

function entry(name: string, value: string | undefined, subsection?: string): GitConfigEntry {
  const [section = "", key = ""] = name.split(".");
  return { section, subsection, key, value, line: 1 };
}

/** What real git reads: pairs of a full name and a value; a key without a value has none. */
function read(entries: readonly GitConfigEntry[], format: "sha1" | "sha256" = "sha1"): readonly (readonly string[])[] {
  writeFileSync(file, viewConfig(entries, format, false));
  const text = execFileSync("git", ["config", "-f", file, "-z", "--list"], { encoding: "utf8", cwd: "/" });
  return text
    .split("\0")
    .slice(0, -1)
    .map((pair) =>
      pair.includes("\n") ? [pair.slice(0, pair.indexOf("\n")), pair.slice(pair.indexOf("\n") + 1)] : [pair],
    );
}

const own = read([]);
const kept = (entries: readonly GitConfigEntry[]): readonly (readonly string[])[] =>
  read(entries).slice(0, -own.length);

describe("the configuration of a view", () => {
  it.each([
    ["plain"],
    [""],
    [" leading and trailing "],
    ['"quoted"'],
    ["back\\slash\\"],
    ["a\nb"],
    ["a\tb"],
    ["a\bb"],
    ["# no comment ; here"],
    ["é😀"],
    ["x\n[core]\n\tfsmonitor = touch /x"],
    ['x"\n[core]\n\tfsmonitor = touch /x\n\ty = "'],
    ["\\n"],
    ["true"],
    ["$(x) `x` %h"],
    ["\u0001\u001b"],
  ])("gives real git the value %j as it is", (value) => {
    expect(kept([entry("user.name", value)])).toEqual([["user.name", value]]);
    expect(kept([entry("diff.xfuncname", value, 'a "b" \\c [x] #')])).toEqual([
      ['diff.a "b" \\c [x] #.xfuncname', value],
    ]);
  });

  it("gives real git any text as it is", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 40 }).filter((one) => !/[\0\r]/.test(one));
    const name = text.filter((one) => !one.includes("\n"));
    fc.assert(
      fc.property(text, name, (value, subsection) => {
        expect(kept([entry("user.name", value), entry("diff.xfuncname", value, subsection)])).toEqual([
          ["user.name", value],
          [`diff.${subsection}.xfuncname`, value],
        ]);
      }),
      { numRuns: 30 },
    );
  });

  it("keeps a key without a value as one", () => {
    expect(kept([entry("core.ignorecase", undefined)])).toEqual([["core.ignorecase"]]);
  });

  it("leaves out what cannot be written", () => {
    expect(
      kept([
        entry("user.name", "a\rb"),
        entry("user.name", "a\0b"),
        entry("diff.x", "y", "a\nb"),
        entry("diff.x", "y", "a\rb"),
      ]),
    ).toEqual([]);
  });

  it("leaves out where the repository lies, what talks to others, and includes", () => {
    const names = [
      "core.bare",
      "core.worktree",
      "core.repositoryformatversion",
      "core.hookspath",
      "core.fsmonitor",
      "core.splitindex",
      "core.untrackedcache",
      "extensions.worktreeconfig",
      "http.proxy",
      "include.path",
    ];
    const named = [
      "remote.url",
      "branch.merge",
      "submodule.url",
      "credential.helper",
      "url.insteadof",
      "includeif.path",
    ];
    expect(kept([...names.map((name) => entry(name, "x")), ...named.map((name) => entry(name, "x", "y"))])).toEqual([]);
  });

  it("ends with its own settings, whatever stood before", () => {
    const all = new Map(
      read([entry("commit.gpgsign", "true"), entry("user.useconfigonly", "false"), entry("gc.auto", "1")]).map(
        ([key = "", value = ""]) => [key, value],
      ),
    );
    expect(all).toEqual(
      new Map([
        ["commit.gpgsign", "false"],
        ["user.useconfigonly", "true"],
        ["gc.auto", "0"],
        ["core.repositoryformatversion", "0"],
        ["core.bare", "false"],
        ["core.logallrefupdates", "false"],
        ["core.splitindex", "false"],
        ["maintenance.auto", "false"],
        ["tag.gpgsign", "false"],
        ["diff.ignoresubmodules", "dirty"],
      ]),
    );
    expect(read([], "sha256")).toContainEqual(["extensions.objectformat", "sha256"]);
    expect(read([], "sha256")).toContainEqual(["core.repositoryformatversion", "1"]);
  });

  it("is read by our own parser as by git's", () => {
    const entries = [entry("user.name", 'a "b"\n\t\\'), entry("diff.xfuncname", " x ", 'y "z"')];
    const parsed = parseGitConfig(Buffer.from(viewConfig(entries, "sha1", true)));
    if (!parsed.ok) throw new Error(parsed.message);
    expect(
      parsed.entries.slice(0, 2).map(({ section, subsection, key, value }) => [section, subsection, key, value]),
    ).toEqual([
      ["user", undefined, "name", 'a "b"\n\t\\'],
      ["diff", 'y "z"', "xfuncname", " x "],
    ]);
  });
});
