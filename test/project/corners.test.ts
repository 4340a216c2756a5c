import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compileProject, type LoadedProject } from "../../host/project/compile.ts";
import { changeLines, compareProjects } from "../../host/project/diff.ts";
import { chooseProjectId } from "../../host/project/init.ts";
import { lintConfig } from "../../host/project/lint.ts";
import { nearest } from "../../host/project/nearest.ts";
import { readPlainFile } from "../../host/project/plain-file.ts";
import { Base, defaultProject } from "../fixtures/base.ts";
import { tempDirectory } from "../fixtures/temp.ts";

function loaded(changes: object): LoadedProject {
  return compileProject("p", Buffer.from(JSON.stringify({ ...defaultProject("/r"), ...changes })), "f");
}

describe("the difference of two configurations", () => {
  it("names what was taken away too", () => {
    const before = loaded({
      repos: ["owner/repo", "owner/two"],
      repo_paths: ["/r", "/two"],
      constraints: { remote_hosts_allow: ["github.com", "gitlab.com"], path_deny: ["a"] },
      env: { PATH: "/x", A: "1" },
      env_unsafe: ["PATH"],
    });
    const after = loaded({
      constraints: { remote_hosts_allow: ["github.com"], path_deny: ["a", "b"] },
      env: { A: "1" },
    });
    const lines = changeLines(compareProjects(before, after)).join("\n");
    for (const part of [
      "removes repository owner/two",
      "removes remote host gitlab.com",
      "denies paths that match b",
      "removes env_unsafe PATH",
    ]) {
      expect(lines).toContain(part);
    }
    expect(changeLines(compareProjects(after, before)).join("\n")).toContain("no longer denies paths that match b");
  });
});

describe("a file that nobody vouches for", () => {
  it("is read when it is a regular file within its bound, and refused otherwise", () => {
    const directory = tempDirectory();
    const file = join(directory, "file");
    writeFileSync(file, "12345");
    expect(readPlainFile(file, 5)?.toString()).toBe("12345");
    expect(() => readPlainFile(file, 4)).toThrow("larger than 4 bytes");
    expect(() => readPlainFile(directory, 4)).toThrow("is not a regular file");
    expect(readPlainFile(join(directory, "gone"), 4)).toBeUndefined();
    symlinkSync(file, join(directory, "link"));
    expect(readPlainFile(join(directory, "link"), 5)?.toString()).toBe("12345");
    expect(() => readPlainFile(join(directory, "link"), 5, "no_follow")).toThrow("is a link");
  });
});

it.runIf(existsSync("/proc/self/mem"))("a file that cannot be read says why", () => {
  expect(() => readPlainFile("/proc/self/mem", 10)).toThrow("EIO");
});

describe("the nearest word", () => {
  it("is the closest, then one that it begins, and none when it is far or too long", () => {
    expect(nearest("repositorys", ["repositories", "repos", "paths"])).toBe("repositories");
    expect(nearest("read", ["readonly_templates", "x"])).toBe("readonly_templates");
    expect(nearest("repoz", ["repoxy", "repos", "paths"])).toBe("repos");
    expect(nearest("zzz", ["readonly"])).toBeUndefined();
    expect(nearest("a".repeat(65), ["a".repeat(65)])).toBeUndefined();
  });
});

describe("errors that are not about the configuration", () => {
  it("are not taken for one", () => {
    const boom = (): never => {
      throw new TypeError("boom");
    };
    const text = JSON.stringify({ ...defaultProject("/r"), operations: { test_op: { command: "x" } } });
    expect(() => lintConfig("p", Buffer.from(text), "f", boom)).toThrow("boom");
  });

  it("keep a project id from being chosen over a file that cannot be trusted", () => {
    const base = new Base();
    base.writeProject("owner_repo", defaultProject("/r"));
    chmodSync(join(base.directory.projects, "owner_repo/config.json"), 0o666);
    expect(() => chooseProjectId(base.directory.projects, "owner/repo")).toThrow("can be written by others");
    mkdirSync(join(base.root, "empty"));
    expect(chooseProjectId(join(base.root, "empty"), "owner/repo")).toBe("owner_repo");
  });
});
