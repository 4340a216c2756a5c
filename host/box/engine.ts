import { CodedError } from "../../wire/errors.ts";
import { printable, shortened } from "../../wire/text.ts";
import { resolveCommand, type Command } from "../exec/command.ts";
import { Executor, type RunResult } from "../exec/run.ts";

/** A container engine that was found and answers. */
export interface Engine {
  readonly command: Command;
  readonly kind: "podman" | "docker";
  /** Containers of it belong to a user of the host who is not root. */
  readonly rootless: boolean;
}

const NAMES = ["podman", "docker"];
const ANSWER_MS = 30_000;
const MAX_ANSWER = 65_536;

/** Asks an engine something short. Never throws for what it answers. */
export async function askEngine(command: Command, args: readonly string[], env: NodeJS.ProcessEnv): Promise<RunResult> {
  const variables = Object.entries(env).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  );
  const launch = {
    command,
    args,
    env: new Map(variables),
    cwd: "/",
    timeoutMs: ANSWER_MS,
    graceMs: 1_000,
    maxStdoutBytes: MAX_ANSWER,
    maxStderrBytes: MAX_ANSWER,
  };
  return new Executor().run(launch, new AbortController().signal);
}

function find(wanted: string | undefined, path: string, workspaces: readonly string[]): Command {
  if (wanted !== undefined) return resolveCommand(wanted, path, workspaces);
  for (const name of NAMES) {
    try {
      return resolveCommand(name, path, workspaces);
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== "command_not_found") throw error;
    }
  }
  throw new CodedError("container_failed", `neither ${NAMES.join(" nor ")} is on PATH`);
}

/** What an engine says of a failure, safe to print. */
export function told(result: RunResult): string {
  const text = result.stderr.bytes.toString("utf8").trim();
  return printable(shortened(text === "" ? `exit code ${result.exitCode}` : text, 300));
}

/**
 * Finds an engine and asks what it is.
 * @param wanted a name or path; undefined takes podman, else docker
 * @param workspaces real paths; an engine that lies in one is refused
 * @throws CodedError `container_failed`, `command_not_found`, `command_untrusted`
 */
export async function findEngine(
  wanted: string | undefined,
  path: string,
  workspaces: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Engine> {
  const command = find(wanted, path, workspaces);
  const version = await askEngine(command, ["--version"], env);
  // Debian's podman-docker is podman under the other name.
  const kind = /podman/i.test(version.stdout.bytes.toString("utf8")) ? "podman" : "docker";
  const format = kind === "podman" ? "{{.Host.Security.Rootless}}" : "{{.SecurityOptions}}";
  const info = await askEngine(command, ["info", "--format", format], env);
  if (info.exitCode !== 0)
    throw new CodedError("container_failed", `${printable(command.argv0)} does not answer: ${told(info)}`, {
      hint: `Try ${printable(command.argv0)} info.`,
    });
  return { command, kind, rootless: /true|rootless/.test(info.stdout.bytes.toString("utf8")) };
}
