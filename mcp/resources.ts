import { ResourceNotFoundError, type McpServer } from "@modelcontextprotocol/server";
import { CodedError } from "../wire/errors.ts";
import { STREAMS, type StreamName } from "../wire/names.ts";
import type { RunInfo } from "../wire/schema.ts";
import { printable } from "../wire/text.ts";
import type { Backend } from "./backend.ts";
import { tokensForOutput } from "./budget.ts";
import { readPage, type Page } from "./page.ts";
import { outputUri } from "./reading.ts";
import { troubleOf } from "./trouble.ts";

/** For a list that clients ask for out of habit, in milliseconds. */
const LIST_TIMEOUT_MS = 5_000;
/** Most recent runs that are listed. */
const MAX_LISTED = 50;

const TEMPLATES = STREAMS.map((name) => ({
  uriTemplate: `cmd2host://runs/{run_id}/${name}{?offset}`,
  name: `${name} of a run`,
  description: `What a run printed on ${name}, from a byte on. As much as fits; the next part has a URI of its own.`,
  mimeType: "text/plain",
}));

interface Wanted {
  readonly runId: string;
  readonly stream: StreamName;
  readonly offset: number;
}

const URI = /^cmd2host:\/\/runs\/([^/?#]{1,200})\/(stdout|stderr)(?:\?offset=(\d{1,15}))?$/;

function wanted(uri: string): Wanted {
  const [, id = "", stream, offset = "0"] = URI.exec(uri) ?? [];
  const name = STREAMS.find((known) => known === stream);
  if (name === undefined) throw new ResourceNotFoundError(uri);
  try {
    return { runId: decodeURIComponent(id), stream: name, offset: Number(offset) };
  } catch {
    throw new ResourceNotFoundError(uri);
  }
}

function resourcesOf(run: RunInfo) {
  return STREAMS.filter((name) => run[name].bytes > 0).map((name) => ({
    uri: outputUri(run.run_id, name),
    name: printable(`${name} of ${run.operation}, ${run.started_at}`),
    description: `${run.state}${run.exit_code === undefined ? "" : `, exit code ${run.exit_code}`}`,
    mimeType: "text/plain",
    size: run[name].bytes,
  }));
}

function contentsOf(uri: string, { runId, stream }: Wanted, { page, text, encoding }: Page) {
  const part =
    encoding === undefined
      ? { uri, mimeType: "text/plain", text }
      : { uri, mimeType: "application/octet-stream", blob: text };
  if (!page.more || page.next_offset >= page.total_bytes) return [part];
  const next = `${outputUri(runId, stream)}?offset=${page.next_offset}`;
  return [part, { uri: next, mimeType: "text/plain", text: `[… goes on at ${next} …]` }];
}

/**
 * Answers the requests about resources: the output of this session's runs. The server must have the capability `resources`. A daemon that
 * keeps no runs has none.
 */
export function registerResources({ server }: McpServer, backend: Backend): void {
  server.setRequestHandler("resources/templates/list", () => ({ resourceTemplates: TEMPLATES }));
  server.setRequestHandler("resources/list", async (_request, { mcpReq: { signal } }) => {
    try {
      const client = await backend.client();
      const { runs } = await client.runs({ signal, timeoutMs: LIST_TIMEOUT_MS });
      return { resources: (runs ?? []).slice(0, MAX_LISTED).flatMap(resourcesOf) };
    } catch (error) {
      if (error instanceof CodedError) return { resources: [] };
      throw error;
    }
  });
  server.setRequestHandler("resources/read", async ({ params: { uri } }, { mcpReq: { signal } }) => {
    const place = wanted(uri);
    const shown = await readPage(await backend.client(), place, tokensForOutput(backend.maxTokens), signal).catch(
      troubleOf,
    );
    if ("page" in shown) return { contents: contentsOf(uri, place, shown) };
    throw new ResourceNotFoundError(uri, shown.reason);
  });
}
