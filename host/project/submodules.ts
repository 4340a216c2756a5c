import { normalize } from "node:path";
import { isRepoName } from "./project-id.ts";

/** A submodule that lives on a git host under owner/name. */
export interface Submodule {
  readonly repo: string;
  readonly host: string;
  /** Relative to the repository's root, as the file spells it. */
  readonly path: string;
}

/** What was understood of a .gitmodules file, and the paths that cannot be used. */
export interface Submodules {
  readonly found: readonly Submodule[];
  /** Entries whose path is absolute or leaves the repository: the file belongs to the workspace and may say anything. */
  readonly unsafePaths: readonly string[];
}

const SSH_URL = /^git@([A-Za-z0-9.-]+):([^/\s]+\/[^/\s]+?)(?:\.git)?$/;
const HTTP_URL = /^https?:\/\/([A-Za-z0-9.-]+)\/([^/\s]+\/[^/\s]+?)(?:\.git)?\/?$/;

function repoOf(url: string): { readonly host: string; readonly repo: string } | undefined {
  const match = SSH_URL.exec(url) ?? HTTP_URL.exec(url);
  const [, host = "", repo = ""] = match ?? [];
  return match !== null && isRepoName(repo) ? { host, repo } : undefined;
}

function staysInside(path: string): boolean {
  const clean = normalize(path);
  return (
    !clean.startsWith("/") && clean !== ".." && !clean.startsWith("../") && clean !== "." && !clean.startsWith("-")
  );
}

interface Entry {
  path: string;
  url: string;
}

function entriesOf(text: string): readonly Entry[] {
  const entries: Entry[] = [];
  for (const line of text.split("\n").map((one) => one.trim())) {
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    if (/^\[submodule\s+".*"\]$/.test(line)) {
      entries.push({ path: "", url: "" });
      continue;
    }
    const entry = entries.at(-1);
    const equals = line.indexOf("=");
    if (entry === undefined || equals < 0) continue;
    const name = line.slice(0, equals).trim();
    const value = line.slice(equals + 1).trim();
    if (name === "path") entry.path = value;
    if (name === "url") entry.url = value;
  }
  return entries;
}

/**
 * The submodules of a .gitmodules text, in its order. Entries without path or url, and URLs that are not `git@HOST:owner/name` or
 * `https://HOST/owner/name`, are left out.
 */
export function parseSubmodules(text: string): Submodules {
  const found: Submodule[] = [];
  const unsafePaths: string[] = [];
  for (const { path, url } of entriesOf(text)) {
    const target = repoOf(url);
    if (path === "" || target === undefined) continue;
    if (staysInside(path)) found.push({ ...target, path });
    else unsafePaths.push(path);
  }
  return { found, unsafePaths };
}
