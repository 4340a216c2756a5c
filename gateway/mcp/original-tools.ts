import { followingPage, firstPage } from "./command.ts";
import { PAGE_SCHEMA, pageData, PONG_SCHEMA, pongData, TARGETS_SCHEMA, targetsData } from "./data.ts";
import { LenientArguments } from "./lenient.ts";
import { isFailure, listText, pageText, pongText } from "./texts.ts";
import { FETCHES, READS, RUNS, type ExecutionMode, type FleetTool, type ToolAnswer, type ToolParts } from "./tool.ts";
import { answered } from "./trouble.ts";
import type { Page } from "../pages/page.ts";

const TEXT = { type: "string" };

function paged(page: Page): ToolAnswer {
  return { text: pageText(page), data: pageData(page), isError: isFailure(page) };
}

/** Where a model is to run commands, by the gateway's mode. */
const STEERING: Readonly<Record<ExecutionMode, string>> = {
  cli: "To run a command on one, use your Bash tool: commando exec <target> '<command>'.",
  mcp: "Prefer commando_exec over ssh or a local shell to run a command on one.",
};

function listTool({ calls, mode }: ToolParts): FleetTool {
  return {
    name: "commando_list",
    title: "List the fleet's machines",
    description: `Lists the machines (targets) that commands can be run on, with their state. ${STEERING[mode()]}`,
    inputSchema: {
      type: "object",
      properties: {
        filter: { ...TEXT, description: "Only targets whose name or one of whose tags contains this. Case counts." },
      },
    },
    outputSchema: TARGETS_SCHEMA,
    annotations: { ...READS, openWorldHint: false },
    call: async (args, { caller }) => {
      const filter = new LenientArguments(args).text("filter") ?? "";
      const found = calls
        .targets(caller)
        .filter(({ name, tags }) => name.includes(filter) || tags.some((tag) => tag.includes(filter)));
      return Promise.resolve({ text: listText(found), data: targetsData(found), isError: false });
    },
  };
}

function pingTool({ calls }: ToolParts): FleetTool {
  return {
    name: "commando_ping",
    title: "Ping a machine of the fleet",
    description: "Tells whether a target's agent answers, with its host name, uptime, shell and version.",
    inputSchema: {
      type: "object",
      properties: { target: { ...TEXT, description: "Name of the target." } },
      required: ["target"],
    },
    outputSchema: PONG_SCHEMA,
    annotations: READS,
    call: async (args, { caller, signal }) =>
      answered(async () => {
        const target = new LenientArguments(args).mandatory("target");
        const { pong, latencyMs } = await calls.ping(caller, target, signal);
        return { text: pongText(pong), data: pongData(target, pong, latencyMs), isError: false };
      }, "ping failed: "),
  };
}

function execTool(parts: ToolParts): FleetTool {
  return {
    name: "commando_exec",
    title: "Run a command on a machine of the fleet",
    description:
      "Runs a command in the shell of a target, exactly as it is written: nothing has to be escaped for the way there. Gives output and exit code. A command that takes long gives next_page instead: go on with commando_output.",
    inputSchema: {
      type: "object",
      properties: {
        target: { ...TEXT, description: "Name of the target." },
        command: { ...TEXT, description: "The command line for its shell." },
        work_dir: { ...TEXT, description: "Where it runs. Default: the home directory." },
        timeout: { type: "number", description: "Whole seconds after which it is ended." },
        env: {
          type: "object",
          additionalProperties: TEXT,
          description: "Variables that are added to its environment.",
        },
      },
      required: ["target", "command"],
    },
    outputSchema: PAGE_SCHEMA,
    annotations: RUNS,
    call: async (args, context) =>
      answered(async () => {
        const given = new LenientArguments(args);
        const command = {
          target: given.mandatory("target"),
          command: given.mandatory("command"),
          workDir: given.text("work_dir") ?? "",
          timeoutSeconds: given.seconds("timeout"),
          env: given.texts("env"),
        };
        return paged(await firstPage(parts, command, context, parts.pages.settings.pageTimeoutMs));
      }),
  };
}

function outputTool(parts: ToolParts): FleetTool {
  return {
    name: "commando_output",
    title: "Go on with a command's output",
    description: "Gives the next page of output of a command that takes long, by the next_page of the page before.",
    inputSchema: {
      type: "object",
      properties: { page: { ...TEXT, description: "The token that stands behind next_page=." } },
      required: ["page"],
    },
    outputSchema: PAGE_SCHEMA,
    annotations: FETCHES,
    call: async (args, context) =>
      answered(async () => {
        const token = new LenientArguments(args).mandatory("page");
        return paged(await followingPage(parts, token, context, parts.pages.settings.pageTimeoutMs, false));
      }),
  };
}

/** The original's tools, in its order. */
export function originalTools(parts: ToolParts): readonly FleetTool[] {
  return [listTool(parts), pingTool(parts), execTool(parts), outputTool(parts)];
}

/** Which of some tools are listed: in mode `cli` none that runs commands. */
export function listedTools(tools: readonly FleetTool[], mode: ExecutionMode): readonly FleetTool[] {
  // Whatever answers with a page of output runs a command, or goes on with one.
  return mode === "mcp" ? tools : tools.filter(({ outputSchema }) => outputSchema !== PAGE_SCHEMA);
}
