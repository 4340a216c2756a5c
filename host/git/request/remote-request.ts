import { CodedError } from "../../../wire/errors.ts";
import { quoted, shortened } from "../../../wire/text.ts";
import { isRefName } from "../../util/ref-name.ts";

/** What a push may not overwrite: the branch as it was seen last, or as it is named. */
export interface Lease {
  /** What the branch has to be: a full object name, empty for "must not exist"; undefined: what the workspace saw last. */
  readonly expected: string | undefined;
}

/** One branch to one branch. */
export interface PushRequest {
  readonly kind: "push";
  readonly options: readonly string[];
  /** As written; empty deletes the branch. */
  readonly source: string;
  /** Branch on the other side, without `refs/heads/`. */
  readonly branch: string;
  readonly force: boolean;
  readonly lease: Lease | undefined;
}

/** `[+]source:destination`, where both may have one star. */
export interface FetchSpec {
  readonly force: boolean;
  readonly source: string;
  readonly destination: string;
}

export interface FetchRequest {
  readonly kind: "fetch";
  readonly options: readonly string[];
  readonly specs: readonly FetchSpec[];
  /** The prefix that all destinations have, like `refs/remotes/origin/`. */
  readonly prefix: string;
  readonly prune: boolean;
}

export interface ListRemoteRequest {
  readonly kind: "ls-remote";
  readonly options: readonly string[];
  readonly patterns: readonly string[];
}

/** What git does with a remote, in the daemon's own repository. Nothing else is done. */
export type RemoteRequest = PushRequest | FetchRequest | ListRemoteRequest;

const EVERYWHERE = ["-q", "--quiet", "-v", "--verbose", "--progress", "--no-progress", "-4", "-6", "--ipv4", "--ipv6"];
const PUSH_OPTIONS = new Set([
  ...EVERYWHERE,
  ...["--no-verify", "-n", "--dry-run", "--porcelain", "--atomic", "--no-atomic", "--thin", "--no-thin"],
  ...["--no-follow-tags", "--no-signed", "--signed=no", "--signed=false", "--recurse-submodules=no"],
  ...["--no-recurse-submodules", "--no-force-with-lease", "--no-force-if-includes"],
]);
const FETCH_OPTIONS = new Set([
  ...EVERYWHERE,
  ...["--no-prune", "-n", "--no-tags", "--dry-run", "--atomic", "--no-recurse-submodules", "--recurse-submodules=no"],
  ...["--no-write-fetch-head", "--no-auto-gc", "--no-auto-maintenance", "--porcelain"],
]);
const LIST_OPTIONS = new Set([
  ...["-q", "--quiet", "--heads", "--branches", "-t", "--tags", "--refs", "--exit-code", "--symref"],
]);

const HEADS = "refs/heads/";

function unsupported(what: string, hint?: string): CodedError {
  return new CodedError("git_unsupported", `git on the host does not take ${what}`, hint === undefined ? {} : { hint });
}

function shown(word: string): string {
  return quoted(shortened(word, 120));
}

interface Words {
  readonly options: readonly string[];
  readonly positionals: readonly string[];
}

/** Splits what follows the URL. An option's value is written behind `=`, or for `valued` may be the next word. */
function split(args: readonly string[], valued: readonly string[]): Words {
  const options: string[] = [];
  const positionals: string[] = [];
  for (let at = 0, open = true; at < args.length; at++) {
    const word = args[at] ?? "";
    if (open && (word === "--" || word === "--end-of-options")) open = false;
    else if (open && valued.includes(word)) {
      const value = args[++at];
      if (value === undefined) throw unsupported(`${word} without a value`);
      options.push(`${word.startsWith("--") ? word : "--push-option"}=${value}`);
    } else if (open && word.startsWith("-")) options.push(word);
    else positionals.push(word);
  }
  return { options, positionals };
}

function parseLease(option: string, branch: string): Lease {
  const value = option.slice("--force-with-lease".length);
  if (value === "") return { expected: undefined };
  const [name = "", expected] = value.slice(1).split(":", 2);
  if (name !== branch && name !== HEADS + branch) throw unsupported(`a lease on another branch: ${shown(option)}`);
  if (expected !== undefined && !/^(?:[0-9a-f]{40}|[0-9a-f]{64}|)$/.test(expected))
    throw unsupported(`a lease on something other than a full object name: ${shown(option)}`);
  return { expected };
}

function parsePush(args: readonly string[]): PushRequest {
  const { options, positionals } = split(args, ["-o", "--push-option"]);
  const [refspec, another] = positionals;
  if (refspec === undefined || another !== undefined)
    throw unsupported("a push of anything but one refspec", "Push one SOURCE:refs/heads/BRANCH at a time.");
  const forced = refspec.startsWith("+");
  const colon = refspec.indexOf(":");
  const [source, target] = [refspec.slice(forced ? 1 : 0, Math.max(colon, 0)), refspec.slice(colon + 1)];
  if (colon < 0 || !target.startsWith(HEADS) || !isRefName(target))
    throw unsupported(`the refspec ${shown(refspec)}`, "Write it as SOURCE:refs/heads/BRANCH.");
  const branch = target.slice(HEADS.length);
  const kept: string[] = [];
  let [force, lease]: [boolean, Lease | undefined] = [forced, undefined];
  for (const option of options) {
    if (option === "-f" || option === "--force") force = true;
    else if (/^--force-with-lease(?:=|$)/.test(option)) lease = parseLease(option, branch);
    else if (PUSH_OPTIONS.has(option) || option.startsWith("--push-option=")) kept.push(option);
    else if (option === "-u" || option === "--set-upstream")
      throw unsupported(shown(option), "Set the upstream inside the container: git branch --set-upstream-to.");
    else throw unsupported(`the option ${shown(option)} with push`);
  }
  return { kind: "push", options: kept, source, branch, force, lease };
}

const REMOTE_PREFIX = /^refs\/remotes\/[^/*]+\//;

function parseFetchSpec(refspec: string): FetchSpec {
  const force = refspec.startsWith("+");
  const [from = "", to] = (force ? refspec.slice(1) : refspec).split(":", 2);
  const source = from.startsWith("refs/") ? from : HEADS + from;
  // Without a destination git would only write FETCH_HEAD; a branch belongs under its remote, where `git fetch origin` puts it.
  const destination = to ?? (source.startsWith(HEADS) ? source.replace(HEADS, "refs/remotes/origin/") : "");
  const stars = [source, destination].map((side) => side.split("*").length - 1);
  const plain = [source, destination].map((side) => side.replace("*", "x"));
  const fits = stars[0] === stars[1] && (stars[0] ?? 0) <= 1 && plain.every(isRefName);
  if (!fits || refspec.split(":").length > 2 || !REMOTE_PREFIX.test(destination))
    throw unsupported(
      `the refspec ${shown(refspec)}`,
      "Fetch into refs/remotes/NAME/, as SOURCE:refs/remotes/NAME/BRANCH.",
    );
  return { force: force || to === undefined, source, destination };
}

const ALL_BRANCHES: FetchSpec = { force: true, source: "refs/heads/*", destination: "refs/remotes/origin/*" };

function parseFetch(args: readonly string[]): FetchRequest {
  const { options, positionals } = split(args, []);
  const specs = positionals.length === 0 ? [ALL_BRANCHES] : positionals.map(parseFetchSpec);
  const [prefix = "", another] = new Set(specs.map(({ destination }) => REMOTE_PREFIX.exec(destination)?.[0] ?? ""));
  if (another !== undefined)
    throw unsupported("a fetch into several remotes", "Fetch into one refs/remotes/NAME/ at a time.");
  const kept: string[] = [];
  let [prune, force] = [false, false];
  for (const option of options) {
    if (option === "-p" || option === "--prune") prune = true;
    else if (option === "-f" || option === "--force") force = true;
    else if (FETCH_OPTIONS.has(option)) kept.push(option);
    else if (/^--(?:depth|deepen|shallow-|unshallow|filter|tags)|^-t$/.test(option))
      throw unsupported(`${shown(option)}: it would change more than refs/remotes`);
    else throw unsupported(`the option ${shown(option)} with fetch`);
  }
  return {
    kind: "fetch",
    options: kept,
    specs: specs.map((spec) => ({ ...spec, force: spec.force || force })),
    prefix,
    prune,
  };
}

function parseList(args: readonly string[]): ListRemoteRequest {
  const { options, positionals } = split(args, []);
  const wrong = options.find((option) => !LIST_OPTIONS.has(option) && !/^--sort=-?[a-z:]+$/.test(option));
  if (wrong !== undefined) throw unsupported(`the option ${shown(wrong)} with ls-remote`);
  return { kind: "ls-remote", options, patterns: positionals };
}

/**
 * What a remote git command line asks for. Options that name programs, files, configuration or more refs than one are not known here, so they
 * are refused.
 * @param words the subcommand, the project's URL, and what follows
 * @throws CodedError `git_unsupported`
 */
export function parseRemoteRequest(words: readonly string[]): RemoteRequest {
  const [subcommand = "", , ...rest] = words;
  switch (subcommand) {
    case "push":
      return parsePush(rest);
    case "fetch":
      return parseFetch(rest);
    case "ls-remote":
      return parseList(rest);
    default:
      throw unsupported(
        shown(`git ${subcommand}`),
        "Use push, fetch or ls-remote on the host; clone, merge and pull inside the container.",
      );
  }
}
