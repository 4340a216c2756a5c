/** What the audit costs an operation, and how fast it is verified. */
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AuditLog } from "../host/audit/audit-log.ts";
import { auditSettings } from "../host/audit/settings.ts";
import { Sinks } from "../host/audit/sinks.ts";
import { verifyLog } from "../host/audit/verify.ts";
import { baseDirectory } from "../host/util/base-directory.ts";
import { makePrivateDirectory } from "../host/util/write-atomic.ts";
import { DaemonClient } from "../wire/client.ts";
import type { DaemonConfig, OperationTemplate, ProjectConfig } from "../wire/schema.ts";
import { callOperations, runOperation } from "./bench-calls.ts";
import { BenchDaemon } from "./bench-daemon.ts";
import { latencyRow, median, ms, Samples, timed, times, type Effort, type Row } from "./bench-figures.ts";

/** What `audit verify` should read in a second. */
const AIM = 200_000;

const AUDITS = {
  off: { enabled: false },
  batch: {},
  each: { sync: "each" },
} as const satisfies Record<string, DaemonConfig["audit"]>;

type Name = keyof typeof AUDITS;
const NAMES = ["off", "batch", "each"] as const satisfies readonly Name[];

const TRUE: OperationTemplate = {
  command: "/bin/true",
  args_template: ["{word}"],
  params: { word: { type: "string" } },
};
/** The same program without anything that trust costs, and with all of it: redaction, limits, and a condition that asks nobody. */
const operations = {
  true: callOperations.true,
  bare: { ...TRUE, redact: { enabled: false } },
  guarded: {
    ...TRUE,
    limits: { rate: { runs: 10_000, per_seconds: 1 }, concurrent: 100, per_day: 1_000_000 },
    approval: { when: [{ param: "word", pattern: "danger.*" }] },
  },
} satisfies ProjectConfig["operations"];

/** Three daemons that differ in their audit only, and take turns. */
async function latencies(program: string, base: string, { rounds, perRound }: Effort): Promise<readonly Row[]> {
  const daemons = NAMES.map((name) => {
    const directory = join(base, name);
    mkdirSync(directory);
    const daemon = new BenchDaemon(program, directory, process.env["PATH"] ?? "");
    const token = daemon.project("owner_repo", { operations });
    return { name, daemon, client: new DaemonClient(daemon.unix, token) };
  });
  const samples = new Samples();
  try {
    for (const { name, daemon } of daemons) await daemon.start({ listen_mode: "unix", audit: AUDITS[name] });
    // One by one, so that whatever else the machine does falls on all three.
    for (let count = -perRound; count < rounds * perRound; count++) {
      for (const { name, client } of daemons) {
        const ran = await timed(async () => runOperation(client, "true"));
        const whole = await timed(async () =>
          runOperation(client, name === "off" ? "bare" : "guarded", { word: "harmless" }),
        );
        const listed = await timed(async () => client.list(""));
        if (count < 0) continue; // warm-up
        samples.add(`run ${name}`, ran);
        samples.add(`whole ${name}`, whole);
        samples.add(`list ${name}`, listed);
      }
    }
  } finally {
    for (const { daemon } of daemons) await daemon.stop();
  }
  const row = (what: string, kind: string, name: Name, reference = "without audit"): Row => {
    const [own, off] = [samples.of(`${kind} ${name}`), samples.of(`${kind} off`)];
    const extra = median(own.map((value, index) => value - (off[index] ?? Number.NaN)));
    const { figures, ...shown } = latencyRow(what, own, off, reference);
    return {
      ...shown,
      ratio: `${shown.ratio}; of neighbours ${ms(extra)}`,
      figures: { ...figures, paired_extra: extra },
    };
  };
  return [
    row("run true with audit, p50 / p99", "run", "batch"),
    row('the same, sync "each"', "run", "each"),
    row("run true with audit, redaction, limits and approval", "whole", "batch", "without all of them"),
    row("list with audit, p50 / p99", "list", "batch"),
    row('the same, sync "each"', "list", "each"),
  ];
}

/** Milliseconds of processor time of this process that `work` takes: what the rest of the machine does is not in it. */
async function processorMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** Writes a log as a daemon does. */
async function writeLog(root: string, decisions: number): Promise<void> {
  const { audit: directory, keys } = baseDirectory({ CMD2HOST_CONFIG_DIR: root });
  makePrivateDirectory(directory);
  const settings = auditSettings({}, keys, (_, message) => {
    throw new Error(message);
  });
  const voice = { warn: () => undefined, error: () => undefined };
  const log = await AuditLog.open({
    directory,
    settings,
    version: "bench",
    voice,
    sinks: new Sinks([]),
    now: Date.now,
  });
  const argv = ["gh", "pr", "view", "42", "-R", "owner/repo", "--json", "title,body"];
  const origin = { peer: "unix", transport: "unix", session: "a1b2c3d4", requestId: undefined } as const;
  for (let count = 0; count < decisions; count++) {
    const id = randomUUID();
    log.decided({
      ...{ id, origin, argv, project: "owner_repo", configHash: "c".repeat(64), operation: "gh_pr_view", route: "mcp" },
      ...{
        target: "owner/repo",
        targetSource: "primary_default",
        verdict: "permit",
        code: undefined,
        message: undefined,
      },
      ...{ rule: "allowed_operations", approver: undefined, cwd: "/home/me/src/repo", stdinDigest: undefined },
    });
    log.ended({
      ...{
        id,
        outcome: "completed",
        code: undefined,
        exitCode: 0,
        durationMs: 12.3,
        stdoutBytes: 1_234,
        stderrBytes: 0,
      },
      ...{ outputDigest: { stdout: "d".repeat(64), stderr: undefined }, redacted: 0 },
    });
  }
  await log.close();
}

const perSecond = (value: number): string => `${Math.round(value).toLocaleString("en-US")} /s`;

/** A rate beside the one that is aimed at. */
function rateRow(what: string, rate: number): Row {
  const figures = { per_second: rate, aim: AIM };
  return { what, measured: perSecond(rate), reference: `aim: ${perSecond(AIM)}`, ratio: times(rate / AIM), figures };
}

async function verification(program: string, base: string, decisions: number): Promise<readonly Row[]> {
  const root = join(base, "verify");
  const written = await processorMs(async () => writeLog(root, decisions));
  const environment = { PATH: process.env["PATH"] ?? "", HOME: root, CMD2HOST_CONFIG_DIR: root };
  const { audit: directory, keys } = baseDirectory(environment);
  const files = { directory, keyFile: join(keys, "audit-ed25519"), headFile: join(keys, "audit-head") };
  const [whole, inside]: [number[], number[]] = [[], []];
  for (let round = 0; round < 3; round++) {
    const started = performance.now();
    const text = execFileSync(process.execPath, [program, "audit", "verify", "--json"], {
      env: environment,
      encoding: "utf8",
    });
    const { good, records } = JSON.parse(text) as { good: boolean; records: number };
    if (!good) throw new Error(`the log is damaged: ${text}`);
    whole.push((records * 1_000) / (performance.now() - started));
    const spent = await processorMs(async () => verifyLog({ ...files, written: undefined, from: undefined }));
    inside.push((records * 1_000) / spent);
  }
  rmSync(root, { recursive: true });
  const perDecision = written / decisions;
  return [
    rateRow(
      `audit verify of ${(2 * decisions).toLocaleString("en-US")} records, the whole command`,
      Math.max(...whole),
    ),
    rateRow("the same, in a second of processor time", Math.max(...inside)),
    {
      what: "a decision and its outcome, processor time",
      measured: ms(perDecision),
      reference: "",
      ratio: "",
      figures: { ms: perDecision },
    },
  ];
}

/**
 * Rows of the audit.
 * @param base an empty directory
 */
export async function auditRows(
  program: string,
  base: string,
  effort: Effort,
  decisions: number,
): Promise<readonly Row[]> {
  mkdirSync(base, { recursive: true });
  return [...(await latencies(program, base, effort)), ...(await verification(program, base, decisions))];
}
