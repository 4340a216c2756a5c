import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadIdentity } from "../../link/identity.ts";
import { Pins } from "../../link/pins.ts";
import { Base } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { freePort } from "../fixtures/fleet.ts";
import { rawGateway } from "../fixtures/raw-gateway.ts";
import { dialling, machine, until } from "../link/machines.ts";

/** A machine that lets two gateways in, each for a policy of its own, and gateways that send whatever they like. */
const base = new Base()
  .writeProject("machine", {
    machine: {},
    allowed_operations: ["uptime", "nap"],
    operations: {
      uptime: { command: "uptime", args_template: [] },
      nap: { command: "sleep", args_template: ["60"] },
      hidden: { shell: "sh" },
    },
  })
  .writeProject("other", {
    machine: {},
    allowed_operations: ["shell"],
    operations: { shell: { shell: "sh" } },
  });
const port = await freePort();
const { lines } = await startDaemon(base, { agent: { name: "web1", listen_address: "127.0.0.1", listen_port: port } });
const own = await loadIdentity(base.directory.link);
const pins = new Pins(base.directory.gateways);

/** A gateway that was enrolled, as the machine's owner said. */
async function gateway(name: string, project: string): Promise<(message: object) => Promise<Record<string, unknown>>> {
  const ask = await rawGateway(base, port, name, project);
  return async (message) => JSON.parse(await ask(message)) as Record<string, unknown>;
}

const gate = await gateway("gate", "machine");
const rogue = await gateway("rogue", "other");

function via(more: object = {}): { readonly via: object } {
  return { via: { caller: "alice", target: "web1", id: randomUUID(), ...more } };
}

function records(): readonly Record<string, unknown>[] {
  return readdirSync(base.directory.audit)
    .filter((name) => name.endsWith(".jsonl"))
    .flatMap((name) => readFileSync(join(base.directory.audit, name), "utf8").trim().split("\n"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("a gateway that was let in", () => {
  it("runs what the policy that it was given allows, recorded under its name for the caller and its own id", async () => {
    const id = randomUUID();
    expect(await gate({ protocol: 2, operation: "uptime", ...via({ id }) })).toMatchObject({
      exit_code: 0,
      run_id: id,
    });
    expect(records().filter((one) => one["id"] === id)).toMatchObject([
      {
        kind: "decision",
        verdict: "permit",
        peer: "link:gate",
        transport: "link",
        caller: "alice",
        target: "web1",
        project: "machine",
      },
      { kind: "outcome", exit_code: 0 },
    ]);
  });

  it("is answered when it asks whether the machine is there, which is not recorded", async () => {
    const before = records().length;
    const reply = await gate({ protocol: 2, ping: true, ...via() });
    expect(reply).toMatchObject({ pong: { shell: "", uptime_seconds: expect.any(Number) as unknown } });
    expect(await rogue({ protocol: 2, ping: true, ...via() })).toMatchObject({ pong: { shell: "sh" } });
    expect(records()).toHaveLength(before);
  });

  it("runs nothing that its own policy does not allow, whatever project or token it names", async () => {
    for (const more of [{}, { project: "other" }, { project_id: "other" }, { token: "f".repeat(64) }]) {
      const reply = await gate({ protocol: 2, operation: "shell", params: { command: "id" }, ...more, ...via() });
      expect(reply).toMatchObject({ code: "operation_unknown" });
    }
    expect(await gate({ protocol: 2, operation: "hidden", params: { command: "id" }, ...via() })).toMatchObject({
      code: "operation_not_allowed",
    });
  });

  it.each<readonly [string, object, string]>([
    ["says not for whom it asks", { operation: "uptime" }, "request_invalid"],
    ["starts a session of MCP", { mcp_session: {}, ...via() }, "request_invalid"],
    ["asks for what waits for a person", { list_approvals: "", ...via() }, "unauthenticated"],
    ["answers in a person's place", { answer_approval: "x", answer: "once", ...via() }, "unauthenticated"],
    ["asks for what was granted", { list_grants: true, ...via() }, "unauthenticated"],
    ["takes grants back", { revoke_grants: ["x"], ...via() }, "unauthenticated"],
    ["opens the page", { page: {}, ...via() }, "unauthenticated"],
    ["asks how much was done", { stats: {}, ...via() }, "unauthenticated"],
    [
      "asks for another project's policy",
      { explain: { project: "other", request: { operation: "shell" } }, ...via() },
      "unauthenticated",
    ],
  ])("is refused when it %s", async (_, message, code) => {
    const reply = await gate({ protocol: 2, ...message });
    expect(reply).toMatchObject({ code });
  });

  it("cannot use an id twice, nor one of another gateway", async () => {
    const id = randomUUID();
    expect(await gate({ protocol: 2, operation: "uptime", ...via({ id }) })).toMatchObject({ exit_code: 0 });
    for (const ask of [gate, rogue])
      expect(await ask({ protocol: 2, operation: "uptime", ...via({ id }) })).toMatchObject({
        code: "request_invalid",
      });
    expect(records().filter((one) => one["id"] === id)).toHaveLength(2);
  });

  it("sees nothing of what another gateway started, under the same caller's name or not", async () => {
    const id = randomUUID();
    const napping = gate({ protocol: 2, operation: "nap", ...via({ id }) });
    const status = async (ask: typeof gate, caller: string): Promise<Record<string, unknown>> =>
      ask({ protocol: 2, run_status: id, ...via({ caller }) });
    while ((await status(gate, "alice"))["run"] === undefined || (await status(gate, "alice"))["run"] === null);
    expect(await status(rogue, "alice")).toMatchObject({ code: "run_unknown" });
    expect(await status(gate, "bob")).toMatchObject({ code: "run_unknown" });
    expect(await rogue({ protocol: 2, cancel_run: id, ...via() })).toMatchObject({ code: "run_unknown" });
    expect(await rogue({ protocol: 2, list_runs: true, ...via() })).toMatchObject({ runs: [] });
    await gate({ protocol: 2, cancel_run: id, ...via() });
    expect(await napping).toMatchObject({ code: "cancelled" });
  });

  it("loses its sessions when it is removed, without a restart", async () => {
    const passing = await gateway("passing", "machine");
    expect(await passing({ protocol: 2, operation: "uptime", ...via() })).toMatchObject({ exit_code: 0 });
    const id = randomUUID();
    const napping = passing({ protocol: 2, operation: "nap", background: true, ...via({ id }) });
    expect(await napping).toMatchObject({ run: { run_id: id, state: "running" } });
    await pins.remove("passing");
    await expect(passing({ protocol: 2, operation: "uptime", ...via() })).rejects.toThrow();
    // What it started ends soon.
    await until(() => records().some((one) => one["id"] === id && one["kind"] === "outcome"));
    expect(records().filter((one) => one["id"] === id)).toMatchObject([
      { kind: "decision" },
      { kind: "outcome", code: "cancelled" },
    ]);
  });

  it("is named in the log when it comes and goes", async () => {
    const isLogged = (event: string, gateway: string): boolean =>
      lines.some((line) => line.event === event && line.fields["gateway"] === gateway);
    await until(() => isLogged("gateway connected", "gate") && isLogged("gateway gone", "passing"));
  });
});

describe("somebody who was not let in", () => {
  it("gets nothing, although he knows the machine's key", async () => {
    const stranger = await machine("gate");
    await stranger.pins.add({
      name: "web1",
      fingerprints: [own.current.fingerprint],
      enrolledAt: new Date(),
      addresses: [],
      about: {},
    });
    const dialler = dialling(stranger, "web1", `127.0.0.1:${port}`);
    dialler.start();
    await expect(dialler.open(AbortSignal.timeout(2_000))).rejects.toThrow();
    expect(dialler.peer).toBeUndefined();
  });
});
