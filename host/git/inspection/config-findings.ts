import { isRemoteName, patternOf, type AllowedKeys } from "./allowed-keys.ts";
import type { GitConfigEntry } from "./config-file.ts";
import { keyFinding, shellWord, shown, type Finding } from "./finding.ts";

/** The configuration file that entries come from, and what its keys are measured against. */
export interface ConfigPlace {
  readonly file: string;
  /** Whether `core.worktree` may have this value. */
  isWorkTree(value: string): boolean;
}

/** A configuration file that was read. */
export interface ConfigFile {
  readonly place: ConfigPlace;
  readonly entries: readonly GitConfigEntry[];
}

const RUNS = "names a program that git runs on the host";
const SENDS = "sends git, or the owner's credentials, to a server that the workspace chooses";
const ELSEWHERE = "makes git go to another repository than the one that is named";

/** Why well known keys are refused; `*` stands for the subsection. First match wins. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^include(?:if\.\*)?\./, "reads further configuration from a file that this check does not see"],
  [/^url\.\*\.(?:push)?insteadof$/, ELSEWHERE],
  [/^filter\./, `${RUNS} for add, diff, checkout and status`],
  [/^core\.(?:sshcommand|askpass|gitproxy|editor|pager|alternaterefscommand)$/, RUNS],
  [/^core\.(?:attributesfile|excludesfile)$/, "makes git read a file that may lie outside the workspace"],
  [/^diff\.external$|^diff\.\*\.(?:command|textconv)$/, `${RUNS} for diff, log and show`],
  [/^merge\.\*\.|^trailer\.\*\.(?:command|cmd)$/, `${RUNS} for merge or commit`],
  [/^gpg\./, "names a program, or keys, that git uses on the host for signatures"],
  [/^credential\./, "names a program that git asks for the owner's credentials"],
  [/^alias\.|^guitool\.|^pager\.|^(?:diff|merge)tool\.\*\.|^sequence\.|^man\.|^browser\./, RUNS],
  [/^gc\.recentobjectshook$|^interactive\.difffilter$|^uploadpack\.packobjectshook$/, RUNS],
  [/^remote\.\*\.(?:uploadpack|receivepack|vcs)$/, `${RUNS} for fetch and push`],
  [/^remote\.\*\.(?:proxy|proxyauthmethod)$|^https?\.|^ssh\./, SENDS],
  [/^remote\.\*\.(?:promisor|partialclonefilter)$/, "makes git fetch missing objects from another remote than origin"],
  [/^protocol\./, "allows transports that run programs"],
  [/^lfs\./, "changes the server, the programs or the directory that Git LFS uses"],
  [/^extensions\./, "changes the format of the repository in a way that this check does not know"],
  [/^blame\.ignorerevsfile$|^commit\.template$|^mailmap\./, "makes git read a file that may lie outside the workspace"],
];

const UNKNOWN = "is not one of the keys that are known to be harmless";

function nameOf({ section, subsection, key }: GitConfigEntry): string {
  return subsection === undefined ? `${section}.${key}` : `${section}.${subsection}.${key}`;
}

/** Why the workspace cannot be trusted with this entry, or undefined. */
function whyRefused(entry: GitConfigEntry, place: ConfigPlace, allowed: AllowedKeys): string | undefined {
  const { section, subsection, key, value } = entry;
  const pattern = patternOf(entry);
  if (section === "remote" && subsection !== undefined && !isRemoteName(subsection)) {
    return `gives settings to the address ${shown(subsection)}, which makes git go elsewhere when that address is named`;
  }
  if (section === "submodule" && subsection?.split(/[\\/]/).includes("..") === true) {
    return "names a submodule whose directory would lie elsewhere";
  }
  if (section === "remote" && subsection === "origin" && key === "pushurl") return ELSEWHERE;
  if (pattern === "core.worktree") {
    return value !== undefined && place.isWorkTree(value) ? undefined : "makes git work in another directory";
  }
  const rule = allowed.ruleFor(entry);
  if (rule !== undefined) return rule(value);
  return REASONS.find(([expression]) => expression.test(pattern))?.[1] ?? UNKNOWN;
}

/**
 * The command that removes the entry, or words where no command can be shown safely. By file, since
 * `git -C` fails in a repository that some of these keys break; key by key, since `--remove-section` finds a section only
 * when its header is spelled in lower case.
 */
function fixFor(entry: GitConfigEntry, place: ConfigPlace): string {
  const [file, name] = [shellWord(place.file), shellWord(nameOf(entry))];
  // git takes a name that begins with a dash for an option, and none that begins with a dot.
  if (file === undefined || name === undefined || !/^[a-z0-9]/.test(entry.section)) {
    return `edit the file and remove line ${entry.line}`;
  }
  return `git config --file ${file} --unset-all ${name}`;
}

/** Keys that say how the repository is kept: without understanding them nothing can be read from it. */
function isFormat({ section, key }: GitConfigEntry): boolean {
  return section === "extensions" ? key !== "partialclone" : section === "core" && key === "repositoryformatversion";
}

/** What is wrong with one entry, or undefined. */
export function findingFor(entry: GitConfigEntry, place: ConfigPlace, allowed: AllowedKeys): Finding | undefined {
  const why = whyRefused(entry, place, allowed);
  if (why === undefined) return undefined;
  const where = { file: place.file, line: entry.line, key: nameOf(entry) };
  return keyFinding(where, why, fixFor(entry, place), isFormat(entry) ? "layout" : "configuration");
}

/** The address of origin, and what is wrong when it has several. */
export function originOf(files: readonly ConfigFile[]): {
  readonly url: string | undefined;
  readonly finding: Finding | undefined;
} {
  const urls = files.flatMap(({ place, entries }) =>
    entries
      .filter(({ section, subsection, key }) => section === "remote" && subsection === "origin" && key === "url")
      .map((entry) => ({ place, entry })),
  );
  const last = urls.at(-1);
  if (last === undefined) return { url: undefined, finding: undefined };
  const { entry, place } = last;
  if (urls.every((one) => one.entry.value === entry.value)) return { url: entry.value, finding: undefined };
  const finding = keyFinding(
    { file: place.file, line: entry.line, key: "remote.origin.url" },
    "names several addresses, and git pushes to all of them",
    fixFor(entry, place),
  );
  return { url: entry.value, finding };
}
