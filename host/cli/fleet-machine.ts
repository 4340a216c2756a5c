import { CodedError } from "../../wire/errors.ts";
import { printable, shortened } from "../../wire/text.ts";
import { sizeWords } from "./call-status.ts";
import type { Options } from "./command.ts";
import type { Context } from "./context.ts";
import type { Executable } from "./fleet-executable.ts";
import { Ssh } from "./fleet-ssh.ts";

/** A machine that an agent is installed on, over ssh. */

/** On every command that does something on a machine over ssh. */
export const SSH_OPTIONS = {
  machine: { kind: "word", about: "USER@HOST, or a name of ssh's configuration" },
  executable: {
    kind: "text",
    about: "The program that is installed there (default: this one, when it is self-contained)",
    placeholder: "FILE",
  },
  prefix: {
    kind: "text",
    about: "Install below this directory, for the user that logs in, instead of for the system",
    placeholder: "DIR",
  },
  "ssh-config": { kind: "text", about: "ssh's configuration, instead of the usual one", placeholder: "FILE" },
} as const satisfies Options;

const SYSTEM_PROGRAM = "/usr/local/bin/cmd2host";
const SYSTEM_STATE = "/var/lib/cmd2host";
const SYSTEM_USER = "cmd2host";

/** What a machine said of itself. */
export interface Probed {
  readonly machine: string;
  readonly isRoot: boolean;
  readonly user: string;
  readonly host: string;
  readonly hasSystemd: boolean;
  readonly hasSudo: boolean;
  /** For what is sent; of the user that logs in. */
  readonly directory: string;
}

/** Where things are on a machine. */
export interface Places {
  readonly program: string;
  readonly state: string;
  /** How the agent is kept running. */
  readonly service: "systemd" | "alone";
}

/**
 * Starts the agent anew.
 * @param user that it runs as
 * @throws CodedError `ssh_failed`
 */
export async function startAnew(ssh: Ssh, { program, state, service }: Places, user: string): Promise<void> {
  if (service === "systemd") await ssh.step("restart");
  else await ssh.step("start", program, state, user);
}

/** Tells a person what is done; each time one sentence. */
export type Tell = (text: string) => Promise<void>;

/** @throws CodedError `ssh_failed` for answers that no machine gives */
export async function probe(ssh: Ssh): Promise<Probed> {
  const answers = await ssh.step("probe");
  const of = (name: string): string => answers.get(name) ?? "";
  const directory = of("directory");
  if (!/^\/tmp\/cmd2host\.[A-Za-z0-9]+$/.test(directory))
    throw new CodedError("ssh_failed", `${ssh.name}: the machine answers something that it was not asked`);
  if (of("system") !== "Linux")
    throw new CodedError("ssh_failed", `${ssh.name} is no Linux, but ${printable(shortened(of("system"), 60))}`, {
      hint: "Agents run on Linux.",
    });
  return {
    machine: of("machine"),
    isRoot: of("uid") === "0",
    user: of("user"),
    host: of("host"),
    hasSystemd: of("systemd") === "yes",
    hasSudo: of("sudo") === "yes",
    directory,
  };
}

/** @throws CodedError `usage` for a prefix that is no plain path; `ssh_failed` when the user may not install anything */
export function placesOf(prefix: string | undefined, probed: Probed, ssh: Ssh): Places {
  if (prefix !== undefined) {
    if (!/^\/[A-Za-z0-9_./-]{1,200}$/.test(prefix) || prefix.includes(".."))
      throw new CodedError("usage", "--prefix needs an absolute path of letters, digits and . _ - /");
    const root = prefix.replace(/\/+$/, "");
    return { program: `${root}/bin/cmd2host`, state: `${root}/state`, service: "alone" };
  }
  if (!probed.isRoot) {
    if (!probed.hasSudo)
      throw new CodedError(
        "ssh_failed",
        `${ssh.name}: ${printable(probed.user)} is not root, and sudo asks for a password`,
        {
          hint: "Log in as root, let the user use sudo without a password, or install for that user: --prefix=/home/USER/cmd2host.",
        },
      );
    ssh.becomeRoot();
  }
  return { program: SYSTEM_PROGRAM, state: SYSTEM_STATE, service: probed.hasSystemd ? "systemd" : "alone" };
}

/** The user that the agent runs as: one of its own, unless root is wanted, or it is installed for whoever logs in. */
export function agentUser(prefix: string | undefined, root: boolean, probed: Probed): string {
  if (prefix === undefined) return root ? "root" : SYSTEM_USER;
  if (!probed.isRoot || root) return probed.user;
  throw new CodedError("usage", "the agent would run as root, and nobody said that it may", {
    hint: "Log in as another user, leave --prefix out, or say so: --root.",
  });
}

/** Sends the program and puts it in its place. Returns its version. @throws CodedError `usage` for another kind of machine, `ssh_failed` */
export async function installProgram(
  ssh: Ssh,
  { file, bytes, sha256, machine }: Executable,
  probed: Probed,
  program: string,
  tell: Tell,
): Promise<string> {
  if (machine !== undefined && machine !== probed.machine)
    throw new CodedError(
      "usage",
      `the program is for ${machine}, and the machine is ${printable(shortened(probed.machine, 60))}`,
      {
        hint: "Name one that fits with --executable.",
      },
    );
  const sent = `${probed.directory}/cmd2host`;
  await tell(`sends the program (${sizeWords(bytes)})`);
  await ssh.send(file, sent);
  await tell(`installs it as ${program}`);
  const answers = await ssh.step("install", sent, sha256, program);
  return printable(shortened(answers.get("version") ?? "unknown", 100));
}

/** Opens a machine, does work there, and cleans up. @param work gets what tells a person what is done */
export async function onMachine<T>(
  given: { readonly machine: string; readonly "ssh-config": string | undefined },
  isJson: boolean,
  signal: AbortSignal,
  context: Context,
  work: (ssh: Ssh, probed: Probed, tell: Tell) => Promise<T>,
): Promise<T> {
  const { direct } = context;
  const write = async (text: string): Promise<void> =>
    direct.write(isJson ? "stderr" : "stdout", Buffer.from(`${given.machine}: ${text}\n`));
  const said = (line: string): void => {
    void direct.write("stderr", Buffer.from(`${given.machine}| ${line}\n`)).catch(() => undefined);
  };
  const ssh = new Ssh({ destination: given.machine, config: given["ssh-config"], said, signal }, context);
  let directory: string | undefined;
  try {
    await write("looks what it is");
    const probed = await probe(ssh);
    ({ directory } = probed);
    return await work(ssh, probed, write);
  } finally {
    if (directory !== undefined && !signal.aborted) await ssh.step("clean", directory).catch(() => undefined);
    await ssh.close();
  }
}
