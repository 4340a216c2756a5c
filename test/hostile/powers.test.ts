import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { OperationReply } from "../../wire/schema.ts";
import { expectDenied } from "../contract/conformance.ts";
import { defaultBase, defaultProject, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { list, run, sendJson } from "../fixtures/exchange.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";

const programs = fixturePrograms();
const marker = join(tempDirectory(), "marker");
const { base, repo } = defaultBase({
  allowed_operations: ["touch", "args", "cwd", "environment", "push"],
  operations: {
    touch: {
      command: `${programs}/touch-file`,
      args_template: [marker, "{x}"],
      params: { x: { type: "integer" } },
      allowed_flags: ["--f"],
    },
    hidden: { command: `${programs}/touch-file`, args_template: [marker] },
    args: { command: `${programs}/print-args`, args_template: ["{text}"], params: { text: { type: "string" } } },
    cwd: { command: `${programs}/print-cwd` },
    environment: { command: `${programs}/print-environment` },
    push: {
      command: "git",
      args_template: ["push", "{expected_git_url}", "{b}:refs/heads/{b}"],
      params: { b: { type: "string" } },
    },
  },
});
const secret = "host-secret-that-must-not-leak";
const daemon = await startDaemon(base, {}, { ...process.env, GH_TOKEN: secret, NPM_TOKEN: secret });
const { address } = daemon;

describe("a request", () => {
  it("cannot choose program, environment, directory or host, whatever it adds [promise 1]", async () => {
    const added = {
      command: "/bin/sh",
      args_template: ["-c", `touch ${marker}`],
      argv: ["/bin/sh"],
      cwd: "/",
      repo_path: "/",
      expected_git_url: "git@evil.example:x/y.git",
      profile: "user",
      timeout: 0,
    };
    expect((await run(address, { operation: "cwd", ...added })).stdout).toBe(`${repo}\n`);
    const env = { LD_PRELOAD: "/tmp/x.so", PATH: "/tmp" };
    expectDenied(await run(address, { operation: "environment", env }), "does not let callers set");
    const environment = (await run(address, { operation: "environment", ...added })).stdout;
    expect(environment).not.toContain("/tmp/x.so");
    for (const params of [{ repo: "x" }, { repo_path: "/" }, { expected_git_url: "x" }, { PATH: "/tmp" }]) {
      expectDenied(await run(address, { operation: "cwd", params }), "unknown parameter");
    }
    expect(existsSync(marker)).toBe(false);
  });

  it("cannot reach anything through names that every JavaScript object has [promise 1]", async () => {
    for (const operation of ["constructor", "tostring", "hasownproperty", "valueof"])
      expectDenied(await run(address, { operation }), "Unknown operation");
    for (const name of ["constructor", "toString", "hasOwnProperty", "prototype"]) {
      expectDenied(await run(address, { operation: "cwd", params: { [name]: "x" } }), "unknown parameter");
      expectDenied(
        await run(address, { operation: "touch", params: { x: 1 }, flags: [`--${name}`] }),
        "flag not allowed",
      );
    }
  });

  it("has its values put in once, and never read again [promise 1]", async () => {
    for (const text of ["{repo}", "$'x", "$&", "$(touch x)", "`id`", "{expected_git_url}", "a b\nc", "{{repo}}"]) {
      expect((await run(address, { operation: "args", params: { text } })).stdout).toBe(`[${text}]\n`);
    }
  });

  it("that is denied starts nothing, and is recorded with its reason [promise 3]", async () => {
    const denied: readonly (readonly [object, string])[] = [
      [{ operation: "hidden" }, "operation_not_allowed"],
      [{ operation: "nothing" }, "operation_unknown"],
      [{ operation: "touch" }, "param_missing"],
      [{ operation: "touch", params: { x: "1" } }, "param_invalid"],
      [{ operation: "touch", params: { x: 1, y: 1 } }, "param_unknown"],
      [{ operation: "touch", params: { x: 1 }, flags: ["--g"] }, "flag_not_allowed"],
      [{ operation: "touch", params: { x: 1 }, flags: ["stray"] }, "flag_invalid"],
      [{ operation: "touch", params: { x: 1 }, target_repo: "a/b" }, "target_not_allowed"],
      [{ operation: "push", params: { b: "main" } }, "branch_allow_missing"],
      [{ raw_argv: ["touch-file", marker] }, "argv_no_match"],
    ];
    for (const [fields, code] of denied) {
      const before = daemon.lines.length;
      expect((await run(address, fields)).code).toBe(code);
      expect(daemon.lines.slice(before)).toMatchObject([{ event: "denied", fields: { code, project: "owner_repo" } }]);
    }
    expect(existsSync(marker)).toBe(false);
    expect((await run(address, { operation: "touch", params: { x: 1 } })).exit_code).toBe(0);
    expect(existsSync(marker)).toBe(true);
  });
});

describe("an approval", () => {
  it("is for bytes: a configuration that changes under load is never served in part or stale [promise 2]", async () => {
    const own = defaultBase();
    const running = await startDaemon(own.base);
    const file = join(own.base.directory.projects, "owner_repo/config.json");
    const pin = join(own.base.directory.projects, "owner_repo/allowed.sha256");
    const text = (say: string): string =>
      JSON.stringify(
        defaultProject(own.repo, { operations: { test_op: { command: "/bin/echo", args_template: [say] } } }),
      );
    const [a, b] = [text("AAAA"), text("BBBB")];
    own.base.writeProject("owner_repo", a);
    let approved = "AAAA";
    let stop = false;
    const seen = new Set<string>();
    const client = async (): Promise<void> => {
      while (!stop) {
        const reply = await run(running.address, { operation: "test_op" });
        seen.add(reply.denied_reason === null ? reply.stdout.trim() : String(reply.code));
      }
    };
    const clients = [client(), client(), client()];
    for (let round = 0; round < 60; round++) {
      // The same length, in place: only the content tells them apart.
      const [next, other] = approved === "AAAA" ? [b, "BBBB"] : [a, "AAAA"];
      writeFileSync(file, next);
      // Not approved yet: from here on neither text may run.
      const denied = await run(running.address, { operation: "test_op" });
      expect(denied.code).toBe("config_not_allowed");
      own.base.approve("owner_repo", next);
      approved = other;
      expect((await run(running.address, { operation: "test_op" })).stdout).toBe(`${approved}\n`);
    }
    stop = true;
    await Promise.all(clients);
    // A half-written file does not parse; everything else is one of the two texts, or not approved.
    expect([...seen].filter((one) => !["AAAA", "BBBB", "config_not_allowed", "config_invalid"].includes(one))).toEqual(
      [],
    );
    expect(readFileSync(pin, "utf8")).toHaveLength(65);
  });

  it("does not count when others can write the file [promise 2]", async () => {
    const own = defaultBase();
    const running = await startDaemon(own.base);
    chmodSync(join(own.base.directory.projects, "owner_repo/config.json"), 0o666);
    expectDenied(
      await run(running.address, { operation: "test_op", params: { message: "x" } }),
      "can be written by others",
      "config_untrusted",
    );
  });
});

describe("a token", () => {
  it("opens its own project and nothing else [promise 11]", async () => {
    base.writeProject(
      "other_project",
      defaultProject(repo, {
        repos: ["other/project"],
        allowed_operations: ["secret_op"],
        operations: { secret_op: { command: "/bin/echo" } },
      }),
    );
    const reply = await list(address, { project_id: "other_project", project: "other_project", prefix: "" });
    expect(JSON.stringify(reply)).not.toContain("secret_op");
    expectDenied(await run(address, { operation: "secret_op", target_repo: "" }), "Unknown operation");
    expectDenied(
      await run(address, { operation: "secret_op", target_repo: "other/project" }),
      "not in the project allow list",
    );
  });

  it("cannot approve, mint, revoke or read records: there is no such request [promise 11]", async () => {
    for (const fields of [
      { config_allow: "owner_repo" },
      { token_mint: true },
      { projects: true },
      { audit: true },
      { approve: "x" },
    ]) {
      expectDenied((await sendJson(address, { ...fields, token: TOKEN })) as OperationReply, "Unknown request type");
    }
    const files = readdirSync(base.root, { recursive: true, encoding: "utf8" }).sort();
    await run(address, { operation: "args", params: { text: "x" } });
    expect(readdirSync(base.root, { recursive: true, encoding: "utf8" }).sort()).toEqual(files);
  });
});

describe("secrets of the host", () => {
  it("are in no reply and in no log line [promise 8]", async () => {
    const environment = await run(address, { operation: "environment" });
    expect(environment.exit_code).toBe(0);
    await run(address, { operation: "args", params: { text: "x" }, request_id: "r" });
    await sendJson(address, { list_operations: true, token: TOKEN.replace("f", "e") });
    const everything = JSON.stringify([environment, daemon.lines]);
    expect(everything).not.toContain(secret);
    expect(everything).not.toContain(TOKEN);
    expect(everything).not.toContain(TOKEN.replace("f", "e"));
  });
});
