import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
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
writeFileSync(join(allowed, "below/text"), "a text");
writeFileSync(join(allowed, "below/own.key"), "a key");
writeFileSync(join(place, "elsewhere/text"), "another text");
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
  pull: { transfer: { direction: "pull", roots: [allowed] } },
  read: { command: "cat", args_template: ["--", "{file}"], params: { file: { type: "path" } } },
  read_all: { command: "cat", args_template: ["--", "{files}"], params: { files: { type: "paths" } } },
};
const base = new Base()
  .writeProject("machine", {
    machine: { work_dirs: [allowed] },
    allowed_operations: Object.keys(operations),
    operations,
    constraints: { path_deny: ["**/*.key"] },
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

function variables(text: string): ReadonlyMap<string, string> {
  return new Map(
    text
      .split("\0")
      .filter((line) => line.includes("="))
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

describe("a path that a caller names on a machine", () => {
  const read = async (file: string, workDir = allowed): Promise<Ran> => run("read", { file }, { workDir });

  it("is relative to the working directory", async () => {
    expect((await read("below/text")).stdout).toBe("a text");
    expect((await read("text", join(allowed, "below"))).stdout).toBe("a text");
    const both = await run("read_all", { files: ["below/text", "file"] }, { workDir: allowed });
    expect([both.stdout, both.outcome.exit_code]).toEqual(["a text", 0]);
  });

  it("is not found in another directory", async () => {
    const { outcome, stdout } = await read("text");
    expect([outcome.outcome, outcome.exit_code, stdout]).toEqual(["completed", 1, ""]);
  });

  it.each([
    ["above it", "../elsewhere/text"],
    ["above it, by detours", "below/../../elsewhere/text"],
    ["absolute", join(allowed, "below/text")],
    ["out of it by a link", "out/text"],
    ["denied by the policy", "below/own.key"],
    ["in a directory of git's", ".git/config"],
  ])("is not one %s", async (_, file) => {
    expect((await read(file)).outcome).toMatchObject({ outcome: "denied", code: "path_denied" });
  });

  it("cannot be an option", async () => {
    expect((await read("--help")).outcome).toMatchObject({ outcome: "denied" });
  });
});

describe("the environment of a program of a machine", () => {
  it("is that of its user, and nothing of the daemon's", async () => {
    const found = [...variables((await run("environment")).stdout)];
    const byShells = ["CMD2HOST_RUN", "_", "PWD", "SHLVL", "OLDPWD"];
    expect(Object.fromEntries(found.filter(([name]) => !byShells.includes(name)))).toEqual({
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

  it("takes from the caller what the operation allows, and its names are recorded", async () => {
    const { outcome, stdout } = await run("environment", {}, { env: { APP_X: "", APP_MODE: "a b" } });
    const found = variables(stdout);
    expect([found.get("APP_MODE"), found.get("APP_X")]).toEqual(["a b", ""]);
    const records = readdirSync(base.directory.audit)
      .filter((name) => name.endsWith(".jsonl"))
      .flatMap((name) => readFileSync(join(base.directory.audit, name), "utf8").trim().split("\n"))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ id, kind }) => id === outcome.run_id && kind === "decision");
    expect(records).toMatchObject([{ env: ["APP_MODE", "APP_X"], cwd: own.homedir }]);
    expect(JSON.stringify(records)).not.toContain("a b");
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

  it.skipIf(!isRoot)("gets its environment exactly, whatever is in it (SKIPPED unless root)", async () => {
    const env = { QUOTED: 'it\'s "$HOME" `id` \\ \n', EMPTY: "", PATH: "/usr/bin:/bin", LONG: "x".repeat(100_000) };
    const { stdout } = await run("nobody", { command: "env -0" }, { env });
    const found = variables(stdout);
    for (const [name, value] of Object.entries(env)) expect([name, found.get(name)]).toEqual([name, value]);
    expect(found.get("USER")).toBe("nobody");
  });

  it.skipIf(!isRoot)("is the only one that the caller's variables reach (SKIPPED unless root)", async () => {
    const traces = join(place, "traces");
    mkdirSync(traces);
    chmodSync(traces, 0o777);
    // The loader of every program writes a file, as whoever it runs as.
    const env = { LD_DEBUG: "libs", LD_DEBUG_OUTPUT: join(traces, "trace") };
    const { outcome } = await run("nobody", { command: "/bin/true" }, { env });
    expect(outcome.exit_code).toBe(0);
    const owners = readdirSync(traces).map((name) => statSync(join(traces, name)).uid);
    expect(owners.length).toBeGreaterThan(0);
    expect(owners).not.toContain(0);
  });

  it.skipIf(!isRoot)("cannot be given what a shell keeps for itself (SKIPPED unless root)", async () => {
    expect((await run("nobody", { command: "id" }, { env: { UID: "0" } })).outcome).toMatchObject({
      code: "env_denied",
    });
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

  it("that is a transfer reads below its roots, and elsewhere starts nothing", async () => {
    const pulled = await run("pull", { path: join(allowed, "below/text") });
    expect(pulled.outcome).toMatchObject({ outcome: "completed", exit_code: 0 });
    expect(pulled.stdout).toContain("a text");
    for (const path of [join(place, "elsewhere/text"), `${allowed}/../elsewhere/text`, "/etc/hostname"])
      expect((await run("pull", { path })).outcome).toMatchObject({ outcome: "denied", code: "file_denied" });
    // Where a link leads shows on the way.
    const linked = await run("pull", { path: join(allowed, "out/text") });
    expect([linked.outcome.exit_code, linked.stdout]).toEqual([1, ""]);
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
    const ran = async (command: string, place?: MachinePlace) =>
      one.run({ operation: "shell", params: { command }, place });
    const simple = await ran("basename '/x/a  b'");
    expect(simple).toMatchObject({ stdout: "wrapped: basename\na  b\n" });
    expect(simple.notice).toContain(`shortened by ${wrapper}`);
    const parts = await ran("true && basename b; basename c");
    expect(parts.stdout).toBe("wrapped: basename\nb\nwrapped: basename\nc\n");
    expect(parts.notice).toBe(simple.notice);
    // As a shell would have it, although none is there.
    expect((await ran("printenv PWD")).stdout).toBe(`wrapped: printenv\n${own.homedir}\n`);
    const kept = await ran("echo $HOME | tr a-z A-Z");
    expect(kept.stdout).toBe(`${own.homedir.toUpperCase()}\n`);
    expect(kept.notice).toBeUndefined();
    // Which program is meant is then for the caller to say.
    expect((await ran("basename b", { env: { PATH: "/usr/bin" } })).stdout).toBe("b\n");
  });
});
