import { randomUUID } from "node:crypto";
import {
  CLIENT_CAPABILITIES_META_KEY,
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ProtocolErrorCode,
  type CallToolResult,
  type McpServer,
  type ServerContext,
} from "@modelcontextprotocol/server";
import * as z from "zod";
import type { CallContext } from "./context.ts";

/** The extension of MCP by which a call that takes long is answered with a task, which the client then asks about. */
const EXTENSION = "io.modelcontextprotocol/tasks";
/** What a server declares that has it. */
export const TASKS_CAPABILITY = { [EXTENSION]: {} };

/** Calls that end before this are answered as ever, in milliseconds. */
const GRACE_MS = 5_000;
const POLL_MS = 2_000;
/** How long a task can be asked about, from its beginning. */
const LIFE_MS = 4 * 60 * 60 * 1_000;
const MAX_TASKS = 100;

type State =
  | { readonly status: "working" | "cancelled" }
  | { readonly status: "completed"; readonly result: Readonly<Record<string, unknown>> }
  | { readonly status: "failed"; readonly error: { readonly code: number; readonly message: string } };

class Task {
  readonly id = randomUUID();
  readonly stop = new AbortController();
  readonly #created = new Date();
  #updated = this.#created;
  #state: State = { status: "working" };
  #message: string | undefined;

  get isWorking(): boolean {
    return this.#state.status === "working";
  }

  get isOld(): boolean {
    return Date.now() - this.#created.getTime() > LIFE_MS;
  }

  say(message: string): void {
    this.#message = message;
    this.#updated = new Date();
  }

  /** The first end counts. */
  end(state: State): void {
    if (!this.isWorking) return;
    this.#state = state;
    this.#message = undefined;
    this.#updated = new Date();
  }

  shown(): Readonly<Record<string, unknown>> {
    return {
      taskId: this.id,
      ...this.#state,
      ...(this.#message === undefined ? {} : { statusMessage: this.#message }),
      createdAt: this.#created.toISOString(),
      lastUpdatedAt: this.#updated.toISOString(),
      ttlMs: LIFE_MS,
      pollIntervalMs: POLL_MS,
    };
  }
}

function errorOf(error: unknown): { readonly code: number; readonly message: string } {
  if (error instanceof ProtocolError) return { code: error.code, message: error.message };
  return { code: ProtocolErrorCode.InternalError, message: "Internal error" };
}

const DECLARED = z.looseObject({
  [CLIENT_CAPABILITIES_META_KEY]: z.looseObject({ extensions: z.looseObject({ [EXTENSION]: z.unknown() }) }),
});

function declares({ mcpReq: { envelope } }: ServerContext): boolean {
  const checked = DECLARED.safeParse(envelope);
  return checked.success && checked.data[CLIENT_CAPABILITIES_META_KEY].extensions[EXTENSION] !== undefined;
}

/** The tasks of one connection. They end with it: a command never runs on for nobody. */
export class Tasks {
  readonly #tasks = new Map<string, Task>();
  readonly #graceMs: number;

  constructor(graceMs = GRACE_MS) {
    this.#graceMs = graceMs;
  }

  /** Answers a call: with its result, or with a task when it takes long and the client declared that it knows tasks. */
  async answer(
    request: ServerContext,
    context: CallContext,
    call: (context: CallContext) => Promise<CallToolResult>,
  ): Promise<CallToolResult> {
    if (!declares(request) || !this.#hasRoom()) return call(context);
    const task = new Task();
    let isTask = false;
    const cancel = (): void => {
      task.stop.abort();
    };
    context.signal.addEventListener("abort", cancel);
    const progress = (message: string, value: number): void => {
      if (isTask) task.say(message);
      else context.progress?.(message, value);
    };
    const running = call({ ...context, signal: task.stop.signal, progress });
    try {
      const inTime = await this.#within(running);
      if (inTime !== undefined) return inTime;
      // Nobody is told of a task that was cancelled before it was one.
      if (context.signal.aborted) return await running;
    } finally {
      context.signal.removeEventListener("abort", cancel);
    }
    isTask = true;
    this.#tasks.set(task.id, task);
    running.then(
      (result) => {
        task.end({ status: "completed", result });
      },
      (error: unknown) => {
        task.end({ status: "failed", error: errorOf(error) });
      },
    );
    return { content: [], ...task.shown(), resultType: "task" };
  }

  /** Makes the server answer what clients ask about tasks. */
  register({ server }: McpServer): void {
    const id = z.looseObject({ taskId: z.string() });
    server.setRequestHandler("tasks/get", { params: id }, ({ taskId }, context) => ({
      ...this.#find(taskId, context).shown(),
    }));
    server.setRequestHandler("tasks/update", { params: id }, ({ taskId }, context) => {
      // Ours never ask for input, so there is nothing to take.
      this.#find(taskId, context);
      return {};
    });
    server.setRequestHandler("tasks/cancel", { params: id }, ({ taskId }, context) => {
      const task = this.#find(taskId, context);
      task.end({ status: "cancelled" });
      task.stop.abort();
      return {};
    });
  }

  /** Ends whatever still runs. */
  stop(): void {
    for (const task of this.#tasks.values()) task.stop.abort();
  }

  /** Undefined when the time is over first. */
  async #within(running: Promise<CallToolResult>): Promise<CallToolResult | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const time = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => {
        resolve(undefined);
      }, this.#graceMs);
    });
    return Promise.race([running, time]).finally(() => {
      clearTimeout(timer);
    });
  }

  #hasRoom(): boolean {
    for (const [id, task] of this.#tasks) {
      if (!task.isWorking && (task.isOld || this.#tasks.size >= MAX_TASKS)) this.#tasks.delete(id);
    }
    return this.#tasks.size < MAX_TASKS;
  }

  #find(id: string, context: ServerContext): Task {
    if (!declares(context)) {
      throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { extensions: TASKS_CAPABILITY } });
    }
    const task = this.#tasks.get(id);
    if (task === undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, "Unknown task");
    return task;
  }
}
