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

/** The daemon, loaded only by the commands that need it. */
export interface DaemonDoor {
  serve(environment: NodeJS.ProcessEnv): Promise<number>;
  settings(base: BaseDirectory): Promise<DaemonSettings>;
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
  /** How this program is started from anywhere: an absolute path, then what comes before its own arguments. */
  readonly program: () => readonly string[];
}

/** What a subcommand gets. */
export interface Context extends Surroundings {
  /** @throws CodedError `base_unusable` */
  readonly base: () => BaseDirectory;
  /** For text on standard output; plain when that is no terminal. */
  readonly style: Style;
}
