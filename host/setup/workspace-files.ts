import { randomBytes } from "node:crypto";
import { closeSync, fchmodSync, fchownSync, fsyncSync, writeFileSync } from "node:fs";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { DirHandle, DirHandleError } from "../util/dir-handle.ts";

/** Much more than any such file has. */
const MAX_BYTES = 1_048_576;
/** Programs of the feature. */
const MAX_PROGRAM_BYTES = 8_388_608;
const MAX_LISTED = 1_000;

/** How the content of a file is given: as its text, or, when it need be none, as its bytes in base64. */
export type Form = "text" | "base64";

/** What writing a file did besides. */
export interface Written {
  /** Directories that had to be made for it, from the outermost in. */
  readonly directories: readonly string[];
}

function partsOf(path: string): readonly [directories: readonly string[], name: string] {
  const parts = path.split("/");
  return [parts.slice(0, -1), parts.at(-1) ?? ""];
}

/**
 * Files of a workspace, which a container may write: opened from the workspace's root down, never through a link, bounded in size.
 * @throws CodedError `file_failed` from every method
 */
export class WorkspaceFiles {
  readonly root: string;

  /** @param root the workspace, as its owner named it */
  constructor(root: string) {
    this.root = root;
  }

  /** The content of a file; undefined when it, or a directory on the way, is not there. */
  read(path: string, form: Form = "text"): string | undefined {
    const [directories, name] = partsOf(path);
    const bytes = this.#in(path, directories, (directory) =>
      directory.stats(name) === undefined
        ? undefined
        : directory.read(name, form === "text" ? MAX_BYTES : MAX_PROGRAM_BYTES),
    );
    if (bytes === undefined) return undefined;
    if (form === "base64") return bytes.toString("base64");
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (error) {
      throw new CodedError("file_failed", `${printable(path)} is not text in UTF-8`, { cause: error });
    }
  }

  /** Names of the directories in a directory, sorted; links are left out. */
  directories(path: string): readonly string[] {
    const entries = this.#in(path, path.split("/"), (directory) => directory.entries(MAX_LISTED)) ?? [];
    return entries
      .filter(({ kind }) => kind === "directory")
      .map(({ name }) => name)
      .sort();
  }

  /** Writes a file whole or not at all, with the mode and owner that it had. */
  write(path: string, text: string, form: Form = "text"): Written {
    const [directories, name] = partsOf(path);
    const made: string[] = [];
    this.#in(
      path,
      directories,
      (directory) => {
        const before = directory.stats(name);
        if (before !== undefined && !before.isFile()) throw new DirHandleError("is not a regular file");
        const temporary = `.cmd2host-${randomBytes(8).toString("hex")}.tmp`;
        const fd = directory.createFile(temporary, 0o666);
        try {
          if (before !== undefined) {
            fchmodSync(fd, Number(before.mode & 0o777n));
            if (before.uid !== BigInt(process.geteuid?.() ?? 0)) fchownSync(fd, Number(before.uid), Number(before.gid));
          }
          writeFileSync(fd, text, form === "text" ? "utf8" : "base64");
          fsyncSync(fd);
          directory.move(temporary, directory, name);
        } catch (error) {
          directory.removeFile(temporary);
          throw error;
        } finally {
          closeSync(fd);
        }
      },
      made,
    );
    return { directories: made };
  }

  /** Removes a file, and those of the directories that are empty then. */
  remove(path: string, directories: readonly string[]): void {
    const [above, name] = partsOf(path);
    this.#in(path, above, (directory) => {
      if (directory.stats(name) !== undefined) directory.removeFile(name);
    });
    for (const made of [...directories].reverse()) {
      const [outer, last] = partsOf(made);
      try {
        this.#in(made, outer, (directory) => {
          directory.removeDirectory(last);
        });
      } catch {
        continue; // something else is in it, or it is gone
      }
    }
  }

  /** Does something in a directory; undefined when it is not there, unless it is to be made. */
  #in<T>(
    path: string,
    directories: readonly string[],
    work: (directory: DirHandle) => T,
    make?: string[],
  ): T | undefined {
    const open: DirHandle[] = [];
    try {
      let here = DirHandle.openRoot(this.root);
      open.push(here);
      for (const [index, name] of directories.entries()) {
        if (here.stats(name) === undefined) {
          if (make === undefined) return undefined;
          make.push(directories.slice(0, index + 1).join("/"));
        }
        here = make === undefined ? here.sub(name) : here.ensure(name, 0o777);
        open.push(here);
      }
      return work(here);
    } catch (error) {
      if (error instanceof DirHandleError)
        throw new CodedError("file_failed", `${printable(path)}: ${printable(error.message)}`, {
          hint: "The workspace can be changed by the container, so cmd2host follows no link in it: put a plain file or directory there.",
          cause: error,
        });
      throw new CodedError("file_failed", `${printable(path)}: ${errnoOf(error) ?? "cannot be used"}`, {
        cause: error,
      });
    } finally {
      for (const handle of open.reverse()) handle.close();
    }
  }
}
