import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DaemonClient } from "../../wire/client.ts";
import type { Address } from "../../wire/client.ts";
import type { DaemonConfig, RunInfo } from "../../wire/schema.ts";
import { Base, defaultProject, TOKEN } from "../fixtures/base.ts";
import { startDaemon, type RunningDaemon } from "../fixtures/daemon.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";
import { Host } from "./harness.ts";

/** A token of another project. */
export const OTHER_TOKEN = "e".repeat(64);

const text = { type: "string", allow_leading_dash: true } as const;

/** A daemon with two projects, the host that it runs on, and a client for the token of each project. */
export interface Scene {
  readonly base: Base;
  readonly host: Host;
  readonly running: RunningDaemon;
  readonly address: Address;
  readonly agent: DaemonClient;
  readonly other: DaemonClient;
  readonly files: string;
}

interface Wishes {
  /** Of the base directory. */
  readonly root?: string;
  readonly settings?: DaemonConfig;
}

export async function openScene(wishes: Wishes = {}): Promise<Scene> {
  const { root = tempDirectory(), settings = {} } = wishes;
  const programs = fixturePrograms();
  const files = tempDirectory();
  const base = new Base(root);
  const operation = (name: string, args: readonly string[]): object => ({
    command: join(programs, name),
    args_template: args.map((one) => `{${one}}`),
    params: Object.fromEntries(args.map((one) => [one, text])),
  });
  const operations = {
    say: operation("say", ["out", "err", "code"]),
    say_and_wait: operation("say-and-wait", ["seconds", "file"]),
    sleep_loudly: operation("sleep-loudly", ["seconds"]),
    ignore_term: operation("ignore-term", ["seconds", "file"]),
    write_bytes: operation("write-bytes", ["count"]),
  };
  for (const [owner, token] of [
    ["owner", TOKEN],
    ["other", OTHER_TOKEN],
  ] as const) {
    const repo = `${owner}/repo`;
    const path = makeRepo(join(tempDirectory(), "repo"), `https://github.com/${repo}.git`);
    const allowed = { repos: [repo], allowed_operations: Object.keys(operations), operations };
    base.writeProject(`${owner}_repo`, defaultProject(path, allowed));
    base.writeToken(token, { repo, project_id: `${owner}_repo` });
  }
  // A socket for containers needs a short path; the owner's way in does not.
  const address = { kind: "unix", path: join(tempDirectory(), "d.sock") } as const;
  const running = await startDaemon(base, { socket_path: address.path, kill_grace: 200, ...settings });
  const host = new Host();
  host.environment = { ...host.environment, CMD2HOST_CONFIG_DIR: root };
  return {
    base,
    host,
    running,
    address,
    agent: new DaemonClient(address, TOKEN),
    other: new DaemonClient(address, OTHER_TOKEN),
    files,
  };
}

/** Starts a run in the background. */
export async function start(client: DaemonClient, name: string, params: object): Promise<RunInfo> {
  const started = await client.start({ operation: name, params: { ...params } });
  if (started.kind === "started") return started.run;
  throw new Error(`not started: ${started.reply.denied_reason ?? ""}`);
}

/** Runs to the end, and gives the run's id. */
export async function finished(client: DaemonClient, out: string, err = "", code = 0): Promise<string> {
  const reply = await client.run({ operation: "say", params: { out, err, code: String(code) } });
  if (reply.run_id === undefined) throw new Error(`not run: ${reply.denied_reason ?? ""}`);
  return reply.run_id;
}

/** A run that has written a line to each stream, and goes on. */
export async function waiting(scene: Scene, client = scene.agent, seconds = 60): Promise<RunInfo> {
  const file = join(scene.files, `pid-${Math.random().toString(36).slice(2)}`);
  const run = await start(client, "say_and_wait", { seconds: String(seconds), file });
  while (!existsSync(file)) await sleep(10);
  for (;;) {
    const { run: now } = await client.status(run.run_id, 0);
    if (now !== undefined && now !== null && now.stdout.lines > 0 && now.stderr.lines > 0) return now;
    await sleep(10);
  }
}
