import type { DaemonCalls } from "../../../wire/daemon-calls.ts";
import type { Backend } from "../../../mcp/backend.ts";
import type { CallContext } from "../../../mcp/context.ts";
import type { Caller } from "../../calls.ts";
import type { TargetState } from "../../target.ts";
import type { ToolContext } from "../tool.ts";

/** What tools for operations of machines need of the gateway. */
export interface Machines {
  /** Those that the caller may use, sorted by name. */
  targets(caller: Caller): readonly TargetState[];
  /** What can be asked of a target in the name of a caller. */
  client(caller: Caller, peer: string, target: string): DaemonCalls;
}

/** For one result, in estimated tokens; when several machines answer, they share it. */
export const MAX_TOKENS = 10_000;
/** Longer than what a machine lets anything run. */
const RUN_TIMEOUT_MS = 24 * 3_600_000;

/** One machine, as the tools of a host's own MCP server see their daemon. */
export function backendOf(
  machines: Machines,
  target: string,
  { caller, peer }: Pick<ToolContext, "caller" | "peer">,
  maxTokens = MAX_TOKENS,
): Backend {
  const client = machines.client(caller, peer, target);
  return {
    client: async () => Promise.resolve(client),
    runTimeoutMs: RUN_TIMEOUT_MS,
    tokenAdvice: "Ask the gateway's owner for a key.",
    maxTokens,
  };
}

/** The same call, as those tools see it. Links to resources are left out: the gateway has none. */
export function callContextOf({ signal, progress }: ToolContext): CallContext {
  return { signal, progress, links: false };
}
