import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterEach } from "vitest";
import type { CodedError } from "../../wire/errors.ts";
import type { Context, DaemonDoor, Surroundings } from "../../host/cli/context.ts";
import { DirectOutput, type Targets } from "../../host/cli/direct-output.ts";
import { cli, type Output } from "../../host/cli/run.ts";
import { styleFor } from "../../host/cli/style.ts";
import { explainHere } from "../../host/daemon/dry-run.ts";
import { templatesDirectory } from "../../host/project/templates.ts";
import { baseDirectory } from "../../host/util/base-directory.ts";

const made: string[] = [];

afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
});

/** A directory of its own, without links in its path, that goes away after the test. */
export function temporaryDirectory(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "cmd2host-cli-")));
  made.push(path);
  return path;
}

/** Says who called it instead of starting anything. */
export class RecordedDaemon implements DaemonDoor {
  served = 0;
  exit = 0;
  failure: CodedError | undefined;
  /** What daemon.json says. */
  found: object = { listen: { port: 9_876 }, listenMode: "both", maxInFlight: Number.POSITIVE_INFINITY };

  async serve(): Promise<number> {
    this.served++;
    if (this.failure !== undefined) throw this.failure;
    return Promise.resolve(this.exit);
  }

  /** How the gateway was asked for. */
  gateways: (readonly [config: string, given: object])[] = [];

  async gateway(config: string, given: object): Promise<number> {
    this.gateways.push([config, given]);
    if (this.failure !== undefined) throw this.failure;
    return Promise.resolve(this.exit);
  }

  async explain(...asked: Parameters<DaemonDoor["explain"]>): ReturnType<DaemonDoor["explain"]> {
    return explainHere(...asked);
  }

  async settings(): ReturnType<DaemonDoor["settings"]> {
    if (this.failure !== undefined) throw this.failure;
    return Promise.resolve({
      settings: this.found,
      warnings: ["reachable from outside"],
      unknown: ["/lisen_port"],
    });
  }
}

/** Takes what is written to it. */
export class Sheet extends Writable {
  readonly #chunks: Buffer[] = [];

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }
}

/** One host user: a base directory of this name, a place with programs, a checkout, and a command line. */
export class Host {
  readonly root = temporaryDirectory();
  readonly base: string;
  readonly bin = join(this.root, "bin");
  readonly checkout = join(this.root, "checkout");
  readonly daemon = new RecordedDaemon();
  stdin = "";
  terminal = false;
  environment: NodeJS.ProcessEnv = {};
  cwd: string = this.root;
  system: NodeJS.Platform = "linux";
  containerRoot: string = join(this.root, "container");
  /** As if it were installed there. */
  installed: readonly string[] = [process.execPath, join(this.root, "cmd2host.js")];

  constructor(base = "base") {
    this.base = join(this.root, base);
    mkdirSync(join(this.checkout, ".git"), { recursive: true });
    mkdirSync(this.bin);
    for (const name of ["git", "gh", "aws"]) this.program(name);
    this.environment = { HOME: this.root, CMD2HOST_CONFIG_DIR: this.base, PATH: this.bin };
  }

  /** Puts an executable on PATH. */
  program(name: string, mode = 0o755): string {
    const path = join(this.bin, name);
    writeFileSync(path, "#!/bin/sh\nexit 0\n");
    chmodSync(path, mode);
    return path;
  }

  projectFile(id: string, name = "config.json"): string {
    return join(this.base, "projects", id, name);
  }

  /** Writes a project configuration without approving it. */
  project(id: string, config: object): string {
    const file = this.projectFile(id);
    mkdirSync(join(this.base, "projects", id), { recursive: true, mode: 0o700 });
    writeFileSync(file, JSON.stringify(config, null, 2), { mode: 0o600 });
    return file;
  }

  async run(...argv: string[]): Promise<Output> {
    const direct = { stdout: new Sheet(), stderr: new Sheet() };
    const { exit, stdout, stderr } = await this.runInto(direct, ...argv);
    return {
      exit,
      stdout: direct.stdout.bytes.toString("utf8") + stdout,
      stderr: direct.stderr.bytes.toString("utf8") + stderr,
    };
  }

  /** Runs where something is different. */
  async runWith(changes: Partial<Surroundings>, ...argv: string[]): Promise<Output> {
    const direct = { stdout: new Sheet(), stderr: new Sheet() };
    return cli(argv, { ...this.surroundings(direct), ...changes });
  }

  /** Runs with streams for what is written before the command is done; the rest is returned. */
  async runInto(direct: Targets, ...argv: string[]): Promise<Output> {
    return cli(argv, this.surroundings(direct));
  }

  /** What a subcommand gets. */
  context(): Context {
    const { environment } = this;
    const direct = { stdout: new Sheet(), stderr: new Sheet() };
    return {
      ...this.surroundings(direct),
      base: () => baseDirectory(environment),
      style: styleFor(false, environment),
    };
  }

  private surroundings(direct: Targets): Surroundings {
    return {
      environment: this.environment,
      cwd: this.cwd,
      stdin: async () => Promise.resolve(this.stdin),
      stdoutIsTerminal: this.terminal,
      stderrIsTerminal: this.terminal,
      direct: new DirectOutput(() => direct),
      columns: 100,
      templates: templatesDirectory(),
      daemon: this.daemon,
      system: this.system,
      containerRoot: this.containerRoot,
      program: () => this.installed,
      questions: undefined,
    };
  }

  /** Runs with --json and returns what was printed, parsed. */
  async json(...argv: string[]): Promise<unknown> {
    const { stdout } = await this.run(...argv, "--json");
    return JSON.parse(stdout);
  }
}

/** The smallest configuration that loads, with one operation. */
export function smallConfig(checkout: string, more: object = {}): object {
  return {
    repos: ["owner/repo"],
    repo_paths: [checkout],
    allowed_operations: ["say"],
    operations: {
      say: {
        command: "git",
        args_template: ["log", "-n", "{count}"],
        params: { count: { type: "integer", min: 1, max: 9 } },
      },
    },
    ...more,
  };
}
