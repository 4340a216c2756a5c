import { isUtf8 } from "node:buffer";
import type { Readable } from "node:stream";
import type { Backend } from "../../mcp/backend.ts";
import type { CallContext } from "../../mcp/context.ts";
import type {
  CallOptions,
  DaemonCalls,
  PageRequest,
  RunRequest,
  Started,
  StreamOptions,
} from "../../wire/daemon-calls.ts";
import { CodedError } from "../../wire/errors.ts";
import type { StreamName } from "../../wire/names.ts";
import type {
  DescribeReply,
  ExplanationReply,
  ListReply,
  OperationReply,
  OutcomeFields,
  OutputReply,
  RunInfo,
  RunReply,
  RunsReply,
} from "../../wire/schema.ts";

/** What a program of the fake daemon can do. */
export interface Io {
  readonly request: RunRequest;
  readonly stdin: Readable | undefined;
  /** Aborted when the run is cancelled. */
  readonly signal: AbortSignal;
  readonly print: (text: string | Buffer, stream?: StreamName) => void;
}

type End = Partial<OutcomeFields>;
/** Gives what differs from a success. */
export type Program = (io: Io) => Promise<End> | End;

interface Run {
  readonly id: string;
  readonly operation: string;
  readonly background: boolean;
  readonly kept: Record<StreamName, Buffer>;
  readonly stop: AbortController;
  end: OutcomeFields | undefined;
  over: Promise<void>;
}

function lineBreaks(bytes: Buffer): number {
  return bytes.toString("latin1").split("\n").length - 1;
}

/** A daemon in this process: programs are functions, runs are kept for ever, and pages are cut as the real one cuts them. */
export class FakeCalls implements DaemonCalls {
  readonly #programs: ReadonlyMap<string, Program>;
  readonly #runs = new Map<string, Run>();
  /** Requests for pages, as they came. */
  readonly pages: PageRequest[] = [];

  constructor(programs: Readonly<Record<string, Program>>) {
    this.#programs = new Map(Object.entries(programs));
  }

  async list(): Promise<ListReply> {
    return Promise.resolve({ operations: [...this.#programs.keys()].map((id) => ({ id })), revision: "1" });
  }

  async describe(operation: string): Promise<DescribeReply> {
    return Promise.resolve({ operation: { id: operation } });
  }

  async run(): Promise<OperationReply> {
    return Promise.reject(new CodedError("usage", "not used by these tools"));
  }

  async stream(request: RunRequest, options: StreamOptions): Promise<OutcomeFields> {
    const program = this.#programs.get(request.operation);
    if (program === undefined) return this.#denied(request.operation);
    const run = this.#begin(request, false, program, options);
    options.signal?.addEventListener("abort", () => {
      run.stop.abort();
    });
    await run.over;
    return run.end ?? Promise.reject(new CodedError("reply_invalid", "no end"));
  }

  async start(request: RunRequest): Promise<Started> {
    const program = this.#programs.get(request.operation);
    if (program === undefined) {
      const { message = "", code = "", hint = "" } = this.#denied(request.operation);
      const reply = {
        exit_code: 1,
        stdout: "",
        stderr: "",
        denied_reason: message,
        outcome: "denied",
        code,
        hint,
      } as const;
      return Promise.resolve({ kind: "refused", reply });
    }
    const run = this.#begin(request, true, program, undefined);
    return Promise.resolve({ kind: "started", run: this.#info(run) });
  }

  async status(runId: string, waitSeconds: number, options: CallOptions = {}): Promise<RunReply> {
    const run = this.#runs.get(runId);
    if (run === undefined) return { run: null, ...this.#unknown() };
    await this.#waited(run, waitSeconds, options.signal);
    return { run: this.#info(run) };
  }

  async read(request: PageRequest, options: CallOptions = {}): Promise<OutputReply> {
    this.pages.push(request);
    const run = this.#runs.get(request.runId);
    if (run === undefined) return { page: null, ...this.#unknown() };
    await this.#waited(run, request.waitSeconds ?? 0, options.signal);
    return { page: this.#page(run, request) };
  }

  async cancel(runId: string): Promise<RunReply> {
    const run = this.#runs.get(runId);
    if (run === undefined) return Promise.resolve({ run: null, ...this.#unknown() });
    run.stop.abort();
    return run.over.then(() => ({ run: this.#info(run) }));
  }

  async runs(): Promise<RunsReply> {
    return Promise.resolve({ runs: [...this.#runs.values()].reverse().map((run) => this.#info(run)) });
  }

  async explain(): Promise<ExplanationReply> {
    return Promise.reject(new CodedError("usage", "not used by these tools"));
  }

  async watch(): Promise<ListReply> {
    return this.list();
  }

  #denied(operation: string): OutcomeFields {
    const message = `Operation "${operation}" not allowed`;
    const trouble = { code: "operation_not_allowed", message, hint: "Ask the owner." };
    return { outcome: "denied", exit_code: 1, stdout_bytes: 0, stderr_bytes: 0, ...trouble };
  }

  #unknown() {
    return { error: "no such run", code: "run_unknown", hint: "Runs are kept for a limited time." };
  }

  #begin(request: RunRequest, background: boolean, program: Program, options: StreamOptions | undefined): Run {
    const kept = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
    const stop = new AbortController();
    const id = `run-${this.#runs.size + 1}`;
    const { operation } = request;
    options?.accepted?.({ run_id: id, operation, stdin: options.stdin !== undefined, timeout_seconds: 60 });
    const io: Io = {
      request,
      stdin: options?.stdin,
      signal: stop.signal,
      print: (text, stream = "stdout") => {
        const bytes = Buffer.from(text);
        kept[stream] = Buffer.concat([kept[stream], bytes]);
        void options?.output.write(stream, bytes);
      },
    };
    const run: Run = { id, operation, background, kept, stop, end: undefined, over: Promise.resolve() };
    run.over = (async () => {
      // Output never comes before the answer to `start`.
      await Promise.resolve();
      const end = await program(io);
      const sizes = { stdout_bytes: kept.stdout.length, stderr_bytes: kept.stderr.length };
      run.end = { outcome: "completed", exit_code: 0, run_id: id, ...sizes, ...end };
    })();
    this.#runs.set(id, run);
    return run;
  }

  async #waited(run: Run, seconds: number, signal: AbortSignal | undefined): Promise<void> {
    if (run.end !== undefined || seconds === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const time = new Promise((resolve) => {
      timer = setTimeout(resolve, seconds * 1_000);
      signal?.addEventListener("abort", resolve);
    });
    await Promise.race([run.over, time]);
    clearTimeout(timer);
  }

  #info({ id, operation, background, kept, end }: Run): RunInfo {
    const { exit_code, signal, code, message, hint, notice } = end ?? {};
    const facts = Object.entries({ exit_code, signal, code, message, hint, notice });
    const state = end === undefined ? "running" : end.outcome === "completed" ? "completed" : "failed";
    const size = (bytes: Buffer) => ({ bytes: bytes.length, lines: lineBreaks(bytes) });
    return {
      run_id: id,
      operation,
      state,
      background,
      started_at: "2026-01-01T00:00:00Z",
      duration_ms: 1_234,
      stdout: size(kept.stdout),
      stderr: size(kept.stderr),
      last_line: kept.stdout.toString("utf8").trimEnd().split("\n").at(-1) ?? "",
      ...Object.fromEntries(facts.filter(([, fact]) => fact !== undefined)),
    };
  }

  #page(run: Run, request: PageRequest): NonNullable<OutputReply["page"]> {
    const { stream = "stdout", maxBytes = 32_768, grep } = request;
    const all = run.kept[stream];
    const lines = all.toString("utf8").split(/(?<=\n)/);
    const [total, state] = [lineBreaks(all), run.end === undefined ? "running" : "completed"] as const;
    const common = { run_id: run.id, stream, state, total_bytes: all.length, total_lines: total };
    const going = run.end === undefined;
    if (request.offset !== undefined) {
      const start = request.offset < 0 ? Math.max(0, all.length + request.offset) : request.offset;
      const bytes = all.subarray(start, start + maxBytes);
      const next = start + bytes.length;
      const text = isUtf8(bytes)
        ? { text: bytes.toString("utf8") }
        : { text: bytes.toString("base64"), encoding: "base64" };
      return { ...common, ...text, offset: start, next_offset: next, more: going || next < all.length };
    }
    const { line = 1, maxLines = 500 } = request;
    const first = line < 0 ? Math.max(1, total + line + 1) : line;
    const before = Buffer.byteLength(lines.slice(0, first - 1).join(""));
    let [text, next, matches] = ["", first, 0];
    for (let taken = 0; taken < maxLines && next <= lines.length; next++) {
      const found = lines[next - 1] ?? "";
      if (grep !== undefined && !new RegExp(grep).test(found)) continue;
      const shown = grep === undefined ? found : `${next}:${found}`;
      if (Buffer.byteLength(text + shown) > maxBytes) break;
      text += shown;
      taken++;
      matches++;
    }
    const behind = before + Buffer.byteLength(lines.slice(first - 1, next - 1).join(""));
    return {
      ...common,
      text,
      offset: before,
      next_offset: behind,
      line: first,
      next_line: next,
      ...(grep === undefined ? {} : { matches }),
      more: going || next <= lines.length,
    };
  }
}

/** A backend over a fake daemon. */
export function fakeBackend(calls: DaemonCalls, maxTokens = 10_000, runTimeoutMs = 60_000): Backend {
  return { client: async () => Promise.resolve(calls), runTimeoutMs, tokenAdvice: "Do this.", maxTokens };
}

export interface Told {
  readonly context: CallContext;
  readonly cancel: () => void;
  readonly progress: readonly { readonly message: string; readonly progress: number }[];
}

/** The context of a call whose client wants to know everything. */
export function told(): Told {
  const stop = new AbortController();
  const progress: { message: string; progress: number }[] = [];
  return {
    cancel: () => {
      stop.abort();
    },
    progress,
    context: {
      signal: stop.signal,
      links: true,
      progress: (message, value) => {
        progress.push({ message, progress: value });
      },
    },
  };
}
