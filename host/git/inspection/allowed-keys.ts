import { shown } from "./finding.ts";

/**
 * The keys that a workspace's git configuration may hold: none of them can run a program, choose another repository or
 * server for the project's, ask for a credential or a signature, or read or write outside the workspace. A key that git
 * adds in a later version is not in the list until somebody has looked at it.
 *
 * `core.hooksPath` (husky and its like) is in it because every program runs with hooks switched off by its environment, as it does against the
 * hooks in `.git/hooks`.
 */

/** Says why a value is dangerous, as a clause that follows the key; undefined when it is harmless. */
export type ValueRule = (value: string | undefined) => string | undefined;

const harmless: ValueRule = () => undefined;

/** git's words for false; a key without a value is true. */
export function isFalse(value: string | undefined): boolean {
  return value !== undefined && /^(?:false|no|off|0)?$/i.test(value);
}

function falseOnly(why: string): ValueRule {
  return (value) => (isFalse(value) ? undefined : why);
}

function oneOf(...words: readonly string[]): ValueRule {
  return (value) =>
    value !== undefined && words.includes(value.toLowerCase())
      ? undefined
      : `has the value ${shown(value ?? "true")}; only ${words.join(", ")} are known to be harmless`;
}

const smallNumber: ValueRule = (value) =>
  value === undefined || /^(?:true|false|\d{1,2})$/i.test(value)
    ? undefined
    : "may start any number of threads or processes";

/** Whether the name of a remote cannot be mistaken for an address, which would change what the address means. */
export function isRemoteName(name: string): boolean {
  return /^[\p{L}\p{N}_][\p{L}\p{N}_.+/-]*$/u.test(name) && !name.includes("..");
}

const plainWord: ValueRule = (value) => {
  if (value === undefined) return "has no value";
  if (value.startsWith("-")) return "begins with a dash, which a program may take for an option";
  return /[\x00-\x1f\x7f]/.test(value) ? "holds control characters" : undefined;
};

/** A remote by name or address, or a repository's address. */
const address: ValueRule = (value) => {
  const why = plainWord(value);
  if (why !== undefined || value === undefined) return why;
  if (/^[A-Za-z0-9+.-]+::/.test(value)) return "names a transport helper, which is a program that git runs";
  return undefined;
};

const SIGNS = "makes git sign with the keys of the host's owner";

/** `section: keys`, for keys without a subsection. */
const PLAIN = `
  add: ignoreerrors
  am: keepcr threeway
  apply: ignorewhitespace whitespace
  author: email name
  bash: hideifpwdignored showconflictstate showdirtystate showstashstate showuntrackedfiles
  blame: blankboundary coloring date markignoredlines markunblamablelines showemail showroot
  branch: autosetupmerge autosetuprebase sort
  checkout: defaultremote guess
  clean: requireforce
  codespaces-theme: hide-dirty hide-status show-dirty
  column: branch clean status tag ui
  commit: cleanup status verbose
  commitgraph: changedpathsversion generationversion maxnewfilters readchangedpaths
  committer: email name
  core: abbrev autocrlf bigfilethreshold checkstat commentchar commentstring commitgraph compression createobject
  core: deltabasecachelimit disambiguate eol filemode filesreflocktimeout fscache fsync fsyncmethod fsyncobjectfiles
  core: hidedotfiles hookspath ignorecase ignorestat logallrefupdates longpaths loosecompression maxtreedepth multipackindex
  core: notesref packedgitlimit packedgitwindowsize packedrefstimeout precomposeunicode preloadindex protecthfs
  core: protectntfs quotepath safecrlf sharedrepository sparsecheckout sparsecheckoutcone splitindex symlinks
  core: trustctime untrackedcache usereplacerefs warnambiguousrefs whitespace
  credential: usehttppath
  devcontainers-theme: hide-dirty hide-status show-dirty
  diff: algorithm autorefreshindex colormoved colormovedws context dirstat ignoresubmodules indentheuristic
  diff: interhunkcontext mnemonicprefix noprefix relative renamelimit renames statgraphwidth statnamewidth
  diff: suppressblankempty wordregex wserrorhighlight
  difftool: prompt
  extensions: compatobjectformat noop preciousobjects relativeworktrees worktreeconfig
  feature: experimental manyfiles
  fetch: all fsckobjects negotiationalgorithm output prune prunetags showforcedupdates unpacklimit
  fetch: writecommitgraph
  format: coverletter from numbered signoff subjectprefix thread to useautobase
  gc: aggressivedepth aggressivewindow auto autodetach autopacklimit bigpackthreshold cruftpacks logexpiry
  gc: maxcruftsize packrefs pruneexpire reflogexpire reflogexpireunreachable rerereresolved rerereunresolved
  gc: worktreepruneexpire writecommitgraph
  gerrit: createchangeid
  github: user
  gitreview: remote username
  grep: column extendedregexp fullname linenumber patterntype
  http: lowspeedlimit lowspeedtime postbuffer version
  i18n: commitencoding logoutputencoding
  index: recordendofindexentries recordoffsettable skiphash sparse version
  init: defaultbranch
  interactive: singlekey
  lfs: allowincompletepush concurrenttransfers fetchexclude fetchinclude fetchrecentalways fetchrecentcommitsdays
  lfs: fetchrecentrefsdays lockignoredfiles locksverify pruneoffsetdays repositoryformatversion
  lfs: setlockablereadonly skipdownloaderrors
  log: abbrevcommit date decorate diffmerges excludedecoration follow graphcolors initialdecorationset mailmap showroot
  maintenance: auto autodetach strategy
  merge: autostash branchdesc conflictstyle defaulttoupstream directoryrenames ff log renamelimit renames renormalize
  merge: stat suppressdest verbosity
  mergetool: keepbackup keeptemporaries prompt writetotemp
  notes: displayref rewritemode rewriteref
  oh-my-zsh: hide-dirty hide-info hide-status
  pack: allowpackreuse compression deltacachelimit deltacachesize depth indexversion island islandcore packsizelimit
  pack: preferbitmaptips readreverseindex usebitmapboundarytraversal usebitmaps usepathwalk usesparse window
  pack: windowmemory writebitmaphashcache writebitmaplookuptable writereverseindex
  pull: ff rebase
  push: autosetupremote default followtags negotiate useforceifincludes
  rebase: abbreviatecommands autosquash autostash backend forkpoint maxlabellength
  rebase: missingcommitscheck rebasemerges reschedulefailedexec stat updaterefs
  receive: denydeletes denynonfastforwards
  repack: packkeptobjects updateserverinfo usedeltabaseoffset usedeltaislands writebitmaps
  rerere: autoupdate enabled
  sendemail: cc chainreplyto confirm suppresscc suppressfrom thread to
  showbranch: default
  stash: showincludeuntracked showpatch showstat
  status: aheadbehind branch displaycommentprefix relativepaths renamelimit renames short showstash
  status: showuntrackedfiles
  submodule: active propagatebranches
  tag: sort
  trailer: ifexists ifmissing separators where
  transfer: advertisesid credentialsinurl fsckobjects hiderefs unpacklimit
  uploadpack: allowanysha1inwant allowfilter allowreachablesha1inwant allowtipsha1inwant hiderefs
  user: email name useconfigonly
  versionsort: prereleasesuffix suffix
  worktree: guessremote userelativepaths
`;

/** `section: keys`, for keys under any subsection. */
const NAMED = `
  branch: autosetupmerge description merge rebase
  credential: usehttppath
  diff: algorithm binary funcname wordregex xfuncname
  gc: reflogexpire reflogexpireunreachable
  lfs: access locksverify
  maintenance: enabled schedule
  remote: fetch followremotehead gh-resolved github-pr-remote prune prunetags push skipdefaultupdate skipfetchall tagopt
  submodule: active branch ignore shallow
  trailer: ifexists ifmissing key where
`;

/** Sections, with or without a subsection, that only colour or silence output, or that only a graphical tool reads. */
const WHOLE_SECTIONS: ReadonlySet<string> = new Set(["advice", "color", "gui", "gitg"]);
/** `section.subsection` of git-flow's names for branches. */
const WHOLE_SUBSECTIONS: ReadonlySet<string> = new Set(["gitflow.branch", "gitflow.prefix"]);
/** Keys of a partial clone: missing objects may be fetched from origin, whose address is checked, and nowhere else. */
const ORIGIN_ONLY: ReadonlySet<string> = new Set(["remote.origin.promisor", "remote.origin.partialclonefilter"]);
/** Notes that editors and GitHub's tools leave at a branch. */
const BRANCH_NOTE = /^(?:vscode|github|gh|gk|gitlens)-[a-z0-9-]+$/;

/** `section.key` or `section.*.key` whose value decides. */
const BY_VALUE: readonly (readonly [string, ValueRule])[] = [
  ["branch.*.pushremote", address],
  ["branch.*.remote", address],
  ["commit.gpgsign", falseOnly(SIGNS)],
  ["core.bare", falseOnly("says that the repository has no work tree")],
  ["core.fsmonitor", falseOnly("names a program that git runs on the host for status, add, diff and fetch")],
  ["core.repositoryformatversion", oneOf("0", "1")],
  ["credential.*.username", plainWord],
  ["credential.username", plainWord],
  ["extensions.objectformat", oneOf("sha1", "sha256")],
  ["extensions.partialclone", oneOf("origin")],
  ["extensions.refstorage", oneOf("files", "reftable")],
  ["fetch.parallel", smallNumber],
  ["fetch.recursesubmodules", falseOnly("makes git fetch into submodules with the configuration that they bring")],
  ["grep.threads", smallNumber],
  ["index.threads", smallNumber],
  ["log.showsignature", falseOnly("makes git run a program that checks signatures")],
  ["pack.threads", smallNumber],
  ["protocol.version", oneOf("0", "1", "2")],
  ["push.gpgsign", falseOnly(SIGNS)],
  ["push.recursesubmodules", oneOf("no", "false")],
  ["receive.denycurrentbranch", oneOf("ignore", "warn", "refuse", "true", "false")],
  ["remote.*.mirror", falseOnly("makes a push overwrite and delete every ref of the other side")],
  ["remote.*.pushurl", address],
  ["remote.*.url", address],
  ["remote.pushdefault", address],
  ["status.submodulesummary", falseOnly("makes git run in submodules with the configuration that they bring")],
  ["submodule.*.fetchrecursesubmodules", falseOnly("makes git fetch into submodules")],
  ["submodule.*.update", oneOf("checkout", "rebase", "merge", "none")],
  ["submodule.*.url", address],
  ["submodule.fetchjobs", smallNumber],
  ["submodule.recurse", falseOnly("makes git run in submodules with the configuration that they bring")],
  ["tag.forcesignannotated", falseOnly(SIGNS)],
  ["tag.gpgsign", falseOnly(SIGNS)],
  ["user.signingkey", plainWord],
];

function namesOf(table: string, between: string): string[] {
  return table
    .trim()
    .split("\n")
    .flatMap((line) => {
      const [section = "", keys = ""] = line.trim().split(": ");
      return keys.split(" ").map((key) => `${section}${between}${key}`);
    });
}

export interface KeyName {
  readonly section: string;
  readonly subsection: string | undefined;
  readonly key: string;
}

/** `section.key`, or `section.*.key` for any subsection. */
export function patternOf({ section, subsection, key }: KeyName): string {
  return subsection === undefined ? `${section}.${key}` : `${section}.*.${key}`;
}

/** The list, ready for look-ups. */
export class AllowedKeys {
  readonly #rules: ReadonlyMap<string, ValueRule>;

  constructor() {
    const names = [...namesOf(PLAIN, "."), ...namesOf(NAMED, ".*.")];
    this.#rules = new Map([...names.map((name) => [name, harmless] as const), ...BY_VALUE]);
  }

  /** The rule for the key's value; undefined when the key is not in the list. */
  ruleFor(name: KeyName): ValueRule | undefined {
    const rule = this.#rules.get(patternOf(name));
    if (rule !== undefined) return rule;
    const { section, subsection, key } = name;
    if (WHOLE_SECTIONS.has(section)) return harmless;
    if (subsection === undefined) return undefined;
    if (WHOLE_SUBSECTIONS.has(`${section}.${subsection}`)) return harmless;
    if (ORIGIN_ONLY.has(`${section}.${subsection}.${key}`)) return harmless;
    return section === "branch" && BRANCH_NOTE.test(key) ? harmless : undefined;
  }
}
