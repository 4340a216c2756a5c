import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findTool, requireTools, type Tool } from "../fixtures/backends/present.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const onlyGit = (tool: Tool): string | undefined => (tool === "git" ? "/bin/git" : undefined);

describe("a tool that is missing", () => {
  it("is named in a line, and the tests are told to skip", () => {
    const lines: string[] = [];
    const around = { environment: {}, find: onlyGit, print: (line: string): void => void lines.push(line) };
    expect(requireTools(["git"], around)).toBe(true);
    expect(lines).toEqual([]);
    expect(requireTools(["git", "gh", "bwrap"], around)).toBe(false);
    expect(lines).toEqual(["SKIPPED: gh, bwrap not installed, so tests with real programs do not run here"]);
  });

  it("is an error in CI, so that no test passes by not running", () => {
    const around = { environment: { CI: "true" }, find: onlyGit, print: (): void => undefined };
    expect(() => requireTools(["gh"], around)).toThrow("gh not installed");
    expect(requireTools(["git"], around)).toBe(true);
  });

  it("is found on PATH only as a program, and not through a relative entry", () => {
    const directory = tempDirectory();
    writeFileSync(join(directory, "gh"), "#!/bin/sh\n", { mode: 0o644 });
    expect(findTool("gh", { PATH: directory })).toBeUndefined();
    const program = join(tempDirectory(), "gh");
    writeFileSync(program, "#!/bin/sh\n", { mode: 0o755 });
    expect(findTool("gh", { PATH: `.:${directory}:${join(program, "..")}` })).toBe(program);
  });
});
