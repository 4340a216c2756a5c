import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { asOwner } from "../../host/cli/owner-client.ts";
import { TokenStore } from "../../host/auth/token-store.ts";
import { blake3Hex } from "../../host/util/hash.ts";
import { DaemonClient } from "../../wire/client.ts";
import type { AnswerKind } from "../../wire/names.ts";
import type { OperationReply, OutcomeFields, PendingApproval } from "../../wire/schema.ts";
import { Base, defaultProject, TOKEN } from "../fixtures/base.ts";
import { startDaemon, type RunningDaemon } from "../fixtures/daemon.ts";
import { connect, run, sendJson } from "../fixtures/exchange.ts";
import { FrameTalk, requestBytes } from "../fixtures/frame-talk.ts";
import { git, makeRepo } from "../fixtures/repo.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";

const programs = fixturePrograms();

/** A daemon whose operations ask a person, the owner who answers, and a file that shows what ran. */
class Scene {
  readonly base = new Base();
  readonly repo = makeRepo(join(tempDirectory(), "repo"));
  readonly mark = join(tempDirectory(), "mark");
  running!: RunningDaemon;

  config(timeout = 300): object {
    const text = { type: "string", allow_leading_dash: true } as const;
    return defaultProject(this.repo, {
      allowed_operations: ["mark", "sometimes", "send", "show", "free", "push"],
      operations: {
        mark: {
          command: join(programs, "touch-file"),
          args_template: [`${this.mark}-{name}`],
          params: { name: { type: "string" } },
          description: "Touches a file",
          approval: { says: "Touches the mark {name}", timeout },
        },
        sometimes: {
          command: "/bin/echo",
          args_template: ["{name}"],
          params: { name: text },
          approval: {
            says: "{name}",
            when: [{ param: "name", pattern: "danger" }],
            answers: ["once", "operation"],
            timeout,
          },
        },
        send: { command: "/bin/cat", args_template: [], stdin: "optional", approval: { says: "Sends it", timeout } },
        show: {
          command: "/bin/cat",
          args_template: ["{file}"],
          params: { file: { type: "workspace_path", direction: "input" } },
          approval: { timeout },
        },
        push: {
          command: "git",
          args_template: ["push", "{expected_git_url}", "HEAD:refs/heads/ai/x"],
          profile: "git_remote_strict",
          approval: { timeout },
        },
        free: { command: "/bin/echo", args_template: ["free"] },
      },
      constraints: { branch_allow: ["ai/.+"] },
    });
  }

  write(timeout?: number): void {
    this.base.writeProject("owner_repo", JSON.stringify(this.config(timeout)));
  }

  async start(timeout?: number): Promise<this> {
    this.write(timeout);
    this.base.writeToken(TOKEN, { repo: "owner/repo" });
    this.running = await startDaemon(this.base);
    return this;
  }

  get client(): DaemonClient {
    return new DaemonClient(this.running.address, TOKEN);
  }

  async call(operation: string, params: object = {}): Promise<OperationReply> {
    return run(this.running.address, { operation, params });
  }

  async waiting(count = 1): Promise<PendingApproval> {
    for (;;) {
      const { approvals } = await asOwner(this.base.directory, async (owner) => owner.approvals("", 0));
      const last = approvals.at(-1);
      if (approvals.length >= count && last !== undefined) return last;
      await sleep(5);
    }
  }

  async answer(pending: PendingApproval, answer: AnswerKind, more: { note?: string; seconds?: number } = {}) {
    return asOwner(this.base.directory, async (owner) => owner.answer(pending.id, { answer, ...more }));
  }

  /** What the audit has of one decision. */
  recorded(id: string): readonly unknown[] {
    return readdirSync(this.base.directory.audit)
      .filter((name) => name.endsWith(".jsonl"))
      .flatMap((name) => readFileSync(join(this.base.directory.audit, name), "utf8").split("\n"))
      .filter((line) => line.includes(`"id":"${id}"`))
      .map((line) => JSON.parse(line) as unknown);
  }

  marked(name: string): boolean {
    return existsSync(`${this.mark}-${name}`);
  }
}

let scene: Scene;
beforeEach(async () => {
  scene = await new Scene().start();
});

describe("an operation that asks", () => {
  it("runs when a person has allowed it, and not before", async () => {
    const reply = scene.call("mark", { name: "a" });
    const pending = await scene.waiting();
    expect(pending).toMatchObject({
      project: "owner_repo",
      operation: "mark",
      says: "Touches the mark a",
      why: "always asked",
      program: join(programs, "touch-file"),
      argv: [join(programs, "touch-file"), `${scene.mark}-a`],
      cwd: scene.repo,
      repo: "owner/repo",
      session: blake3Hex(TOKEN).slice(0, 8),
      route: "mcp",
      answers: ["once", "call", "operation"],
    });
    expect(JSON.stringify(pending)).not.toContain(TOKEN);
    expect(scene.marked("a")).toBe(false);
    await scene.answer(pending, "once");
    expect((await reply).exit_code).toBe(0);
    expect(scene.marked("a")).toBe(true);
    // The decision, the call that waited and the run have one id.
    expect((await reply).run_id).toBe(pending.id);
    expect(scene.recorded(pending.id)).toMatchObject([
      {
        kind: "decision",
        verdict: "permit",
        rule: `approval:${pending.id}`,
        approver: "terminal",
        argv: pending.argv,
        cwd: scene.repo,
      },
      { kind: "outcome", outcome: "completed", exit_code: 0 },
    ]);
  });

  it("is said in the operation's own words", async () => {
    const said: string[] = [];
    for (const [operation, params] of [
      ["sometimes", { name: "a danger" }],
      ["send", {}],
    ] as const) {
      const reply = scene.call(operation, params);
      const pending = await scene.waiting();
      said.push(pending.says);
      await scene.answer(pending, "deny");
      await reply;
    }
    expect(said).toEqual(["a danger", "Sends it"]);
  });

  it("does not run when that person says no, and the note reaches the agent [promise 3]", async () => {
    const reply = scene.call("mark", { name: "a" });
    const pending = await scene.waiting();
    await scene.answer(pending, "deny", { note: "Not on a Friday." });
    expect(await reply).toMatchObject({
      outcome: "denied",
      code: "approval_denied",
      denied_reason: "mark was not allowed (by terminal): Not on a Friday.",
    });
    expect(scene.marked("a")).toBe(false);
    expect(scene.recorded(pending.id)).toMatchObject([
      { verdict: "deny", rule: "approval_denied", approver: "terminal", argv: pending.argv },
    ]);
    expect(scene.running.lines.filter(({ event }) => event === "denied")).toMatchObject([
      { fields: { code: "approval_denied", operation: "mark" } },
    ]);
  });

  it("does not run when nobody answers", async () => {
    scene.write(1);
    expect(await scene.call("mark", { name: "a" })).toMatchObject({ outcome: "denied", code: "approval_timeout" });
    expect(scene.marked("a")).toBe(false);
  });

  it("is asked about every time after a single answer", async () => {
    for (const name of ["a", "a"]) {
      const reply = scene.call("mark", { name });
      await scene.answer(await scene.waiting(), "once");
      expect((await reply).exit_code).toBe(0);
    }
  });

  it("is not asked about when its conditions do not hold, and costs nobody anything", async () => {
    expect((await scene.call("sometimes", { name: "calm" })).stdout).toBe("calm\n");
    const reply = scene.call("sometimes", { name: "danger" });
    expect(await scene.waiting()).toMatchObject({ why: 'name is "danger"', answers: ["once", "operation"] });
    await expect(scene.answer(await scene.waiting(), "call")).rejects.toThrow(/does not let sometimes be allowed/);
    await scene.answer(await scene.waiting(), "once");
    expect((await reply).stdout).toBe("danger\n");
  });

  it("tells a client that streams what it waits for", async () => {
    const said: string[] = [];
    const outcome = scene.client.stream(
      { operation: "mark", params: { name: "a" } },
      { output: { write: () => undefined }, notice: ({ text, code }) => said.push(`${code ?? ""} ${text}`) },
    );
    await scene.answer(await scene.waiting(), "once");
    expect((await outcome).outcome).toBe("completed");
    expect(said).toEqual([
      expect.stringMatching(
        /^approval_pending waiting for a person to allow mark, until \d\d:\d\d:\d\d UTC \([0-9a-f]{8}\)$/,
      ),
    ]);
  });

  it("is withdrawn when its client goes", async () => {
    const socket = await connect(scene.running.address);
    socket.write(requestBytes({ protocol: 2, operation: "mark", params: { name: "a" }, token: TOKEN }));
    const pending = await scene.waiting();
    socket.destroy();
    for (;;) {
      const { approvals } = await asOwner(scene.base.directory, async (owner) => owner.approvals("", 0));
      if (approvals.length === 0) break;
      await sleep(5);
    }
    await expect(scene.answer(pending, "once")).rejects.toThrow(/nothing waits/);
    expect(scene.marked("a")).toBe(false);
  });

  it("holds back only itself: others run meanwhile", async () => {
    const reply = scene.call("mark", { name: "a" });
    await scene.waiting();
    expect((await scene.call("free")).stdout).toBe("free\n");
    await scene.answer(await scene.waiting(), "deny");
    await reply;
  });

  it("is denied at once when the daemon stops", async () => {
    const reply = scene.call("mark", { name: "a" });
    await scene.waiting();
    await scene.running.stop();
    expect(await reply).toMatchObject({ code: "shutting_down" });
    expect(scene.marked("a")).toBe(false);
  });
});

describe("what a person allowed", () => {
  const input = (text: string): void => {
    writeFileSync(join(scene.repo, "file.txt"), text);
  };

  it("reads the file that they saw, or does not run [promise 2]", async () => {
    input("good");
    const good = scene.call("show", { file: "file.txt" });
    const pending = await scene.waiting();
    expect(pending.inputs).toEqual([
      { param: "file", path: "file.txt", bytes: 4, sha256: createHash("sha256").update("good").digest("hex") },
    ]);
    expect(pending.argv).toEqual(["/bin/cat", "file.txt"]);
    // While a person thinks, no copy lies about.
    expect(readdirSync(scene.base.directory.staging)).toEqual([]);
    await scene.answer(pending, "once");
    expect((await good).stdout).toBe("good");

    const swapped = scene.call("show", { file: "file.txt" });
    const other = await scene.waiting();
    input("evil");
    await scene.answer(other, "once");
    expect(await swapped).toMatchObject({ code: "approval_stale", outcome: "denied", stdout: "" });
    expect((await swapped).denied_reason).toContain("inputs");
    expect(readdirSync(scene.base.directory.staging)).toEqual([]);
  });

  it("pushes the commit that they saw, or does not run [promise 2]", async () => {
    const reply = scene.call("push");
    const pending = await scene.waiting();
    expect(pending.commit).toBe(git(scene.repo, "rev-parse", "HEAD").trim());
    git(scene.repo, "commit", "--allow-empty", "-m", "another");
    await scene.answer(pending, "once");
    expect(await reply).toMatchObject({ code: "approval_stale" });
    expect((await reply).denied_reason).toContain("commit");
  });

  it("runs with the configuration that they saw, or not at all [promise 2]", async () => {
    const reply = scene.call("mark", { name: "a" });
    const pending = await scene.waiting();
    scene.write(29);
    await scene.answer(pending, "once");
    expect(await reply).toMatchObject({ code: "approval_stale" });
    const unapproved = scene.call("mark", { name: "a" });
    const second = await scene.waiting();
    scene.base.writeProject("owner_repo", JSON.stringify(scene.config(28)), false);
    await scene.answer(second, "once");
    expect(await unapproved).toMatchObject({ code: "config_not_allowed" });
    expect(scene.marked("a")).toBe(false);
  });

  it("runs for a session that still is one, or not at all", async () => {
    const reply = scene.call("mark", { name: "a" });
    const pending = await scene.waiting();
    await new TokenStore(scene.base.directory.tokens).revoke([blake3Hex(TOKEN)]);
    // Unless the daemon has noticed before.
    await scene.answer(pending, "once").catch(() => undefined);
    expect(["unauthenticated", "approval_denied"]).toContain((await reply).code);
    expect(scene.marked("a")).toBe(false);
  });

  it("reads the standard input that they saw", async () => {
    const out: Buffer[] = [];
    const send = async (text: string): Promise<OutcomeFields> =>
      scene.client.stream(
        { operation: "send" },
        {
          output: { write: (_, bytes) => void out.push(Buffer.from(bytes)) },
          stdin: Readable.from([Buffer.from(text)]),
        },
      );
    const first = send("hello");
    const pending = await scene.waiting();
    expect(pending.stdin).toEqual({ bytes: 5, sha256: createHash("sha256").update("hello").digest("hex") });
    await scene.answer(pending, "call");
    expect((await first).outcome).toBe("completed");
    // The same again needs nobody; another input does.
    expect((await send("hello")).outcome).toBe("completed");
    const other = send("other");
    await scene.answer(await scene.waiting(), "deny");
    expect((await other).code).toBe("approval_denied");
    expect(Buffer.concat(out).toString()).toBe("hellohello");
  });

  it("is decided again when standard input was waited for, although a grant lets it through [promise 2]", async () => {
    const send = (stdin: Readable) => {
      const out: Buffer[] = [];
      let accepted = (): void => undefined;
      const isRead = new Promise<void>((resolve) => (accepted = resolve));
      const output = { write: (_: string, bytes: Buffer) => void out.push(Buffer.from(bytes)) };
      const ended = scene.client.stream({ operation: "send" }, { output, stdin, accepted });
      return { ended, out, isRead };
    };
    const first = send(Readable.from([Buffer.from("hello")]));
    await scene.answer(await scene.waiting(), "operation");
    expect((await first.ended).outcome).toBe("completed");
    const calm = send(Readable.from([Buffer.from("again")]));
    expect((await calm.ended).outcome).toBe("completed");
    expect(Buffer.concat(calm.out).toString()).toBe("again");

    for (const [change, code] of [
      [
        () => {
          scene.write(26);
        },
        "approval_stale",
      ],
      [
        (): unknown => scene.base.writeProject("owner_repo", JSON.stringify(scene.config(25)), false),
        "config_not_allowed",
      ],
    ] as const) {
      scene.write();
      const slow = new PassThrough();
      const { ended, out, isRead } = send(slow);
      slow.write("half ");
      await isRead;
      change();
      slow.end("whole");
      expect(await ended).toMatchObject({ outcome: "denied", code });
      expect(out).toEqual([]);
    }
  });

  it("does not take more standard input than a person can be shown the digest of", async () => {
    const reply = await scene.client.stream(
      { operation: "send" },
      { output: { write: () => undefined }, stdin: Readable.from([Buffer.alloc(1_048_577)]) },
    );
    expect(reply).toMatchObject({ outcome: "denied", code: "approval_input_refused" });
  });
});

describe("a grant", () => {
  it("for an operation holds for its session and time, is listed, and can be taken back", async () => {
    const first = scene.call("mark", { name: "a" });
    const [grant] = await scene.answer(await scene.waiting(), "operation", { seconds: 600 });
    await first;
    expect((await scene.call("mark", { name: "b" })).exit_code).toBe(0);
    const grants = await asOwner(scene.base.directory, async (owner) => owner.grants());
    expect(grants).toMatchObject([{ id: grant?.id, operation: "mark", uses: 1, by: "terminal" }]);
    expect(JSON.stringify(grants)).not.toContain(blake3Hex(TOKEN));
    const which = { ids: [grant?.id ?? ""], project: undefined, session: undefined, all: false };
    expect(await asOwner(scene.base.directory, async (owner) => owner.revokeGrants(which))).toHaveLength(1);
    const again = scene.call("mark", { name: "c" });
    await scene.answer(await scene.waiting(), "deny");
    expect((await again).code).toBe("approval_denied");
  });

  it("is for the token that it was given to", async () => {
    const other = "a".repeat(64);
    scene.base.writeToken(other, { repo: "owner/repo" });
    const first = scene.call("mark", { name: "a" });
    await scene.answer(await scene.waiting(), "operation");
    await first;
    const stranger = run(scene.running.address, { operation: "mark", params: { name: "a" }, token: other });
    await scene.answer(await scene.waiting(), "deny");
    expect((await stranger).code).toBe("approval_denied");
  });

  it("does not outlive a change of the configuration", async () => {
    const first = scene.call("mark", { name: "a" });
    await scene.answer(await scene.waiting(), "operation");
    await first;
    scene.write(27);
    const again = scene.call("mark", { name: "a" });
    await scene.answer(await scene.waiting(), "deny");
    expect((await again).code).toBe("approval_denied");
  });
});

describe("an agent that wants to approve itself", () => {
  it("is nobody on every way in, whatever it sends [promise 11]", async () => {
    const reply = scene.call("mark", { name: "a" });
    const pending = await scene.waiting();
    const attempts: readonly object[] = [
      { answer_approval: pending.id, answer: "once" },
      { answer_approval: pending.id, answer: "operation", seconds: 1 },
      { list_approvals: "" },
      { list_grants: true },
      { revoke_grants: [], all: true },
      { answer_approval: pending.id, answer: "once", operation: "mark", params: { name: "a" } },
    ];
    const sent = attempts.flatMap((attempt) => [
      { ...attempt, token: TOKEN },
      { protocol: 2, ...attempt, token: TOKEN },
      attempt,
    ]);
    await Promise.all(
      sent.map(async (fields) => {
        const { code, ...rest } = (await sendJson(scene.running.address, fields)) as { readonly code?: string };
        expect([code, JSON.stringify(rest)]).toEqual([
          "unauthenticated",
          expect.not.stringContaining(scene.mark) as string,
        ]);
        const talk = await FrameTalk.open(scene.running.address);
        talk.socket.write(requestBytes({ protocol: 2, ...fields }));
        expect(JSON.stringify(await talk.ended)).toContain("unauthenticated");
      }),
    );
    expect(scene.marked("a")).toBe(false);
    expect((await scene.waiting()).id).toBe(pending.id);
    await scene.answer(pending, "deny");
    await reply;
  }, 60_000);
});
