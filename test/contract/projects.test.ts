import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compileProject } from "../../host/project/compile.ts";
import { TokenStore } from "../../host/auth/token-store.ts";
import type { ListReply, OperationReply, ProjectConfig } from "../../wire/schema.ts";
import { Base, defaultBase, defaultProject, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { describeOperation, list, run, sendJson } from "../fixtures/exchange.ts";
import { conforms, expectDenied } from "./conformance.ts";

const HOUR = 60 * 60 * 1_000;
const { base, repo } = defaultBase();
const { address } = await startDaemon(base);
const hello = { operation: "test_op", params: { message: "hello" } };

async function runAs(token: string): Promise<OperationReply> {
  return (await sendJson(address, { ...hello, token })) as OperationReply;
}

/** A token of 64 hexadecimal characters that differs from the others. */
function token(digit: string): string {
  return digit.repeat(64);
}

function loadError(changes: Partial<ProjectConfig> | Record<string, unknown>): string {
  const text = JSON.stringify({ ...defaultProject(repo), ...changes }, null, 2);
  try {
    compileProject("owner_repo", Buffer.from(text), "config.json");
  } catch (error) {
    return String(error);
  }
  return "";
}

function withOperation(operation: object): Record<string, unknown> {
  return { operations: { test_op: operation } };
}

describe("tokens and projects", () => {
  conforms(23, "a token lives 24 hours from the time of its file; a time in the future is valid", async () => {
    base.writeToken(token("a"), { repo: "owner/repo" }, 25 * HOUR);
    base.writeToken(token("b"), { repo: "owner/repo" }, 24 * HOUR - 5_000);
    base.writeToken(token("c"), { repo: "owner/repo" }, -HOUR);
    expectDenied(await runAs(token("a")), "Authentication failed");
    expect((await runAs(token("b"))).stdout).toBe("hello\n");
    expect((await runAs(token("c"))).stdout).toBe("hello\n");
  });

  conforms(24, "the clean-up removes what is old and keeps what is not", () => {
    const own = new Base();
    const store = new TokenStore(own.directory.tokens);
    expect(store.cleanUp()).toBe(0);
    own.writeToken(token("a"), {}, 25 * HOUR).writeToken(token("b"), {}, HOUR);
    expect(store.cleanUp()).toBe(1);
    expect(store.list()).toHaveLength(1);
  });

  conforms(25, "a token file that is no binding fails; one that binds nothing says so", async () => {
    for (const content of ["{invalid", "", "[]", '{"repo":5}']) {
      base.writeToken(token("d"), content);
      expectDenied(await runAs(token("d")), "Authentication failed");
    }
    for (const content of ['{"repo":""}', "null", "{}"]) {
      base.writeToken(token("d"), content);
      expectDenied(await runAs(token("d")), "does not carry", "token_unbound");
    }
  });

  conforms(26, "what is not 64 hexadecimal characters fails", async () => {
    const wrong = [
      TOKEN.slice(1),
      `${TOKEN}f`,
      `${TOKEN}\n`,
      `${TOKEN} `,
      `${TOKEN.slice(1)}g`,
      `${TOKEN.slice(1)}é`,
      "../../etc/passwd",
    ];
    const replies = await Promise.all(wrong.map(runAs));
    for (const reply of replies) expectDenied(reply, "Authentication failed", "unauthenticated");
  });

  conforms(27, "upper and lower case are different tokens", async () => {
    base.writeToken(token("E"), { repo: "owner/repo" });
    expect((await runAs(token("E"))).stdout).toBe("hello\n");
    expectDenied(await runAs(token("e")), "Authentication failed");
  });

  conforms(28, "a token of another repository does not open the project", async () => {
    base.writeToken(token("1"), { project_id: "owner_repo", repo: "other/repo" });
    expectDenied(await runAs(token("1")), "token-project mismatch", "project_mismatch");
    const reply = (await sendJson(address, { list_operations: true, token: token("1") })) as ListReply;
    expect(reply.error).toContain("token-project mismatch");
  });

  conforms(29, "a project may have a directory of any name", async () => {
    base
      .writeProject("custom-id", defaultProject(repo))
      .writeToken(token("2"), { project_id: "custom-id", repo: "owner/repo" });
    expect((await runAs(token("2"))).stdout).toBe("hello\n");
    for (const id of ["../projects/owner_repo", "..", "/etc", "a/b", ".hidden"]) {
      base.writeToken(token("3"), { project_id: id });
      expectDenied(await runAs(token("3")), "project config not found", "project_unknown");
    }
  });

  conforms(30, "two daemons do not accept each other's tokens or projects", async () => {
    const second = new Base();
    second.writeProject("owner_repo", defaultProject(repo)).writeToken(token("4"), { repo: "owner/repo" });
    const other = await startDaemon(second);
    expect((await list(other.address)).error).toBe("Authentication failed");
    expectDenied(await runAs(token("4")), "Authentication failed");
  });

  conforms([31, 32], "one changed byte takes the approval away, approving again gives it back", async () => {
    const own = defaultBase();
    const running = await startDaemon(own.base);
    const file = join(own.base.directory.projects, "owner_repo/config.json");
    const text = readFileSync(file, "utf8");
    const pin = join(own.base.directory.projects, "owner_repo/allowed.sha256");
    expect((await run(running.address, hello)).stdout).toBe("hello\n");
    writeFileSync(file, `${text} `);
    expectDenied(await run(running.address, hello), "config not allowed (hash:", "config_not_allowed");
    own.base.approve("owner_repo", `${text} `);
    expect((await run(running.address, hello)).stdout).toBe("hello\n");
    const hash = readFileSync(pin, "utf8").trim();
    writeFileSync(pin, `\n  ${hash}\t\n\n`);
    expect((await run(running.address, hello)).stdout).toBe("hello\n");
    writeFileSync(pin, hash.toUpperCase());
    expectDenied(await run(running.address, hello), "config not allowed");
    rmSync(pin);
    expectDenied(await run(running.address, hello), "config not allowed");
  });

  conforms(33, "variables that choose code or programs are refused, by name", () => {
    for (const name of [
      "LD_PRELOAD",
      "LD_LIBRARY_PATH",
      "LD_AUDIT",
      "DYLD_INSERT_LIBRARIES",
      "DYLD_LIBRARY_PATH",
      "DYLD_FRAMEWORK_PATH",
      "DYLD_FALLBACK_LIBRARY_PATH",
      "DYLD_FALLBACK_FRAMEWORK_PATH",
    ]) {
      expect(loadError({ env: { [name]: "" } })).toContain(name);
      expect(loadError({ env: { [name]: "" }, env_unsafe: [name] })).toContain(name);
    }
    expect(loadError({ env: { GH_TOKEN: "x" } })).toBe("");
    expect(loadError({ env: { PATH: "/x" } })).toContain("env_unsafe");
    expect(loadError({ env: { PATH: "/x" }, env_unsafe: ["PATH"] })).toBe("");
  });

  conforms(34, "the older singular form loads; both forms together do not", () => {
    const single = {
      ...defaultProject(repo),
      repos: undefined,
      repo_paths: undefined,
      repo: "owner/repo",
      repo_path: repo,
    };
    expect(compileProject("p", Buffer.from(JSON.stringify(single)), "f").project.repos).toEqual([
      { name: "owner/repo", path: repo, host: "github.com" },
    ]);
    for (const [key, value] of [
      ["repo", "owner/repo"],
      ["repo_path", null],
    ] as const) {
      expect(loadError({ [key]: value })).toContain("mixing is not allowed");
    }
  });

  conforms(35, "paths are made absolute and clean, and stand once", () => {
    const project = compileProject("p", Buffer.from(JSON.stringify(defaultProject("some/../dir/"))), "f").project;
    expect(project.repos[0]?.path).toBe(join(process.cwd(), "dir"));
    expect(loadError({ repos: ["a/b", "c/d"], repo_paths: ["/x/y", "/x/./y/"] })).toContain("stands twice");
  });

  conforms(36, "patterns are RE2; a malformed glob loads and denies when it is met", () => {
    for (const pattern of ["(?=a)", "(a)\\1"]) {
      expect(loadError(withOperation({ command: "x", params: { p: { type: "string", pattern } } }))).toContain(
        "is not RE2",
      );
    }
    expect(loadError({ constraints: { path_deny: ["["] } })).toBe("");
  });

  conforms(37, "an allowed name must be defined", () => {
    expect(loadError({ allowed_operations: ["nope"] })).toContain("references unknown operation");
  });

  conforms(38, "at most one output parameter, and no direction that nobody knows", () => {
    const params = (value: object): Record<string, unknown> => withOperation({ command: "x", params: value });
    const path = { type: "workspace_path" };
    expect(loadError(params({ a: path, b: path }))).toContain("at most one workspace_path");
    expect(loadError(params({ a: path, b: { ...path, direction: "input" } }))).toBe("");
    expect(loadError(params({ a: { ...path, direction: "sideways" } }))).toContain("unknown direction");
    expect(loadError(params({ a: { type: "string", direction: "sideways" } }))).toBe("");
  });

  conforms([39, 40, 41], "describe and list say what may be called and nothing of how", async () => {
    const own = defaultBase({
      allowed_operations: ["gh_pr_view", "test_op"],
      operations: {
        gh_pr_view: {
          command: "gh",
          args_template: ["pr", "view", "{number}"],
          params: { number: { type: "integer", min: 1 } },
          allowed_flags: ["--json", "--web"],
          bool_flags: ["--web"],
          multi_value_flags: ["--json"],
        },
        test_op: { command: "/bin/echo" },
        other_op: { command: "/bin/echo" },
      },
    });
    const running = await startDaemon(own.base);
    const described = await describeOperation(running.address, "gh_pr_view");
    expect(described.operation).toEqual({
      id: "gh_pr_view",
      command: "gh",
      description: "",
      params: { number: { type: "integer", min: 1 } },
      allowed_flags: ["--json", "--web"],
      // Ours; the original leaves it to the caller to find out which flags take a value.
      flag_rules: [
        { flag: "--json", takes: "several" },
        { flag: "--web", takes: "none" },
      ],
    });
    expect(JSON.stringify(described)).not.toMatch(/bool_flags|multi_value|args_template/);
    expect((await describeOperation(running.address, "other_op")).error).toBe("Operation not allowed: other_op");
    expect((await list(running.address, { prefix: "gh_pr" })).operations?.map(({ id }) => id)).toEqual(["gh_pr_view"]);
    const none = await list(running.address, { prefix: "docker" });
    expect(none.operations ?? []).toEqual([]);
    expect(none.error).toBeUndefined();
  });
});

it("a daemon that stopped leaves no socket behind", async () => {
  const own = defaultBase();
  const running = await startDaemon(own.base);
  await running.stop();
  expect(existsSync(running.address.path)).toBe(false);
  expect(existsSync(own.base.directory.lockSocket)).toBe(false);
});
