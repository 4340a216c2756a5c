import { dirname } from "node:path";
import type { FleetWork } from "../engine/fleet-work.ts";
import type { Work } from "../engine/work.ts";
import { EmptyDirectories } from "../exec/empty-directory.ts";
import { Executor, type Attached, type Launch, type RunResult } from "../exec/run.ts";
import { RunningMarks } from "../exec/running-marks.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { ImportLimits } from "../git/room/import.ts";
import { GitRoom } from "../git/room/git-room.ts";
import type { BaseDirectory } from "../util/base-directory.ts";

/** Carries plans out: programs in the workspace, programs in an empty directory, git in its own room, operations of a fleet at its gateway. */
export class Workshop {
  readonly #executor: Executor;
  readonly #empty: EmptyDirectories;
  readonly #fleet: Fleet;
  readonly #git: GitRoom;

  constructor(base: BaseDirectory, gitLimits: () => ImportLimits, fleet: Fleet) {
    this.#fleet = fleet;
    this.#executor = new Executor(new RunningMarks(base.running));
    this.#empty = new EmptyDirectories(base.empty);
    this.#git = new GitRoom(base.git, async (...run) => this.#executor.run(...run), gitLimits);
  }

  /** @throws CodedError of the failed kind */
  async carryOut(work: Work, signal: AbortSignal, attached: Attached): Promise<RunResult> {
    if (work.kind === "fleet") return this.#elsewhere(work, signal, attached);
    if (work.kind !== "program") return this.#git.run(work, signal, attached);
    if (work.runIn === "workspace") return this.#executor.run(work.launch, signal, attached);
    return this.apart(work.launch, signal, attached);
  }

  async #elsewhere(work: FleetWork, signal: AbortSignal, { output, stdin }: Attached): Promise<RunResult> {
    const { target, operation, params, launch } = work;
    const end = await this.#fleet.run(
      { target, operation, params, timeoutMs: launch.timeoutMs },
      signal,
      output,
      stdin,
    );
    return { reason: "exited", maybeDetached: false, ...end };
  }

  /** Runs a program in an empty directory. */
  async apart(launch: Launch, signal: AbortSignal, attached: Attached): Promise<RunResult> {
    return this.#empty.within(async (cwd) => this.#executor.run(sealed(launch, cwd), signal, attached));
  }

  /** Ends what a daemon that was killed has left running. Resolves with how many processes there were. */
  async endLeft(graceMs: number): Promise<number> {
    return this.#executor.endLeft(graceMs);
  }

  /** Resolves when nothing that was started is left. */
  async settled(): Promise<void> {
    await this.#git.close();
    await this.#executor.settled();
  }
}

/** In the directory, out of which git does not look for a repository. A ceiling holds for what lies below it, so it is the directory above. */
function sealed(launch: Launch, cwd: string): Launch {
  return { ...launch, cwd, env: new Map([...launch.env, ["GIT_CEILING_DIRECTORIES", dirname(cwd)]]) };
}
