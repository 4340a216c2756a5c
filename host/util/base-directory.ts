import { isAbsolute, join, resolve } from "node:path";
import { CodedError } from "../../wire/errors.ts";

/** Where everything of one daemon lives. */
export interface BaseDirectory {
  readonly root: string;
  readonly daemonFile: string;
  readonly socket: string;
  /** The same in a directory of its own, which can be shared with containers: nothing else is in it. */
  readonly sharedSocket: string;
  /** The socket that is bound for as long as a daemon serves this directory. */
  readonly lockSocket: string;
  readonly tokens: string;
  readonly projects: string;
  /** Where output files are written before they are moved into a workspace: out of every container's reach. */
  readonly staging: string;
  /** The daemon's own git repositories, one per repository of a project. */
  readonly git: string;
  /** Empty directories that programs run in. */
  readonly empty: string;
  /** One file for each run whose program goes on. */
  readonly running: string;
  /** Outputs of recent runs. */
  readonly runs: string;
  /** What was decided and how it ended: the audit. */
  readonly audit: string;
  /** What vouches for the audit, outside of it. */
  readonly keys: string;
  /** Files that lead the owner's browser to the page, each good once and for a minute. */
  readonly page: string;
  /** One directory per container that is started again and again; each is mounted into its container, and holds its token. */
  readonly sessions: string;
  /** One directory per throw-away container. */
  readonly boxes: string;
  /** What `setup` changed, for taking it back. */
  readonly setups: string;
  /** One file for each project that was stopped. */
  readonly stopped: string;
  /** What was counted today. */
  readonly budgets: string;
  /** This machine's key for links, and the machines that it knows by theirs. */
  readonly link: string;
  /** The gateways that this machine lets in, and the enrolment codes that are open. */
  readonly gateways: string;
  readonly enrolment: string;
  /** The installed program, where a container's start finds it without looking at PATH. */
  readonly launcher: string;
}

/**
 * `$CMD2HOST_CONFIG_DIR`, else `$HOME/.cmd2host`; `$DAEMON_CONFIG` moves only daemon.json. Empty means unset.
 * @throws CodedError `base_unusable` when none is set
 */
export function baseDirectory(environment: NodeJS.ProcessEnv): BaseDirectory {
  const configured = environment["CMD2HOST_CONFIG_DIR"] ?? "";
  const home = environment["HOME"] ?? "";
  if (configured === "" && home === "") {
    throw new CodedError("base_unusable", "neither CMD2HOST_CONFIG_DIR nor HOME is set", {
      hint: "Set CMD2HOST_CONFIG_DIR.",
    });
  }
  const root = configured === "" ? join(home, ".cmd2host") : resolve(configured);
  const daemonConfig = environment["DAEMON_CONFIG"] ?? "";
  return {
    root,
    daemonFile:
      daemonConfig === "" ? join(root, "daemon.json") : isAbsolute(daemonConfig) ? daemonConfig : resolve(daemonConfig),
    socket: join(root, "cmd2host.sock"),
    sharedSocket: join(root, "run/cmd2host.sock"),
    lockSocket: join(root, "daemon.lock"),
    tokens: join(root, "tokens"),
    projects: join(root, "projects"),
    staging: join(root, "staging"),
    git: join(root, "git"),
    empty: join(root, "empty"),
    running: join(root, "running"),
    runs: join(root, "runs"),
    audit: join(root, "audit"),
    keys: join(root, "keys"),
    page: join(root, "page"),
    sessions: join(root, "sessions"),
    boxes: join(root, "boxes"),
    setups: join(root, "setups"),
    stopped: join(root, "stopped"),
    budgets: join(root, "budgets.json"),
    link: join(root, "link"),
    gateways: join(root, "gateways"),
    enrolment: join(root, "enrolment"),
    launcher: join(root, "bin/cmd2host"),
  };
}
