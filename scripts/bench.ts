/**
 * Measures the real daemon beside bare references, in one run, and prints one table. `--json` prints the figures instead; `--quick` takes fewer samples;
 * `--bridge` only measures the container's bridge; `--live` only runs that are watched while they go on, and MCP; `--audit` only the audit; `--redaction` only what masking costs; `--executable [PATH]` only the self-contained executable beside the program on Node. `--setup`
 * only the way from `cmd2host setup` to the first answer in a container. When the executable
 * of this machine has been built, it is measured with everything else.
 * References: a spawn of `true` from an empty program of the same runtime; an echo of as many bytes between two such programs over the same kind of socket; the same
 * program or pipeline read through a plain pipe.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import Table from "cli-table3";
import { DaemonClient } from "../wire/client.ts";
import { auditRows } from "./bench-audit.ts";
import { bridgeRows, whyNoBridge } from "./bench-bridge.ts";
import { callOperations, callRows, outputRows, runOperation, Spawner } from "./bench-calls.ts";
import { BenchDaemon, freePort } from "./bench-daemon.ts";
import { latencyRow, mb, median, ms, repeated, timed, times, type Row } from "./bench-figures.ts";
import { executableRows } from "./bench-executable.ts";
import { LiveBench } from "./bench-live.ts";
import { setupRows } from "./bench-setup.ts";
import { mcpRow } from "./bench-mcp.ts";
import { redactRows } from "./bench-redact.ts";
import { preparePush, type PushBench } from "./bench-push.ts";
import { fileOf, findOwnTarget } from "./executable/targets.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const program = join(root, "dist/cmd2host.js");
const quick = process.argv.includes("--quick");
const onlyLive = process.argv.includes("--live");
const onlyBridge = process.argv.includes("--bridge");
const onlyAudit = process.argv.includes("--audit");
const onlyRedaction = process.argv.includes("--redaction");
const onlySetup = process.argv.includes("--setup");
const onlyExecutable = process.argv.includes("--executable");
const named = process.argv[process.argv.indexOf("--executable") + 1] ?? "";
const own = findOwnTarget();
const built = own === undefined ? "" : fileOf(join(root, "dist-executable"), own);
const executable = onlyExecutable && named !== "" && !named.startsWith("--") ? resolve(named) : built;
const effort = quick ? { rounds: 3, perRound: 20, total: 160 } : { rounds: 12, perRound: 60, total: 960 };

/** Gives the token of a project that pushes `history`. */
function pushProject(daemon: BenchDaemon, history: PushBench): string {
  return daemon.project("history", {
    repo_paths: [history.repo],
    constraints: { branch_allow: ["ai/.+"] },
    operations: {
      status: { command: "git", args_template: ["status", "--short"] },
      push: { command: "git", args_template: ["push", "{expected_git_url}", "HEAD:refs/heads/ai/ours"], timeout: 120 },
    },
  });
}

/** An incremental push of one commit, beside git as a person would start it; by turns. */
async function pushRows(client: DaemonClient, history: PushBench): Promise<readonly Row[]> {
  history.commit();
  const first = await timed(async () => runOperation(client, "push"));
  history.plainPush();
  const [ours, plain]: [number[], number[]] = [[], []];
  for (let round = 0; round < (quick ? 5 : 21); round++) {
    history.commit();
    ours.push(await timed(async () => runOperation(client, "push")));
    history.commit();
    plain.push(
      await timed(async () => {
        history.plainPush();
        return Promise.resolve();
      }),
    );
  }
  const [viewed, looked]: [number[], number[]] = [[], []];
  for (let round = 0; round < (quick ? 5 : 21); round++) {
    viewed.push(await timed(async () => runOperation(client, "status")));
    looked.push(
      await timed(async () => {
        history.plainStatus();
        return Promise.resolve();
      }),
    );
  }
  return [
    latencyRow("push of one commit, 50,000 in the repository", ours, plain, "git push"),
    latencyRow("status of its 2,000 files", viewed, looked, "git status"),
    {
      what: "the first push of this repository",
      measured: ms(first),
      reference: "takes the history over, once",
      ratio: "",
      figures: { ms: first },
    },
  ];
}

/** What an idle daemon takes, and its start. */
async function restRows(daemon: BenchDaemon, spawner: Spawner, startMs: number): Promise<readonly Row[]> {
  const emptyMs = median(
    await repeated(
      5,
      async () =>
        new Promise((resolve) => spawn(process.execPath, ["-e", "0"], { stdio: "ignore" }).once("exit", resolve)),
    ),
  );
  await sleep(1_000);
  const [idle, emptyIdle] = [daemon.memory(), spawner.memory()];
  return [
    {
      what: "idle memory (RSS)",
      measured: mb(idle),
      reference: `empty program: ${mb(emptyIdle)}`,
      ratio: times(idle / emptyIdle),
      figures: { mb: idle, reference_mb: emptyIdle },
    },
    {
      what: "start to listening",
      measured: ms(startMs),
      reference: `empty program, start to end: ${ms(emptyMs)}`,
      ratio: times(startMs / emptyMs),
      figures: { ms: startMs, reference_ms: emptyMs },
    },
  ];
}

/** Everything about single requests. */
async function plainRows(
  daemon: BenchDaemon,
  token: string,
  history: PushBench,
  port: number,
): Promise<readonly Row[]> {
  const pushing = pushProject(daemon, history);
  const startMs = await daemon.start({ listen_port: port });
  const spawner = new Spawner(daemon.environment);
  try {
    const rest = await restRows(daemon, spawner, startMs);
    return [
      ...(await callRows(daemon, port, token, spawner, effort)),
      ...(await pushRows(new DaemonClient(daemon.unix, pushing), history)),
      ...(await outputRows(daemon, token)),
      ...rest,
    ];
  } finally {
    spawner.close();
    await daemon.stop();
  }
}

/** Everything about runs that are watched, with a daemon that has just started. */
async function liveRows(daemon: BenchDaemon, token: string): Promise<readonly Row[]> {
  const live = new LiveBench(daemon, quick);
  await daemon.start({ listen_mode: "unix" });
  try {
    return [...(await live.rows()), await mcpRow(daemon, token, "true", quick ? 40 : 200)];
  } finally {
    live.close();
    await daemon.stop();
  }
}

/** The bridge in front of the daemon on Node, and in front of the executable when there is one. */
async function bridged(base: string): Promise<readonly Row[]> {
  const why = whyNoBridge();
  if (why !== undefined) {
    process.stderr.write(`not measured: ${why}\n`);
    return [];
  }
  const programs = new Map([["daemon on Node", program]]);
  if (existsSync(executable)) programs.set("executable", executable);
  return bridgeRows(programs, base, effort);
}

async function audited(base: string): Promise<readonly Row[]> {
  return auditRows(program, join(base, "audited"), effort, quick ? 100_000 : 500_000);
}

async function measure(base: string): Promise<readonly Row[]> {
  if (onlyAudit) return audited(base);
  if (onlySetup) return setupRows(base, quick ? 1 : 3);
  if (onlyBridge) return bridged(base);
  if (onlyRedaction) return redactRows(quick);
  const compared =
    onlyExecutable || (!onlyLive && existsSync(executable))
      ? await executableRows(executable, program, base, effort)
      : [];
  if (onlyExecutable) return compared;
  const history = onlyLive ? undefined : preparePush(base);
  const daemon = new BenchDaemon(program, base, history?.path ?? process.env["PATH"] ?? "");
  const token = daemon.project("owner_repo", { operations: callOperations });
  const plain = history === undefined ? [] : await plainRows(daemon, token, history, await freePort());
  const masking = onlyLive ? [] : redactRows(quick);
  return [
    ...plain,
    ...(await liveRows(daemon, token)),
    ...masking,
    ...compared,
    ...(onlyLive ? [] : [...(await audited(base)), ...(await bridged(base)), ...setupRows(base, 1)]),
  ];
}

const base = mkdtempSync(join(tmpdir(), "c2h-bench-"));
try {
  const rows = await measure(base);
  if (process.argv.includes("--json")) {
    process.stdout.write(`${JSON.stringify({ node: process.version, platform: process.platform, rows }, null, 2)}\n`);
  } else {
    const table = new Table({ head: ["what", "measured", "reference", "ratio"], style: { head: [], border: [] } });
    table.push(...rows.map((row) => [row.what, row.measured, row.reference, row.ratio]));
    process.stdout.write(`${table.toString()}\n`);
  }
} finally {
  rmSync(base, { recursive: true, force: true });
}
