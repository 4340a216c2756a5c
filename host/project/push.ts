import { basename } from "node:path";

/** What a git command line would push. Decided from the words alone, before anything runs. */
export type Push =
  | { readonly kind: "none" }
  /** Every destination branch is known. */
  | { readonly kind: "branches"; readonly branches: readonly string[] }
  /** It pushes, but where to cannot be told from the words. */
  | { readonly kind: "unclear"; readonly why: string };

const GLOBAL_WITH_VALUE = new Set(["-C", "-c", "--git-dir", "--work-tree", "--namespace", "--super-prefix", "--config-env", "--attr-source"]);
const PUSHING = new Set(["push", "send-pack", "http-push"]);
const PUSHING_SECOND = new Map([
  ["subtree", "push"],
  ["lfs", "push"],
  ["svn", "dcommit"],
  ["p4", "submit"],
]);
const PUSH_WITH_VALUE = new Set(["-o", "--push-option", "--receive-pack", "--exec", "--repo"]);
/** Options that push refs which no refspec names. git also takes any unambiguous beginning of a long option. */
const WIDENING = ["--all", "--branches", "--mirror", "--tags", "--follow-tags", "--prune", "--repo"];

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

function widens(option: string): boolean {
  const name = option.split("=", 1)[0] ?? option;
  return name.length > 2 && WIDENING.some((bad) => bad.startsWith(name));
}

function destination(refspec: string): Push {
  const unclear = (why: string): Push => ({ kind: "unclear", why });
  const text = refspec.replace(/^\+/, "");
  if (text.startsWith("^")) return unclear("a negative refspec");
  const colon = text.lastIndexOf(":");
  const target = colon < 0 ? text : text.slice(colon + 1);
  if (target === "" || target === "HEAD" || target === "@") return unclear(`the refspec ${refspec} names no branch`);
  if (target.includes("*")) return unclear("a refspec with a star");
  const branch = target.startsWith("refs/heads/") ? target.slice("refs/heads/".length) : target;
  if (branch === target && /^(refs|heads|tags|remotes)\//.test(target)) return unclear(`${target} is not a branch`);
  return { kind: "branches", branches: [branch] };
}

function destinations(args: readonly string[]): Push {
  const positionals: string[] = [];
  let options = true;
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? "";
    if (options && word === "--") options = false;
    else if (options && word.startsWith("-") && word !== "-") {
      if (widens(word)) return { kind: "unclear", why: `${word} pushes more than the refspecs say` };
      if (PUSH_WITH_VALUE.has(word)) at++;
    } else positionals.push(word);
  }
  const refspecs = positionals.slice(1);
  if (refspecs.length === 0) return { kind: "unclear", why: "no refspec" };
  if (refspecs.includes("tag")) return { kind: "unclear", why: "it pushes a tag" };
  const found = refspecs.map(destination);
  const unclear = found.find((one) => one.kind !== "branches");
  return unclear ?? { kind: "branches", branches: found.flatMap((one) => (one.kind === "branches" ? one.branches : [])) };
}

/** What `command args` pushes. */
export function pushOf(command: string, args: readonly string[]): Push {
  if (programName(command) !== "git") return { kind: "none" };
  const [subcommand = "", ...rest] = gitSubcommand(args);
  if (PUSHING_SECOND.get(subcommand) === rest.find((word) => !word.startsWith("-")) && PUSHING_SECOND.has(subcommand)) {
    return { kind: "unclear", why: `git ${subcommand} pushes in its own way` };
  }
  if (!PUSHING.has(subcommand)) return { kind: "none" };
  return subcommand === "push" ? destinations(rest) : { kind: "unclear", why: `git ${subcommand} pushes in its own way` };
}
