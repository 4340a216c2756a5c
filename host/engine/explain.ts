import { CODES } from "../../wire/codes.ts";
import { CodedError } from "../../wire/errors.ts";
import { STEPS, type StepName, type Verdict } from "../../wire/names.ts";
import type { OperationRequest } from "../../wire/request.ts";
import type { Explanation } from "../../wire/schema.ts";
import { shortened } from "../../wire/text.ts";
import { reasonToAsk } from "../approval/conditions.ts";
import { buildArgv } from "../operation/argv.ts";
import type { NearMiss } from "../operation/near-miss.ts";
import { usageLine } from "../operation/typed-usage.ts";
import type { TypedPlace } from "../operation/typed-word.ts";
import { profileFor } from "../sanitize/profile.ts";
import { callTexts } from "./card.ts";
import { shareOf } from "./clear.ts";
import { ruleOf, stepWords } from "./explain-words.ts";
import { withoutOwnPaths } from "./own-paths.ts";
import { decide, type DecidingRooms } from "./pipeline.ts";
import type { Plan } from "./plan.ts";
import type { Rooms } from "./rooms.ts";
import type { Found, Trail } from "./trail.ts";

/** Who is told. `session` sees what its denials, lists and descriptions show as well, and no more. */
export type Reader = "owner" | "session";

/** What explaining needs of the other rooms: the real ones, with places for files that are not made. */
export type ExplainingRooms = Omit<DecidingRooms, "stage" | "copyIn"> &
  Pick<Rooms, "dry" | "approvals" | "limits" | "ownPaths">;

/** Operations that a command line comes close to, at most so many. */
const MAX_NEAR: Readonly<Record<Reader, number>> = { owner: 20, session: 3 };
/** As denials say it. */
const MAX_WHY_BYTES = 160;
const RUNS_IN = { fleet: "fleet", remote_git: "own_repository", local_git: "workspace" } as const;

type PlanFields = NonNullable<Explanation["plan"]>;
type AsksFields = NonNullable<Explanation["asks"]>;

function near(misses: readonly NearMiss[], place: TypedPlace, reader: Reader): NonNullable<Explanation["near"]> {
  return misses
    .filter(({ isNear }) => isNear || reader === "owner")
    .sort((a, b) => b.understood - a.understood)
    .slice(0, MAX_NEAR[reader])
    .map(({ operation, why }) => ({
      operation: operation.id,
      why: shortened(why, MAX_WHY_BYTES),
      form: usageLine(operation, place),
    }));
}

/**
 * The arguments as a session may see them: what the owner's configuration puts in that it never sees elsewhere, the checkout's path on the host and values
 * of `env`, stands there by its name.
 */
function argvForSession({ project, target, operation, call }: Plan): string[] {
  const named = (name: string): string => `{${name}}`;
  const env = new Map([...project.env.keys()].map((name) => [name, named(name)]));
  const injected = { repo: target.repo.name, repo_path: named("repo_path"), expected_git_url: target.url };
  return [operation.command, ...buildArgv(operation, call.values, call.flags, { injected, env })];
}

function runsIn({ work }: Plan): PlanFields["runs_in"] {
  if (work.kind !== "program") return RUNS_IN[work.kind];
  return work.runIn === "empty" ? "empty_directory" : "workspace";
}

function planFields(plan: Plan, reader: Reader): PlanFields {
  const { work, operation, files, notice, argv, maxStdinBytes } = plan;
  const { launch } = work;
  const shown: PlanFields = {
    argv: reader === "owner" ? [...argv] : argvForSession(plan),
    runs_in: runsIn(plan),
    timeout_seconds: launch.timeoutMs / 1_000,
    stdin: operation.stdin,
    ...(operation.stdin === "none" ? {} : { max_stdin_bytes: maxStdinBytes }),
    max_stdout_bytes: launch.maxStdoutBytes,
    max_stderr_bytes: launch.maxStderrBytes,
    ...(files.inputs.length === 0
      ? {}
      : { inputs: files.inputs.map(({ param, path, bytes }) => ({ param, path, bytes })) }),
    ...(files.outputPath === undefined ? {} : { output: files.outputPath }),
    ...(notice === undefined ? {} : { notice }),
  };
  if (reader === "session") return shown;
  const commit = work.kind === "remote_git" ? work.source?.id : undefined;
  const machine = work.kind === "program" ? work.machine : undefined;
  return {
    ...shown,
    program: machine?.program ?? launch.command.file,
    ...(machine === undefined ? {} : { user: machine.user }),
    ...(shown.runs_in === "workspace" ? { cwd: launch.cwd } : {}),
    profile: machine === undefined ? profileFor(operation.command, launch.args, operation.profile) : "machine",
    env: [...(machine ?? launch).env.keys()].sort(),
    ...(commit === undefined ? {} : { commit }),
  };
}

/** Whether a person would be asked, if it were asked for now. A grant would let it through all the same. */
function asks({ operation, project, call }: Plan, { approvals }: ExplainingRooms, reader: Reader): AsksFields {
  const { approval } = operation;
  if (approval === undefined) return { person: false };
  const recent = (ms: number): number => approvals.recent.count(project.id, operation.id, ms);
  const why = reasonToAsk(approval, callTexts(call), recent);
  if (why === undefined) return { person: false };
  const { via, answers } = approval;
  if (reader === "session") return { person: true, why };
  return { person: true, why, answers: [...answers], ...(via === undefined ? {} : { via: [...via] }) };
}

function stepFields(
  found: Partial<Found>,
  error: CodedError | undefined,
  asked: AsksFields | undefined,
  reader: Reader,
) {
  const passed = new Set<StepName>(Object.keys(found) as StepName[]);
  if (asked !== undefined) passed.add("limits").add("approval");
  const says = reader === "owner" ? stepWords(found, asked) : new Map<StepName, string>();
  const stoppedAt = error === undefined ? undefined : STEPS.find((name) => !passed.has(name));
  return STEPS.map((step): Explanation["steps"][number] => {
    if (step === stoppedAt) return { step, result: "stopped", ...(error === undefined ? {} : { rule: error.code }) };
    if (!passed.has(step)) return { step, result: "not_reached" };
    const [rule, words] = [ruleOf(step, found.project), says.get(step)];
    return {
      step,
      result: "passed",
      ...(rule === undefined ? {} : { rule }),
      ...(words === undefined ? {} : { says: words }),
    };
  });
}

function verdictOf(error: CodedError | undefined, asked: AsksFields | undefined): Verdict {
  if (error !== undefined) return CODES[error.code].kind === "failed" ? "fail" : "deny";
  return asked?.person === true ? "ask" : "allow";
}

/**
 * Says what would become of a request, by the steps that every request passes, up to the plan. Nothing is started, written or counted: copies of files
 * are not made, and nothing is taken of what is limited.
 * @param trail is filled in, for the record
 * @throws whatever is no `CodedError`
 */
export async function explain(
  rooms: ExplainingRooms,
  request: OperationRequest,
  reader: Reader,
  trail: Trail = {},
): Promise<Explanation> {
  const found: Partial<{ -readonly [N in keyof Found]: Found[N] }> = {};
  let nearest: Explanation["near"];
  const watched: Trail = Object.assign(trail, {
    step: <N extends keyof Found>(name: N, what: Found[N]): void => {
      found[name] = what;
    },
    missed: (misses: readonly NearMiss[], place: TypedPlace): void => {
      nearest = near(misses, place, reader);
    },
  });
  let plan: Plan | undefined;
  let error: CodedError | undefined;
  try {
    plan = await decide({ ...rooms, ...rooms.dry, settings: rooms.settings }, request, watched);
    rooms.limits.check(shareOf(plan));
  } catch (thrown) {
    if (!(thrown instanceof CodedError)) throw thrown;
    error = reader === "owner" ? thrown : withoutOwnPaths(thrown, rooms.ownPaths);
  }
  const asked = plan === undefined || error !== undefined ? undefined : asks(plan, rooms, reader);
  const { project, operation, target } = trail;
  const explanation: Explanation = {
    dry_run: true,
    verdict: verdictOf(error, asked),
    ...(error === undefined ? {} : { code: error.code, message: error.message, hint: error.hint }),
    ...(project === undefined ? {} : { project: project.id }),
    ...(operation === undefined ? {} : { operation }),
    ...(target === undefined ? {} : { target: target.repo.name }),
    steps: stepFields(found, error, asked, reader),
    ...(nearest === undefined ? {} : { near: nearest }),
    ...(plan === undefined ? {} : { plan: planFields(plan, reader) }),
    ...(asked === undefined ? {} : { asks: asked }),
  };
  plan?.files.discard();
  return explanation;
}
