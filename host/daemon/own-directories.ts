import { lstatSync } from "node:fs";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import { distrustOf } from "../util/read-trusted.ts";
import { makePrivateDirectory } from "../util/write-atomic.ts";

/** Directories that decide who may do what: only their owner may write there. Made when they are missing. @throws CodedError `base_unusable`, `file_failed` */
export function requireOwnDirectories(base: BaseDirectory): void {
  for (const directory of [
    base.root,
    base.projects,
    base.tokens,
    base.staging,
    base.git,
    base.empty,
    base.running,
    base.runs,
    base.audit,
    base.keys,
  ]) {
    makePrivateDirectory(directory);
    const distrust = distrustOf(lstatSync(directory, { bigint: true }));
    if (distrust !== undefined) {
      throw new CodedError("base_unusable", `${printable(directory)}: ${distrust}`, {
        hint: `chmod go-w ${printable(directory)}`,
      });
    }
  }
}
