import { lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable, shortened } from "../../wire/text.ts";
import { readTrusted } from "../util/read-trusted.ts";
import { makePrivateDirectory, writeAtomic } from "../util/write-atomic.ts";

/** That a project, or everything, was stopped. */
export interface Stop {
  /** Undefined: everything. */
  readonly project: string | undefined;
  /** ISO 8601; empty when it is not known. */
  readonly at: string;
  /** What the owner said about it; reaches the agent. */
  readonly note: string;
}

const MAX_FILE_BYTES = 16_384;
const MAX_NOTE_BYTES = 1_000;
/** No project's id: those hold no dot. */
const EVERYTHING = "all.everything";

/**
 * Stops of projects, as files: they hold before a daemon runs, while it runs and after it was started again, and can be set when it does not answer.
 * Whatever stands at the place of one means that the project is stopped, unless it is known to be nothing.
 */
export class KillSwitch {
  readonly #directory: string;

  /** @param directory one file per stop */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The stop that holds for a project; undefined when none does. Costs two looks for files that are not there. */
  of(project: string): Stop | undefined {
    return this.#at(EVERYTHING) ?? this.#at(project);
  }

  /** @throws CodedError `project_stopped` */
  require(project: string): void {
    const stop = this.of(project);
    if (stop === undefined) return;
    const note = stop.note === "" ? "" : `: ${printable(stop.note)}`;
    const all = stop.project === undefined;
    throw new CodedError("project_stopped", `the owner of the host stopped ${all ? "everything" : project}${note}`, {
      hint: `Wait; the owner of the host goes on with \`cmd2host resume ${all ? "--all" : `--project ${project}`}\`.`,
    });
  }

  /** Every stop. */
  list(): readonly Stop[] {
    let names: readonly string[];
    try {
      names = readdirSync(this.#directory);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return [];
      throw new CodedError("file_failed", `${printable(this.#directory)}: ${errnoOf(error) ?? "cannot be read"}`);
    }
    return names
      .filter((name) => name.endsWith(".json"))
      .flatMap((name) => this.#at(name.slice(0, -".json".length)) ?? [])
      .sort((a, b) => (a.project ?? "").localeCompare(b.project ?? ""));
  }

  /** @param project undefined is everything */
  stop(project: string | undefined, note: string): void {
    makePrivateDirectory(this.#directory);
    const said = shortened(note.trim(), MAX_NOTE_BYTES);
    writeAtomic(this.#file(project ?? EVERYTHING), `${JSON.stringify({ at: new Date().toISOString(), note: said })}\n`);
  }

  /** True when there was something to take back. */
  resume(project: string | undefined): boolean {
    const file = this.#file(project ?? EVERYTHING);
    if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return false;
    try {
      rmSync(file, { recursive: true });
    } catch (error) {
      throw new CodedError(
        "file_failed",
        `${printable(file)}: cannot be removed: ${errnoOf(error) ?? "unknown error"}`,
      );
    }
    return true;
  }

  #file(name: string): string {
    return join(this.#directory, `${name}.json`);
  }

  #at(name: string): Stop | undefined {
    const file = this.#file(name);
    const project = name === EVERYTHING ? undefined : name;
    try {
      // A link that leads nowhere is something that somebody put there, so it is not followed here.
      if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return undefined;
      const fields: unknown = JSON.parse(readTrusted(file, MAX_FILE_BYTES)?.bytes.toString("utf8") ?? "");
      return { project, at: textOf(fields, "at"), note: textOf(fields, "note") };
    } catch {
      return { project, at: "", note: "" };
    }
  }
}

function textOf(fields: unknown, name: "at" | "note"): string {
  if (typeof fields !== "object" || fields === null) return "";
  const value: unknown = Reflect.get(fields, name);
  return typeof value === "string" ? shortened(value, MAX_NOTE_BYTES) : "";
}
