import { attempt } from "../../wire/errors.ts";
import { compileProject, type LoadedProject } from "./compile.ts";
import { isPinned, MAX_CONFIG_BYTES, projectFiles, readPin, readSnapshot, type ProjectFiles } from "./pin.ts";
import { sha256Hex } from "../util/hash.ts";
import { readTrusted } from "../util/read-trusted.ts";

/** `modified`: something is approved, but not these bytes. `unreadable`: the files could not be trusted or read. */
export type Approval = "allowed" | "modified" | "not_allowed" | "unreadable";

/** What an approved hash says about these bytes. */
export function approvalFor(bytes: Buffer, pin: string | undefined): Exclude<Approval, "unreadable"> {
  if (pin === undefined) return "not_allowed";
  return isPinned(pin, sha256Hex(bytes)) ? "allowed" : "modified";
}

/** The approval of a project, by its bytes alone: whether they are a valid configuration is not looked at. */
export function approvalOf(projects: string, id: string): Approval {
  const files = projectFiles(projects, id);
  return attempt<Approval>(
    () => {
      const file = readTrusted(files.config, MAX_CONFIG_BYTES);
      return file === undefined ? "not_allowed" : approvalFor(file.bytes, readPin(files));
    },
    () => "unreadable",
  );
}

/** What was approved last, or undefined when it was not kept or does not load any more. */
export function approvedProject(files: ProjectFiles, id: string): LoadedProject | undefined {
  const bytes = readSnapshot(files);
  if (bytes === undefined) return undefined;
  return attempt<LoadedProject | undefined>(
    () => compileProject(id, bytes, files.snapshot),
    () => undefined,
  );
}
