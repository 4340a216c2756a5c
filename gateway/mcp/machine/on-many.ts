import type { CallToolResult } from "@modelcontextprotocol/server";
import * as z from "zod";
import { runOperation, type OperationCall } from "../../../mcp/running.ts";
import { RUN_OUTPUT } from "../../../mcp/run-result.ts";
import { inParallel } from "../../registry/in-parallel.ts";
import { listedSchema } from "../data.ts";
import type { ToolAnswer, ToolContext } from "../tool.ts";
import { TROUBLE } from "../trouble.ts";
import { backendOf, callContextOf, MAX_TOKENS, type Machines } from "./machines.ts";
import { dataOf, textOf } from "./result.ts";

/** Of one machine, however many share a result. */
const LEAST_TOKENS = 300;
export const AT_ONCE = 8;

const RESULT = z.object({ target: z.string(), ...RUN_OUTPUT.shape });

/** What a call on one or several machines gives. */
export const MANY_SCHEMA = listedSchema(
  z.object({
    results: z.array(RESULT).optional().describe("One per machine, in the order in which they were named."),
    failed: z.int().optional().describe("On how many it was denied, failed, or ended with another exit code than 0."),
    not_run: z.array(z.string()).optional().describe("Machines that were left out after a failure (fail_fast)."),
    ...TROUBLE,
  }),
  "output",
);

/** How a call goes over several machines. */
export interface Spread {
  readonly atOnce: number;
  /** Begin with no further machine once one has failed. */
  readonly failFast: boolean;
}

interface Came {
  readonly target: string;
  readonly result: CallToolResult;
}

/** Lines of several calls, told as one that gets on. */
function shared({ progress }: ToolContext, several: boolean): (target: string) => ToolContext["progress"] {
  let steps = 0;
  return (target) =>
    progress === undefined
      ? undefined
      : (message) => {
          progress(several ? `${target}: ${message}` : message, ++steps);
        };
}

function answerOf(came: readonly Came[], all: readonly string[]): ToolAnswer {
  const failed = came.filter(({ result }) => result.isError === true);
  const reached = new Set(came.map(({ target }) => target));
  const notRun = all.filter((name) => !reached.has(name));
  const [only] = came;
  const left = notRun.length === 0 ? "" : `\n\nNot run on ${notRun.join(", ")}: one had failed.`;
  const text =
    only !== undefined && all.length === 1
      ? textOf(only.result)
      : came.map(({ target, result }) => `## ${target}\n${textOf(result)}`).join("\n\n") + left;
  return {
    text,
    data: {
      results: came.map(({ target, result }) => ({ target, ...dataOf(result) })),
      failed: failed.length,
      ...(notRun.length === 0 ? {} : { not_run: notRun }),
    },
    isError: failed.length > 0,
  };
}

/** Runs one operation on machines, and gives what came of it on each. */
export async function onMany(
  machines: Machines,
  targets: readonly string[],
  call: OperationCall,
  context: ToolContext,
  { atOnce, failFast }: Spread,
): Promise<ToolAnswer> {
  const came = new Map<string, CallToolResult>();
  const enough = new AbortController();
  const tokens = Math.max(LEAST_TOKENS, Math.floor(MAX_TOKENS / targets.length));
  const progressOf = shared(context, targets.length > 1);
  await inParallel(targets, atOnce, AbortSignal.any([context.signal, enough.signal]), async (target) => {
    const own = { ...callContextOf(context), progress: progressOf(target) };
    const result = await runOperation(backendOf(machines, target, context, tokens), call, own, { output: "text" });
    came.set(target, result);
    if (failFast && result.isError === true) enough.abort();
  });
  const ordered = targets.flatMap((target): readonly Came[] => {
    const result = came.get(target);
    return result === undefined ? [] : [{ target, result }];
  });
  return answerOf(ordered, targets);
}
