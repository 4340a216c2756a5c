import { basename } from "node:path";
import { quoted, shortened } from "../../wire/text.ts";

/** What a git command line would push. Decided from the words alone, before anything runs. */
export type Push =
  | { readonly kind: "none" }
  /** Every destination branch is known. */
  | { readonly kind: "branches"; readonly branches: readonly string[] }
  /** It pushes, but where to cannot be told from the words. */
  | { readonly kind: "unclear"; readonly why: string };

const GLOBAL_WITH_VALUE = new Set([
  "-C",
  "-c",
  "--git-dir",
  "--work-tree",
  "--namespace",
  "--super-prefix",
  "--config-env",
  "--attr-source",
  "--shallow-file",
]);
const PUSHING = new Set(["push", "send-pack", "http-push"]);
const PUSHING_SECOND = new Map([
  ["subtree", "push"],
  ["lfs", "push"],
  ["svn", "dcommit"],
  ["p4", "submit"],
]);
const PUSH_WITH_VALUE = new Set(["-o", "--push-option", "--receive-pack", "--exec", "--repo"]);
/** Options that push refs which no refspec names. git also takes any unambiguous beginning of a long option. */
const WIDENING = [
  "--all",
  "--branches",
  "--mirror",
  "--tags",
  "--follow-tags",
  "--prune",
  "--repo",
  "--recurse-submodules",
];
const NOT_WIDENING = new Set(["--recurse-submodules=no", "--recurse-submodules=check"]);
const HEADS = "refs/heads/";

/** Name of a program without its directory and without `.exe`. */
export function programName(command: string): string {
  return basename(command).replace(/\.exe$/i, "");
}

/** The words from git's subcommand on, without the options before it. */
export function gitSubcommand(args: readonly string[]): readonly string[] {
  let at = 0;
  while (at < args.length && args[at]?.startsWith("-") === true) at += GLOBAL_WITH_VALUE.has(args[at] ?? "") ? 2 : 1;
  return args.slice(at);
}

/**
 * What git is told to do: the words from the subcommand on, also of a program like `git-push`, which is the subcommand itself. Undefined for programs
 * that are not git's.
 */
export function gitWords(command: string, args: readonly string[]): readonly string[] | undefined {
  const name = programName(command);
  if (name === "git") return gitSubcommand(args);
  return name.startsWith("git-") ? [name.slice("git-".length), ...args] : undefined;
}

function shown(word: string): string {
  return quoted(shortened(word, 120));
}

function widens(option: string): boolean {
  const name = option.split("=", 1)[0] ?? option;
  return !NOT_WIDENING.has(option) && name.length > 2 && WIDENING.some((bad) => bad.startsWith(name));
}

/** True for options written so that it cannot be told whether their value is the next word: `--push-opt`, `-fo`. */
function hidesValue(option: string): boolean {
  if (!option.startsWith("--")) return option.length > 2 && option.endsWith("o");
  return !PUSH_WITH_VALUE.has(option) && [...PUSH_WITH_VALUE].some((full) => full.startsWith(option));
}

/**
 * Only a destination that is written out is known. For any other git decides: by the branch that a symbolic ref of the workspace leads to, by what
 * kind of ref the source is, by what the remote has.
 */
function destination(refspec: string): Push {
  const unclear = (why: string): Push => ({ kind: "unclear", why });
  if (refspec.startsWith("^")) return unclear("a negative refspec");
  const colon = refspec.lastIndexOf(":");
  const target = refspec.slice(colon + 1);
  if (target.includes("*")) return unclear("a refspec with a star");
  if (colon < 0 || !target.startsWith(HEADS))
    return unclear(`the refspec ${shown(refspec)} does not end in :refs/heads/BRANCH`);
  return { kind: "branches", branches: [target.slice(HEADS.length)] };
}

function destinations(args: readonly string[]): Push {
  const positionals: string[] = [];
  let options = true;
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? "";
    if (options && (word === "--" || word === "--end-of-options")) options = false;
    else if (options && word.startsWith("-") && word !== "-") {
      if (widens(word)) return { kind: "unclear", why: `${shown(word)} pushes more than the refspecs say` };
      if (hidesValue(word)) return { kind: "unclear", why: `${shown(word)} may take the next word for its value` };
      if (PUSH_WITH_VALUE.has(word)) at++;
    } else positionals.push(word);
  }
  const refspecs = positionals.slice(1);
  if (refspecs.length === 0) return { kind: "unclear", why: "no refspec" };
  if (refspecs.includes("tag")) return { kind: "unclear", why: "it pushes a tag" };
  const found = refspecs.map(destination);
  const unclear = found.find((one) => one.kind !== "branches");
  return (
    unclear ?? { kind: "branches", branches: found.flatMap((one) => (one.kind === "branches" ? one.branches : [])) }
  );
}

const REMOTE = new Set([
  "push",
  "fetch",
  "clone",
  "pull",
  "ls-remote",
  "send-pack",
  "fetch-pack",
  "http-push",
  "http-fetch",
]);

/** True for git's subcommands that talk to a remote: they run in the strict environment and must name the project's own URL. */
export function isRemoteGit(subcommand: string): boolean {
  return REMOTE.has(subcommand);
}

/** What `command args` pushes. */
export function pushOf(command: string, args: readonly string[]): Push {
  const words = gitWords(command, args);
  if (words === undefined) return { kind: "none" };
  const [subcommand = "", ...rest] = words;
  const second = PUSHING_SECOND.get(subcommand);
  // Anywhere: which words before it are values of options is theirs to know.
  if (second !== undefined && rest.includes(second)) {
    return { kind: "unclear", why: `git ${subcommand} pushes in its own way` };
  }
  if (!PUSHING.has(subcommand)) return { kind: "none" };
  return subcommand === "push"
    ? destinations(rest)
    : { kind: "unclear", why: `git ${subcommand} pushes in its own way` };
}
