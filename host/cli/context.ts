import type { Transport } from "../../wire/names.ts";
import type { OperationRequest } from "../../wire/request.ts";
import type { Explanation } from "../../wire/schema.ts";
import type { TemplateSource } from "../project/templates.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import type { DirectOutput } from "./direct-output.ts";
import type { Style } from "./style.ts";

/** What a look at daemon.json gives. */
export interface DaemonSettings {
  readonly settings: unknown;
  readonly warnings: readonly string[];
  /** JSON pointers of members that are not known. */
  readonly unknown: readonly string[];
}

/** What a command line says of a gateway; undefined is nothing. */
export interface GivenGateway {
  readonly transport: Transport | undefined;
  readonly bind: string | undefined;
  readonly port: number | undefined;
  readonly cacheDir: string | undefined;
}

/** The daemon, loaded only by the commands that need it. */
export interface DaemonDoor {
  serve(environment: NodeJS.ProcessEnv): Promise<number>;
  /** Runs a gateway. @param config its gateway.toml @param given what the command line says instead */
  gateway(config: string, given: GivenGateway, environment: NodeJS.ProcessEnv): Promise<number>;
  settings(base: BaseDirectory): Promise<DaemonSettings>;
  /** What a daemon that is started now, in this environment, would say. */
  explain(
    base: BaseDirectory,
    environment: NodeJS.ProcessEnv,
    project: string,
    asked: OperationRequest,
  ): Promise<Explanation>;
}

/** One of several answers. */
export interface Choice {
  readonly value: string;
  readonly hint: string;
}

/** What can be asked of a person at a terminal. Each throws `not_confirmed` when it is left with Ctrl-C, or its signal aborts. */
export interface Questions {
  /** Text before a question. */
  readonly show: (lines: string) => void;
  readonly choose: (message: string, choices: readonly Choice[], signal?: AbortSignal) => Promise<string>;
  /** @param complaint what is wrong with an answer, if anything */
  readonly ask: (
    message: string,
    initial: string,
    complaint: (answer: string) => string | undefined,
    signal?: AbortSignal,
  ) => Promise<string>;
  readonly confirm: (message: string) => Promise<boolean>;
}

/** Everything that a command line is run in. */
export interface Surroundings {
  readonly environment: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdin: () => Promise<string>;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** For what cannot wait until the command is done. */
  readonly direct: DirectOutput;
  /** Width for help texts. */
  readonly columns: number;
  /** The bundled templates. */
  readonly templates: TemplateSource;
  readonly daemon: DaemonDoor;
  /** The system that this runs on. */
  readonly system: NodeJS.Platform;
  /** Where the fixed places of a container are looked for: `/`. */
  readonly containerRoot: string;
  /** How this program is started from anywhere: an absolute path, then what comes before its own arguments. */
  readonly program: () => readonly string[];
  /** Loads what asks questions; undefined where nobody could answer. */
  readonly questions: (() => Promise<Questions>) | undefined;
}

/** What a subcommand gets. */
export interface Context extends Surroundings {
  /** @throws CodedError `base_unusable` */
  readonly base: () => BaseDirectory;
  /** For text on standard output; plain when that is no terminal. */
  readonly style: Style;
}
