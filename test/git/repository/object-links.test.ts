import { describe, expect, it } from "vitest";
import { DamagedObject, linksOf, type ObjectType } from "../../../host/git/repository/object-links.ts";
import { isObjectId } from "../../../host/git/repository/object-id.ts";
import { git, makeRepo } from "../../fixtures/repo.ts";
import { tempDirectory } from "../../fixtures/temp.ts";
import { execFileSync } from "node:child_process";
import { commitOf, treeEntry } from "./object-store.ts";

const [A, B, C] = ["a".repeat(40), "b".repeat(40), "c".repeat(40)];
const links = (type: ObjectType, content: Buffer | string, format: "sha1" | "sha256" = "sha1") =>
  linksOf(type, Buffer.from(content), format);

describe("what an object needs", () => {
  it("is nothing for a blob, whatever it says", () => {
    expect(links("blob", commitOf(A))).toEqual([]);
  });

  it("is the tree and the parents of a commit, and nothing that its text names", () => {
    expect(links("commit", commitOf(A))).toEqual([A]);
    expect(links("commit", commitOf(A, B, C))).toEqual([A, B, C]);
    expect(links("commit", `${commitOf(A)}\n\nparent ${B}\ntree ${C}\n`)).toEqual([A]);
    expect(links("commit", `tree ${A}\nmergetag object ${B}\n type commit\nauthor x`)).toEqual([A]);
  });

  it("is the object of a tag", () => {
    expect(links("tag", `object ${A}\ntype commit\ntag t\n\nobject ${B}\n`)).toEqual([A]);
  });

  it("is every entry of a tree but the commits of submodules", () => {
    const tree = Buffer.concat([
      treeEntry("100644", "file", A),
      treeEntry("160000", "submodule", B),
      treeEntry("40000", "with space", C),
    ]);
    expect(links("tree", tree)).toEqual([A, C]);
    expect(links("tree", "")).toEqual([]);
    const long = "d".repeat(64);
    expect(links("tree", treeEntry("100644", "x", long), "sha256")).toEqual([long]);
  });

  it("is what real git says", () => {
    const repo = makeRepo(tempDirectory());
    git(repo, "tag", "-a", "-m", "t", "t");
    const raw = (type: string, name: string): Buffer => execFileSync("git", ["cat-file", type, name], { cwd: repo });
    const id = (name: string): string => git(repo, "rev-parse", name).trim();
    expect(links("tag", raw("tag", "t"))).toEqual([id("HEAD")]);
    expect(links("commit", raw("commit", "HEAD"))).toEqual([id("HEAD^{tree}")]);
    expect(links("tree", raw("tree", "HEAD^{tree}"))).toEqual([id("HEAD:README.md")]);
  });

  it.each([
    ["commit", ""],
    ["commit", "author x\n"],
    ["commit", `\n\ntree ${A}`],
    ["commit", "tree \n"],
    ["commit", `tree ${A.toUpperCase()}\n`],
    ["commit", `tree ${A}0\n`],
    ["commit", `tree ${"0".repeat(40)}\n`],
    ["commit", `tree ${A}\nparent ../../x\n`],
    ["tag", `tree ${A}\n`],
    ["tag", "object x"],
    ["tree", "100644"],
    ["tree", "100644 x"],
    ["tree", "100644 x\0short"],
    ["tree", Buffer.concat([treeEntry("100644", "x", A), Buffer.from("1")])],
  ] as const)("cannot be told of a damaged %s: %j", (type, content) => {
    expect(() => links(type, content)).toThrow(DamagedObject);
  });
});

describe("an object name", () => {
  it.each([
    [A, "sha1", true],
    ["a".repeat(64), "sha256", true],
    [A, "sha256", false],
    ["a".repeat(64), "sha1", false],
    ["A".repeat(40), "sha1", false],
    ["0".repeat(40), "sha1", false],
    [`${"a".repeat(39)}\n`, "sha1", false],
    ["", "sha1", false],
  ] as const)("%j as %s: %s", (text, format, expected) => {
    expect(isObjectId(text, format)).toBe(expected);
  });
});
