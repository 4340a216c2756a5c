import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  distinctProjectId,
  isProjectId,
  isRepoName,
  listProjectIds,
  plainProjectId,
  requireProjectId,
} from "../../host/project/project-id.ts";
import { refusal } from "../operation/policy.ts";
import { tempDirectory } from "../fixtures/temp.ts";

describe("a project id", () => {
  it.each([["owner_repo"], ["a"], ["_x"], ["9"], ["a.b-c_d"], ["a..b"], ["x".repeat(200)]])("may be %j", (id) => {
    expect(isProjectId(id)).toBe(true);
    expect(requireProjectId(id)).toBe(id);
  });

  it.each([
    [""],
    ["."],
    [".."],
    [".hidden"],
    ["-x"],
    ["a/b"],
    ["../x"],
    ["a\\b"],
    ["a b"],
    ["a\n"],
    ["a\0"],
    ["/etc"],
    ["ä"],
    ["~"],
    ["x".repeat(201)],
  ])("may not be %j", (id) => {
    expect(isProjectId(id)).toBe(false);
    const error = refusal(() => requireProjectId(id));
    expect(error.code).toBe("project_unknown");
    expect(error.message).toMatch(/^project config not found: "/);
    expect(error.message).not.toMatch(/[\0\n]/);
    expect(error.message.length).toBeLessThan(200);
  });

  it("is the repository with _ for /", () => {
    expect(plainProjectId("owner/repo")).toBe("owner_repo");
    expect(plainProjectId("a_b/c")).toBe(plainProjectId("a/b_c"));
    expect(isProjectId(plainProjectId("../../x"))).toBe(false);
  });

  it("has a distinct form that does not collide", () => {
    expect(distinctProjectId("a_b/c")).toMatch(/^a_b_c-[0-9a-f]{8}$/);
    expect(distinctProjectId("a_b/c")).not.toBe(distinctProjectId("a/b_c"));
    expect(distinctProjectId("a/b_c")).toBe(distinctProjectId("a/b_c"));
    expect(isProjectId(distinctProjectId("owner/repo"))).toBe(true);
  });
});

describe("the name of a repository", () => {
  it.each([["owner/repo"], ["a/b"], ["A.b-c_d/9.x"], ["0/0"]])("may be %j", (name) => {
    expect(isRepoName(name)).toBe(true);
  });

  it.each([
    [""],
    ["repo"],
    ["a/b/c"],
    ["/b"],
    ["a/"],
    ["-a/b"],
    ["a/-b"],
    [".a/b"],
    ["a/.b"],
    ["a/b\n"],
    ["a b/c"],
    ["a/b:c"],
    ["ä/b"],
    ["a//b"],
  ])("may not be %j", (name) => {
    expect(isRepoName(name)).toBe(false);
  });
});

describe("the list of projects", () => {
  it("has the directories that hold a configuration, sorted, and nothing else", () => {
    const root = tempDirectory();
    for (const name of ["b_b", "a_a", "no-config", ".hidden", "with space", "config-is-directory"])
      mkdirSync(join(root, name));
    for (const name of ["b_b", "a_a", ".hidden", "with space"]) writeFileSync(join(root, name, "config.json"), "{}");
    mkdirSync(join(root, "config-is-directory", "config.json"));
    symlinkSync(join(root, "a_a"), join(root, "link"));
    writeFileSync(join(root, "file"), "");
    expect(listProjectIds(root)).toEqual(["a_a", "b_b"]);
  });

  it("is empty where there is no directory", () => {
    expect(listProjectIds(join(tempDirectory(), "missing"))).toEqual([]);
  });

  it("says when the directory cannot be read", () => {
    const file = join(tempDirectory(), "file");
    writeFileSync(file, "");
    const error = refusal(() => listProjectIds(file));
    expect(error.code).toBe("file_failed");
    expect(error.message).toBe(`${file}: ENOTDIR`);
  });
});
