import { CodedError } from "../../wire/errors.ts";
import type { OutputSink } from "../../wire/live.ts";
import { printable } from "../../wire/text.ts";
import { resolveCommand } from "../exec/command.ts";
import { Executor } from "../exec/run.ts";

/** A program of the system that tells the service manager what to do. */
export type Tool = "systemctl" | "useradd" | "loginctl" | "journalctl" | "launchctl" | "ps" | "tail";

/** What a tool said. */
export interface Said {
  readonly exit: number;
  readonly stdout: string;
  /** One line. */
  readonly stderr: string;
}

/** A service may take its whole time to stop, and systemctl waits for it. */
const TIMEOUT_MS = 3_600_000;
const GRACE_MS = 2_000;
const MAX_BYTES = 262_144;
/** What they need to find the manager of this user; the rest of our environment is not theirs. */
const PASSES = ["HOME", "USER", "LOGNAME", "PATH", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DBUS_SESSION_BUS_ADDRESS"];

/** Starts the tools of the system, found on PATH but never in a workspace. */
export class Tools {
  readonly #environment: ReadonlyMap<string, string>;
  readonly #workspaces: readonly string[];
  readonly #executor = new Executor();

  /** @param workspaces real paths */
  constructor(environment: NodeJS.ProcessEnv, workspaces: readonly string[]) {
    this.#environment = new Map(
      // In one language and time zone, so that answers can be read.
      [...PASSES.flatMap((name) => entry(name, environment[name])), ["LC_ALL", "C"], ["TZ", "UTC"]],
    );
    this.#workspaces = workspaces;
  }

  has(tool: Tool): boolean {
    try {
      this.#find(tool);
      return true;
    } catch (error) {
      if (error instanceof CodedError) return false;
      throw error;
    }
  }

  /** Runs a tool to its end. @throws CodedError `command_not_found`, `command_untrusted`, `spawn_failed` */
  async ask(tool: Tool, ...args: readonly string[]): Promise<Said> {
    const result = await this.#run(tool, args, this.#environment, TIMEOUT_MS, new AbortController().signal);
    const text = (bytes: Buffer): string => bytes.toString("utf8");
    return {
      exit: result.exitCode,
      stdout: text(result.stdout.bytes),
      stderr: printable(text(result.stderr.bytes).trim().replaceAll("\n", "; ")),
    };
  }

  /** Like `ask`. @throws CodedError also `service_failed`, when the tool fails */
  async tell(tool: Tool, ...args: readonly string[]): Promise<void> {
    const { exit, stderr } = await this.ask(tool, ...args);
    if (exit === 0) return;
    throw new CodedError("service_failed", `${[tool, ...args].join(" ")}: ${stderr === "" ? `exit ${exit}` : stderr}`);
  }

  /** Runs a tool whose output goes on as it comes, in the owner's language and time zone. Returns its exit code. */
  async show(tool: Tool, args: readonly string[], output: OutputSink, signal: AbortSignal): Promise<number> {
    const environment = new Map([...this.#environment].filter(([name]) => name !== "LC_ALL" && name !== "TZ"));
    const attached = { output, keep: false };
    const result = await this.#run(tool, args, environment, Number.MAX_SAFE_INTEGER, signal, attached);
    await this.#executor.settled();
    return result.reason === "exited" ? result.exitCode : 0;
  }

  #find(tool: Tool): ReturnType<typeof resolveCommand> {
    return resolveCommand(tool, this.#environment.get("PATH") ?? "", this.#workspaces);
  }

  async #run(
    tool: Tool,
    args: readonly string[],
    env: ReadonlyMap<string, string>,
    timeoutMs: number,
    signal: AbortSignal,
    attached?: Parameters<Executor["run"]>[2],
  ): ReturnType<Executor["run"]> {
    const limits = { timeoutMs, graceMs: GRACE_MS, maxStdoutBytes: MAX_BYTES, maxStderrBytes: MAX_BYTES };
    return this.#executor.run({ command: this.#find(tool), args, env, cwd: "/", ...limits }, signal, attached);
  }
}

function entry(name: string, value: string | undefined): readonly [string, string][] {
  return value === undefined || value === "" ? [] : [[name, value]];
}
