import type { ServerContext } from "@modelcontextprotocol/server";

/** What a tool knows of the call that it answers. */
export interface CallContext {
  /** Aborted when the client cancels the call or goes away. */
  readonly signal: AbortSignal;
  /** Tells the client how far the call is; `progress` only grows. Undefined when the client asked for no progress. */
  readonly progress: ((message: string, progress: number) => void) | undefined;
  /** True when the client knows content of the type `resource_link`. */
  readonly links: boolean;
}

/** The first version of MCP that has links to resources in results. Versions are dates. */
const LINKS_SINCE = "2025-06-18";

/** The SDK's server, as far as it knows the version that was agreed on. One server has one connection here, so it is the request's. */
interface Negotiated {
  getNegotiatedProtocolVersion(): string | undefined;
}

/** The context of a request. A notification that cannot be sent is dropped: the client has gone, and `signal` says so. */
export function callContext(context: ServerContext, server: Negotiated): CallContext {
  const { signal, notify, _meta: meta } = context.mcpReq;
  const progressToken = meta?.progressToken;
  const version = server.getNegotiatedProtocolVersion();
  return {
    signal,
    links: version !== undefined && version >= LINKS_SINCE,
    progress:
      progressToken === undefined
        ? undefined
        : (message, progress) => {
            const params = { progressToken, progress, message };
            notify({ method: "notifications/progress", params }).catch(() => undefined);
          },
  };
}
