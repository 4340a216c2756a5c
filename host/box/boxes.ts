import { randomBytes } from "node:crypto";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { readTrusted } from "../util/read-trusted.ts";
import { makePrivateDirectory, writeAtomic } from "../util/write-atomic.ts";
import { isAlive, thisProcess, type Owner } from "./owner.ts";

/** The directory of one throw-away container. */
export interface Box {
  /** The container's name too. */
  readonly name: string;
  readonly directory: string;
  /** What is mounted of it. */
  readonly session: string;
}

/** What is left of a container whose starter is gone. */
export interface Leftover {
  readonly box: Box;
  /** Hash of its token; empty when it had none yet. */
  readonly token: string;
  /** The engine that it was started with; empty when it was not yet. */
  readonly engine: string;
}

const NAME = /^cmd2host-[0-9a-f]{16}$/;
const MAX_BYTES = 65_536;
const DAY_MS = 86_400_000;

interface Note {
  readonly owner: Owner;
  readonly token: string;
  readonly engine: string;
}

function boxAt(directory: string, name: string): Box {
  const own = join(directory, name);
  return { name, directory: own, session: join(own, "session") };
}

/** Makes the directory of a new box, which belongs to this process. */
export function makeBox(directory: string): Box {
  const box = boxAt(directory, `cmd2host-${randomBytes(8).toString("hex")}`);
  makePrivateDirectory(box.session);
  return box;
}

/** Notes whose a box is and what has to be ended with it. */
export function noteBox({ directory }: Box, token: string, engine: string): void {
  const note: Note = { owner: thisProcess(), token, engine };
  writeAtomic(join(directory, "box.json"), `${JSON.stringify(note)}\n`);
}

function isNote(value: unknown): value is Note {
  if (typeof value !== "object" || value === null) return false;
  const { owner, token, engine } = value as Partial<Note>;
  return (
    typeof owner?.pid === "number" &&
    typeof owner.began === "string" &&
    typeof token === "string" &&
    typeof engine === "string"
  );
}

function noteOf({ directory }: Box): Note | undefined {
  try {
    const file = readTrusted(join(directory, "box.json"), MAX_BYTES);
    const note: unknown = JSON.parse(file?.bytes.toString("utf8") ?? "null");
    return isNote(note) ? note : undefined;
  } catch (error) {
    if (error instanceof CodedError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Boxes whose starter is gone, or that say nothing of it and are a day old. */
export function leftovers(directory: string): readonly Leftover[] {
  let names: readonly string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw new CodedError("file_failed", `${printable(directory)}: ${errnoOf(error) ?? "cannot be read"}`);
  }
  return names
    .filter((name) => NAME.test(name))
    .flatMap((name): readonly Leftover[] => {
      const box = boxAt(directory, name);
      const note = noteOf(box);
      const age = Date.now() - (statSync(box.directory, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      const isOver = note === undefined ? age > DAY_MS : !isAlive(note.owner);
      return isOver ? [{ box, token: note?.token ?? "", engine: note?.engine ?? "" }] : [];
    });
}

/** @throws CodedError `file_failed` */
export function removeBox({ directory }: Box): void {
  try {
    rmSync(directory, { recursive: true, force: true });
  } catch (error) {
    const why = errnoOf(error) ?? "unknown error";
    throw new CodedError("file_failed", `${printable(directory)}: cannot be removed: ${why}`, { cause: error });
  }
}
