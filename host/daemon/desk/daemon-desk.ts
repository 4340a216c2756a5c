import type { TokenStore } from "../../auth/token-store.ts";
import type {
  ApprovalDesk,
  DaemonAbout,
  DecisionDesk,
  Desk,
  GrantDesk,
  ProjectDesk,
  RunDesk,
  StopDesk,
  TokenDesk,
} from "../../page/desk.ts";
import type { RunStore } from "../../runs/run-store.ts";
import type { Viewer } from "../../runs/runs.ts";
import type { BaseDirectory } from "../../util/base-directory.ts";
import { VERSION } from "../../util/version.ts";
import { ProjectsOnDisk } from "./projects-on-disk.ts";
import { SessionTokens } from "./session-tokens.ts";

/** Rooms of the daemon that the page shows; it does without those that are undefined. */
export interface DeskRooms {
  readonly runs: RunStore;
  readonly tokens: TokenStore;
  readonly approvals?: ApprovalDesk;
  readonly grants?: GrantDesk;
  readonly decisions?: DecisionDesk;
  readonly stops?: StopDesk;
  /** Calls back when something is to be shown at once; returns how to end it. */
  readonly watch?: (changed: () => void) => () => void;
}

const OWNER: Viewer = { kind: "owner" };

/** What the page can ask, answered by the rooms of this daemon. Loaded with the page only. */
export class DaemonDesk implements Desk {
  readonly runs: RunDesk;
  readonly projects: ProjectDesk;
  readonly tokens: TokenDesk;
  readonly approvals: ApprovalDesk | undefined;
  readonly grants: GrantDesk | undefined;
  readonly decisions: DecisionDesk | undefined;
  readonly stops: StopDesk | undefined;
  readonly #about: DaemonAbout;
  readonly #watch: (changed: () => void) => () => void;

  constructor(base: BaseDirectory, startedAt: number, rooms: DeskRooms) {
    const { runs, tokens, approvals, grants, decisions, stops, watch } = rooms;
    this.#about = { version: VERSION, startedAt, base: base.root };
    this.runs = {
      list: () => runs.list(OWNER),
      output: async (id, { stream, offset, maxBytes, waitMs }, signal) =>
        runs.read(OWNER, id, stream, { unit: "bytes", offset, maxBytes }, waitMs, signal),
      cancel: (id) => {
        runs.cancel(OWNER, id);
      },
    };
    this.projects = new ProjectsOnDisk(base.projects);
    this.tokens = new SessionTokens(base.tokens, tokens, runs);
    this.approvals = approvals;
    this.grants = grants;
    this.decisions = decisions;
    this.stops = stops;
    this.#watch = watch ?? (() => () => undefined);
  }

  about(): DaemonAbout {
    return this.#about;
  }

  watch(changed: () => void): () => void {
    return this.#watch(changed);
  }
}
