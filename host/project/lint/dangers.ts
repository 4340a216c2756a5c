import { gitSubcommand, programName } from "../push.ts";

/**
 * Options and programs that hand over more than their names say. Sources: the manuals of git, gh and the AWS CLI, and what was tried against
 * them. A list like this is never complete; it is for advice, and nothing is permitted because it is not on it.
 */

type Level = "error" | "warning" | undefined;

/** A group of options of one program, with one reason. */
export interface Danger {
  readonly names: readonly string[];
  readonly why: string;
  /** When the caller may add it. */
  readonly asFlag: Level;
  /** When the caller fills in its value. */
  readonly withParam: Level;
  /** When the template fixes it. */
  readonly asLiteral: Level;
  /** Subcommands that it is dangerous with; undefined is all. */
  readonly only?: readonly string[];
  /** Values that show the danger: a rule that refuses all of them takes it away. */
  readonly probes?: readonly string[];
}

const RUNS = { asFlag: "error", withParam: "error", asLiteral: "warning" } as const;
const READS = { asFlag: "error", withParam: "error", asLiteral: undefined } as const;
const WIDENS = { asFlag: "warning", withParam: "warning", asLiteral: "warning" } as const;
const REDIRECTS = { asFlag: "error", withParam: "error", asLiteral: undefined } as const;
const CHANGES = { asFlag: "warning", withParam: undefined, asLiteral: undefined } as const;

/** Values for gh's --jq that show the environment. */
const JQ_PROBES = ["env", "env.PATH", "$ENV.PATH", ".|env", "[env]", '"\\(env)"', "{a:env}", ".[env:]"];

const GIT: readonly Danger[] = [
  {
    names: ["--upload-pack", "--receive-pack", "--exec", "--exec-path", "--open-files-in-pager", "-O"],
    why: "names a program that runs on the host",
    ...RUNS,
  },
  { names: ["-u"], why: "names a program that runs on the host", only: ["clone", "ls-remote", "fetch-pack"], ...RUNS },
  { names: ["-c", "--config", "--config-env"], why: "sets any git configuration, also what runs programs", ...RUNS },
  { names: ["--template"], why: "takes hooks, which are programs, from a directory, or text from a file", ...RUNS },
  {
    names: ["--ext-diff", "--textconv", "--show-signature", "--gpg-sign", "--signed"],
    why: "runs programs that configuration names",
    ...RUNS,
  },
  { names: ["--output"], why: "writes a file anywhere on the host", ...RUNS },
  {
    names: ["--no-index", "--pathspec-from-file", "--contents", "--file", "-F", "--git-dir", "--work-tree", "-C"],
    why: "reads files outside the workspace",
    ...READS,
  },
  {
    names: ["--mirror", "--all", "--tags", "--follow-tags", "--branches", "--prune", "--repo"],
    why: "pushes more than the branch that was checked; such a push is refused when it is called",
    only: ["push"],
    ...WIDENS,
  },
  {
    names: ["--force", "-f", "--force-with-lease", "--force-if-includes", "--delete", "-d"],
    why: "overwrites or deletes what is on the remote",
    only: ["push"],
    ...WIDENS,
  },
];

/** Names of files, which `-`, standard input, is not. */
const FILE_PROBES = ["/etc/hostname", "../x", "x"];

const GH_READS = ["view", "list", "status", "checks", "api"];
const GH: readonly Danger[] = [
  { names: ["--field", "-F"], why: "sends a file of the host (@FILE)", ...READS },
  { names: ["--input", "--body-file"], why: "sends a file of the host", probes: FILE_PROBES, ...READS },
  { names: ["--jq", "-q"], why: "can print the host's environment (env, $ENV)", probes: JQ_PROBES, ...READS },
  { names: ["--template", "-t"], why: "can print the host's environment", only: GH_READS, ...READS },
  { names: ["--hostname"], why: "sends the login to another host", ...REDIRECTS },
  { names: ["--repo", "-R"], why: "names another repository, also on another host", ...REDIRECTS },
  { names: ["--web", "-w", "--editor", "-e"], why: "opens a program on the host", ...RUNS },
  { names: ["--header", "-H"], why: "changes what is sent and to whom it seems to come from", ...CHANGES },
  {
    names: ["--method", "-X", "--raw-field", "-f"],
    why: "turns a reading call into a writing one",
    only: ["api"],
    ...CHANGES,
  },
];

const AWS: readonly Danger[] = [
  { names: ["--endpoint-url"], why: "sends signed requests to another host", ...REDIRECTS },
  { names: ["--profile"], why: "uses another identity of the host", ...REDIRECTS },
  { names: ["--debug"], why: "prints the session token", asFlag: "error", withParam: "error", asLiteral: "error" },
  { names: ["--no-verify-ssl", "--ca-bundle"], why: "accepts a false server", ...RUNS },
  { names: ["--cli-input-json", "--cli-input-yaml"], why: "takes any argument, also from a file", ...READS },
];

const OPTIONS: ReadonlyMap<string, readonly Danger[]> = new Map([
  ["git", GIT],
  ["gh", GH],
  ["aws", AWS],
]);

/** The words that tell which subcommand runs, as far as the template fixes them. */
export function subcommandWords(command: string, args: readonly string[]): readonly string[] {
  const rest = programName(command) === "git" ? gitSubcommand(args) : args;
  const end = rest.findIndex((word) => word.startsWith("-") || word.includes("{"));
  return end < 0 ? rest : rest.slice(0, end);
}

/** Programs that take any unambiguous beginning of a long option for it. */
const ABBREVIATING = new Set(["git", "aws"]);

function isMeant(name: string, option: string, abbreviating: boolean): boolean {
  if (name === option) return true;
  const isLong = option.startsWith("--");
  if (isLong) return abbreviating && option.length > 3 && name.startsWith(option);
  // A short option with its value attached: -Ocmd.
  return name.length === 2 && option.startsWith(name);
}

/** The danger that `option` (a word without its value) is for this program and subcommand. */
export function dangerOf(command: string, subcommand: readonly string[], option: string): Danger | undefined {
  const program = programName(command);
  return (OPTIONS.get(program) ?? []).find(
    (danger) =>
      danger.names.some((name) => isMeant(name, option, ABBREVIATING.has(program))) &&
      (danger.only === undefined || danger.only.some((word) => subcommand.includes(word))),
  );
}

const SUBCOMMANDS: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map([
  [
    "gh",
    new Map([
      ["alias", "defines commands that run programs"],
      ["extension", "installs and runs programs"],
      ["config", "changes the host's settings, also what runs programs"],
      ["auth", "shows or changes the login"],
      ["browse", "opens a program on the host"],
      ["codespace", "reaches other machines"],
      ["ssh-key", "changes who may log in"],
      ["gpg-key", "changes who may sign"],
    ]),
  ],
  [
    "git",
    new Map([
      ["config", "changes what git runs on the host"],
      ["submodule", "reads a file of the workspace, and can run what it names"],
      ["bisect", "runs programs"],
      ["rebase", "can run programs (--exec)"],
      ["filter-branch", "runs programs"],
      ["daemon", "serves files"],
    ]),
  ],
]);

/** Why a subcommand should not be in a template, or undefined. */
export function subcommandDanger(command: string, subcommand: readonly string[]): string | undefined {
  const table = SUBCOMMANDS.get(programName(command));
  return table?.get(subcommand[0] ?? "") ?? table?.get(subcommand.slice(0, 2).join(" "));
}

export interface ProgramDanger {
  readonly why: string;
  readonly severity: "error" | "warning";
}

const SHELLS = /^(?:sh|bash|dash|ash|zsh|ksh|fish|csh|tcsh|busybox|pwsh|powershell|cmd)$/;
const INTERPRETERS =
  /^(?:python|perl|ruby|php|lua|node|nodejs|deno|bun|tsx|ts-node|awk|gawk|mawk|nawk|tclsh|expect|osascript|Rscript|java|npx|bunx|uvx|pipx)[\d.]*$/;
const LAUNCHERS =
  /^(?:env|xargs|parallel|sudo|su|doas|nohup|timeout|nice|ionice|setsid|stdbuf|time|watch|strace|ltrace|gdb|script|chroot|unshare|nsenter|flock|systemd-run|ssh|docker|podman|nerdctl|kubectl)$/;
const CONTAINERS = /^(?:docker|podman|nerdctl)$/;
/** They look at containers that are there, or start and stop them as they were made. */
const QUIET = new Set(["ps", "logs", "start", "stop", "restart", "stats", "top", "port", "images", "version", "info"]);
const TOOLS: ReadonlyMap<string, string> = new Map([
  ["find", "-exec runs programs, -fprintf writes files, -files0-from reads them"],
  ["sort", "--compress-program runs a program, -o writes a file"],
  ["tar", "--checkpoint-action, --to-command and -I run programs"],
  ["sed", "the commands e and w run programs and write files"],
  ["curl", "-K reads options from a file, -o writes one, file:// reads one"],
  ["wget", "--use-askpass runs a program, -O writes a file"],
  ["jq", "--rawfile reads files, env prints the environment"],
  ["rsync", "-e runs a program"],
  ["scp", "-S and -o run programs"],
  ["vim", "runs programs"],
  ["vi", "runs programs"],
  ["less", "runs programs"],
  ["man", "runs programs"],
  ["zip", "-T with -TT runs a program"],
]);

export function isShell(name: string): boolean {
  return SHELLS.test(name);
}

export function isInterpreter(name: string): boolean {
  return INTERPRETERS.test(name);
}

/** True for programs that start others. */
export function isLauncher(name: string): boolean {
  return LAUNCHERS.test(name);
}

/** True for a subcommand of a program that starts others, which is known to start nothing that was not there. */
export function isQuiet(command: string, subcommand: string): boolean {
  return CONTAINERS.test(programName(command)) && QUIET.has(subcommand);
}

/** What is to be said about running this program at all. `open`: the caller has a say in the arguments. */
export function programDanger(command: string, open: boolean): ProgramDanger | undefined {
  const name = programName(command);
  const severity = open ? "error" : "warning";
  if (SHELLS.test(name)) return { why: `${name} is a shell: what it is given is a program`, severity };
  if (INTERPRETERS.test(name))
    return { why: `${name} runs programs that its arguments, or files of the workspace, name`, severity };
  if (LAUNCHERS.test(name)) return { why: `${name} starts other programs`, severity };
  const tool = TOOLS.get(name);
  return tool === undefined || !open ? undefined : { why: `${name}: ${tool}`, severity: "warning" };
}
