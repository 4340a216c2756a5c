import type { StepName } from "../../wire/names.ts";
import type { Session } from "../auth/token-store.ts";
import type { Command } from "../exec/command.ts";
import type { WorkspaceFacts } from "../git/inspection/inspect.ts";
import type { Call } from "../operation/call.ts";
import type { NearMiss } from "../operation/near-miss.ts";
import type { TypedPlace } from "../operation/typed-word.ts";
import type { Operation, Project } from "../project/types.ts";
import type { Target } from "../target/target.ts";
import type { CallFiles, FilePlaces } from "./files.ts";
import type { ClearedPlan } from "./clear.ts";
import type { Plan, TrustedWorkspace } from "./plan.ts";
import type { Manner, Work } from "./work.ts";

/** What each step found, once it is passed. */
export interface Found {
  readonly authenticate: Session;
  readonly line: readonly string[];
  readonly project: Project;
  readonly target: Target;
  readonly operation: Operation;
  readonly values: Call;
  readonly stdin: Operation;
  readonly paths: Call;
  readonly workspace: TrustedWorkspace;
  readonly files: FilePlaces;
  readonly output_scope: Operation;
  readonly staging: CallFiles;
  readonly arguments: readonly string[];
  readonly branches: readonly string[];
  readonly program: Command;
  readonly git: Manner;
  /** Undefined on a machine, which has none to look at. */
  readonly configuration: WorkspaceFacts | undefined;
  readonly environment: ReadonlyMap<string, string>;
  readonly repository: Work;
}

/** Is told of every step that is passed. It decides nothing. */
export type Watch = <N extends keyof Found & StepName>(name: N, found: Found[N]) => void;

/** What is known of a request so far: filled in step by step, read by the audit however the request ends. */
export interface Trail {
  session?: Session;
  project?: Project;
  target?: Target;
  operation?: string;
  plan?: Plan;
  /** Once it may start. */
  cleared?: ClearedPlan;
  /** What decided, of what is no operation. */
  rule?: string;
  /** Somebody who wants to know how it goes. */
  readonly step?: Watch;
  /** Told when a command line is none of the operations of its program. */
  readonly missed?: (misses: readonly NearMiss[], place: TypedPlace) => void;
}
