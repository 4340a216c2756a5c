import { lstatSync, readlinkSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join, posix, relative, resolve, sep } from "node:path";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { byteLength, quoted, shortened } from "../../wire/text.ts";

/** Longest value that a message repeats, in bytes. */
const SHOWN_BYTES = 200;
/** As many links as Linux follows in one path. */
const MAX_LINKS = 40;
/** Longer paths are not taken by any system. */
const MAX_PATH_BYTES = 4_096;
/** Where output files wait until their command has succeeded; nobody else may write there. */
const STAGING_NAME = ".cmd2host-staging";

function shown(value: string): string {
  return quoted(shortened(value, SHOWN_BYTES));
}

/** How following a path through the disk ended. */
type Ending =
  /** The real path; what is missing at its end is kept as it is. */
  | { readonly kind: "resolved"; readonly path: string; readonly isDirectory: boolean; readonly isSpecial: boolean }
  /** Some part of the way lies outside the workspace, except where it only passes the directories above it. */
  | { readonly kind: "outside" }
  | { readonly kind: "dangling" }
  | { readonly kind: "unresolvable"; readonly reason: string };

function isPrefix(directory: string, path: string): boolean {
  return path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}

/** Follows one path part by part, as the system would, but never looks at anything outside the workspace. */
class Walk {
  readonly #root: string;
  /** The workspace's path as configured, besides its real one: links in it may use either. */
  readonly #spelled: string;
  /** Real, and free of links. */
  #current: string;
  #isDirectory = true;
  /** A device, pipe or socket. */
  #isSpecial = false;
  /** Parts still to be walked, the next one last. */
  readonly #pending: string[] = [];
  /** How many of them come from a link. */
  #ofLink = 0;
  #links = 0;

  constructor(root: string, spelled: string) {
    this.#root = root;
    this.#spelled = spelled;
    this.#current = root;
  }

  run(path: string): Ending {
    this.#push(path);
    for (let part = this.#pending.pop(); part !== undefined; part = this.#pending.pop()) {
      const ending = this.#step(part);
      if (ending !== undefined) return ending;
      if (this.#ofLink > 0) this.#ofLink--;
    }
    return this.#ending(this.#current, this.#isDirectory);
  }

  #push(path: string): number {
    const parts = path.split("/").filter((part) => part !== "" && part !== ".");
    // What ends like this has to be a directory.
    if (/\/\.?$/.test(path)) parts.push(".");
    this.#pending.push(...parts.reverse());
    return parts.length;
  }

  #step(part: string): Ending | undefined {
    if (part === ".") return undefined;
    if (part === ".." || !this.#isInside(this.#current)) return this.#stepOutside(part);
    const next = join(this.#current, part);
    const stats = lstatSync(next, { throwIfNoEntry: false });
    if (stats === undefined) {
      if (this.#ofLink > 0) return { kind: "dangling" };
      return this.#ending(join(next, ...this.#pending.reverse()), false);
    }
    if (stats.isSymbolicLink()) return this.#enterLink(next);
    this.#isDirectory = stats.isDirectory();
    this.#isSpecial = !this.#isDirectory && !stats.isFile();
    this.#current = next;
    if (this.#isDirectory || this.#pending.length === 0) return undefined;
    return { kind: "unresolvable", reason: "a file stands on the way" };
  }

  #enterLink(link: string): Ending | undefined {
    this.#links++;
    if (this.#links > MAX_LINKS) return { kind: "unresolvable", reason: "too many links" };
    const target = readlinkSync(link);
    if (isAbsolute(target)) this.#current = sep;
    this.#isDirectory = true;
    // The link itself is taken off by the loop.
    this.#ofLink = Math.max(this.#ofLink, 1) + this.#push(target);
    return undefined;
  }

  /** Goes up, or from above the workspace down towards it. */
  #stepOutside(part: string): Ending | undefined {
    this.#isDirectory = true;
    if (part === "..") {
      // Above the workspace only its real path is known to be free of links, so that `..` means its parent.
      if (!this.#isInside(this.#current) && !isPrefix(this.#current, this.#root)) return { kind: "outside" };
      this.#current = dirname(this.#current);
      return undefined;
    }
    const next = join(this.#current, part);
    const isRoot = next === this.#root || next === this.#spelled;
    this.#current = isRoot ? this.#root : next;
    return isRoot || isPrefix(next, this.#root) || isPrefix(next, this.#spelled) ? undefined : { kind: "outside" };
  }

  #isInside(path: string): boolean {
    return path === this.#root || isPrefix(this.#root, path);
  }

  #ending(path: string, isDirectory: boolean): Ending {
    return this.#isInside(path)
      ? { kind: "resolved", path, isDirectory, isSpecial: this.#isSpecial }
      : { kind: "outside" };
  }
}

/** Follows the relative `path` in the workspace; system errors other than a missing entry end it as unresolvable. */
function follow(repoPath: string, path: string): { readonly root: string; readonly ending: Ending } {
  try {
    // Not node's own way, which applies `..` in a link's target before it follows what stands there.
    const root = realpathSync.native(repoPath);
    return { root, ending: new Walk(root, resolve(repoPath)).run(path) };
  } catch (error) {
    const reason = errnoOf(error);
    if (reason === undefined) throw error;
    return { root: repoPath, ending: { kind: "unresolvable", reason } };
  }
}

function denied(value: string, why: string): CodedError {
  return new CodedError("path_denied", `path ${shown(value)} ${why}`);
}

/** What can be said of a path without looking at the disk; undefined when nothing speaks against it. */
function lexicalObjection(value: string): string | undefined {
  if (value.includes("\0")) return "contains NUL";
  if (value === "") return "is a bare directory";
  if (byteLength(value) > MAX_PATH_BYTES) return "is too long";
  if (value === "." || value === ".." || value.endsWith("/")) return "is a directory pathspec";
  if (/[*?[\]]/.test(value)) return "is a glob pathspec";
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(value)) return "is a URL";
  if (value.startsWith(":") || value.startsWith("\\:")) return "is a magic pathspec";
  // In a pathspec a backslash takes the next character literally: `sec\ret` names `secret`, and would miss its pattern.
  if (value.includes("\\")) return "is a glob pathspec";
  return isAbsolute(value) ? "is absolute" : undefined;
}

/**
 * Holds a path that an operation reads against the workspace: plain, relative, not a directory, and inside after every
 * link was followed. What does not exist is accepted. Returns the path without `.` and `..`, for matching patterns. Throws
 * `path_denied`.
 */
export function checkInputPath(repoPath: string, value: string): string {
  const objection = lexicalObjection(value);
  if (objection !== undefined) throw denied(value, objection);
  if (repoPath === "") throw denied(value, "cannot be checked: repo_path required");
  const clean = posix.normalize(value);
  if (clean === ".") throw denied(value, "is a bare directory");
  if (clean === ".." || clean.startsWith("../")) throw denied(value, "escapes repo_path");
  // git drops `name/..` from a path, but the system applies `..` to whatever a link called `name` points at.
  if (followed(repoPath, value, value) !== followed(repoPath, clean, value)) {
    throw denied(value, "means two different files, since `..` follows a link");
  }
  return clean;
}

/** Where a path that `checkInputPath` returned really leads, relative to the workspace; undefined for a link to nothing. Throws `path_denied`. */
export function targetOfPath(repoPath: string, clean: string): string | undefined {
  return followed(repoPath, clean, clean);
}

/** The real path, relative to the workspace, or undefined for a link that leads to nothing in it. */
function followed(repoPath: string, path: string, value: string): string | undefined {
  const { root, ending } = follow(repoPath, path);
  if (ending.kind === "outside") throw denied(value, "escapes repo_path after symlink resolution");
  if (ending.kind === "unresolvable") throw denied(value, `cannot be resolved (${ending.reason})`);
  if (ending.kind === "dangling") return undefined;
  if (ending.isDirectory) throw denied(value, "is a bare directory");
  if (ending.isSpecial) throw denied(value, "is a device, pipe or socket");
  return relative(root, ending.path);
}

/**
 * Whether the workspace's file system ignores case, judged by its `.git`; false when it has none. The answer holds for the
 * life of the workspace.
 */
export function isCaseInsensitive(repoPath: string): boolean {
  const [lower, upper] = [".git", ".GIT"].map((name) =>
    lstatSync(join(repoPath, name), { bigint: true, throwIfNoEntry: false }),
  );
  return lower !== undefined && lower.ino === upper?.ino && lower.dev === upper.dev;
}

/** Code points that HFS+ leaves out when it compares names. */
const IGNORED_BY_HFS = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/gu;
/** A path component as the most forgiving file system reads it. */
function folded(component: string): string {
  const [name = ""] = component.replace(IGNORED_BY_HFS, "").normalize("NFKC").toLowerCase().split(":", 1);
  // NTFS ends a name at its stream, and drops dots and spaces before that.
  let end = name.length;
  while (end > 0 && (name[end - 1] === "." || name[end - 1] === " ")) end--;
  return name.slice(0, end);
}

/**
 * Whether a relative path names something of git's own or of the staging directory, in any spelling that some file system
 * takes for it: upper case, ignorable or compatible characters, `git~1`, trailing dots and spaces, backslashes.
 */
export function isGitInternal(path: string): boolean {
  const components = path
    .split(/[\\/]/)
    .filter((component) => component !== "" && component !== ".")
    .map(folded);
  return (
    components[0] === STAGING_NAME || components.some((component) => component === ".git" || component === "git~1")
  );
}

function invalid(value: string, why: string): CodedError {
  return new CodedError("workspace_path_invalid", `workspace_path: ${why}: ${shown(value)}`);
}

/**
 * Where an output file goes: the real path of its place in the workspace, and the same relative to the workspace's real
 * path. Parents may be missing; links inside the workspace are followed. Throws `workspace_path_invalid`.
 */
export function resolveOutputPath(repoPath: string, value: string): { absolute: string; relative: string } {
  if (value === "") throw new CodedError("workspace_path_invalid", "workspace_path: value is empty");
  if (value.includes("\0")) throw invalid(value, "value contains NUL");
  if (byteLength(value) > MAX_PATH_BYTES) throw invalid(value, "value is too long");
  if (value.startsWith("~") || isAbsolute(value)) throw invalid(value, "value must be workspace-relative");
  const clean = posix.normalize(value).replace(/\/$/, "");
  if (clean === ".") throw invalid(value, "value names the workspace itself");
  if (clean === ".." || clean.startsWith("../")) throw invalid(value, "value escapes the workspace");
  const { root, ending } = follow(repoPath, clean);
  if (ending.kind === "outside") throw invalid(value, "value escapes the workspace after symlink resolution");
  if (ending.kind === "dangling") throw invalid(value, "cannot resolve (a link leads to nothing)");
  if (ending.kind === "unresolvable") throw invalid(value, `cannot resolve (${ending.reason})`);
  const inside = relative(root, ending.path);
  if (inside === "") throw invalid(value, "value names the workspace itself");
  if (isGitInternal(clean) || isGitInternal(inside)) {
    throw invalid(value, `${STAGING_NAME} and .git are never a destination`);
  }
  return { absolute: ending.path, relative: inside };
}
