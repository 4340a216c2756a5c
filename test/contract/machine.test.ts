import { chmodSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { DaemonClient } from "../../wire/client.ts";
import type { MachinePlace, RunRequest } from "../../wire/daemon-calls.ts";
import type { OperationTemplate, OutcomeFields } from "../../wire/schema.ts";
import { Base, defaultBase, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";
import { Gathered } from "./routes.ts";

const isRoot = process.getuid?.() === 0;
const programs = fixturePrograms();
const own = userInfo();
// Others must be able to come here, as they can on a machine.
const place = mkdtempSync("/tmp/cmd2host-machine-");
chmodSync(place, 0o755);
const allowed = join(place, "allowed");
mkdirSync(join(allowed, "below"), { recursive: true });
mkdirSync(join(place, "elsewhere"));
symlinkSync(join(place, "elsewhere"), join(allowed, "out"));
writeFileSync(join(allowed, "file"), "");
const wrapper = join(tempDirectory(), "wrap");
writeFileSync(wrapper, '#!/bin/sh\necho "wrapped: $1"\nexec "$@"\n', { mode: 0o755 });

const operations: Readonly<Record<string, OperationTemplate>> = {
  shell: { shell: "sh" },
  bash: { shell: "bash", env_allow: ["LANG", "APP_*"] },
  asked: { shell: "sh", timeout: 1 },
  nobody: { shell: "sh", run_as: "nobody" },
  ghost: { shell: "sh", run_as: "no-such-user-here" },
  cwd: { command: `${programs}/print-cwd` },
  empty: { command: `${programs}/print-cwd`, run_in: "empty" },
  environment: { command: `${programs}/print-environment`, env_allow: ["APP_*", "LD_*"] },
  docker_ps: {
    command: `${programs}/print-args`,
    args_template: ["ps", "{all}"],
    params: { all: { type: "enum", enum: ["-a"], optional: true } },
  },
  tail: { command: "seq", args_template: ["100000"], keep: "tail", max_stdout_bytes: 18 },
  cat: { command: "cat", stdin: "required" },
};
const base = new Base()
  .writeProject("machine", {
    machine: { work_dirs: [allowed] },
    allowed_operations: Object.keys(operations),
    operations,
    env: { GREETING: "hello" },
  })
  .writeToken(TOKEN, { project_id: "machine" });
const { address } = await startDaemon(base);
const client = new DaemonClient(address, TOKEN);

interface Ran {
  readonly outcome: OutcomeFields;
  readonly stdout: string;
}

async function run(
  operation: string,
  params: Record<string, unknown> = {},
  where?: MachinePlace,
  more: Partial<RunRequest> = {},
  stdin?: Readable,
): Promise<Ran> {
  const output = new Gathered();
  const outcome = await client.stream({ operation, params, place: where, ...more }, { output, stdin });
  return { outcome, stdout: output.text("stdout") };
}

const sh = async (command: string, where?: MachinePlace): Promise<Ran> => run("shell", { command }, where);

describe("a command for the shell of a machine", () => {
  it("arrives byte for byte, and one shell reads it", async () => {
    const command = `printf '%s|' "a  b" '$HOME' "\${X-unset}" \\$ "é\t" '"'; exit 7`;
    const { outcome, stdout } = await sh(command);
    expect(stdout).toBe(`a  b|$HOME|unset|$|é\t|"|`);
    expect(outcome).toMatchObject({ outcome: "completed", exit_code: 7 });
  });

  it("may begin with a dash, and have many lines", async () => {
    expect((await sh("-x 2>/dev/null || echo no such command")).stdout).toBe("no such command\n");
    expect((await sh("for i in 1 2\ndo\n  echo $i\ndone # end")).stdout).toBe("1\n2\n");
  });

  it("with a NUL is denied", async () => {
    expect((await sh("echo a\0b")).outcome).toMatchObject({ outcome: "denied", code: "param_invalid" });
  });

  it("is ended when it takes too long, with all that it started", async () => {
    const { outcome, stdout } = await run("asked", { command: "echo begun; sleep 300 & sleep 300" });
    expect(stdout).toBe("begun\n");
    expect(outcome).toMatchObject({ outcome: "failed", code: "timed_out" });
  });

  it("runs in the shell that the operation names", async () => {
    expect((await run("bash", { command: "echo ${BASH_VERSION:+bash}" })).stdout).toBe("bash\n");
  });
});

describe("where a program of a machine runs", () => {
  it("is the home directory when nothing is said", async () => {
    expect((await run("cwd")).stdout.trim()).toBe(own.homedir);
  });

  it("is an empty directory when the operation says so", async () => {
    expect((await run("empty")).stdout).toContain(join(base.root, "empty"));
  });

  it.each(["", "below"])("is a directory that the policy names, or one below it: %j", async (below) => {
    const workDir = join(allowed, below);
    expect((await run("cwd", {}, { workDir })).stdout.trim()).toBe(workDir.replace(/\/$/, ""));
  });

  it.each([
    ["elsewhere", join(place, "elsewhere")],
    ["above", place],
    ["beside it, by dots", `${allowed}/../elsewhere`],
    ["out of it by a link", join(allowed, "out")],
    ["relative", "below"],
  ])("is not %s", async (_, workDir) => {
    expect((await run("cwd", {}, { workDir })).outcome).toMatchObject({ outcome: "denied", code: "work_dir_denied" });
  });

  it.each(["missing", "file"])("fails when it is no directory: %s", async (name) => {
    const { outcome } = await run("cwd", {}, { workDir: join(allowed, name) });
    expect(outcome).toMatchObject({ code: "spawn_failed" });
  });
});

describe("the environment of a program of a machine", () => {
  const variables = (text: string): Map<string, string> =>
    new Map(
      text
        .split("\0")
        .filter((line) => line.includes("="))
        .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    );

  it("is that of its user, and nothing of the daemon's", async () => {
    const found = variables((await run("environment")).stdout);
    found.delete("CMD2HOST_RUN");
    expect(Object.fromEntries([...found].filter(([name]) => !["_", "PWD", "SHLVL", "OLDPWD"].includes(name)))).toEqual({
      HOME: own.homedir,
      USER: own.username,
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      SHELL: "sh",
      LANG: "C.UTF-8",
      TERM: "dumb",
      NO_COLOR: "1",
      GREETING: "hello",
    });
  });

  it("takes from the caller what the operation allows", async () => {
    const found = variables((await run("environment", {}, { env: { APP_MODE: "a b", APP_X: "" } })).stdout);
    expect([found.get("APP_MODE"), found.get("APP_X")]).toEqual(["a b", ""]);
  });

  it.each([
    ["another name", { HOME: "/" }, "env_denied"],
    ["the loader's names, whatever the pattern", { LD_PRELOAD: "/x" }, "env_denied"],
    ["a name that is none", { "A B": "1" }, "request_invalid"],
    ["a value with NUL", { APP_A: "\0" }, "request_invalid"],
    ["more than a system takes", { APP_A: "x".repeat(300_000), APP_B: "x".repeat(300_000) }, "request_invalid"],
  ] as [string, Record<string, string>, string][])("does not take %s", async (_, env, code) => {
    expect((await run("environment", {}, { env })).outcome).toMatchObject({ outcome: "denied", code });
  });

  it("is the caller's to set for a shell, unless the operation says which", async () => {
    expect((await sh("echo $PATH", { env: { PATH: "/x" } })).stdout).toBe("/x\n");
    expect((await run("bash", { command: "echo $APP_A" }, { env: { APP_A: "1" } })).stdout).toBe("1\n");
    expect((await run("bash", { command: ":" }, { env: { PATH: "/x" } })).outcome).toMatchObject({
      code: "env_denied",
    });
  });
});

describe("the user that an operation runs as", () => {
  it.skipIf(!isRoot)("is the one that it names, with that user's groups and home (SKIPPED unless root)", async () => {
    const command = 'id -un; id -Gn; echo "$USER $HOME"; pwd; cat /proc/self/status | grep CapEff';
    const { stdout } = await run("nobody", { command });
    expect(stdout).toBe("nobody\nnogroup\nnobody /nonexistent\n/\nCapEff:\t0000000000000000\n");
  });

  it.skipIf(!isRoot)("is ended with its processes as any other is (SKIPPED unless root)", async () => {
    const stop = new AbortController();
    const output = new Gathered();
    const pids = join(place, "pids");
    writeFileSync(pids, "");
    chmodSync(pids, 0o666);
    const running = client.stream(
      { operation: "nobody", params: { command: `echo $$ > ${pids}; sleep 300 & sleep 300` } },
      { output, signal: stop.signal },
    );
    while (readFileSync(pids, "utf8") === "") await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort();
    expect(await running).toMatchObject({ outcome: "failed", code: "cancelled" });
  });

  it("must exist", async () => {
    expect((await run("ghost", { command: "id" })).outcome).toMatchObject({ code: "run_as_unavailable" });
  });
});

describe("an operation of a machine", () => {
  it("is found by a command line, as on a host", async () => {
    const output = new Gathered();
    const outcome = await client.stream({ argv: [`${programs}/print-args`, "ps", "-a"] }, { output });
    expect(outcome.exit_code).toBe(0);
    expect(output.text("stdout")).toContain("-a");
  });

  it("reads what its caller sends", async () => {
    const { stdout } = await run("cat", {}, undefined, {}, Readable.from([Buffer.from("to the machine")]));
    expect(stdout).toBe("to the machine");
  });

  it("lets out the end of its output where the policy asks for that", async () => {
    const { outcome, stdout } = await run("tail");
    expect(stdout).toBe(
      "\n99999\n100000\n".slice(-18).length === 14 ? "998\n99999\n100000\n".padStart(18, "9").slice(-18) : "",
    );
    expect(outcome).toMatchObject({ stdout_truncated: true, stdout_bytes: 588_895 });
    const atOnce = await client.run({ operation: "tail" });
    expect(atOnce).toMatchObject({ stdout, stdout_truncated: true });
  });

  it("may be meant for it by name", async () => {
    const named = new DaemonClient(address, TOKEN, undefined, { target: hostname() });
    expect(await named.run({ operation: "cwd" })).toMatchObject({ exit_code: 0 });
  });

  it("is explained, with its user's environment and no profile", async () => {
    const { explanation } = await client.explain({ operation: "shell", params: { command: "id" } });
    expect(explanation).toMatchObject({ verdict: "allow", plan: { argv: ["sh", "-c", "--", "id"] } });
    const denied = await client.explain({ operation: "shell", params: { command: "id" }, place: { workDir: "/" } });
    expect(denied.explanation).toMatchObject({ verdict: "deny", code: "work_dir_denied" });
  });
});

describe("a project of repositories", () => {
  it("runs nothing that is meant for a machine", async () => {
    const { base: other } = defaultBase();
    const { address: there } = await startDaemon(other);
    const ask = async (members: object): Promise<string | undefined> => {
      const one = new DaemonClient(there, TOKEN, undefined, members);
      return (await one.run({ operation: "test_op", params: { message: "x" } })).code;
    };
    expect(await ask({ target: "web1" })).toBe("target_unknown");
    expect(await ask({ work_dir: "/tmp" })).toBe("work_dir_denied");
    expect(await ask({ env: { A: "1" } })).toBe("env_denied");
    expect(await ask({})).toBeUndefined();
  });
});

describe("a machine whose commands run through another program", () => {
  it("wraps what it can, and says so", async () => {
    const wrapped = new Base()
      .writeProject("machine", {
        machine: { wrapper },
        allowed_operations: ["shell"],
        operations: { shell: { shell: "sh" } },
      })
      .writeToken(TOKEN, { project_id: "machine" });
    const { address: there } = await startDaemon(wrapped);
    const one = new DaemonClient(there, TOKEN);
    const simple = await one.run({ operation: "shell", params: { command: "echo 'a  b'" } });
    expect(simple).toMatchObject({ stdout: "wrapped: echo\na  b\n" });
    expect(simple.notice).toContain("shortened by");
    const parts = await one.run({ operation: "shell", params: { command: "true && echo b" } });
    expect(parts.stdout).toBe("wrapped: true\nwrapped: echo\nb\n");
    const kept = await one.run({ operation: "shell", params: { command: "echo $HOME | tr a-z A-Z" } });
    expect(kept.stdout).toBe(`${own.homedir.toUpperCase()}\n`);
  });
});
