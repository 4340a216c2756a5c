import type { CodedError } from "../../wire/errors.ts";
import type { Page } from "../pages/page.ts";
import type { Pong, TargetState } from "../target.ts";

/** What an error is to a client: the original's member, and beside it ours. */
export function errorBody({ code, message, hint }: CodedError, prefix = ""): object {
  return { code, error: `${prefix}${message}`, hint };
}

/** A page as the original's clients know it. Its members are in the original's order, the alphabet's. */
export function pageBody({ stdout, stderr, next, end }: Page, profile: object | undefined): object {
  const shown = end?.kind === "ended" ? end.end : undefined;
  return {
    ...(profile === undefined ? {} : { _profile: profile }),
    ...(shown === undefined ? {} : { duration_ms: Math.round(shown.durationMs), exit_code: shown.exitCode }),
    ...(next === undefined ? {} : { next_page: next }),
    stderr,
    stdout,
    ...(shown?.timedOut === true ? { timed_out: true } : {}),
  };
}

/** A target as a row of `GET /api/targets`. */
export function targetRow({ name, status, reachable, host }: TargetState): object {
  return { host, name, status: status === "unknown" ? reachable : status };
}

/** The answer to a ping. */
export function pongBody(target: string, pong: Pong, latencyMs: number): object {
  const { hostname, shell, uptimeSeconds, version } = pong;
  return {
    hostname,
    latency_ms: Math.round(latencyMs),
    shell,
    target,
    uptime_secs: Math.floor(uptimeSeconds),
    version,
  };
}
