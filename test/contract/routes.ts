import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { InProcessClient } from "../../host/engine/in-process.ts";
import type { Daemon } from "../../host/daemon/daemon.ts";
import { DaemonClient, streamBytes, type Address } from "../../wire/client.ts";
import type { DaemonCalls, RunRequest } from "../../wire/daemon-calls.ts";
import type { OutputSink } from "../../wire/live.ts";
import { STREAMS, type StreamName } from "../../wire/names.ts";
import type { OperationReply, OutcomeFields, OutputPage } from "../../wire/schema.ts";
import { TOKEN } from "../fixtures/base.ts";
import { atEnd, tempDirectory } from "../fixtures/temp.ts";
import { EXECUTABLE } from "../fixtures/tested-program.ts";
import { spawned, type Session } from "../mcp/clients.ts";
import { bundle } from "../mcp/program.ts";

/** The ways to run an operation, made alike so that one scenario can be held against all of them. */

const ALL_ROUTES = ["json", "frames", "in_process", "in_process_live", "mcp"] as const;
export type RouteName = (typeof ALL_ROUTES)[number];
/** Without the ways inside, when the daemon is a process of its own. */
export const ROUTES: readonly RouteName[] = ALL_ROUTES.filter(
  (name) => EXECUTABLE === undefined || !name.startsWith("in_process"),
);

/** What is asked for, whatever carries it. */
export interface Ask extends RunRequest {
  /** Of the session; the fixture's when absent. */
  readonly token?: string;
  /** The operation has filters, which are wanted. */
  readonly filtered?: boolean;
}

/** What a stream came to: the bytes that are shown, and how many the program wrote. */
export interface CameOf {
  readonly bytes: Buffer;
  readonly total: number;
  readonly truncated: boolean;
}

/** How an operation ended, as far as every route can say it. */
export interface Came {
  readonly outcome: string;
  readonly exitCode: number;
  readonly signal: string | undefined;
  readonly code: string | undefined;
  readonly hint: string | undefined;
  /** What is said of a denial or a failure. */
  readonly reason: string | undefined;
  readonly notice: string | undefined;
  readonly stdout: CameOf;
  readonly stderr: CameOf;
  /** Standard output as the operation's filters left it; undefined where they were not applied. */
  readonly filtered: string | undefined;
  /** What the daemon calls the run; undefined when nothing ran. */
  readonly runId: string | undefined;
}

export interface Route {
  readonly name: RouteName;
  /** Runs to the end. Aborting cancels, and may reject. */
  run(ask: Ask, signal?: AbortSignal): Promise<Came>;
}

const NOTHING: CameOf = { bytes: Buffer.alloc(0), total: 0, truncated: false };
const PAGE_BYTES = 1_048_576;

/** All that is kept of a stream of a run, page by page. */
async function allOf(page: (offset: number) => Promise<Pick<OutputPage, "text" | "next_offset" | "more">>) {
  const parts: Buffer[] = [];
  for (let offset = 0, more = true; more;) {
    const got = await page(offset);
    const bytes = streamBytes(got.text, (got as { readonly encoding?: string }).encoding);
    if (got.more && bytes.length === 0) throw new Error(`nothing at ${offset}, and yet there is more`);
    parts.push(bytes);
    ({ next_offset: offset, more } = got);
  }
  return Buffer.concat(parts);
}

async function keptOf(client: DaemonCalls, runId: string | undefined, stream: StreamName): Promise<Buffer> {
  if (runId === undefined) return Buffer.alloc(0);
  return allOf(async (offset) => {
    const { page, error } = await client.read({ runId, stream, offset, maxBytes: PAGE_BYTES });
    if (page === undefined || page === null) throw new Error(`no page: ${error ?? ""}`);
    return page;
  });
}

const FINALIZE = "cmd2host: post-run finalize failed: ";

/** In a reply of protocol 1 the reason of a failure stands behind what the program wrote to standard error. */
function withoutReason(stderr: Buffer, written: number): { readonly own: Buffer; readonly reason: string } {
  const reason = stderr.toString("utf8", written).replace(/^\n/, "").replace(/\n$/, "");
  return {
    own: stderr.subarray(0, written),
    reason: reason.startsWith(FINALIZE) ? reason.slice(FINALIZE.length) : reason,
  };
}

async function cameOfReply(client: DaemonCalls, reply: OperationReply): Promise<Came> {
  const { outcome = "none", exit_code: exitCode, signal, code, hint, notice, run_id: runId } = reply;
  const totals = { stdout: reply.stdout_original_bytes ?? 0, stderr: reply.stderr_original_bytes ?? 0 };
  const isFiltered = reply.stdout_filtered !== undefined;
  const shown = streamBytes(reply.stderr, reply.stderr_encoding);
  const { own, reason } =
    outcome === "failed"
      ? withoutReason(shown, totals.stderr)
      : { own: shown, reason: reply.denied_reason ?? undefined };
  return {
    outcome,
    exitCode,
    signal,
    code,
    hint,
    notice,
    runId,
    reason,
    stdout: {
      bytes: isFiltered ? await keptOf(client, runId, "stdout") : streamBytes(reply.stdout, reply.stdout_encoding),
      total: totals.stdout,
      truncated: reply.stdout_truncated === true,
    },
    stderr: { bytes: own, total: totals.stderr, truncated: reply.stderr_truncated === true },
    filtered: isFiltered ? reply.stdout : undefined,
  };
}

/** Takes everything as it comes. */
export class Gathered implements OutputSink {
  readonly #parts: Readonly<Record<StreamName, Buffer[]>> = { stdout: [], stderr: [] };

  write(stream: StreamName, bytes: Buffer): undefined {
    this.#parts[stream].push(Buffer.from(bytes));
  }

  bytes(stream: StreamName): Buffer {
    return Buffer.concat(this.#parts[stream]);
  }

  text(stream: StreamName): string {
    return this.bytes(stream).toString("utf8");
  }
}

function cameOfOutcome(outcome: OutcomeFields, output: Gathered): Came {
  return {
    outcome: outcome.outcome,
    exitCode: outcome.exit_code,
    signal: outcome.signal,
    code: outcome.code,
    hint: outcome.hint,
    reason: outcome.message,
    notice: outcome.notice,
    runId: outcome.run_id,
    stdout: {
      bytes: output.bytes("stdout"),
      total: outcome.stdout_bytes,
      truncated: outcome.stdout_truncated === true,
    },
    stderr: {
      bytes: output.bytes("stderr"),
      total: outcome.stderr_bytes,
      truncated: outcome.stderr_truncated === true,
    },
    filtered: outcome.filtered?.stdout,
  };
}

/** Everything at once. */
function atOnce(name: RouteName, clientOf: (token: string) => DaemonCalls): Route {
  return {
    name,
    run: async (ask, signal) => {
      const client = clientOf(ask.token ?? TOKEN);
      return cameOfReply(client, await client.run(ask, { signal }));
    },
  };
}

/** As it comes. */
function live(name: RouteName, clientOf: (token: string) => DaemonCalls): Route {
  return {
    name,
    run: async ({ token = TOKEN, filtered, ...request }, signal) => {
      const output = new Gathered();
      return cameOfOutcome(await clientOf(token).stream(request, { output, filtered, signal }), output);
    },
  };
}

type Data = Readonly<Record<string, unknown>>;

function text(data: Data, name: string): string | undefined {
  const value = data[name];
  return typeof value === "string" ? value : undefined;
}

function number(data: Data, name: string): number | undefined {
  const value = data[name];
  return typeof value === "number" ? value : undefined;
}

/** The MCP server as it is shipped, in a process of its own, and the SDK's client. What a result leaves out is read with the tool for it. */
class McpRoute implements Route {
  readonly name = "mcp";
  readonly #session: Session;
  readonly #tokenFile: string;

  constructor(session: Session, tokenFile: string) {
    this.#session = session;
    this.#tokenFile = tokenFile;
  }

  static async open(address: Address & { readonly kind: "unix" }): Promise<McpRoute> {
    const tokenFile = join(tempDirectory(), "token");
    writeFileSync(tokenFile, TOKEN);
    const built = await bundle();
    atEnd(async () => built.remove());
    const options = ["-socket", address.path, "-token-file", tokenFile, "-tools", "generic", "-max-tokens", "200000"];
    const session = await spawned(built.file)(options, {});
    atEnd(async () => session.close());
    return new McpRoute(session, tokenFile);
  }

  async run({ token = TOKEN, filtered = false, ...request }: Ask, signal?: AbortSignal): Promise<Came> {
    writeFileSync(this.#tokenFile, token);
    const asked = {
      operation_id: request.operation,
      params: request.params,
      flags: request.flags,
      target_repo: request.targetRepo,
      timeout_seconds: request.timeoutSeconds,
    };
    const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
    const { structuredContent } = await this.#session.client.callTool(
      { name: "cmd2host_run_operation", arguments: given },
      signal === undefined ? {} : { signal },
    );
    return this.#came(structuredContent as Data, filtered);
  }

  async #came(data: Data, isFiltered: boolean): Promise<Came> {
    const [outcome = "none", code, hint] = [text(data, "outcome"), text(data, "code"), text(data, "hint")];
    const runId = text(data, "run_id");
    const exitCode = number(data, "exit_code");
    const didFilter = isFiltered && outcome === "completed" && exitCode === 0;
    const [stdout, stderr] = await Promise.all([
      this.#stream(data, runId, "stdout", didFilter),
      this.#stream(data, runId, "stderr", false),
    ]);
    return {
      outcome,
      // A denial has no program that could have ended, and protocol 1 says 1.
      exitCode: exitCode ?? (outcome === "denied" ? 1 : -1),
      signal: text(data, "signal"),
      code,
      hint,
      reason: text(data, "reason"),
      notice: text(data, "notice"),
      runId,
      stdout,
      stderr,
      filtered: didFilter ? (text(data, "stdout") ?? "") : undefined,
    };
  }

  async #stream(data: Data, runId: string | undefined, name: StreamName, isOther: boolean): Promise<CameOf> {
    const total = number(data, `${name}_original_bytes`) ?? 0;
    if (runId === undefined) return NOTHING;
    const isWhole = data[`${name}_truncated`] !== true && !isOther;
    const bytes = isWhole
      ? streamBytes(text(data, name) ?? "", text(data, `${name}_encoding`))
      : await allOf(async (offset) => this.#page(runId, name, offset));
    return { bytes, total, truncated: bytes.length < total };
  }

  async #page(runId: string, stream: StreamName, offset: number) {
    const { data } = await this.#session.call("cmd2host_read_output", { run_id: runId, stream, offset });
    return data as OutputPage;
  }
}

/** Every route to one daemon. */
export async function routesTo(
  daemon: Daemon | undefined,
  address: Address & { readonly kind: "unix" },
): Promise<ReadonlyMap<RouteName, Route>> {
  const remote = (token: string): DaemonCalls => new DaemonClient(address, token);
  const inside = (token: string): DaemonCalls => {
    const client = daemon?.client(token);
    if (!(client instanceof InProcessClient)) throw new TypeError("not the client without a transport");
    return client;
  };
  const routes = [
    atOnce("json", remote),
    live("frames", remote),
    atOnce("in_process", inside),
    live("in_process_live", inside),
    await McpRoute.open(address),
  ];
  return new Map(routes.map((route) => [route.name, route]));
}

/** What is compared: bytes as latin1, so that a difference can be read, and nothing that differs from one run to the next. */
export function comparable(came: Came, same: (text: string) => string): object {
  const { runId, stdout, stderr, reason, hint, filtered, ...rest } = came;
  const streams = Object.fromEntries(
    STREAMS.map((name) => {
      const { bytes, ...counts } = name === "stdout" ? stdout : stderr;
      return [name, { ...counts, text: same(bytes.toString("latin1")) }];
    }),
  );
  const alike = (one: string | undefined): string | undefined => (one === undefined ? undefined : same(one));
  return {
    ...rest,
    ...streams,
    ran: runId !== undefined,
    reason: alike(reason),
    hint: alike(hint),
    filtered: alike(filtered),
  };
}
