import { CodedError, errnoOf } from "../../wire/errors.ts";
import { readJsonc } from "../../wire/parse.ts";
import { quoted } from "../../wire/text.ts";
import { Folder, Unfit } from "../util/folder.ts";

const MAX_BYTES = 1_048_576;
const MAX_ENTRIES = 1_000;

/** A JSON file of a workspace, which a container may have written; or why it cannot be read. */
export type WorkspaceFile = { readonly path: string } & ({ readonly value: unknown } | { readonly wrong: string });

/** Does `work` in a folder of a workspace, or returns undefined when it is not there. No link is followed. Throws `Unfit` and system errors. */
function inFolder<T>(root: string, names: readonly string[], work: (folder: Folder) => T): T | undefined {
  const folders = [Folder.openRoot(root)];
  try {
    let last = folders[0];
    for (const name of names) {
      if (last?.stats(name) === undefined) return undefined;
      last = last.open(name);
      folders.push(last);
    }
    return last === undefined ? undefined : work(last);
  } finally {
    for (const folder of folders) folder.close();
  }
}

/** Reads one JSON file, with comments, or undefined when it is not there. No link is followed. */
export function workspaceFile(root: string, ...names: readonly string[]): WorkspaceFile | undefined {
  const path = [root, ...names].join("/");
  const name = names.at(-1) ?? "";
  try {
    const bytes = inFolder(root, names.slice(0, -1), (folder) =>
      folder.stats(name) === undefined ? undefined : folder.read(name, MAX_BYTES),
    );
    if (bytes === undefined) return undefined;
    const read = readJsonc(bytes, path);
    return read.ok ? { path, value: read.value } : { path, wrong: read.message };
  } catch (error) {
    const why = error instanceof Unfit ? error.what : errnoOf(error);
    if (why === undefined || error instanceof CodedError) throw error;
    return { path, wrong: `${quoted(path)}: ${why}` };
  }
}

/** Names of the folders in a folder of a workspace; none when it cannot be read. */
export function workspaceFolders(root: string, name: string): readonly string[] {
  try {
    const found = inFolder(root, [name], (folder) =>
      folder
        .entries(MAX_ENTRIES)
        .flatMap((entry) => (folder.stats(entry.name)?.isDirectory() === true ? [entry.name] : [])),
    );
    return (found ?? []).sort();
  } catch (error) {
    if (error instanceof Unfit || errnoOf(error) !== undefined) return [];
    throw error;
  }
}
