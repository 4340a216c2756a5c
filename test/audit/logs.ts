import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Decision, Ending } from "../../host/audit/audit.ts";
import { AuditLog, type AuditParts } from "../../host/audit/audit-log.ts";
import { START } from "../../host/audit/chain.ts";
import { listLog } from "../../host/audit/log-names.ts";
import { auditSettings, type AuditSettings } from "../../host/audit/settings.ts";
import { Sinks } from "../../host/audit/sinks.ts";
import type { Verification } from "../../host/audit/verification.ts";
import { verifyLog, type Against } from "../../host/audit/verify.ts";
import { Base } from "../fixtures/base.ts";
import { makePrivateDirectory } from "../../host/util/write-atomic.ts";

export const ID = "0f1e2d3c-0000-4000-8000-000000000000";

/** A record as it is stored. */
export type Members = Readonly<Record<string, unknown>>;

export function decision(changes: Partial<Decision> = {}): Decision {
  return {
    id: ID,
    origin: { peer: "unix", transport: "unix", session: "a1b2c3d4", requestId: undefined },
    project: "owner_repo",
    configHash: "c".repeat(64),
    operation: "gh_pr_view",
    route: "mcp",
    target: "owner/repo",
    targetSource: "default",
    verdict: "permit",
    code: undefined,
    message: undefined,
    rule: "allowed_operations",
    approver: undefined,
    argv: ["gh", "pr", "view", "42"],
    cwd: "/src/repo",
    stdinDigest: undefined,
    ...changes,
  };
}

export function ending(changes: Partial<Ending> = {}): Ending {
  return {
    id: ID,
    outcome: "completed",
    code: undefined,
    exitCode: 0,
    durationMs: 12.34,
    stdoutBytes: 5,
    stderrBytes: 0,
    outputDigest: { stdout: "d".repeat(64), stderr: undefined },
    redacted: 0,
    ...changes,
  };
}

/** An audit in a base directory of its own. */
export class Logs {
  readonly base = new Base();
  readonly said: string[] = [];
  now: () => number = Date.now;
  readonly settings: AuditSettings;

  constructor(changes: Partial<AuditSettings> = {}) {
    const defaults = auditSettings({}, this.base.directory.keys, (_, message) => {
      throw new Error(message);
    });
    this.settings = { ...defaults, ...changes };
    makePrivateDirectory(this.directory);
  }

  get directory(): string {
    return this.base.directory.audit;
  }

  async open(sinks: AuditParts["sinks"] = new Sinks([])): Promise<AuditLog> {
    const say = (event: string): void => {
      this.said.push(event);
    };
    return AuditLog.open({
      directory: this.directory,
      settings: this.settings,
      version: "test",
      voice: { warn: say, error: say },
      sinks,
      now: () => this.now(),
    });
  }

  /** A log that was closed well, with so many decisions. */
  async write(count: number): Promise<this> {
    const log = await this.open();
    for (let index = 0; index < count; index++) log.decided(decision({ id: `${index}` }));
    await log.close();
    return this;
  }

  /** Names of its files, in order. */
  files(): readonly string[] {
    return listLog(this.directory).map(({ name }) => name);
  }

  path(index = -1): string {
    return join(this.directory, this.files().at(index) ?? "");
  }

  lines(index = -1): readonly string[] {
    return readFileSync(this.path(index), "utf8").split("\n").slice(0, -1);
  }

  records(): readonly Members[] {
    return this.files().flatMap((_, index) => this.lines(index).map((line) => JSON.parse(line) as Members));
  }

  /** Names of the notes, in order. */
  notes(): readonly unknown[] {
    return this.records().flatMap((record) => (record["kind"] === "note" ? [record["note"]] : []));
  }

  async verify(changes: Partial<Against> = {}): Promise<Verification> {
    const { keyFile, headFile } = this.settings;
    return verifyLog({ directory: this.directory, keyFile, headFile, written: undefined, from: undefined, ...changes });
  }
}

export const NO_HASH = START.hash;
