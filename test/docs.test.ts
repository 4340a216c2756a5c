import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { keptFiles } from "../scripts/generate.ts";
import { CODES } from "../wire/codes.ts";
import { projectRoot } from "./fixtures/temp.ts";

function read(path: string): string {
  return readFileSync(join(projectRoot, path), "utf8");
}

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
  ...readdirSync(join(projectRoot, "docs")).map((name) => `docs/${name}`),
];

describe("the documents", () => {
  it("that are generated are what npm run generate would write", async () => {
    for (const [path, content] of await keptFiles()) expect([path, read(path)]).toEqual([path, content]);
  });

  it("link only to what exists", () => {
    for (const page of pages) {
      for (const [, target = ""] of read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        expect([page, target, existsSync(join(projectRoot, dirname(page), target))]).toEqual([page, target, true]);
      }
    }
  });

  it("name only files that exist", () => {
    for (const page of [
      "README.md",
      "CONTRIBUTING.md",
      "docs/architecture.md",
      "docs/security.md",
      "docs/protocol.md",
      "docs/dependencies.md",
      "docs/compatibility.md",
    ]) {
      for (const [, path = ""] of read(page).matchAll(
        /`((?:wire|host|mcp|test|scripts|docs|templates)\/[A-Za-z0-9_./-]*)`/g,
      )) {
        expect([page, path, existsSync(join(projectRoot, path))]).toEqual([
          page,
          path,
          /NAME|generated/.test(path) ? existsSync(join(projectRoot, path)) : true,
        ]);
      }
    }
  });

  it("list every code once, in architecture.md only codes that exist", () => {
    const table = [...read("docs/codes.md").matchAll(/^\| `([a-z_]+)`/gm)].map(([, code]) => code);
    expect([...table].sort()).toEqual(Object.keys(CODES).sort());
    const steps = read("docs/architecture.md").split("## From bytes to reply")[1]?.split("## Speed")[0] ?? "";
    const named = [...steps.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map(([, code = ""]) => code);
    expect(named.filter((code) => !(code in CODES))).toEqual([]);
    const denials = Object.entries(CODES).filter(([, { kind }]) => kind !== "client");
    expect(denials.map(([code]) => code).filter((code) => !steps.includes(`\`${code}\``))).toEqual([]);
  });

  it("give a reason for every dependency, and for nothing else", () => {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(read("package.json")) as {
      dependencies?: object;
      devDependencies?: object;
    };
    expect(dependencies).toEqual({});
    const named = [...read("docs/dependencies.md").matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = ""]) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    );
    expect([...new Set(named)].sort()).toEqual(Object.keys(devDependencies).sort());
  });

  it("of the README show a configuration that loads", async () => {
    const { compileProject } = await import("../host/project/compile.ts");
    const example =
      [...read("README.md").matchAll(/```json\n([\s\S]*?)```/g)]
        .map(([, body = ""]) => body)
        .find((body) => body.includes('"repos"')) ?? "";
    expect(compileProject("p", Buffer.from(example), "README.md").project.allowed).toEqual(["gh_pr_view"]);
  });
});
