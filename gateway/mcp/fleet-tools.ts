import * as z from "zod";
import type { Page } from "../pages/page.ts";
import type { TargetState } from "../target.ts";
import { firstPage, followingPage } from "./command.ts";
import { PAGE_SCHEMA, pageData, PONG_SCHEMA, pongData, TARGETS_SCHEMA, targetsData } from "./data.ts";
import { isFailure, pongText } from "./texts.ts";
import { defined } from "./defined.ts";
import { READS, RUNS, type FleetTool, type ToolAnswer, type ToolParts } from "./tool.ts";

/** How long a page is waited for when nobody says how long, in seconds: less than what clients wait for an answer. */
const WAIT_SECONDS = 50;
const MAX_WAIT_SECONDS = 3_600;
const MAX_U32 = 4_294_967_295;

const target = z.string().min(1).describe("Name of the target, as fleet_targets gives it.");
const wait = z
  .int()
  .min(0)
  .max(MAX_WAIT_SECONDS)
  .default(WAIT_SECONDS)
  .describe("How long to wait for its end or a full page, in seconds. Longer only with progress.");

function line({ name, reachable, status, tags, host }: TargetState): string {
  const state = status === "unknown" ? reachable : `${status}, ${reachable}`;
  return `${name}: ${state}${host === "" ? "" : `, ${host}`}${tags.length === 0 ? "" : `, tags ${tags.join(" ")}`}`;
}

/** A fence that is in no line of the text. */
function fenced(title: string, text: string): string {
  if (text === "") return "";
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map(({ length }) => length));
  const fence = "`".repeat(longest + 1);
  return `\n${title}:\n${fence}\n${text}${text.endsWith("\n") ? "" : "\n"}${fence}`;
}

/** What the gateway says comes first, and what the command wrote stands in a fence, so that no output passes for a result. */
function said({ end, next }: Page): string {
  if (end?.kind === "failed") return `Error: ${end.error.message}\n${end.error.hint}`;
  if (end === undefined) return `It runs on, or has more output: go on with fleet_output and page ${next ?? ""}.`;
  const { exitCode, durationMs, timedOut } = end.end;
  return `Exit code ${exitCode} after ${Math.round(durationMs)} ms${timedOut ? "; its time limit ended it" : ""}.`;
}

function paged(page: Page): ToolAnswer {
  const text = `${said(page)}${fenced("stdout", page.stdout)}${fenced("stderr", page.stderr)}`;
  return { text, data: pageData(page), isError: isFailure(page) };
}

function targetsTool({ calls }: ToolParts): FleetTool {
  const input = z.strictObject({
    filter: z.string().optional().describe("Only targets whose name contains this. Case does not count."),
    tag: z.string().optional().describe("Only targets with this tag."),
  });
  const tool = {
    name: "fleet_targets",
    title: "List the fleet's machines",
    description: "Lists the machines (targets) that you may use, with tags, state and version.",
    outputSchema: TARGETS_SCHEMA,
    annotations: { ...READS, openWorldHint: false },
  };
  return defined(tool, input, async ({ filter = "", tag }, { caller }) => {
    const part = filter.toLowerCase();
    const found = calls
      .targets(caller)
      .filter(({ name, tags }) => name.toLowerCase().includes(part) && (tag === undefined || tags.includes(tag)));
    const text = found.length === 0 ? "No target matches." : found.map(line).join("\n");
    return Promise.resolve({ text, data: targetsData(found), isError: false });
  });
}

function pingTool({ calls }: ToolParts): FleetTool {
  const tool = {
    name: "fleet_ping",
    title: "Ping a machine of the fleet",
    description: "Tells whether a target's agent answers, how fast, and which version it is.",
    outputSchema: PONG_SCHEMA,
    annotations: READS,
  };
  return defined(tool, z.strictObject({ target }), async ({ target: name }, { caller, signal }) => {
    const { pong, latencyMs } = await calls.ping(caller, name, signal);
    const text = `${pongText(pong)}\nlatency: ${Math.round(latencyMs)} ms`;
    return { text, data: pongData(name, pong, latencyMs), isError: false };
  });
}

function runTool(parts: ToolParts): FleetTool {
  const input = z.strictObject({
    target,
    command: z
      .string()
      .describe("The command line for the target's shell. Nothing has to be escaped for the way there."),
    work_dir: z.string().default("").describe("Where it runs. Default: the home directory."),
    env: z.record(z.string(), z.string()).default({}).describe("Variables that are added to its environment."),
    timeout_seconds: z.int().min(1).max(MAX_U32).optional().describe("After this long it is ended."),
    wait_seconds: wait,
  });
  const tool = {
    name: "fleet_run",
    title: "Run a command on a machine of the fleet",
    description:
      "Runs a command in the shell of a target and gives exit code, stdout and stderr. Cancelling the call ends the command. What takes longer than wait_seconds, or writes more than a page, gives next_page: go on with fleet_output.",
    outputSchema: PAGE_SCHEMA,
    annotations: RUNS,
  };
  return defined(tool, input, async (args, context) => {
    const { work_dir: workDir, timeout_seconds: timeoutSeconds, wait_seconds: waitSeconds } = args;
    const env = new Map(Object.entries(args.env));
    const command = { target: args.target, command: args.command, workDir, timeoutSeconds, env };
    return paged(await firstPage(parts, command, context, waitSeconds * 1_000));
  });
}

function outputTool(parts: ToolParts): FleetTool {
  const input = z.strictObject({ page: z.string().describe("The token of the page before."), wait_seconds: wait });
  const tool = {
    name: "fleet_output",
    title: "Go on with a command's output",
    description:
      "Gives the next page of output of a command, by its next_page. The same token gives the same page again until the one behind it was asked for.",
    outputSchema: PAGE_SCHEMA,
    annotations: READS,
  };
  return defined(tool, input, async ({ page, wait_seconds: waitSeconds }, context) =>
    paged(await followingPage(parts, page, context, waitSeconds * 1_000, true)),
  );
}

/** Our own tools for the same. */
export function fleetTools(parts: ToolParts): readonly FleetTool[] {
  return [targetsTool(parts), pingTool(parts), runTool(parts), outputTool(parts)];
}
