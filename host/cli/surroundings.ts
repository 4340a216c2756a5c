import { text } from "node:stream/consumers";
import { bundledTemplates } from "../project/templates.ts";
import type { Surroundings } from "./context.ts";
import { DirectOutput } from "./direct-output.ts";
import { runningProgram } from "./running-program.ts";

const MAX_COLUMNS = 120;
const DEFAULT_COLUMNS = 100;

/** What this process was started in. The daemon's code is loaded only by the commands that need it. */
export function processSurroundings(): Surroundings {
  const { stdin, stdout, stderr } = process;
  return {
    environment: process.env,
    cwd: process.cwd(),
    stdin: async () => text(stdin),
    stdoutIsTerminal: stdout.isTTY,
    stderrIsTerminal: stderr.isTTY,
    direct: new DirectOutput(() => process),
    columns: Math.min(stdout.isTTY ? stdout.columns : DEFAULT_COLUMNS, MAX_COLUMNS),
    templates: bundledTemplates(),
    system: process.platform,
    containerRoot: "/",
    program: () => runningProgram(process.execPath, process.argv[1]),
    questions: stdin.isTTY && stdout.isTTY ? async () => (await import("./questions.ts")).terminalQuestions : undefined,
    daemon: {
      serve: async (environment) => (await import("../daemon/serve.ts")).serve(environment),
      gateway: async (config, given, environment) =>
        (await import("../../gateway/serve.ts")).serveGateway(config, given, environment),
      explain: async (...asked) => (await import("../daemon/dry-run.ts")).explainHere(...asked),
      settings: async (base) => (await import("../daemon/settings.ts")).loadDaemonSettings(base),
    },
  };
}
