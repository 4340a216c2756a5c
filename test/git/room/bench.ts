import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { placeOf, refuseConfiguration, refuseLayout, sourceOf } from "../../../host/engine/work.ts";
import { Executor, type Launch, type RunResult } from "../../../host/exec/run.ts";
import { ownersIdentity } from "../../../host/git/identity.ts";
import { inspectWorkspace } from "../../../host/git/inspection/inspect.ts";
import { parseLocalRequest } from "../../../host/git/request/local-request.ts";
import { parseRemoteRequest } from "../../../host/git/request/remote-request.ts";
import { GitRoom } from "../../../host/git/room/git-room.ts";
import type { ImportLimits } from "../../../host/git/room/import.ts";
import type { LocalJob, RemoteJob } from "../../../host/git/room/job.ts";
import { buildEnvironment } from "../../../host/sanitize/environment.ts";
import { CodedError } from "../../../wire/errors.ts";
import { git } from "../../fixtures/repo.ts";
import { tempDirectory } from "../../fixtures/temp.ts";

const PATH = process.env["PATH"] ?? "";
const GIT = (process.env["PATH"] ?? "")
  .split(":")
  .map((directory) => join(directory, "git"))
  .find((path) => existsSync(path));

export interface BenchOptions {
  readonly format?: "sha1" | "sha256";
  readonly limits?: Partial<ImportLimits>;
  /** Whether the workspace gets a first commit. Default: yes. */
  readonly commit?: boolean;
  readonly timeoutMs?: number;
}

/** What came of one job, as text. */
export interface Came {
  readonly reason: RunResult["reason"];
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The code of a refusal that a promise ends with; what came of it when there was none. */
export async function codeOf(work: Promise<Came>): Promise<string> {
  try {
    const { exitCode, stderr } = await work;
    return `no refusal: exit code ${exitCode}: ${stderr}`;
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
}

/** The message and hint of a refusal. */
export async function refusalOf(work: Promise<Came>): Promise<string> {
  try {
    const { exitCode, stderr } = await work;
    return `no refusal: exit code ${exitCode}: ${stderr}`;
  } catch (error) {
    if (error instanceof CodedError) return `${error.code}: ${error.message} (${error.hint})`;
    throw error;
  }
}

/**
 * A real workspace, a real remote (a bare repository that git reaches by path, which is allowed here only), and the git room between them. Each job is
 * made the way that a plan is.
 */
export class Bench {
  readonly root = tempDirectory();
  readonly repo = join(this.root, "workspace");
  readonly remote = join(this.root, "remote.git");
  readonly home = join(this.root, "home");
  /** The owner's side: nothing of it may reach the container. */
  readonly outside = join(this.root, "outside");
  readonly git = join(this.root, "base/git");
  readonly executor = new Executor();
  readonly format: "sha1" | "sha256";
  room: GitRoom;
  roots: readonly string[] = [this.repo];
  timeoutMs: number;
  /** Every program that was started: its arguments. */
  readonly started: (readonly string[])[] = [];
  /** And the repository that its environment named. */
  readonly directories: (string | undefined)[] = [];
  /** Done in the workspace when a command on it has run, before its result is written back. */
  between: (() => void) | undefined;
  readonly limits: ImportLimits;

  constructor(options: BenchOptions = {}) {
    this.format = options.format ?? "sha1";
    this.timeoutMs = options.timeoutMs ?? 30_000;
    this.limits = { maxBytes: 64 * 1_048_576, maxLooseObjects: 50_000, ...options.limits };
    for (const directory of [this.repo, this.remote, this.home, this.outside, this.git])
      mkdirSync(directory, { recursive: true, mode: 0o700 });
    git(this.remote, "init", "-q", "--bare", `--object-format=${this.format}`);
    git(this.repo, "init", "-q", `--object-format=${this.format}`);
    git(this.repo, "remote", "add", "origin", this.remote);
    if (options.commit !== false) this.commit("README.md", "hello\n");
    writeFileSync(join(this.home, ".gitconfig"), "[user]\n\tname = Owner\n\temail = owner@example.org\n");
    this.room = this.newRoom();
  }

  /** As after a restart of the daemon. */
  newRoom(): GitRoom {
    return new GitRoom(
      this.git,
      async (launch, signal) => {
        this.started.push(launch.args);
        this.directories.push(launch.env.get("GIT_DIR"));
        const result = await this.executor.run(launch, signal);
        if (launch.cwd === this.repo) this.between?.();
        return result;
      },
      () => this.limits,
    );
  }

  /** Writes a file in the workspace and commits it with plain git. Returns the commit. */
  commit(name: string, content: string, repo = this.repo): string {
    mkdirSync(join(repo, name, ".."), { recursive: true });
    writeFileSync(join(repo, name), content);
    git(repo, "add", "-A");
    git(repo, "commit", "-q", "-m", `write ${name}`);
    return this.id("HEAD", repo);
  }

  id(name: string, repo = this.repo): string {
    return git(repo, "rev-parse", name).trim();
  }

  /** The refs of the remote, read by plain git. */
  remoteRefs(): Readonly<Record<string, string>> {
    const lines = git(this.remote, "for-each-ref", "--format=%(refname) %(objectname)").trim().split("\n");
    return Object.fromEntries(
      lines.filter((line) => line !== "").map((line) => line.split(" ", 2) as [string, string]),
    );
  }

  /** The daemon's own repository. */
  get own(): string {
    return join(this.git, "project/host/owner/repo.git");
  }

  /** Files of the daemon's own that only stand there while something runs. */
  leftovers(): readonly string[] {
    return readdirSync(this.own, { recursive: true, encoding: "utf8" }).filter((name) =>
      /(?:^|\/)(?:tmp_|view-|pack-[A-Za-z0-9]{6}$)|\.lock$/.test(name),
    );
  }

  launch(env: ReadonlyMap<string, string>): Launch {
    if (GIT === undefined) throw new Error("there is no git");
    return {
      command: { file: GIT, argv0: "git" },
      args: [],
      env,
      cwd: this.repo,
      timeoutMs: this.timeoutMs,
      graceMs: 300,
      maxStdoutBytes: 1_048_576,
      maxStderrBytes: 65_536,
    };
  }

  remoteJob(words: readonly string[], repo = this.repo): RemoteJob {
    const facts = inspectWorkspace(repo, this.roots);
    refuseLayout(facts);
    const [subcommand = "", ...rest] = words;
    const request = parseRemoteRequest([subcommand, this.remote, ...rest]);
    const workspace = placeOf(facts, this.roots);
    const { strict, helper } = this.#environments();
    return {
      kind: "remote_git",
      request,
      url: this.remote,
      room: ["project", "host", "owner", repo === this.repo ? "repo" : "other"],
      workspace,
      source: sourceOf(request, workspace),
      launch: this.launch(new Map([...strict, ["GIT_ALLOW_PROTOCOL", "file"]])),
      helperEnv: helper,
    };
  }

  localJob(args: readonly string[], repo = this.repo): LocalJob {
    const facts = inspectWorkspace(repo, this.roots);
    refuseLayout(facts);
    const request = parseLocalRequest(args, repo);
    refuseConfiguration(facts, { kind: "local_git", request });
    const { helper } = this.#environments();
    return {
      kind: "local_git",
      request,
      room: ["project", "host", "owner", repo === this.repo ? "repo" : "other"],
      workspace: placeOf(facts, this.roots),
      workTree: repo,
      config: [...ownersIdentity(new Map([["HOME", this.home]])), ...facts.config],
      launch: this.launch(helper),
      helperEnv: helper,
    };
  }

  async do(job: RemoteJob | LocalJob, signal = new AbortController().signal): Promise<Came> {
    const { reason, exitCode, stdout, stderr } = await this.room.run(job, signal);
    return { reason, exitCode, stdout: stdout.bytes.toString(), stderr: stderr.bytes.toString() };
  }

  /** push, fetch, ls-remote: the URL is put in. */
  async remotely(...words: readonly string[]): Promise<Came> {
    return this.do(this.remoteJob(words));
  }

  async locally(...args: readonly string[]): Promise<Came> {
    return this.do(this.localJob(args));
  }

  /** What plain git says of the workspace: nothing when it is sane. Leftover locks are named, too. */
  complaints(repo = this.repo): string {
    const fsck = git(repo, "fsck", "--no-dangling", "--no-progress");
    const locks = readdirSync(join(repo, ".git"), { recursive: true, encoding: "utf8" }).filter((name) =>
      /\.lock$|tmp_obj_/.test(name),
    );
    return fsck + locks.join("\n");
  }

  read(path: string): string {
    return readFileSync(join(this.repo, path), "utf8");
  }

  #environments(): { readonly strict: ReadonlyMap<string, string>; readonly helper: ReadonlyMap<string, string> } {
    const situation = {
      host: new Map([["HOME", this.home]]),
      repo: "owner/repo",
      gitHost: "github.com",
      gitConfig: new Map<string, string>(),
    };
    return {
      strict: buildEnvironment("git_remote_strict", situation, new Map(), PATH),
      helper: buildEnvironment("git", situation, new Map(), PATH),
    };
  }
}
