import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Approvals } from "../../host/approval/approvals.ts";
import { Engine } from "../../host/engine/handle.ts";
import { Budgets } from "../../host/limits/budgets.ts";
import { Metrics } from "../../host/metrics/metrics.ts";
import { Limits } from "../../host/limits/limits.ts";
import { SYSTEM_CLOCK } from "../../host/util/deadline.ts";
import { realWorkspace } from "../../host/engine/plan.ts";
import type { Rooms } from "../../host/engine/rooms.ts";
import type { Attached, RunResult } from "../../host/exec/run.ts";
import { compileProject } from "../../host/project/compile.ts";
import { Redaction } from "../../host/redact/redaction.ts";
import { RunStore } from "../../host/runs/run-store.ts";
import { CodedError } from "../../wire/errors.ts";
import type { Reply } from "../../wire/outcome.ts";
import { saying } from "../fixtures/said.ts";
import { encodeReply } from "../../wire/reply.ts";
import type { OperationTemplate } from "../../wire/schema.ts";
import { defaultProject } from "../fixtures/base.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const repo = makeRepo(join(tempDirectory(), "repo"));
const peer = { transport: "internal", id: "test" } as const;
const good: RunResult = {
  reason: "exited",
  exitCode: 0,
  signal: undefined,
  stdout: saying("out"),
  stderr: saying("err"),
  maybeDetached: false,
};

/** A run that writes what is in its result. */
async function run(result: RunResult, { output }: Attached): Promise<RunResult> {
  await output.write("stdout", result.stdout.bytes);
  await output.write("stderr", result.stderr.bytes);
  return result;
}

interface Bench {
  readonly engine: Engine;
  /** What happened to the staged file, and what was reported as a bug. */
  readonly events: string[];
}

/** An engine whose rooms are given here: what is tested is what it does when one of them fails. */
function engineWith(operation: OperationTemplate, changes: Partial<Rooms> = {}): Bench {
  const events: string[] = [];
  const config = defaultProject(repo, { allowed_operations: ["op"], operations: { op: operation } });
  const { project } = compileProject("owner_repo", Buffer.from(JSON.stringify(config)), "f");
  const rooms: Rooms = {
    authenticate: () => ({ id: "00000000", key: "0".repeat(64), projectId: "owner_repo", repo: "owner/repo" }),
    resolveProject: () => project,
    targetTags: async () => Promise.resolve([]),
    inspectWorkspace: () => ({
      gitDir: join(repo, ".git"),
      commonDir: join(repo, ".git"),
      originUrl: "git@github.com:owner/repo.git",
      config: [],
      objectFormat: "sha1",
      refFormat: "files",
      partialCloneOf: undefined,
      findings: [],
    }),
    searchPath: () => "/usr/bin:/bin",
    stage: () => ({
      path: "/staged",
      finalize: () => {
        events.push("finalized");
      },
      discard: () => {
        events.push("discarded");
      },
    }),
    copyIn: async () => Promise.reject(new Error("no operation here has an input file")),
    dry: {
      stage: () => {
        throw new Error("nothing is explained here");
      },
      copyIn: async () => Promise.reject(new Error("nothing is explained here")),
    },
    execute: async (_work, _signal, attached) => run(good, attached),
    serveMcp: async () => Promise.resolve(good),
    runs: new RunStore(
      tempDirectory(),
      () => ({ maxBytes: 1_000, maxRunBytes: 1_000, maxAgeMs: 1_000, maxBackground: 1 }),
      () => undefined,
    ),
    approvals: new Approvals(() => 1_000),
    limits: new Limits(new Budgets(join(tempDirectory(), "budgets"), SYSTEM_CLOCK, () => undefined)),
    stats: () => new Metrics().stats({ running: 0, sessions: 0, pendingApprovals: 0 }),
    decidedIn: () => undefined,
    page: {
      open: async () => Promise.reject(new Error("nobody here asks for the page")),
      stop: async () => Promise.resolve(false),
    },
    audit: { decided: () => undefined, ended: () => undefined },
    redaction: new Redaction(new Map()),
    reportBug: (error) => {
      events.push(`bug: ${String(error)}`);
    },
    ownPaths: [],
    settings: {
      hostEnvironment: new Map(),
      defaultTimeoutMs: 1_000,
      maxTimeoutMs: 1_000,
      graceMs: 10,
      maxStdoutBytes: 10,
      maxStderrBytes: 10,
      maxOutputBytes: 10,
      maxStdinBytes: 10,
    },
    ...changes,
  };
  return { engine: new Engine(rooms), events };
}

const plain: OperationTemplate = { command: "/bin/true" };
const output: OperationTemplate = {
  command: "/bin/true",
  args_template: ["{file}"],
  params: { file: { type: "workspace_path" } },
};
const writeX = { operation: "op", params: { file: "x" }, token: "t" };

async function ask(bench: Bench, message: object, signal = new AbortController().signal): Promise<Reply> {
  return bench.engine.handle(message, peer, signal);
}

describe("the engine", () => {
  it("answers a bug as internal, with an id that is in the report, and says nothing of it to the client", async () => {
    const bench = engineWith(plain, {
      resolveProject: () => {
        throw new TypeError("secret detail");
      },
    });
    const reply = await ask(bench, { operation: "op", token: "t" });
    expect(reply).toMatchObject({ shape: "operation", outcome: { kind: "failed", code: "internal", exitCode: 1 } });
    expect(JSON.stringify(reply)).not.toContain("secret detail");
    expect(bench.events).toEqual(["bug: TypeError: secret detail"]);
    const list = await ask(bench, { list_operations: true, token: "t" });
    expect(list).toMatchObject({ shape: "list", error: { code: "internal" } });
  });

  it("runs nothing when the decision cannot be recorded, and leaves no staged file", async () => {
    const ran: string[] = [];
    const bench = engineWith(output, {
      audit: {
        decided: ({ verdict }) => {
          if (verdict === "permit") throw new CodedError("internal", "the record cannot be written");
        },
        ended: () => undefined,
      },
      execute: async () => {
        ran.push("ran");
        return Promise.resolve(good);
      },
    });
    expect(await ask(bench, writeX)).toMatchObject({ outcome: { kind: "failed", code: "internal" } });
    expect(ran).toEqual([]);
    expect(bench.events).toEqual(["discarded"]);
  });

  it("leaves no staged file when the program cannot be started, or the plan cannot be made", async () => {
    const spawn = engineWith(output, { execute: async () => Promise.reject(new CodedError("spawn_failed", "no")) });
    expect(await ask(spawn, writeX)).toMatchObject({ outcome: { kind: "failed", code: "spawn_failed" } });
    const bug = engineWith(output, { execute: async () => Promise.reject(new TypeError("x")) });
    expect(await ask(bug, writeX)).toMatchObject({ outcome: { kind: "failed", code: "internal" } });
    const command = engineWith({ ...output, command: "/nonexistent/program" });
    expect(await ask(command, writeX)).toMatchObject({
      outcome: { kind: "failed", code: "command_not_found", exitCode: 127 },
    });
    expect([spawn.events, bug.events, command.events]).toEqual([
      ["discarded"],
      ["discarded", "bug: TypeError: x"],
      ["discarded"],
    ]);
  });

  it("says when the output file could not be put in place, and keeps what the program said", async () => {
    const stage = (error: Error): Partial<Rooms> => ({
      stage: () => ({
        path: "/staged",
        finalize: () => {
          throw error;
        },
        discard: () => undefined,
      }),
    });
    const coded = engineWith(output, stage(new CodedError("output_finalize_failed", "a directory stands there")));
    const reply = await ask(coded, writeX);
    expect(reply).toMatchObject({ outcome: { kind: "failed", code: "output_finalize_failed", exitCode: 1 } });
    if (reply.shape !== "operation" || reply.outcome.kind !== "failed") throw new Error("not failed");
    expect(reply.outcome.stdout.bytes.toString()).toBe("out");
    expect(reply.outcome.stderr.bytes.toString()).toBe("err");
    expect(JSON.parse(encodeReply(reply).toString())).toMatchObject({
      stderr: "err\ncmd2host: post-run finalize failed: a directory stands there\n",
    });
    const bug = engineWith(output, stage(new TypeError("x")));
    expect(await ask(bug, writeX)).toMatchObject({ outcome: { kind: "failed", code: "internal" } });
  });

  it("lets an operation that must finish do so when its client goes away, but not when the daemon stops", async () => {
    const seen: AbortSignal[] = [];
    const changes: Partial<Rooms> = {
      execute: async (_work, signal) => {
        seen.push(signal);
        return Promise.resolve(good);
      },
    };
    const bench = engineWith({ ...plain, on_disconnect: "finish" }, changes);
    for (const reason of ["disconnected", "cancelled", "shutting_down"] as const) {
      const early = new AbortController();
      early.abort(reason);
      await ask(bench, { operation: "op", token: "t" }, early.signal);
      const late = new AbortController();
      await ask(bench, { operation: "op", token: "t" }, late.signal);
      late.abort(reason);
    }
    expect(seen.map(({ aborted }) => aborted)).toEqual([false, false, true, true, true, true]);
    const cancel = engineWith(plain, changes);
    const client = new AbortController();
    await ask(cancel, { operation: "op", token: "t" }, client.signal);
    client.abort("disconnected");
    expect(seen.at(-1)?.reason).toBe("cancelled");
  });

  it("survives a run in the background whose ending cannot be recorded, and reports it", async () => {
    const bench = engineWith(plain, {
      audit: {
        decided: () => undefined,
        ended: () => {
          throw new Error("the disk is full");
        },
      },
    });
    const reply = await ask(bench, { operation: "op", background: true, token: "t" });
    expect(reply).toMatchObject({ shape: "run", run: { operation: "op", background: true } });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(bench.events).toContain("bug: Error: the disk is full");
  });

  it("tells when processes may be left that cannot be found", async () => {
    const result: RunResult = { ...good, reason: "timed_out", exitCode: 124, maybeDetached: true };
    const reply = await ask(engineWith(plain, { execute: async (_work, _signal, attached) => run(result, attached) }), {
      operation: "op",
      token: "t",
    });
    expect(reply).toMatchObject({
      outcome: { code: "timed_out", notice: expect.stringContaining("cannot be found") as string },
    });
  });
});

describe("the real path of a workspace", () => {
  it("is the configured one when it is gone, and an error when it cannot be told", () => {
    const directory = tempDirectory();
    expect(realWorkspace(join(directory, "gone"))).toBe(join(directory, "gone"));
    mkdirSync(join(directory, "d"));
    writeFileSync(join(directory, "d/file"), "");
    expect(() => realWorkspace(join(directory, "d/file/below"))).toThrow("ENOTDIR");
  });
});

describe("the page", () => {
  it("that cannot be opened because of a bug is an internal error, which gives nothing away", async () => {
    const made = engineWith(plain);
    const owner = { transport: "owner", id: "owner" } as const;
    const reply = await made.engine.handle({ page: {}, token: "t" }, owner, new AbortController().signal);
    expect(reply).toMatchObject({ error: { code: "internal" } });
    expect(made.events).toEqual(["bug: Error: nobody here asks for the page"]);
  });
});
