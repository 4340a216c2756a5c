import * as z from "zod";
import { cancelRunTool } from "../../../mcp/tools/cancel-run.ts";
import { describeTool } from "../../../mcp/tools/describe.ts";
import { explainTool } from "../../../mcp/tools/explain.ts";
import { listTool } from "../../../mcp/tools/list.ts";
import { readOutputTool } from "../../../mcp/tools/read-output.ts";
import { runStatusTool } from "../../../mcp/tools/run-status.ts";
import { byteLength } from "../../../wire/text.ts";
import type { Caller } from "../../calls.ts";
import { defined } from "../defined.ts";
import { RUNS, type FleetTool } from "../tool.ts";
import { CHOICE_ABOUT, chosen, MAX_MACHINES } from "./choice.ts";
import type { Machines } from "./machines.ts";
import { AT_ONCE, MANY_SCHEMA, onMany } from "./on-many.ts";
import { onOne } from "./on-one.ts";
import { OperationBook } from "./operation-book.ts";
import { typedTools } from "./typed-tools.ts";

/** What definitions of typed tools may take, in bytes of JSON. With more of them no client could do much else; then there is only the general one. */
const MAX_BYTES = 40_000;

const INPUT = z.strictObject({
  targets: z.array(z.string()).min(1).max(MAX_MACHINES).describe(CHOICE_ABOUT),
  operation_id: z.string().min(1).describe("Id of the operation, as cmd2host_list_operations gives it."),
  params: z.looseObject({}).optional().describe("Values by parameter name, of the types that the operation declares."),
  flags: z.array(z.string()).optional().describe("Extra flags out of the operation's allowed flags."),
  timeout_seconds: z.int().min(1).optional().describe("A shorter time limit than the operation's own, in seconds."),
  stdin: z.string().optional().describe("Text for standard input, when the operation reads it."),
  background: z.boolean().optional().describe("True to return at once with a run_id for each machine."),
  at_once: z.int().min(1).max(MAX_MACHINES).default(AT_ONCE).describe("On how many machines at the same time."),
  fail_fast: z.boolean().default(false).describe("Begin with no further machine once one has failed."),
});

function runTool(machines: Machines): FleetTool {
  const tool = {
    name: "cmd2host_run_operation",
    title: "Run an operation on machines of the fleet",
    description:
      "Runs one operation on one or several machines and gives exit code, stdout and stderr of each. Cancelling the call ends it on all. Long output is shown in part; the result then says how to read the rest.",
    outputSchema: MANY_SCHEMA,
    annotations: RUNS,
  };
  return defined(tool, INPUT, async (args, context) => {
    const { operation_id: operation, params, flags, timeout_seconds: timeoutSeconds, stdin, background } = args;
    const names = chosen(args.targets, machines.targets(context.caller));
    const call = { operation, params, flags, timeoutSeconds, stdin, background };
    return onMany(machines, names, call, context, { atOnce: args.at_once, failFast: args.fail_fast });
  });
}

function readBy(tools: readonly FleetTool[]): number {
  return tools
    .map(({ name, description, inputSchema }) => byteLength(JSON.stringify({ name, description, inputSchema })))
    .reduce((sum, bytes) => sum + bytes, 0);
}

/** Tools for the operations that machines declare: those of a host's own MCP server, with a machine for each call, and one per operation. */
export class MachineTools {
  readonly #machines: Machines;
  readonly #book: OperationBook;
  readonly #always: readonly FleetTool[];

  constructor(machines: Machines) {
    this.#machines = machines;
    this.#book = new OperationBook(machines);
    const makers = [listTool, describeTool, explainTool, readOutputTool, runStatusTool, cancelRunTool];
    this.#always = [...makers.map((make) => onOne(machines, make)), runTool(machines)];
  }

  /** Those of a caller. Machines that do not answer within some seconds have no tools of their own. */
  async of(caller: Caller): Promise<readonly FleetTool[]> {
    const operations = await this.#book.of(caller);
    const typed = typedTools(this.#machines, operations, this.#machines.targets(caller));
    return [...this.#always, ...(readBy(typed) > MAX_BYTES ? [] : typed)];
  }
}
