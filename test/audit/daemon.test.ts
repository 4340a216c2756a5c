import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifyLog } from "../../host/audit/verify.ts";
import { KillSwitch } from "../../host/limits/kill-switch.ts";
import { DaemonClient } from "../../wire/client.ts";
import type { OperationReply } from "../../wire/schema.ts";
import { requireTools, toolPath } from "../fixtures/backends/present.ts";
import { defaultBase, TOKEN, type Base } from "../fixtures/base.ts";
import { startDaemon, type RunningDaemon } from "../fixtures/daemon.ts";
import { list, run, sendJson } from "../fixtures/exchange.ts";
import { atEnd, tempDirectory } from "../fixtures/temp.ts";
import { commandLine } from "../fixtures/tested-program.ts";
import type { Members } from "./logs.ts";

const shell = (script: string): object => ({ command: "/bin/sh", args_template: ["-c", script] });

/** A base directory whose operations can look at its log. */
function audited(): Base {
  const { base } = defaultBase();
  const log = join(base.directory.audit, "*.jsonl");
  const operations = {
    say: { command: "/bin/echo", args_template: ["{text}"], params: { text: { type: "string" as const } } },
    log: shell(`cat ${log}`),
    mark: shell(`echo ran >> ${join(base.root, "mark")}`),
    fail: shell("echo out; echo err >&2; exit 3"),
    large: shell("head -c 20000000 /dev/zero"),
  };
  const repo = tempDirectory();
  execFileSync("git", ["init", "-q", repo]);
  execFileSync("git", ["-C", repo, "remote", "add", "origin", "git@github.com:owner/repo.git"]);
  return base.writeProject("owner_repo", {
    repos: ["owner/repo"],
    repo_paths: [repo],
    allowed_operations: Object.keys(operations),
    operations,
  });
}

function records(base: Base): readonly Members[] {
  return readdirSync(base.directory.audit)
    .sort()
    .flatMap((name) => readFileSync(join(base.directory.audit, name), "utf8").split("\n").slice(0, -1))
    .map((line) => JSON.parse(line) as Members);
}

function of(base: Base, id: string | undefined): readonly Members[] {
  return records(base).filter((record) => record["id"] === id);
}

const marks = (base: Base): string =>
  existsSync(join(base.root, "mark")) ? readFileSync(join(base.root, "mark"), "utf8") : "";

function places({ directory }: Base) {
  const [keyFile, headFile] = [join(directory.keys, "audit-ed25519"), join(directory.keys, "audit-head")];
  return { directory: directory.audit, keyFile, headFile, written: undefined, from: undefined };
}

describe("a daemon", () => {
  let base: Base;
  let daemon: RunningDaemon;

  beforeAll(async () => {
    base = audited();
    daemon = await startDaemon(base);
  });
  afterAll(async () => {
    await daemon.stop();
    expect(await verifyLog(places(base))).toMatchObject({ damage: undefined, unsigned: 0 });
    expect(readFileSync(places(base).keyFile, "utf8")).toContain("PRIVATE KEY");
  });

  it("has the decision in its audit before the program starts [promise 4]", async () => {
    const { stdout, run_id: id } = await run(daemon.address, { operation: "log" });
    const seen = stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Members);
    expect(seen.at(-1)).toMatchObject({
      kind: "decision",
      id,
      verdict: "permit",
      operation: "log",
      rule: "allowed_operations",
    });
  });

  it("records what ran, how it ended, and a digest of what was let out", async () => {
    const { run_id: id } = await run(daemon.address, { operation: "fail", request_id: "r-1" });
    const [decision, outcome] = of(base, id);
    expect(decision).toMatchObject({
      transport: "unix",
      request_id: "r-1",
      project: "owner_repo",
      route: "mcp",
      target: "owner/repo",
    });
    expect(decision?.["argv"]).toEqual(["/bin/sh", "-c", "echo out; echo err >&2; exit 3"]);
    expect(String(decision?.["session"])).toMatch(/^[0-9a-f]{8}$/);
    const digest = (text: string): string => createHash("sha256").update(text).digest("hex");
    expect(outcome).toMatchObject({
      outcome: "completed",
      exit_code: 3,
      stdout_bytes: 4,
      stderr_bytes: 4,
      stdout_sha256: digest("out\n"),
      stderr_sha256: digest("err\n"),
    });
  });

  it("does not hash what is too long to hash beside the run", async () => {
    const { run_id: id } = await run(daemon.address, { operation: "large" });
    const [, outcome] = of(base, id);
    expect(outcome).toMatchObject({ stdout_bytes: 20_000_000 });
    expect(outcome).not.toHaveProperty("stdout_sha256");
  });

  it("records a denial with its reason, and starts nothing [promise 3]", async () => {
    await run(daemon.address, { operation: "mark", params: { x: "y" } });
    await run(daemon.address, { operation: "no_such" });
    await sendJson(daemon.address, { operation: "mark", token: "0".repeat(64) });
    await sendJson(daemon.address, { hello: 1 });
    const denied = records(base).filter(({ verdict }) => verdict === "deny");
    expect(denied.map(({ code, rule }) => [code, rule])).toEqual([
      ["param_unknown", "param_unknown"],
      ["operation_unknown", "operation_unknown"],
      ["unauthenticated", "unauthenticated"],
      ["request_unknown_type", "request_unknown_type"],
    ]);
    expect(marks(base)).toBe("");
  });

  it("holds no token and no key, and gives no token its records [promise 8, 11]", async () => {
    for (const name of ["audit", "audit_list", "audit_verify", "audit_head", "audit_export"]) {
      const reply = (await sendJson(daemon.address, { [name]: {}, token: TOKEN })) as OperationReply;
      expect(reply.code).toBe("request_unknown_type");
    }
    await list(daemon.address);
    const text = JSON.stringify(records(base));
    expect(text).not.toContain(TOKEN);
    const { keyFile } = places(base);
    for (const line of readFileSync(keyFile, "utf8")
      .split("\n")
      .filter((part) => part.length > 20 && !part.includes("-")))
      expect(text).not.toContain(line);
  });
});

describe("a daemon whose audit cannot be written", () => {
  it("runs nothing while its directory is away, and goes on when it is back [promise 4]", async () => {
    const base = audited();
    const daemon = await startDaemon(base);
    expect((await run(daemon.address, { operation: "mark" })).exit_code).toBe(0);
    renameSync(base.directory.audit, `${base.directory.audit}-away`);
    for (const operation of ["mark", "say"])
      expect(await run(daemon.address, { operation, params: operation === "say" ? { text: "x" } : {} })).toMatchObject({
        outcome: "failed",
        code: "audit_unavailable",
        exit_code: 1,
        stdout: "",
      });
    // A denial stands without a record: it starts nothing.
    expect(await run(daemon.address, { operation: "no_such" })).toMatchObject({ code: "operation_unknown" });
    expect(marks(base)).toBe("ran\n");
    mkdirSync(base.directory.audit, { mode: 0o700 });
    expect((await run(daemon.address, { operation: "mark" })).exit_code).toBe(0);
    expect(marks(base)).toBe("ran\nran\n");
    expect(records(base).filter(({ note }) => note === "interrupted")).toMatchObject([
      { refused: 2, denials_missing: 1 },
    ]);
    const said = JSON.stringify(daemon.lines);
    expect(said).toContain("the audit cannot be written");
    expect(said).toContain("the audit can be written again");
    await daemon.stop();
  });

  it("tells the agent nothing of the host's places", async () => {
    const base = audited();
    const daemon = await startDaemon(base);
    renameSync(base.directory.audit, `${base.directory.audit}-away`);
    expect(JSON.stringify(await run(daemon.address, { operation: "mark" }))).not.toContain(base.root);
    await daemon.stop();
  });

  it("runs nothing when somebody else writes to its file, once", async () => {
    const base = audited();
    const daemon = await startDaemon(base);
    const [name = ""] = readdirSync(base.directory.audit);
    appendFileSync(join(base.directory.audit, name), "{}\n");
    // The denial itself is the first record of a new file.
    expect(await run(daemon.address, { operation: "mark" })).toMatchObject({ code: "audit_unavailable" });
    expect(marks(base)).toBe("");
    expect((await run(daemon.address, { operation: "mark" })).exit_code).toBe(0);
    await daemon.stop();
    expect((await verifyLog(places(base))).damage).toMatchObject({ kind: "not_json", file: name });
  });

  describe.runIf(requireTools(["prlimit"]))("because the disk takes no more", () => {
    it("runs nothing, leaves no half record, and goes on when there is room [promise 4]", async () => {
      const base = audited();
      base.writeDaemon({ listen_mode: "unix", drain_timeout: 1 });
      const [program, ...words] = commandLine();
      // The largest file that the process may write: what it gets beyond it is an error, as from a full disk.
      const child = spawn(
        "/bin/sh",
        ["-c", 'ulimit -S -f 12; trap "" XFSZ; exec "$@"', "sh", program, ...words, "serve"],
        {
          env: { ...process.env, CMD2HOST_CONFIG_DIR: base.root, DAEMON_CONFIG: "" },
          stdio: ["ignore", "pipe", "inherit"],
        },
      );
      const exit = once(child, "exit");
      atEnd(() => {
        child.kill("SIGKILL");
      });
      const said: Buffer[] = [];
      child.stdout.on("data", (chunk: Buffer) => said.push(chunk));
      while (!Buffer.concat(said).includes("listening on")) await sleep(10);
      const address = { kind: "unix", path: base.directory.socket } as const;
      const client = new DaemonClient(address, TOKEN);
      let ran = 0;
      let reply = await client.run({ operation: "mark" });
      while (reply.code !== "audit_unavailable" && ran < 100) {
        ran++;
        reply = await client.run({ operation: "mark" });
      }
      expect(ran).toBeGreaterThan(2);
      expect(ran).toBeLessThan(100);
      expect(reply).toMatchObject({ outcome: "failed", code: "audit_unavailable" });
      expect(marks(base)).toBe("ran\n".repeat(ran));
      const whole = readFileSync(join(base.directory.audit, readdirSync(base.directory.audit)[0] ?? ""), "utf8");
      expect(whole.endsWith("}\n")).toBe(true);
      execFileSync(toolPath("prlimit"), ["--pid", String(child.pid), "--fsize=unlimited:unlimited"]);
      expect((await client.run({ operation: "mark" })).exit_code).toBe(0);
      child.kill("SIGTERM");
      expect(await exit).toEqual([0, null]);
      expect(marks(base)).toBe("ran\n".repeat(ran + 1));
      expect(await verifyLog(places(base))).toMatchObject({ damage: undefined, unsigned: 0 });
      const outcomes = records(base).filter(({ kind, operation }) => kind === "outcome" && operation === "mark");
      expect(outcomes).toHaveLength(ran + 1);
    });
  });
});

it("stops and resumes of the owner are in the audit, and at a start what holds then", async () => {
  const base = audited();
  const killSwitch = new KillSwitch(base.directory.stopped);
  killSwitch.stop("owner_repo", "Look at\u001b[2J the log");
  const daemon = await startDaemon(base);
  killSwitch.stop(undefined, "");
  killSwitch.resume("owner_repo");
  await daemon.stop();
  killSwitch.resume(undefined);
  const later = await startDaemon(base);
  await later.stop();
  const notes = records(base).filter(({ note }) => String(note).startsWith("operations_"));
  expect(notes.map(({ note, project, said }) => [note, project, said])).toEqual([
    ["operations_stopped", "owner_repo", "Look at\u001b[2J the log"],
    ["operations_stopped", undefined, undefined],
    ["operations_resumed", "owner_repo", undefined],
  ]);
  const [text = ""] = readdirSync(base.directory.audit).map((name) =>
    readFileSync(join(base.directory.audit, name), "utf8"),
  );
  expect(text).not.toContain("\u001b");
  expect((await verifyLog(places(base))).damage).toBeUndefined();
});

it("a daemon without an audit says so, and keeps none", async () => {
  const base = audited();
  const daemon = await startDaemon(base, { audit: { enabled: false } });
  expect((await run(daemon.address, { operation: "mark" })).exit_code).toBe(0);
  expect(readdirSync(base.directory.audit)).toEqual([]);
  expect(JSON.stringify(daemon.lines)).toContain("the audit is off");
  await daemon.stop();
});
