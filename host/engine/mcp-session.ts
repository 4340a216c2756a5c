import { CodedError } from "../../wire/errors.ts";
import type { Live } from "../../wire/live.ts";
import { NO_OUTPUT, type Completed, type Failed } from "../../wire/outcome.ts";
import type { McpSessionRequest } from "../../wire/request.ts";
import type { Session } from "../auth/token-store.ts";
import { failedBy, outcomeOfRun } from "./ending.ts";
import type { Rooms } from "./rooms.ts";

/** How long an MCP session may last: its token ends before. */
const DAY_S = 86_400;

/** The client of an MCP session, which must be there and send standard input. @throws CodedError `request_invalid` */
export function liveClient(live: Live | undefined): Live & { readonly stdin: NonNullable<Live["stdin"]> } {
  if (live?.stdin !== undefined) return { ...live, stdin: live.stdin };
  throw new CodedError("request_invalid", "Invalid request: mcp_session goes with frames and standard input only");
}

/**
 * Joins a client with an MCP server that is started for it. The server is a program of its own, with the session's token and nothing else, so nothing
 * that the client says in MCP is read in this process.
 */
export async function serveMcp(
  rooms: Pick<Rooms, "serveMcp">,
  id: string,
  { token, options }: McpSessionRequest,
  session: Session,
  client: ReturnType<typeof liveClient>,
  signal: AbortSignal,
): Promise<Completed | Failed> {
  client.accepted({ run_id: id, operation: "cmd2host-mcp", stdin: true, timeout_seconds: DAY_S });
  try {
    const attached = { output: client.output, stdin: client.stdin, keep: false };
    return outcomeOfRun(await rooms.serveMcp({ session, token, options }, signal, attached), undefined);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return failedBy(error, { stdout: NO_OUTPUT, stderr: NO_OUTPUT });
  }
}
