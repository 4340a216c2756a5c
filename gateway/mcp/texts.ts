import type { Page } from "../pages/page.ts";
import type { Pong, TargetState } from "../target.ts";

/** How the original shows that a command did not run. */
const NO_EXIT = "exit_code: -1 | duration: 0ms";
const STATES = { unknown: "Unknown", reachable: "Reachable", unreachable: "Unreachable" } as const;

/** The original's list: a pretty-printed array. */
export function listText(targets: readonly TargetState[]): string {
  const rows = targets.map(({ name, host, port, shell, tags, source, status, reachable, way }) => ({
    name,
    host,
    port,
    shell,
    tags,
    source: source === "discovered" ? "Discovered" : "Manual",
    status,
    reachable: STATES[reachable],
    has_psk: way !== undefined,
  }));
  return JSON.stringify(rows, null, 2);
}

/** The original's four lines about a target that answered. */
export function pongText({ hostname, uptimeSeconds, shell, version }: Pong): string {
  return `hostname: ${hostname}\nuptime: ${Math.floor(uptimeSeconds)}s\nshell: ${shell}\nversion: ${version}`;
}

/** The original's text of a page. Why a command could not be run stands where its standard error would. */
export function pageText({ stdout, stderr, next, end }: Page): string {
  const said = end?.kind === "failed" ? `${end.error.message}\n${end.error.hint}\n` : stderr;
  const errors = said === "" ? "" : `${stdout === "" ? "" : "\n"}[stderr]\n${said}`;
  if (end === undefined) return `${stdout}${errors}\n[streaming] next_page=${next ?? ""}`;
  if (end.kind === "failed") return `${stdout}${errors}\n---\n${NO_EXIT}`;
  const { exitCode, durationMs, timedOut } = end.end;
  const late = timedOut ? "\n[timed out]" : "";
  return `${stdout}${errors}${late}\n---\nexit_code: ${exitCode} | duration: ${Math.round(durationMs)}ms`;
}

/** The original's `isError`: an exit code that is not 0, or a command that ran out of time. */
export function isFailure({ end }: Page): boolean {
  return end !== undefined && (end.kind === "failed" || end.end.exitCode !== 0 || end.end.timedOut);
}
