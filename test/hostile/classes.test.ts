import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectRoot } from "../fixtures/temp.ts";
import { classTable, countClasses } from "./classes.ts";
import { classNames, loadClass, parseAttacks } from "./corpus.ts";
import { hostileProjects } from "./projects.ts";

const attacks = classNames().flatMap((name) => loadClass(name));

describe("the attack corpus", () => {
  it("has at least 250 attacks, no two of which do the same", () => {
    expect(attacks.length).toBeGreaterThanOrEqual(250);
    const deeds = attacks.map(({ project, plant, send }) => JSON.stringify([project, plant, send]));
    expect(deeds.filter((deed, index) => deeds.indexOf(deed) !== index)).toEqual([]);
  });

  it("names only projects that there are", () => {
    const projects = hostileProjects({ workspace: "/w", secondWorkspace: "/s", programs: "/p" });
    expect(attacks.filter(({ project }) => !projects.has(project)).map(({ name }) => name)).toEqual([]);
  });

  it("is run: every class by exactly one test file", () => {
    const directory = join(projectRoot, "test/hostile");
    const run = readdirSync(directory)
      .filter((name) => /^corpus.*\.test\.ts$/.test(name))
      .flatMap((name) => [...readFileSync(join(directory, name), "utf8").matchAll(/"([a-z][a-z-]*)"/g)])
      .map(([, name]) => name);
    expect(run.sort()).toEqual([...classNames()]);
  });

  it.each([
    ["a member that is not described", { surprise: 1 }],
    ["a class that is not the file's", { class: "other" }],
    ["a route that cannot express it", { routes: ["raw_argv"] }],
    ["a code that there is not", { expect: { denied: "no_such_code" } }],
    ["a plant with two members", { plant: [{ fifo: "a", directory: "b" }] }],
    ["a plant that there is not", { plant: [{ bomb: "x" }] }],
    ["a harm that is forbidden and allowed", { expect: { completed: 0 }, may: ["marker"] }],
    ["a denial that may do something", { may: ["workspace_changed"] }],
  ])("is not loaded with %s", (_, change) => {
    const good = {
      name: "an attack",
      class: "example",
      source: "nowhere",
      project: "programs",
      send: { operation: "args" },
      expect: { denied: "param_missing" },
      must_not: ["marker"],
    };
    expect(parseAttacks(JSON.stringify([good]), "example")).toHaveLength(1);
    expect(() => parseAttacks(JSON.stringify([{ ...good, ...change }]), "example")).toThrow(/example/);
  });
});

it("docs/security.md counts the attacks as they are", () => {
  const text = readFileSync(join(projectRoot, "docs/security.md"), "utf8");
  const shown = /<!-- corpus -->\n([\s\S]*?)\n<!-- \/corpus -->/.exec(text)?.[1]?.trim();
  expect(shown).toBe(classTable(countClasses()));
});
