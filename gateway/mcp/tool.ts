import type { Caller, GatewayCalls } from "../calls.ts";
import type { CommandPages } from "../pages/command-pages.ts";

/** `mcp`: commands are run through tools. `cli`: through a command line, so the tools for it are not listed; they can be called all the same. */
export type ExecutionMode = "cli" | "mcp";

/** What a tool knows of the call that it answers. */
export interface ToolContext {
  readonly caller: Caller;
  /** Where the call comes from, for the audit. */
  readonly peer: string;
  /** Aborted when the client cancels the call or goes away. */
  readonly signal: AbortSignal;
  /** Tells the client how far the call is; `progress` only grows. Undefined when the client did not ask. */
  readonly progress?: ((message: string, progress: number) => void) | undefined;
}

/** What a tool says: the same as text for a model, and as data for a program. */
export interface ToolAnswer {
  readonly text: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly isError: boolean;
}

/** A schema of JSON Schema, for an object. */
export interface ObjectSchema {
  readonly type: "object";
  readonly [member: string]: unknown;
}

/** A tool of the gateway. */
export interface FleetTool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: ObjectSchema;
  readonly outputSchema: ObjectSchema;
  readonly annotations: {
    readonly readOnlyHint: boolean;
    readonly destructiveHint: boolean;
    readonly idempotentHint: boolean;
    readonly openWorldHint: boolean;
  };
  /** Answers a call. What its arguments lack is an answer as well. Never throws but for bugs. */
  call(args: unknown, context: ToolContext): Promise<ToolAnswer>;
}

/** What the tools need. */
export interface ToolParts {
  readonly calls: GatewayCalls;
  readonly pages: CommandPages;
  /** May change while the gateway runs. */
  readonly mode: () => ExecutionMode;
  readonly version: string;
  /** Further tools that run something, such as one per operation of a caller's machines. Asked whenever tools are listed in the mode `mcp`, or one of another name is called. */
  readonly further?: ((caller: Caller) => readonly FleetTool[] | Promise<readonly FleetTool[]>) | undefined;
  readonly reportBug: (error: unknown) => void;
}

/** Hints for clients, by what a tool does to targets. */
export const READS = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true } as const;
export const FETCHES = { ...READS, idempotentHint: false } as const;
export const RUNS = { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true } as const;
