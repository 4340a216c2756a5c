import { CodedError } from "../../wire/errors.ts";
import type { Reply } from "../../wire/outcome.ts";
import type { OperationRequest } from "../../wire/request.ts";
import type { ActiveRun, Viewer } from "../runs/runs.ts";
import { carryOut, type Carried, type Watching } from "./carry-out.ts";
import { knownError, type Case } from "./case.ts";
import { clear, type ClearedPlan } from "./clear.ts";
import { failedBy } from "./ending.ts";
import { decide } from "./pipeline.ts";
import type { Plan } from "./plan.ts";
import { endingOf, ROUTES } from "./recorded.ts";
import type { Rooms } from "./rooms.ts";
import { onAbort, once } from "./waiting.ts";

/** A run that has begun. */
interface Begun {
  readonly id: string;
  readonly may: ClearedPlan;
  readonly run: ActiveRun;
  readonly watching: Watching;
}

/**
 * Carries out an operation: decides, lets a person answer where one is asked, records, runs, and records how it ended.
 * @param record is called once it may start; when it throws, nothing runs
 * @throws CodedError every denial; whatever is thrown before the run has begun
 */
export async function operate(rooms: Rooms, request: OperationRequest, of: Case, record: () => void): Promise<Reply> {
  const live = request.background ? undefined : of.live;
  const asked = { ...request, offersStdin: request.offersStdin && live?.stdin !== undefined };
  const accept = once((plan: Plan) => {
    live?.accepted({
      run_id: of.id,
      operation: plan.operation.id,
      stdin: plan.operation.stdin !== "none" && live.stdin !== undefined,
      timeout_seconds: plan.work.launch.timeoutMs / 1_000,
    });
  });
  const asker = { id: of.id, peer: of.peer.id, route: ROUTES[request.route.kind], signal: of.signal, live, accept };
  const decideAgain = async (): Promise<Plan> => (of.trail.plan = await decide(rooms, asked, of.trail));
  const started = performance.now();
  const may = (of.trail.cleared = await clear(rooms, decideAgain, asker));
  const { plan } = may;
  const masking = rooms.redaction.for({
    token: request.token,
    rules: plan.operation.redact,
    environment: plan.work.launch.env,
  });
  const run = begin(rooms, may, { id: of.id, background: request.background }, record);
  // A person's time to think is not the daemon's.
  if (may.ruling === undefined) rooms.decidedIn(performance.now() - started);
  const watching: Watching = {
    live,
    isFiltered: request.filtered ?? (live === undefined && request.route.kind === "named"),
    masking,
  };
  accept(plan);
  const decided = performance.now();
  const running = runToEnd(rooms, { id: of.id, may, run, watching }, request.background ? undefined : of.signal);
  if (request.background) {
    // Nobody waits for it, so nobody else hears when its ending cannot be recorded.
    running.catch((error: unknown) => {
      rooms.reportBug(error, of.id);
    });
    const viewer: Viewer = { kind: "session", key: plan.session.key };
    return { shape: "run", run: await rooms.runs.status(viewer, of.id, 0, of.signal) };
  }
  const { outcome, filtered } = await running;
  const { requestId, protocol, profile } = request;
  const timings = profile ? { agent_decide: decided - started, agent_run: performance.now() - decided } : undefined;
  return { shape: "operation", requestId, protocol, runId: of.id, outcome, filtered, timings };
}

/** Nothing has happened yet when this throws. */
function begin(
  rooms: Rooms,
  { plan, place }: ClearedPlan,
  { id, background }: { readonly id: string; readonly background: boolean },
  record: () => void,
): ActiveRun {
  try {
    const run = rooms.runs.begin({
      id,
      session: plan.session.key,
      project: plan.project.id,
      operation: plan.operation.id,
      background,
    });
    try {
      record();
      return run;
    } catch (error) {
      run.end(
        failedBy(
          error instanceof CodedError ? error : new CodedError("internal", "the decision could not be recorded"),
        ),
      );
      throw error;
    }
  } catch (error) {
    place.giveBack();
    plan.files.discard();
    throw error;
  }
}

/**
 * A run that has begun has an ending, which is kept and recorded. Rejects only when it cannot be recorded.
 * @param client ends the run when the client goes or cancels; undefined for a run that goes on by itself
 */
async function runToEnd(rooms: Rooms, begun: Begun, client: AbortSignal | undefined): Promise<Carried> {
  const { id, may, run } = begun;
  const started = performance.now();
  const stop = new AbortController();
  const end = (reason: unknown): void => {
    if (reason !== "disconnected") stop.abort(reason);
    else if (may.plan.operation.onDisconnect === "cancel") stop.abort("cancelled");
  };
  onAbort(run.signal, end);
  if (client !== undefined) onAbort(client, end);
  const came = await carried(rooms, begun, stop);
  may.place.release();
  run.end(came.outcome);
  rooms.audit.ended(endingOf(id, came.outcome, started, came.digests));
  return came;
}

async function carried(rooms: Rooms, { id, may, run, watching }: Begun, stop: AbortController): Promise<Carried> {
  try {
    return await carryOut(rooms, may, run, stop, watching);
  } catch (error) {
    const failure = failedBy(knownError(rooms, error, id));
    return { outcome: failure, filtered: undefined, digests: undefined };
  }
}
