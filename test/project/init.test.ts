import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  checkRepos,
  chooseProjectId,
  fillTemplate,
  isCheckout,
  parseTemplate,
  type InitChoices,
} from "../../host/project/init.ts";
import { distinctProjectId } from "../../host/project/project-id.ts";
import { CodedError } from "../../wire/errors.ts";
import { temporaryDirectory } from "../cli/harness.ts";

const CHOICES: InitChoices = {
  repos: ["a/b"],
  paths: [],
  branches: [],
  host: undefined,
  findCommand: (name) => (name === "gh" ? "/bin/gh" : undefined),
};

function projects(...entries: readonly (readonly [id: string, config: string])[]): string {
  const directory = temporaryDirectory();
  for (const [id, config] of entries) {
    mkdirSync(join(directory, id));
    writeFileSync(join(directory, id, "config.json"), config, { mode: 0o600 });
  }
  return directory;
}

const owned = (repo: string): string => JSON.stringify({ repos: [repo], repo_paths: ["/x"] });

describe("a filled template", () => {
  it("has the repositories and paths in place of the placeholders, and everything else as it was", () => {
    const template = {
      repos: ["OWNER/REPO"],
      repo_paths: ["/p"],
      constraints: { remote_hosts_allow: ["h"], path_deny: ["x"] },
      env: { A: "1" },
      note: 1,
    };
    const { config } = fillTemplate(template, { ...CHOICES, paths: ["/srv"] });
    expect(config).toEqual({ ...template, repos: ["a/b"], repo_paths: ["/srv"], operations: {} });
  });

  it("keeps the template's paths when none are given", () => {
    expect(fillTemplate({ repo_paths: ["/p"] }, CHOICES).config.repo_paths).toEqual(["/p"]);
  });

  it("has the branches and the host that were chosen, and the template's otherwise", () => {
    const template = { constraints: { branch_allow: ["ai/.+"], remote_hosts_allow: ["github.com"] } };
    expect(fillTemplate(template, CHOICES).config.constraints).toEqual(template.constraints);
    expect(fillTemplate(template, { ...CHOICES, branches: ["x"], host: "h" }).config.constraints).toEqual({
      branch_allow: ["x"],
      remote_hosts_allow: ["h"],
    });
  });

  it("names programs in full where they are found, and lists the others once", () => {
    const template = {
      operations: {
        a: { command: "gh" },
        b: { command: "nope" },
        c: { command: "/abs" },
        d: {},
        e: { command: "nope" },
      },
    };
    const { config, missing } = fillTemplate(template, CHOICES);
    expect(config.operations).toEqual({
      a: { command: "/bin/gh" },
      b: { command: "nope" },
      c: { command: "/abs" },
      d: {},
      e: { command: "nope" },
    });
    expect(missing).toEqual(["nope"]);
  });

  it.each(["https://h", "a b", "-h", "u@h", ""])("is refused for the host %j", (host) => {
    expect(() => fillTemplate({}, { ...CHOICES, host })).toThrow(CodedError);
  });
});

describe("a template", () => {
  it("that is no configuration is refused by name", () => {
    expect(() => parseTemplate(Buffer.from('{"repos":1}'), "mine")).toThrow("template mine:1");
  });
});

describe("repositories as typed", () => {
  it.each([
    [["a/b"], []],
    [["a/b"], ["/x"]],
    [
      ["a/b", "c/d"],
      ["/x", "/y"],
    ],
  ])("%j with paths %j are fine", (repos, paths) => {
    expect(() => {
      checkRepos(repos, paths);
    }).not.toThrow();
  });

  it.each([
    [["a/b"], ["/x", "/y"]],
    [["a/b", "c/d"], []],
    [["ab"], []],
    [["a/b/c"], []],
    [["a/.b"], []],
    [["a/b "], []],
  ])("%j with paths %j are a usage error", (repos, paths) => {
    expect(() => {
      checkRepos(repos, paths);
    }).toThrow(expect.objectContaining({ code: "usage" }) as Error);
  });
});

describe("a checkout", () => {
  it("holds a .git directory, not a file or a link", () => {
    const root = temporaryDirectory();
    for (const name of ["plain", "file", "link", "none"]) mkdirSync(join(root, name));
    mkdirSync(join(root, "plain", ".git"));
    writeFileSync(join(root, "file", ".git"), "gitdir: /x");
    symlinkSync(join(root, "plain", ".git"), join(root, "link", ".git"));
    expect(["plain", "file", "link", "none"].filter((name) => isCheckout(join(root, name)))).toEqual(["plain"]);
  });
});

describe("the project id of a repository", () => {
  it("is the plain one when nothing is there, or its own project, or one that does not load", () => {
    expect(chooseProjectId(projects(), "a/b_c")).toBe("a_b_c");
    expect(chooseProjectId(projects(["a_b_c", owned("a/b_c")]), "a/b_c")).toBe("a_b_c");
    expect(chooseProjectId(projects(["a_b_c", "{"]), "a/b_c")).toBe("a_b_c");
  });

  it("is a distinct one when the plain one belongs to another repository, also the next time", () => {
    const distinct = distinctProjectId("a/b_c");
    expect(distinct).not.toBe("a_b_c");
    expect(chooseProjectId(projects(["a_b_c", owned("a_b/c")]), "a/b_c")).toBe(distinct);
    expect(chooseProjectId(projects(["a_b_c", owned("a_b/c")], [distinct, owned("a/b_c")]), "a/b_c")).toBe(distinct);
    expect(chooseProjectId(projects([distinct, owned("a/b_c")]), "a/b_c")).toBe(distinct);
  });
});
