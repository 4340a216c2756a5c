import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { CodedError, errnoOf } from "../../../wire/errors.ts";
import type { Attached, RunResult } from "../../exec/run.ts";
import { Import, type ImportLimits } from "./import.ts";
import type { GitJob } from "./job.ts";
import { local } from "./local.ts";
import { Queue } from "./queue.ts";
import { withWorkspace, shallowOf, type OpenWorkspace } from "./open-workspace.ts";
import { OwnRepository } from "./own-repository.ts";
import { fetch } from "./fetch.ts";
import { push } from "./push.ts";
import { Ended, Steps, type Execute } from "./steps.ts";
import { WorkspaceObjects } from "./workspace-objects.ts";

/** Everything that one operation works with. */
export interface Workbench<J extends GitJob> {
  readonly job: J;
  readonly own: OwnRepository;
  readonly workspace: OpenWorkspace;
  readonly steps: Steps;
  readonly imports: Import;
}

const CLEANING_MS = 10 * 60_000;
/** What git says when one of our packs or objects, which no question before touched, came to harm. */
const HARM = /^(?:error|fatal): .*(?:packfile|\bcorrupt|unable to read|loose object|missing (?:blob|tree|commit))/m;
/** What the system says when the host is short of something. */
const FULL = new Set(["ENOSPC", "EDQUOT", "EMFILE", "ENFILE"]);

/**
 * Runs git in repositories of the daemon's own, one per repository of a project. What talks to a remote never runs in the workspace; no git reads the
 * workspace's own configuration: it gives objects and refs as data, and gets them as data.
 */
export class GitRoom {
  readonly #root: string;
  readonly #execute: Execute;
  readonly #limits: () => ImportLimits;
  readonly #queue = new Queue();
  readonly #own = new Map<string, OwnRepository>();
  readonly #closing = new AbortController();
  readonly #cleaning = new Set<Promise<void>>();

  /** @param root a directory of the daemon's own, 0700 */
  constructor(root: string, execute: Execute, limits: () => ImportLimits) {
    this.#root = root;
    this.#execute = execute;
    this.#limits = limits;
  }

  /**
   * Runs one job to its end. Jobs on the same repository wait for one another, within their time limits. The output of a local command is
   * handed on as it comes, that of the others when it is known to be the last.
   * @throws CodedError `git_*`, `workspace_*`, `command_not_found`, `spawn_failed`
   */
  async run(job: GitJob, signal: AbortSignal, attached?: Attached): Promise<RunResult> {
    const path = join(this.#root, ...job.room.slice(0, -1), `${job.room.at(-1) ?? ""}.git`);
    // What talks to a remote may be done a second time, and only what it says then counts.
    const isDoneOnce = job.kind === "local_git";
    const steps = new Steps(this.#execute, job.launch, job.helperEnv, signal, isDoneOnce ? attached : undefined);
    try {
      const result = await this.#queue.inTurn(path, steps, async () => {
        const done = await this.#work(path, job, steps);
        this.#cleanUpLater(path, job);
        return done;
      });
      return isDoneOnce ? result : await handedOn(result, attached);
    } catch (error) {
      if (error instanceof Ended) return error.result;
      throw error;
    }
  }

  /** Ends cleaning up, and resolves when none is left. */
  async close(): Promise<void> {
    this.#closing.abort("shutting_down");
    await Promise.all(this.#cleaning);
  }

  async #work(path: string, job: GitJob, steps: Steps): Promise<RunResult> {
    return withWorkspace(job.workspace, async (workspace) => {
      const bench = (): Workbench<GitJob> => {
        const own = this.#open(path, job, workspace);
        const objects = new WorkspaceObjects(workspace.objects, job.workspace.format);
        return { job, own, workspace, steps, imports: new Import(own, objects, steps, this.#limits()) };
      };
      try {
        const first = bench();
        try {
          const result = await perform(first);
          if (job.kind === "local_git" || result.exitCode === 0 || !HARM.test(result.stderr.bytes.toString()))
            return result;
          first.own.remove();
          return await perform(bench());
        } catch (error) {
          // Our own copy may have come to harm, or end elsewhere than the workspace; then it is made anew, once.
          if (!(error instanceof CodedError) || error.code !== "git_objects_missing" || first.own.refs().size === 0)
            throw error;
          first.own.remove();
          return await perform(bench());
        }
      } catch (error) {
        throw this.#told(error);
      } finally {
        this.#own.get(path)?.release();
      }
    });
  }

  /** System errors about our own files say nothing against the workspace. */
  #told(error: unknown): unknown {
    const errno = errnoOf(error);
    const path = error instanceof Error && "path" in error ? String(error.path) : "";
    if (errno === undefined || !(path.startsWith(`${this.#root}/`) || FULL.has(errno))) return error;
    return new CodedError("git_failed", `the daemon's own repository cannot be used (${errno})`, { cause: error });
  }

  #open(path: string, job: GitJob, workspace: OpenWorkspace): OwnRepository {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const shape = { format: job.workspace.format, shallow: shallowOf(workspace, job.workspace) };
    const opened = OwnRepository.open(path, shape);
    const known = this.#own.get(path);
    const own = known?.format === opened.format && !opened.isNew ? known : opened;
    this.#own.set(path, own);
    own.tidy();
    // What containers had taken over must not pile up without end; with this operation's share it is twice the limit at most.
    if (own.size() <= this.#limits().maxBytes) return own;
    own.remove();
    return this.#open(path, job, workspace);
  }

  /** Packs what has piled up, behind the reply and before the next job on the same repository. */
  #cleanUpLater(path: string, job: GitJob): void {
    if (this.#closing.signal.aborted || this.#own.get(path)?.isCluttered !== true) return;
    const launch = { ...job.launch, timeoutMs: CLEANING_MS };
    const steps = new Steps(this.#execute, launch, job.helperEnv, this.#closing.signal);
    const cleaning = this.#queue
      .inTurn(path, steps, async () => {
        await steps.helper(path, ["gc", "--quiet", "--prune=now"]);
        this.#own.delete(path);
      })
      .catch(() => undefined) // the next operation tries again
      .finally(() => this.#cleaning.delete(cleaning));
    this.#cleaning.add(cleaning);
  }
}

/** Gives what was kept of the output to whoever watches. */
async function handedOn(result: RunResult, attached: Attached | undefined): Promise<RunResult> {
  const { stdout, stderr } = result;
  if (attached === undefined) return result;
  if (stdout.bytes.length > 0) await attached.output.write("stdout", stdout.bytes);
  if (stderr.bytes.length > 0) await attached.output.write("stderr", stderr.bytes);
  return result;
}

async function perform(bench: Workbench<GitJob>): Promise<RunResult> {
  const { job, own, steps } = bench;
  if (job.kind === "local_git") return local({ ...bench, job });
  const { request } = job;
  switch (request.kind) {
    case "push":
      return push({ ...bench, job }, request);
    case "fetch":
      return fetch({ ...bench, job }, request);
    case "ls-remote":
      return steps.main(own.path, ["ls-remote", ...request.options, "--", job.url, ...request.patterns]);
  }
}
