import { statSync } from "node:fs";
import { delimiter, isAbsolute } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { printable, quoted } from "../../wire/text.ts";
import { RECIPES } from "../sanitize/index.ts";
import { cleanPath } from "../sanitize/environment.ts";
import { logFileOf } from "../service/choose.ts";
import type { Recipe } from "../service/platform.ts";
import { distrustOf } from "../util/read-trusted.ts";
import type { Context } from "./context.ts";
import { setting } from "./setting.ts";
import { VERSION } from "../util/version.ts";
import { allWorkspaces } from "../project/workspaces.ts";
import { realOrSame } from "../util/real-path.ts";

/** What a service is made of, and what its owner should know about it; a sentence each. */
export interface ServicePlan {
  readonly recipe: Recipe;
  readonly notes: readonly string[];
}

const USUAL_PATH = "/usr/local/bin:/usr/bin:/bin";
const USUAL_DRAIN_MS = 30_000;
const USUAL_GRACE_MS = 2_000;
const STOP_MARGIN_SECONDS = 15;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** What every service manager gives to its services. */
const GIVEN = new Set(["HOME", "USER", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"]);

/** Absolute entries outside of workspaces, each once. */
function searchPath(path: string, workspaces: readonly string[]): { readonly path: string; readonly notes: string[] } {
  const entries = [...new Set(path.split(delimiter).filter((entry) => entry !== ""))];
  const kept = cleanPath(entries.join(delimiter), workspaces).split(delimiter);
  const notes = entries
    .filter((entry) => !kept.includes(entry))
    .map((entry) =>
      isAbsolute(entry)
        ? `left out of PATH: ${printable(entry)}, which lies in a workspace`
        : `left out of PATH: ${printable(entry)}, which is relative`,
    );
  for (const entry of kept) {
    const stats = statSync(entry, { bigint: true, throwIfNoEntry: false });
    const distrust = stats === undefined ? undefined : distrustOf(stats);
    if (distrust !== undefined)
      notes.push(`on PATH: ${printable(entry)} ${distrust}, so others can put programs there`);
  }
  const clean = kept.filter((entry) => entry !== "").join(delimiter);
  return { path: clean === "" ? USUAL_PATH : clean, notes };
}

/** @throws CodedError `command_untrusted` for a program that containers could replace */
function programNotes(program: readonly string[], workspaces: readonly string[]): readonly string[] {
  return program.filter(isAbsolute).flatMap((part) => {
    const file = realOrSame(part);
    const inside = workspaces.find((workspace) => [part, file].some((one) => one.startsWith(`${workspace}/`)));
    if (inside !== undefined)
      throw new CodedError(
        "command_untrusted",
        `${printable(part)} lies in the workspace ${printable(inside)}, which a container can write`,
        {
          hint: "Install cmd2host elsewhere (npm install -g, or scripts/install.sh), and install the service with that.",
        },
      );
    const stats = statSync(file, { bigint: true, throwIfNoEntry: false });
    const distrust = stats === undefined ? "is not there" : distrustOf(stats);
    return [
      ...(distrust === undefined ? [] : [`${printable(file)} ${distrust}: whoever can change it becomes you`]),
      ...(file.includes("/_npx/")
        ? [`${printable(file)} is in the cache of npx, which is emptied now and then: npm install -g it`]
        : []),
    ];
  });
}

function extra(names: readonly string[], environment: NodeJS.ProcessEnv): readonly (readonly [string, string])[] {
  return names.map((name) => {
    const value = environment[name] ?? "";
    if (!NAME.test(name)) throw new CodedError("usage", `--env ${quoted(name)} is no name of a variable`);
    if (value === "")
      throw new CodedError("usage", `--env ${name}: it is not set here`, { hint: "Set it, or leave it out." });
    return [name, value] as const;
  });
}

/** Variables that operations would get, that are set here, and that the service does not have. */
function notTaken(environment: NodeJS.ProcessEnv, taken: ReadonlyMap<string, string>): readonly string[] {
  const passed = new Set(Object.values(RECIPES).flatMap(({ passes }) => passes));
  const names = [...passed].filter((name) => (environment[name] ?? "") !== "" && !taken.has(name) && !GIVEN.has(name));
  if (names.length === 0) return [];
  return [
    `not taken over: ${names.join(", ")}, which operations use. The service has what its service manager has (on systemd: systemctl --user import-environment ${names.join(" ")}, at each login).`,
  ];
}

/** How long a daemon with these settings may take to stop before it is killed, in seconds. */
export function stopSecondsOf(settings: unknown): number {
  const milliseconds = (name: string, usual: number): number => {
    const value = setting(settings, name);
    return typeof value === "number" ? value : usual;
  };
  const total = milliseconds("drainMs", USUAL_DRAIN_MS) + milliseconds("graceMs", USUAL_GRACE_MS);
  return Math.ceil(total / 1_000) + STOP_MARGIN_SECONDS;
}

/**
 * The service that this command line would install: this program, with the PATH of this shell.
 * @param names variables that are taken over besides
 * @throws CodedError `usage`, `command_untrusted`, and what is wrong with daemon.json
 */
export async function servicePlan(context: Context, names: readonly string[], strict: boolean): Promise<ServicePlan> {
  const { environment } = context;
  const base = context.base();
  const workspaces = allWorkspaces(base.projects);
  const { path, notes } = searchPath(environment["PATH"] ?? "", workspaces);
  const program = context.program();
  const isSet = (name: string): boolean => (environment[name] ?? "") !== "";
  const variables = new Map([
    ["PATH", path],
    ...(isSet("CMD2HOST_CONFIG_DIR") ? [["CMD2HOST_CONFIG_DIR", base.root] as const] : []),
    ...(isSet("DAEMON_CONFIG") ? [["DAEMON_CONFIG", base.daemonFile] as const] : []),
    ...extra(names, environment),
  ]);
  return {
    recipe: {
      program,
      environment: variables,
      stopSeconds: stopSecondsOf((await context.daemon.settings(base)).settings),
      version: VERSION,
      logFile: logFileOf(base.root),
      strict,
    },
    notes: [...programNotes(program, workspaces), ...notes, ...notTaken(environment, variables)],
  };
}
