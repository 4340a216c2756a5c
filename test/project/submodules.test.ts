import { describe, expect, it } from "vitest";
import { parseSubmodules } from "../../host/project/submodules.ts";

const entry = (name: string, path: string, url: string): string =>
  `[submodule "${name}"]\n\tpath = ${path}\n\turl = ${url}\n`;
const repos = (text: string): readonly string[] =>
  parseSubmodules(text).found.map(({ repo, path }) => `${repo} ${path}`);

describe("submodules", () => {
  it("of an empty text are none", () => {
    expect(parseSubmodules("")).toEqual({ found: [], unsafePaths: [] });
  });

  it.each([
    ["git@github.com:o/r.git", "github.com"],
    ["git@github.com:o/r", "github.com"],
    ["https://git.example.org/o/r.git", "git.example.org"],
    ["https://github.com/o/r", "github.com"],
    ["http://github.com/o/r/", "github.com"],
  ])("are found at %s", (url, host) => {
    expect(parseSubmodules(entry("x", "libs/x", url)).found).toEqual([{ repo: "o/r", host, path: "libs/x" }]);
  });

  it.each([
    "file:///srv/o/r",
    "../o/r",
    "/srv/o/r.git",
    "ssh://git@github.com/o/r",
    "https://user@github.com/o/r",
    "https://github.com/a/b/c",
    "git@github.com:o",
    "git@github.com:-o/r",
    "https://github.com/o/r?x=$(id)",
  ])("with the URL %s are left out", (url) => {
    expect(repos(entry("x", "x", url))).toEqual([]);
  });

  it("keep the order of the file, and need both a path and a URL", () => {
    const text = `# c\n; c\n\n${entry("b", "b", "git@h:o/b")}[submodule "n"]\n path = n\n[submodule "m"]\n url = git@h:o/m\n${entry("a", "a = b", "git@h:o/a")}path`;
    expect(repos(text)).toEqual(["o/b b", "o/a a = b"]);
  });

  it.each(["/etc", "..", "../x", "a/../../x", ".", "-x"])("whose path is %s are named, not offered", (path) => {
    expect(parseSubmodules(entry("x", path, "git@h:o/r"))).toEqual({ found: [], unsafePaths: [path] });
  });
});
