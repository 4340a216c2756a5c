import type { Tool } from "./tool.ts";

/** What the service runs, and in which surroundings. */
export interface Recipe {
  /** Absolute path of the program, then the arguments in front of its own. */
  readonly program: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
  /** How long the daemon may take to stop before it is killed: longer than it lets running operations finish. */
  readonly stopSeconds: number;
  /** Of this program: an update is seen by it. */
  readonly version: string;
  /** Where the output goes on systems that have no journal. */
  readonly logFile: string;
  /** Also what breaks programs that gain rights when they start. */
  readonly strict: boolean;
}

/** What is read back from the definition of an installed service. */
export interface Definition {
  /** Undefined when cmd2host has not written it. */
  readonly version: string | undefined;
  /** Empty when it cannot be read. */
  readonly program: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
}

/** How the service is. */
export interface ServiceState {
  readonly state: "active" | "starting" | "stopping" | "failed" | "inactive";
  /** Whether it starts by itself when the owner logs in. */
  readonly enabled: boolean;
  /** Undefined when it does not run, or the system does not say. */
  readonly since: Date | undefined;
  readonly pid: number | undefined;
  /** Whether it goes on without a login; undefined where that is no question, or not known. */
  readonly lingers: boolean | undefined;
}

/** What the owner of the daemon's own service does when it does not answer. */
export const SERVICE_HELP = "See cmd2host service logs; then cmd2host service restart.";

/** What one system's service manager does for us: everything that differs between systems is behind this. */
export interface ServicePlatform<R = Recipe> {
  /** `systemd` or `launchd`. */
  readonly name: string;
  /** Where the definition is. */
  readonly file: string;
  /** Of that file. */
  readonly mode: number;
  /** What its owner does when it does not answer; a sentence. */
  readonly help: string;
  /** @throws CodedError `usage` for values that the format cannot hold */
  definition(recipe: R): string;
  read(text: string): Definition;
  /** @throws CodedError `service_unavailable` */
  requireManager(): Promise<void>;
  state(): Promise<ServiceState>;
  /** Takes over the definition as it is now, starts with it, and at every login. @throws CodedError `service_failed` */
  apply(): Promise<void>;
  /** Stops, and does not start any more. @throws CodedError `service_failed` */
  withdraw(): Promise<void>;
  /** For when the definition is gone. */
  forget(): Promise<void>;
  /** @throws CodedError `service_failed` */
  restart(): Promise<void>;
  /** The program that writes the last lines of the log, and with `follow` what comes. */
  log(lines: number, follow: boolean): readonly [tool: Tool, ...args: string[]];
  /** What the owner should know about when it runs; a sentence each. */
  advice(state: ServiceState): readonly string[];
}
