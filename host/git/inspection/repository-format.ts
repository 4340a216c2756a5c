import { isFalse } from "./allowed-keys.ts";
import type { GitConfigEntry } from "./config-file.ts";

/** How a repository is kept, as its own configuration says. */
export interface RepositoryFormat {
  readonly objectFormat: "sha1" | "sha256";
  readonly refFormat: "files" | "reftable";
  /** The remote that missing objects may be fetched from; undefined when all objects are to be there. */
  readonly partialCloneOf: string | undefined;
}

/** What holds when the configuration says nothing. */
export const PLAIN_FORMAT: RepositoryFormat = { objectFormat: "sha1", refFormat: "files", partialCloneOf: undefined };

/** The last value of `extensions.KEY`; as for git, a later one replaces an earlier one. */
function extension(entries: readonly GitConfigEntry[], key: string): GitConfigEntry | undefined {
  return entries.findLast(
    (entry) => entry.section === "extensions" && entry.subsection === undefined && entry.key === key,
  );
}

/** Since git 2.25 a partial clone is marked at its remote only. */
function promisor(entries: readonly GitConfigEntry[]): string | undefined {
  return entries.findLast(
    ({ section, subsection, key, value }) =>
      section === "remote" && subsection !== undefined && key === "promisor" && !isFalse(value),
  )?.subsection;
}

/**
 * The format that the repository's main configuration file names. Values that are not known read as git's defaults here;
 * they are findings of their own.
 */
export function formatOf(entries: readonly GitConfigEntry[]): RepositoryFormat {
  return {
    objectFormat: extension(entries, "objectformat")?.value?.toLowerCase() === "sha256" ? "sha256" : "sha1",
    refFormat: extension(entries, "refstorage")?.value?.toLowerCase() === "reftable" ? "reftable" : "files",
    partialCloneOf: extension(entries, "partialclone")?.value ?? promisor(entries),
  };
}

/** Whether git reads `config.worktree`, too. Taken as true when any entry says so, whatever the later ones say. */
export function hasWorktreeConfig(entries: readonly GitConfigEntry[]): boolean {
  return entries.some(
    ({ section, subsection, key, value }) =>
      section === "extensions" && subsection === undefined && key === "worktreeconfig" && !isFalse(value),
  );
}
