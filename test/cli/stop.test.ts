import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import type { OperationReply } from "../../wire/schema.ts";
import { defaultProject, TOKEN } from "../fixtures/base.ts";
import { list, run, sendJson } from "../fixtures/exchange.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { openScene, start, waiting, type Scene } from "./runs-scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});

async function say(): Promise<OperationReply> {
  return scene.agent.run({ operation: "say", params: { out: "x", err: "", code: "0" } });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("stop and resume", () => {
  it("deny everything of a project at once, end what runs there, and leave others alone", async () => {
    const own = await waiting(scene);
    const other = await waiting(scene, scene.other);
    const { exit, stdout } = await scene.host.run("stop", "--project=owner_repo", "--note=Look at the log");
    expect([exit, stdout]).toEqual([
      0,
      expect.stringMatching(
        /^Stopped owner_repo\.\nEnded 1 run, denied 0 that waited for approval\.\n {2}[0-9a-f]{8} say_and_wait in owner_repo\nGo on with: cmd2host resume --project=owner_repo\n$/,
      ),
    ]);
    expect((await scene.agent.status(own.run_id, 0)).run?.state).toBe("failed");
    expect(await say()).toMatchObject({
      outcome: "denied",
      code: "project_stopped",
      denied_reason: "the owner of the host stopped owner_repo: Look at the log",
    });
    expect((await list(scene.address)).code).toBe("project_stopped");
    expect((await scene.other.status(other.run_id, 0)).run?.state).toBe("running");
    expect((await scene.host.run("projects")).stdout).toContain("owner_repo (allowed) (stopped) Look at the log\n");
    expect((await scene.host.run("resume", "--project=owner_repo")).stdout).toBe("Goes on: owner_repo.\n");
    expect((await say()).exit_code).toBe(0);
  });

  it("end a program that does not want to, with everything that it started", async () => {
    const file = join(scene.files, "pids");
    await start(scene.agent, "ignore_term", { seconds: "60", file });
    while (!existsSync(file)) await sleep(10);
    const { exit } = await scene.host.run("stop", "--all");
    expect(exit).toBe(0);
    const runs = (await scene.host.json("runs", "--state=running")) as { readonly runs: readonly unknown[] };
    expect(runs.runs).toEqual([]);
    expect((await say()).code).toBe("project_stopped");
    const resumed = await scene.host.run("resume", "--all");
    expect(resumed.stdout).toBe("Goes on: everything.\n");
    expect((await say()).exit_code).toBe(0);
    expect(isAlive(process.pid)).toBe(true);
  });

  it("hold without a daemon, and when it is started again", async () => {
    await scene.running.stop();
    const { stdout } = await scene.host.run("stop", "--all");
    expect(stdout).toContain("No daemon runs; it holds when one is started.");
    expect((await scene.host.run("resume", "--project=owner_repo")).stdout).toBe(
      "Nothing was stopped.\nIt is still stopped by stop --all; see cmd2host resume --all.\n",
    );
  });

  it("deny what waits for a person", async () => {
    const { base } = scene;
    const path = makeRepo(join(tempDirectory(), "repo"));
    base.writeProject(
      "owner_repo",
      defaultProject(path, {
        allowed_operations: ["ask"],
        operations: { ask: { command: "/bin/echo", args_template: [], approval: "ask" } },
      }),
    );
    const asked = run(scene.address, { operation: "ask" });
    for (;;) {
      const { approvals } = (await scene.host.json("approvals")) as { readonly approvals: readonly unknown[] };
      if (approvals.length > 0) break;
      await sleep(5);
    }
    expect((await scene.host.run("stop", "--project=owner_repo")).stdout).toContain("denied 1 that waited");
    expect(await asked).toMatchObject({ outcome: "denied", code: "approval_denied" });
  });

  it("want to know what is meant", async () => {
    for (const words of [["stop"], ["stop", "--all", "--project=x"], ["resume"]])
      expect((await scene.host.run(...words)).stderr).toMatch(/say what is meant: --project ID, or --all/);
    expect((await scene.host.run("stop", "--project=nope")).stderr).toMatch(/there is no project nope/);
    expect((await scene.host.run("stop", "--project=../x")).exit).not.toBe(0);
  });

  it("are not for agents [promise 11]", async () => {
    for (const fields of [{ stop: true }, { resume: true }, { stop: { project: "owner_repo" } }])
      expect(await sendJson(scene.address, { ...fields, token: TOKEN })).toMatchObject({
        code: "request_unknown_type",
      });
  });
});

describe("limits of a project", () => {
  it("hold for its operations and its sessions", async () => {
    const path = makeRepo(join(tempDirectory(), "repo"));
    scene.base.writeProject(
      "owner_repo",
      defaultProject(path, {
        allowed_operations: ["once", "free", "bad"],
        operations: {
          once: { command: "/bin/echo", args_template: ["x"], limits: { per_day: 1 } },
          free: { command: "/bin/echo", args_template: ["x"] },
          bad: { command: "/nowhere/to/be/found", limits: { rate: { runs: 1, per_seconds: 3_600 } } },
        },
        session_limits: { rate: { runs: 3, per_seconds: 3_600 } },
      }),
    );
    const codes = [];
    // A program that cannot be found takes nothing.
    for (const operation of ["bad", "bad", "once", "once", "free", "free", "free"])
      codes.push((await run(scene.address, { operation })).code ?? "ran");
    expect(codes).toEqual([
      "command_not_found",
      "command_not_found",
      "ran",
      "budget_spent",
      "ran",
      "ran",
      "rate_limited",
    ]);
    await scene.running.stop();
    expect(existsSync(scene.base.directory.budgets)).toBe(true);
  });
});
