import { realpathSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { TokenStore } from "../auth/token-store.ts";
import { BRIDGE_NAMES, bridgeFor, placeBridge } from "../box/bridge-program.ts";
import { boxWords, type BoxPlan } from "../box/box-words.ts";
import { makeBox, noteBox, removeBox } from "../box/boxes.ts";
import { removeContainer } from "../box/container.ts";
import { findEngine, type Engine } from "../box/engine.ts";
import { HeldSignals } from "../box/held-signals.ts";
import { runInForeground } from "../exec/terminal.ts";
import { projectFiles, readPin } from "../project/pin.ts";
import type { Project } from "../project/types.ts";
import { cleanPath } from "../sanitize/environment.ts";
import { mcpServer } from "../setup/mcp-file.ts";
import { makePrivateDirectory, writeAtomic } from "../util/write-atomic.ts";
import { approvalFor } from "../project/approval.ts";
import { sweepBoxes, tokenLabel } from "./box-sweep.ts";
import { checkoutRoot, projectOfCheckout } from "./checkout.ts";
import { command } from "./command.ts";
import { commandNames, commandsOf } from "./command-names.ts";
import type { Context } from "./context.ts";
import { silence } from "./doctor-host.ts";
import { parseDuration } from "./duration.ts";
import { RUN_OPTIONS, type RunValues } from "./run-options.ts";
import { writeToken } from "./write-token.ts";

/** After a signal was passed on: as long as engines themselves wait. */
const STOP_MS = 10_000;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

function usage(message: string, hint: string): CodedError {
  return new CodedError("usage", message, { hint });
}

function checkedImage({ image, command: words, env }: RunValues, environment: NodeJS.ProcessEnv): string {
  const chosen = image ?? environment["CMD2HOST_RUN_IMAGE"] ?? "";
  if (words.length === 0)
    throw usage("there is no command to run", "Write it behind --: cmd2host run --image IMAGE -- claude");
  if (chosen === "") throw usage("--image is missing", "Name an image, or set CMD2HOST_RUN_IMAGE.");
  const wrong = env.find((name) => !VARIABLE.test(name));
  if (wrong === undefined) return chosen;
  throw usage(`--env ${quoted(wrong)} is no name of a variable`, "Only the name: the value is taken from here.");
}

/** The bridge, and the names that lead to it in the container. */
interface Bridge {
  readonly bytes: Buffer;
  readonly names: readonly string[];
}

function bridgeOf(values: RunValues, project: Project): Bridge | undefined {
  if (!values["mount-bridge"]) return undefined;
  const bytes = bridgeFor(process.arch);
  const names = values.commands === undefined ? commandsOf(project) : commandNames(values.commands);
  return { bytes, names: [...new Set([...BRIDGE_NAMES, ...names])] };
}

interface Session {
  readonly plan: BoxPlan;
  readonly engine: Engine;
  readonly terminal: boolean;
}

/** Runs the container to its end. */
async function runSession({ plan, engine, terminal }: Session, { environment: env }: Context): Promise<number> {
  const args = boxWords(plan, engine);
  const overdue = { afterMs: STOP_MS, work: () => void removeContainer(engine.command, plan.name, env) };
  return runInForeground({ command: engine.command, args, env }, terminal, overdue);
}

async function warn(context: Context, text: string): Promise<void> {
  await context.direct.write("stderr", Buffer.from(`cmd2host: warning: ${text}\n`));
}

async function runBox(values: RunValues, context: Context): Promise<number> {
  const base = context.base();
  const image = checkedImage(values, context.environment);
  const lifetimeMs = parseDuration(values.ttl);
  const root = checkoutRoot(context.cwd, values.workspace);
  const warnings: string[] = [];
  const { project, bytes } = projectOfCheckout(base.projects, root, values.project, (why) => warnings.push(why));
  const { id } = project;
  if (approvalFor(bytes, readPin(projectFiles(base.projects, id))) !== "allowed")
    throw new CodedError("config_not_allowed", `the configuration of ${id} is not approved`, {
      hint: `Read cmd2host config diff ${id}, then: cmd2host config allow ${id}`,
    });
  if ((await silence({ kind: "unix", path: base.sharedSocket })) !== undefined)
    throw new CodedError("daemon_unreachable", "no daemon is listening", {
      hint: "Start it in another terminal: cmd2host serve",
    });
  const bridge = bridgeOf(values, project);
  const workspaces = project.repos.map(({ path }) => path).concat(root);
  const path = cleanPath(context.environment["PATH"] ?? "", workspaces);
  const engine = await findEngine(values.engine, path, workspaces, context.environment);
  warnings.push(...(await sweepBoxes(context, workspaces)));
  for (const text of warnings) await warn(context, text);
  makePrivateDirectory(base.boxes);
  const tokens = new TokenStore(base.tokens);
  // From here on a signal would leave something behind.
  const held = new HeldSignals();
  const box = makeBox(realpathSync.native(base.boxes));
  let [hash, isStarted] = ["", false];
  try {
    // Before there is a token or a container, so that none is left that nobody knows of.
    noteBox(box, hash, engine.command.argv0);
    const binding = { projectId: id, repo: project.repos[0]?.name ?? "", label: tokenLabel(box.name) };
    const { token, record } = await tokens.mint(binding, lifetimeMs);
    ({ hash } = record);
    noteBox(box, hash, engine.command.argv0);
    writeToken(join(box.session, "token"), token, context.cwd);
    const servers = { mcpServers: { cmd2host: mcpServer("unix", 0) } };
    writeAtomic(join(box.session, "mcp.json"), `${JSON.stringify(servers, null, 2)}\n`);
    const file = bridge === undefined ? "" : placeBridge(bridge.bytes, box);
    const programs = new Map(bridge?.names.map((name) => [name, file]));
    const here = realpathSync.native(context.cwd);
    const inside = here.startsWith(`${root}/`) ? relative(root, here) : "";
    // Somebody can be asked: both our input and our output are a terminal.
    const terminal = context.questions !== undefined;
    const plan: BoxPlan = {
      ...{ name: box.name, image, words: values.command, network: values.network, workspace: root, inside, programs },
      socketDirectory: realpathSync.native(dirname(base.sharedSocket)),
      sessionDirectory: box.session,
      variables: values.env,
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
      stdin: terminal ? "terminal" : "stream",
    };
    if (held.exit !== undefined) return held.exit;
    isStarted = true;
    return await runSession({ plan, engine, terminal }, context);
  } finally {
    try {
      if (hash !== "") await tokens.revoke([hash]);
      // The engine removes it when it ends; its client may have been ended before it.
      const left = isStarted ? await removeContainer(engine.command, box.name, context.environment) : undefined;
      // The note of one that is still there stays: by it the next run finds it.
      if (left === undefined) removeBox(box);
      else await warn(context, `${left}; the next run tries again`);
    } finally {
      held.release();
    }
  }
}

export const runBoxed = command({
  path: ["run"],
  about: "Run a program in a throw-away container that has this checkout, a session of its own, and no network.",
  options: RUN_OPTIONS,
  examples: [
    ["run --image IMAGE -- claude", "One session of an agent, without network"],
    ["run --image debian:stable --mount-bridge -- bash", "Any image: the bridge and the commands are put into it"],
    [
      "run --image IMAGE --network agents --env ANTHROPIC_API_KEY -- claude -p 'Fix the tests'",
      "With a network that you made, and a key",
    ],
  ],
  more: `The checkout is at /workspace, writable; nothing else of the host is but the socket and the session, to read. The container has no capabilities and cannot get any. A program called claude is told of the MCP server; others find its configuration at $CMD2HOST_MCP_CONFIG.

The exit code is the program's; 125, 126 and 127 are the engine's when it cannot start it. When it ends, however it ends, the container, the token and the directory of the session are removed. What a crash leaves is removed by the next run.`,
  run: async (values, context) => context.direct.report(async () => runBox(values, context)),
});
