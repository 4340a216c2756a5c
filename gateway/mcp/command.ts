import type { GatewayCalls, ShellCall } from "../calls.ts";
import type { PeerCall } from "../http/env.ts";
import type { Page } from "../pages/page.ts";
import { CommandProgress } from "./progress.ts";
import type { ToolContext, ToolParts } from "./tool.ts";

/** A command as a tool is asked for it. */
export type ToolCommand = Omit<ShellCall, "source">;

/** Which of the parts commands need. */
type CommandParts = Pick<ToolParts, "pages"> & { readonly calls: Pick<GatewayCalls, "admit"> };

/**
 * Runs a command, and resolves with its first page. A page is waited for until it is full or `waitMs` are over: each one costs a model a turn.
 * @throws CodedError as `GatewayCalls.admit`; `too_many_runs`, `shutting_down`, `cancelled`
 */
export async function firstPage(
  { calls, pages }: CommandParts,
  command: ToolCommand,
  { caller, peer, signal, progress }: ToolContext,
  waitMs: number,
): Promise<Page> {
  const call: PeerCall = { ...command, source: "mcp", peer };
  const telling = new CommandProgress(progress);
  try {
    const opened = pages.open(caller, calls.admit(caller, call), { output: telling.output });
    return await opened.first({ timeoutMs: waitMs, gatherMs: undefined }, signal);
  } finally {
    telling.stop();
  }
}

/**
 * The page of a token.
 * @param again whether it may be the one that was given last
 * @throws CodedError `page_unknown`, `cancelled`
 */
export async function followingPage(
  { pages }: CommandParts,
  token: string,
  { caller, signal, progress }: ToolContext,
  waitMs: number,
  again: boolean,
): Promise<Page> {
  const telling = new CommandProgress(progress);
  try {
    return await pages.next(caller, token, { timeoutMs: waitMs, gatherMs: undefined }, signal, { again });
  } finally {
    telling.stop();
  }
}
