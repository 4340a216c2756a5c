import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { DaemonClient } from "../../wire/client.ts";
import { exchange } from "../../wire/client-exchange.ts";
import type { OperationTemplate, OutcomeFields } from "../../wire/schema.ts";
import { defaultBase, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { ADMIN_KEY, machineProject, READER_KEY, startAgent, startFleet } from "../fixtures/fleet.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";
import { Gathered } from "../contract/routes.ts";

const CAREFUL = "c".repeat(32);
const { gateway, agents } = await startFleet(
  { web1: { tags: ["web"] }, db1: { tags: ["db"], agent: { lease: 2, max_concurrent: 2 } } },
  {
    agent: "max_concurrent_per_target = 3",
    tables: `
[[callers]]
name = "careful"
key = "${CAREFUL}"
targets = ["*1"]
operations = ["say", "shell"]
approval = ["shell"]
rate = { runs = 3, per_secs = 600 }
`,
  },
);
const admin = gateway.client(ADMIN_KEY);
const reader = gateway.client(READER_KEY);

async function shell(client: DaemonClient, command: string): Promise<{ outcome: OutcomeFields; stdout: string }> {
  const output = new Gathered();
  const outcome = await client.stream({ operation: "shell", params: { command } }, { output });
  return { outcome, stdout: output.text("stdout") };
}

function records(directory: string): readonly Readonly<Record<string, unknown>>[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".jsonl"))
    .flatMap((name) => readFileSync(join(directory, name), "utf8").trim().split("\n"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("a call through a gateway", () => {
  it("is recorded on both ends under one id, with its caller and its target", async () => {
    const { outcome, stdout } = await shell(admin.on("web1"), "echo hello; exit 3");
    expect([stdout, outcome.exit_code]).toEqual(["hello\n", 3]);
    const here = records(join(gateway.directory, "state/audit")).filter(({ id }) => id === outcome.run_id);
    const there = records(agents[0]?.base.directory.audit ?? "").filter(({ id }) => id === outcome.run_id);
    const common = { caller: "admin", target: "web1", operation: "shell", verdict: "permit" };
    expect(here).toMatchObject([
      { kind: "decision", ...common, argv: ["shell", "echo hello; exit 3"] },
      { kind: "outcome", exit_code: 3 },
    ]);
    expect(there).toMatchObject([
      { kind: "decision", transport: "link", ...common },
      { kind: "outcome", exit_code: 3 },
    ]);
  });

  it("is denied for a target that the caller may not use, as one that there is not", async () => {
    const denials = await Promise.all(
      ["db1", "nowhere"].map(async (name) => reader.on(name).run({ operation: "uptime" })),
    );
    expect(denials.map(({ code }) => code)).toEqual(["target_unknown", "target_unknown"]);
    expect(denials.map(({ denied_reason: why }) => why)).toEqual([
      'there is no target "db1"',
      'there is no target "nowhere"',
    ]);
    expect(records(join(gateway.directory, "state/audit"))).toContainEqual(
      expect.objectContaining({ verdict: "deny", caller: "reader", target: "db1", code: "target_unknown" }),
    );
  });

  it("is denied for an operation that the caller may not call, whichever way it is asked for", async () => {
    const web = reader.on("web1");
    expect((await shell(web, "id")).outcome).toMatchObject({ outcome: "denied", code: "caller_not_allowed" });
    expect(await web.run({ operation: "cat" })).toMatchObject({ code: "caller_not_allowed" });
    const output = new Gathered();
    expect(await web.stream({ argv: ["uptime"] }, { output })).toMatchObject({ exit_code: 0 });
    const typed = await web.stream({ argv: ["sh", "-c", "--", "id"] }, { output });
    expect(typed.outcome).toBe("denied");
    expect(await web.describe("shell")).toMatchObject({ code: "caller_not_allowed" });
    expect((await web.list("")).operations?.map(({ id }) => id).sort()).toEqual(["say", "uptime"]);
    expect(await web.explain({ operation: "shell", params: { command: "id" } })).toMatchObject({
      code: "caller_not_allowed",
    });
  });

  it("lets a caller see its own runs only", async () => {
    const { outcome } = await shell(admin.on("web1"), "echo secret-of-admin");
    const runId = outcome.run_id ?? "";
    expect((await admin.on("web1").read({ runId })).page?.text).toBe("secret-of-admin\n");
    expect(await reader.on("web1").read({ runId })).toMatchObject({ code: "run_unknown" });
    expect(await reader.on("web1").cancel(runId)).toMatchObject({ code: "run_unknown" });
  });

  it("is refused when as many run on the target as may", async () => {
    const stop = new AbortController();
    const running = [1, 2].map(async () => {
      const output = new Gathered();
      return admin
        .on("db1")
        .stream({ operation: "shell", params: { command: "sleep 60" } }, { output, signal: stop.signal });
    });
    // The agent's own limit is 2, the gateway's 3.
    let third: OutcomeFields;
    do third = (await shell(admin.on("db1"), "true")).outcome;
    while (third.outcome === "completed");
    expect(third).toMatchObject({ outcome: "denied", code: "agent_full" });
    stop.abort();
    for (const { outcome, code } of await Promise.all(running))
      expect([outcome, code]).toEqual(["failed", "cancelled"]);
  });

  it("waits for a person where the caller needs one, and is limited in its rate", async () => {
    const careful = gateway.client(CAREFUL).on("web1");
    const socket = { kind: "unix", path: join(gateway.directory, "state/daemon.lock") } as const;
    const ask = async (request: object): Promise<Readonly<Record<string, unknown>>> =>
      JSON.parse((await exchange(socket, request, 10_000, undefined)).toString("utf8")) as Record<string, unknown>;
    const running = shell(careful, "echo allowed");
    let pending: readonly { readonly id: string; readonly operation: string }[] = [];
    while (pending.length === 0) pending = (await ask({ list_approvals: "" }))["approvals"] as typeof pending;
    expect(pending).toMatchObject([
      { operation: "shell", session: "careful", repo: "web1", argv: ["shell", "echo allowed"] },
    ]);
    expect(await ask({ answer_approval: pending[0]?.id, answer: "once" })).not.toHaveProperty("error");
    expect((await running).stdout).toBe("allowed\n");
    expect(await ask({ list_runs: true })).toMatchObject({ code: "request_unknown_type" });
    const denied = shell(careful, "echo no");
    do pending = (await ask({ list_approvals: "" }))["approvals"] as typeof pending;
    while (pending.length === 0);
    await ask({ answer_approval: pending[0]?.id, answer: "deny", note: "not now" });
    expect((await denied).outcome).toMatchObject({ outcome: "denied", code: "approval_denied" });
    for (const text of ["1", "2"]) await careful.run({ operation: "say", params: { text } });
    expect(await careful.run({ operation: "say", params: { text: "3" } })).toMatchObject({ code: "rate_limited" });
  });

  it("goes on in the background, and can be looked up", async () => {
    const started = await admin.on("web1").start({ operation: "shell", params: { command: "sleep 0.2; echo later" } });
    if (started.kind !== "started") throw new Error("not started");
    const { run } = await admin.on("web1").status(started.run.run_id, 20);
    expect(run).toMatchObject({ state: "completed", exit_code: 0 });
  });

  it("answers nothing but what is about operations", async () => {
    const { address } = { address: admin.on("web1") };
    expect((await address.page({})).error).toContain("Unknown request type");
  });
});

describe("an operation of a host that runs on a machine of the fleet", () => {
  const fleet = (more: object): OperationTemplate => ({
    fleet: { target: "{target}", operation: "say", params: { text: "{text}" }, ...more },
    params: { target: { type: "string" }, text: { type: "string" } },
    description: "Says something there.",
  });
  const operations: Readonly<Record<string, OperationTemplate>> = {
    by_name: fleet({ targets: ["web*"] }),
    by_tag: fleet({ tags: ["db"] }),
    fixed: { fleet: { target: "web1", operation: "uptime" } },
    chosen: {
      fleet: { target: "{target}", operation: "say", params: { text: "to {target}" } },
      params: { target: { type: "enum", enum: ["web1", "db1"] } },
    },
    failing: { fleet: { target: "web1", operation: "shell", params: { command: "echo out; exit 4" } } },
    piped: { fleet: { target: "web1", operation: "cat" }, stdin: "required" },
    unknown: { fleet: { target: "nowhere", operation: "uptime" } },
  };
  const keyFile = join(tempDirectory(), "key");
  writeFileSync(keyFile, `${ADMIN_KEY}\n`, { mode: 0o600 });
  const { base } = defaultBase({ allowed_operations: Object.keys(operations), operations });

  it("reaches those machines that the policy names, with no key in the caller's hands", async () => {
    const { address } = await startDaemon(base, { fleet: { gateway: gateway.url, key_file: keyFile } });
    const client = new DaemonClient(address, TOKEN);
    const say = async (operation: string, target: string) =>
      client.run({ operation, params: { target, text: "a  b" } });
    expect(await say("by_name", "web1")).toMatchObject({ exit_code: 0, stdout: "a  b\n" });
    expect(await say("by_name", "db1")).toMatchObject({ code: "target_not_allowed" });
    expect(await say("by_tag", "db1")).toMatchObject({ exit_code: 0 });
    expect(await say("by_tag", "web1")).toMatchObject({ code: "target_not_allowed" });
    expect(await say("by_tag", "d*1")).toMatchObject({ code: "target_not_allowed" });
    expect(await client.run({ operation: "fixed" })).toMatchObject({ exit_code: 0 });
    expect(await client.run({ operation: "chosen", params: { target: "db1" } })).toMatchObject({ stdout: "to db1\n" });
    expect(await client.run({ operation: "failing" })).toMatchObject({ exit_code: 4, stdout: "out\n" });
    expect(await client.run({ operation: "unknown" })).toMatchObject({ outcome: "failed", code: "target_unknown" });
    const explained = await client.explain({ operation: "chosen", params: { target: "web1" } });
    expect(explained.explanation).toMatchObject({ verdict: "allow", plan: { runs_in: "fleet" } });
  });

  it("fails plainly when the daemon knows no gateway", async () => {
    const { base: other } = defaultBase({ allowed_operations: ["fixed"], operations });
    const { address } = await startDaemon(other);
    expect(await new DaemonClient(address, TOKEN).run({ operation: "fixed" })).toMatchObject({
      code: "gateway_missing",
    });
  });
});

describe("a machine that goes away", () => {
  it("ends what runs there as lost, and says under which id", async () => {
    const gone = await startAgent(gateway, "gone", { tags: [], agent: { lease: 2 } });
    const output = new Gathered();
    const running = admin
      .on("gone")
      .stream({ operation: "shell", params: { command: "echo begun; sleep 60" } }, { output });
    while (output.text("stdout") === "") await sleep(10);
    await gone.stop();
    const outcome = await running;
    // It had the time to say that it stops; a machine that is cut off is lost.
    expect(["shutting_down", "cancelled", "link_lost"]).toContain(outcome.code);
    expect(outcome).toMatchObject({ outcome: "failed", run_id: expect.any(String) as string });
    expect((await shell(admin.on("gone"), "true")).outcome.outcome).not.toBe("completed");
  });

  it("is forgotten when an administrator removes it, with its key", async () => {
    await startAgent(gateway, "old", { project: machineProject(fixturePrograms()) });
    await admin.ask("DELETE", "/v2/targets/old");
    expect((await shell(admin.on("old"), "true")).outcome).toMatchObject({ code: "target_unknown" });
    await expect(reader.ask("DELETE", "/v2/targets/web1")).rejects.toMatchObject({ code: "caller_not_allowed" });
    await expect(reader.ask("POST", "/v2/enrolments", { code: "x" })).rejects.toMatchObject({
      code: "caller_not_allowed",
    });
  });
});
