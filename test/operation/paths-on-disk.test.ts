import { execFileSync } from "node:child_process";
import { linkSync, lstatSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CodedError } from "../../wire/errors.ts";
import type { Code } from "../../wire/codes.ts";
import {
  checkInputPath,
  isCaseInsensitive,
  isGitInternal,
  resolveOutputPath,
} from "../../host/operation/paths-on-disk.ts";

let bench = "";
let ws = "";
beforeAll(() => {
  bench = realpathSync(mkdtempSync(join(tmpdir(), "paths-")));
});
afterAll(() => {
  rmSync(bench, { recursive: true });
});
beforeEach(() => {
  ws = join(bench, "ws");
  for (const directory of ["ws/.git", "ws/src/deep", "ws/logs", "ws/.cmd2host-staging", "outside"]) {
    mkdirSync(join(bench, directory), { recursive: true });
  }
  writeFileSync(join(ws, "file"), "x");
  writeFileSync(join(ws, "src", "main.go"), "x");
  writeFileSync(join(bench, "outside", "secret"), "x");
});
afterEach(() => {
  for (const name of ["ws", "outside", "ws-evil"]) rmSync(join(bench, name), { recursive: true, force: true });
});

function refusal(code: Code, work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof CodedError && error.code === code) return error.message;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const input = (value: string): string => checkInputPath(ws, value);
const inputRefusal = (value: string): string => refusal("path_denied", () => checkInputPath(ws, value));
const output = (value: string) => resolveOutputPath(ws, value);
const outputRefusal = (value: string): string => refusal("workspace_path_invalid", () => resolveOutputPath(ws, value));

describe("checkInputPath", () => {
  it("accepts plain relative files, existing or not, and gives them back cleaned", () => {
    expect(input("src/main.go")).toBe("src/main.go");
    expect(input("./src//./main.go")).toBe("src/main.go");
    expect(input("src/../file")).toBe("file");
    expect(input("none/at/all.txt")).toBe("none/at/all.txt");
    expect(input("..file")).toBe("..file");
    expect(input("~")).toBe("~");
  });

  it.each([
    [".", "directory pathspec"],
    ["..", "directory pathspec"],
    ["./", "directory pathspec"],
    ["../", "directory pathspec"],
    ["src/", "directory pathspec"],
    ["*.go", "glob pathspec"],
    ["foo?.txt", "glob pathspec"],
    ["[12]", "glob pathspec"],
    ["a]", "glob pathspec"],
    [String.raw`f\ile`, "glob pathspec"],
    [":(top)x", "magic pathspec"],
    [":/x", "magic pathspec"],
    [String.raw`\:x`, "magic pathspec"],
    ["/etc/passwd", "is absolute"],
    ["../../etc/passwd", "escapes repo_path"],
    ["src/../../x", "escapes repo_path"],
    ["../ws-evil/x", "escapes repo_path"],
    ["src", "is a bare directory"],
    ["", "is a bare directory"],
    ["src/..", "is a bare directory"],
    ["src/deep/../deep", "is a bare directory"],
    ["a\0b", "NUL"],
    ["file/x", "cannot be resolved"],
    ["x/".repeat(3_000) + "x", "is too long"],
    ["x".repeat(300), "cannot be resolved"],
  ])("refuses %j because it %s", (value, fragment) => {
    expect(inputRefusal(value)).toContain(fragment);
  });

  it("refuses any path when no workspace is known", () => {
    expect(refusal("path_denied", () => checkInputPath("", "x"))).toContain("repo_path required");
    expect(refusal("path_denied", () => checkInputPath(join(bench, "none"), "x"))).toContain("cannot be resolved");
  });

  it("refuses a backslash because git would take it for a quoting character", () => {
    execFileSync("git", ["init", "-q", ws]);
    writeFileSync(join(ws, "secret"), "x");
    const listed = execFileSync("git", ["-C", ws, "add", "-n", String.raw`sec\ret`], { encoding: "utf8" });
    expect(listed).toContain("secret");
    expect(inputRefusal(String.raw`sec\ret`)).toContain("glob pathspec");
  });

  it("refuses links that leave the workspace: the last part, one in the middle, and with a missing tail", () => {
    symlinkSync("../outside/secret", join(ws, "leaf"));
    symlinkSync(join(bench, "outside"), join(ws, "middle"));
    symlinkSync("../../outside", join(ws, "src", "relative"));
    symlinkSync("middle", join(ws, "chain"));
    symlinkSync(join(bench, "nothing", "there"), join(ws, "dangling"));
    symlinkSync("../ws-evil/x", join(ws, "sibling"));
    for (const value of [
      "leaf",
      "middle/secret",
      "middle/none",
      "middle/no/ne",
      "src/relative/x",
      "chain/x",
      "dangling",
      "sibling",
    ]) {
      expect(inputRefusal(value)).toContain("escapes repo_path after symlink resolution");
    }
  });

  it("says the same whether or not something outside exists", () => {
    const targets = ["outside/secret", "outside/absent", "outside/../ws/file", "absent/../ws/file"];
    const said = targets.map((target, n) => {
      symlinkSync(`${bench}/${target}`, join(ws, `link${n}`));
      return inputRefusal(`link${n}`).replace(`link${n}`, "link");
    });
    expect(new Set(said).size).toBe(1);
  });

  it("accepts links that stay in the workspace, by relative, absolute and configured paths, also dangling ones", () => {
    const alias = join(bench, "alias");
    symlinkSync(ws, alias);
    symlinkSync("src", join(ws, "in"));
    symlinkSync("../../ws/src/main.go", join(ws, "src", "up-and-down"));
    symlinkSync(join(ws, "file"), join(ws, "absolute"));
    symlinkSync(join(alias, "file"), join(ws, "configured"));
    symlinkSync("src/none", join(ws, "dangling"));
    for (const value of ["in/main.go", "in/none", "src/up-and-down", "absolute", "dangling"])
      expect(input(value)).toBe(value);
    expect(checkInputPath(alias, "configured")).toBe("configured");
    expect(inputRefusal("configured")).toContain("after symlink resolution");
    rmSync(alias);
  });

  it("refuses a link to a directory, a loop, and a chain that is too long", () => {
    symlinkSync("src", join(ws, "in"));
    symlinkSync("loop", join(ws, "loop"));
    for (let n = 0; n < 50; n++) symlinkSync(`l${n + 1}`, join(ws, `l${n}`));
    writeFileSync(join(ws, "l50"), "x");
    expect(inputRefusal("in")).toContain("is a bare directory");
    expect(inputRefusal("loop")).toContain("cannot be resolved");
    expect(inputRefusal("l0")).toContain("cannot be resolved");
    expect(input("l20")).toBe("l20");
  });

  it("refuses a path in which `..` follows a link, when that names another file than the cleaned path", () => {
    symlinkSync("src/deep", join(ws, "link"));
    symlinkSync("../outside", join(ws, "out"));
    expect(inputRefusal("link/../main.go")).toContain("two different files");
    expect(inputRefusal("out/../file")).toContain("escapes repo_path after symlink resolution");
  });

  it("is quick with many links that expand into many more", () => {
    for (let n = 0; n < 45; n++) symlinkSync(`src/../l${n + 1}/../`.repeat(150), join(ws, `l${n}`));
    expect(inputRefusal("l0/x")).toMatch(/cannot be resolved|escapes/);
  });
});

describe("resolveOutputPath", () => {
  it("accepts what is inside, with missing parents, and gives both spellings of the place", () => {
    const cases: readonly (readonly [string, string])[] = [
      ["out.log", "out.log"],
      ["a/b/c/out.log", "a/b/c/out.log"],
      ["./x", "x"],
      ["logs/../x", "x"],
      ["logs/", "logs"],
      ["file", "file"],
      [".gitignore", ".gitignore"],
      [".github/x", ".github/x"],
    ];
    for (const [value, place] of cases) expect(output(value)).toEqual({ absolute: join(ws, place), relative: place });
  });

  it("follows links inside the workspace to the real place", () => {
    symlinkSync("src/deep", join(ws, "in"));
    symlinkSync("src/main.go", join(ws, "leaf"));
    const alias = join(bench, "alias");
    symlinkSync(ws, alias);
    expect(resolveOutputPath(alias, "in/new/x")).toEqual({
      absolute: join(ws, "src/deep/new/x"),
      relative: "src/deep/new/x",
    });
    expect(output("leaf").relative).toBe("src/main.go");
    rmSync(alias);
  });

  it.each([
    ["", "workspace_path: value is empty"],
    ["a\0", "NUL"],
    ["/x", "workspace-relative"],
    ["~/x", "workspace-relative"],
    ["~root/x", "workspace-relative"],
    ["../x", "escapes the workspace"],
    ["a/../../x", "escapes the workspace"],
    ["..", "escapes the workspace"],
    [".", "names the workspace itself"],
    ["./", "names the workspace itself"],
    ["a/..", "names the workspace itself"],
    ["file/x", "cannot resolve"],
    ["x/".repeat(3_000), "too long"],
    [".git/config", "never a destination"],
    [".git", "never a destination"],
    ["src/.GIT/hooks/x", "never a destination"],
    [".cmd2host-staging/x", "never a destination"],
    [".CMD2HOST-Staging/x", "never a destination"],
  ])("refuses %j: %s", (value, fragment) => {
    const text = outputRefusal(value);
    expect(text).toMatch(/^workspace_path:/);
    expect(text).toContain(fragment);
  });

  it("refuses links that leave the workspace, loop, dangle, or lead to git or the staging directory", () => {
    symlinkSync("../outside", join(ws, "out"));
    symlinkSync("loop", join(ws, "loop"));
    symlinkSync("nothing", join(ws, "dangling"));
    symlinkSync(".git", join(ws, "g"));
    symlinkSync(".cmd2host-staging", join(ws, "s"));
    symlinkSync(".", join(ws, "self"));
    expect(outputRefusal("out/x")).toContain("escapes the workspace");
    expect(outputRefusal("out")).toContain("escapes the workspace");
    for (const value of ["loop", "loop/x", "dangling", "dangling/x"])
      expect(outputRefusal(value)).toContain("cannot resolve");
    expect(outputRefusal("g/config")).toContain("never a destination");
    expect(outputRefusal("s/x")).toContain("never a destination");
    expect(outputRefusal("self")).toContain("names the workspace itself");
    expect(output("self/x").relative).toBe("x");
  });

  it("escapes control characters in what it says", () => {
    expect(outputRefusal("/\x1b[2J\u202e")).not.toMatch(/[\x1b\u202e]/);
    expect(inputRefusal("/\x1b[2J\u202e")).not.toMatch(/[\x1b\u202e]/);
  });
});

describe("isCaseInsensitive", () => {
  it("tells whether .GIT is .git", () => {
    const upper = lstatSync(join(ws, ".GIT"), { throwIfNoEntry: false });
    expect(isCaseInsensitive(ws)).toBe(upper !== undefined);
    expect(isCaseInsensitive(join(bench, "outside"))).toBe(false);
  });

  it("is true when both names are the same file, and false when they are two", () => {
    const other = join(bench, "ws-evil");
    mkdirSync(other);
    writeFileSync(join(other, ".git"), "gitdir: x");
    if (!isCaseInsensitive(other)) {
      linkSync(join(other, ".git"), join(other, ".GIT"));
      expect(isCaseInsensitive(other)).toBe(true);
      rmSync(join(other, ".GIT"));
      writeFileSync(join(other, ".GIT"), "gitdir: x");
      expect(isCaseInsensitive(other)).toBe(false);
    }
    rmSync(other, { recursive: true });
    expect(isCaseInsensitive(other)).toBe(false);
  });
});

describe("isGitInternal", () => {
  it.each([
    ".git",
    ".git/config",
    "sub/.git/hooks/x",
    ".GIT/x",
    ".GiT",
    ".g\u200cit/config",
    "\ufeff.git",
    ".git./x",
    ".git /x",
    ".git . ./x",
    "a/git~1/x",
    "GIT~1",
    ".git::$INDEX_ALLOCATION/config",
    ".git:stream",
    String.raw`a\.git\config`,
    ".ｇit",
    "./.git",
    "a/../.git",
    ".cmd2host-staging",
    ".cmd2host-staging/x",
    ".CMD2HOST-STAGING",
    "./.cmd2host-ſtaging",
    ".cmd2host-staging. ",
  ])("is true for %j", (path) => {
    expect(isGitInternal(path)).toBe(true);
  });

  it.each([
    ".gitignore",
    ".github/x",
    "git",
    "x.git",
    ".git2",
    "git~2",
    "sub/.cmd2host-staging",
    ".gi t",
    "",
    "...",
    "a:.git",
  ])("is false for %j", (path) => {
    expect(isGitInternal(path)).toBe(false);
  });

  it("takes no time for long runs of dots", () => {
    expect(isGitInternal(`${". ".repeat(500_000)}x`)).toBe(false);
  });
});

describe("any arrangement of links", () => {
  const name = fc.constantFrom("a", "b", "c", "d");
  const target = fc
    .array(
      fc.oneof({ weight: 4, arbitrary: name }, { weight: 2, arbitrary: fc.constantFrom("..", ".", "ws", "outside") }),
      {
        minLength: 1,
        maxLength: 4,
      },
    )
    .map((parts) => parts.join("/"));
  const place = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
  const entry = fc.record({
    place,
    kind: fc.constantFrom("directory", "file", "link", "absolute", "link"),
    target,
  });

  function plant(entries: readonly { place: string; kind: string; target: string }[]): void {
    for (const { place: where, kind, target: to } of entries) {
      try {
        const path = join(ws, where);
        if (!realpathSync(dirname(path)).startsWith(ws)) continue;
        if (kind === "directory") mkdirSync(path, { recursive: true });
        else if (kind === "file") writeFileSync(path, "x", { flag: "wx" });
        else symlinkSync(kind === "absolute" ? join(ws, to) : to, path);
      } catch {
        continue; // the place is taken, or its parent is missing: another arrangement
      }
    }
  }

  /** What the system makes of a path: the real path of its deepest existing part with the rest, or undefined. */
  function real(path: string): string | undefined {
    try {
      return realpathSync.native(path);
    } catch {
      if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return undefined;
      const parent = real(dirname(path));
      return parent === undefined ? undefined : join(parent, basename(path));
    }
  }

  it("leads to where the system would go, inside the workspace, or is refused", () => {
    let accepted = 0;
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 10 }),
        fc.array(target, { minLength: 1, maxLength: 6 }),
        (entries, values) => {
          rmSync(ws, { recursive: true });
          mkdirSync(ws);
          plant(entries);
          for (const value of values) {
            try {
              const { absolute, relative } = resolveOutputPath(ws, value);
              expect(absolute).toBe(join(ws, relative));
              expect(real(absolute)).toBe(absolute);
              expect(real(join(ws, join(value)))).toBe(absolute);
              accepted++;
            } catch (error) {
              if (!(error instanceof CodedError)) throw error;
            }
            try {
              const clean = checkInputPath(ws, value);
              const path = real(join(ws, clean));
              if (path !== undefined) expect(path.startsWith(`${ws}/`)).toBe(true);
            } catch (error) {
              if (!(error instanceof CodedError)) throw error;
            }
          }
        },
      ),
      { numRuns: 800 },
    );
    expect(accepted).toBeGreaterThan(300);
  });
});
