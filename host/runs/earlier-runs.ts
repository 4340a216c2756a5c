import { lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CODES } from "../../wire/codes.ts";
import { errnoOf, messageOf } from "../../wire/errors.ts";
import type { StreamName } from "../../wire/names.ts";
import { readBounded } from "../util/regular-file.ts";
import { LineIndex } from "./line-index.ts";
import { ENDINGS, isRunId, isSessionKey, type RunFiles } from "./run-files.ts";
import { RunRecord, type Ending } from "./run-record.ts";
import { decodeRun, type StoredRun } from "./stored-run.ts";
import { EMPTY_STREAM, StoredStream, type StoredFields } from "./stored-stream.ts";

const MAX_ABOUT_BYTES = 1_048_576;

function names(directory: string): readonly { readonly name: string; readonly isDirectory: boolean }[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** A run that an earlier daemon left. */
export interface EarlierRun {
  readonly record: RunRecord;
  /** True when it went on then: its output was not counted to the end. */
  readonly interrupted: boolean;
}

/** The id in the name of a file of ours, and what follows it. */
function partsOf(name: string): { readonly id: string; readonly ending: string } | undefined {
  const [id, ending] = [name.slice(0, 36), name.slice(36)];
  const known: readonly string[] = Object.values(ENDINGS);
  return isRunId(id) && known.includes(ending) ? { id, ending } : undefined;
}

/**
 * The runs that an earlier daemon left on the disk, in the order in which they began. Files of ours that belong to none of them are removed; anything
 * else is left alone. A run that went on then has failed.
 */
export function earlierRuns(files: RunFiles, warn: (message: string) => void): readonly EarlierRun[] {
  const runs: EarlierRun[] = [];
  try {
    for (const { name, isDirectory } of names(files.root))
      if (isDirectory && isSessionKey(name)) runs.push(...ofSession(files, name, warn));
  } catch (error) {
    warn(`runs of an earlier daemon cannot be read: ${messageOf(error)}`);
  }
  return runs.sort((a, b) => a.record.order - b.record.order);
}

function ofSession(files: RunFiles, session: string, warn: (message: string) => void): readonly EarlierRun[] {
  const found = names(files.directory(session)).flatMap(({ name }) => partsOf(name) ?? []);
  const runs = new Map<string, EarlierRun>();
  for (const { id, ending } of found) {
    if (ending !== ENDINGS.about) continue;
    const stored = read(files, session, id, warn);
    if (stored !== undefined)
      runs.set(id, { record: recordOf(files, stored), interrupted: stored.ending === undefined });
  }
  for (const { id, ending } of found) {
    if (ending !== ENDINGS.unfinished && runs.has(id)) continue;
    rmSync(join(files.directory(session), `${id}${ending}`), { force: true });
  }
  return [...runs.values()];
}

function read(files: RunFiles, session: string, id: string, warn: (message: string) => void): StoredRun | undefined {
  try {
    return decodeRun(readBounded(files.path(session, id, "about"), MAX_ABOUT_BYTES), session, id);
  } catch (error) {
    warn(`run ${id}: cannot be read: ${messageOf(error)}`);
    return undefined;
  }
}

function recordOf(files: RunFiles, stored: StoredRun): RunRecord {
  const { about, startedMs, ending, stdout, stderr } = stored;
  const path = (name: StreamName): string => files.path(about.session, about.id, name);
  const stream = (name: StreamName, fields: StoredFields | undefined): StoredStream =>
    new StoredStream(fields ?? interrupted(sizeOf(path(name))), path(name));
  const streams = { stdout: stream("stdout", stdout), stderr: stream("stderr", stderr) };
  if (ending !== undefined) return new RunRecord(stored, streams, ending);
  const written = [path("stdout"), path("stderr"), files.path(about.session, about.id, "about")].map(modifiedMs);
  return new RunRecord(stored, streams, stoppedMeanwhile(Math.max(startedMs, ...written)));
}

function stoppedMeanwhile(endedMs: number): Ending {
  const { hint } = CODES.shutting_down;
  const message = "The daemon stopped while the program was running";
  return { state: "failed", endedMs, code: "shutting_down", message, hint };
}

function sizeOf(path: string): number {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats?.isFile() === true ? stats.size : 0;
}

function modifiedMs(path: string): number {
  return lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Of a stream that nobody counted to its end. */
function interrupted(size: number): StoredFields {
  return { ...EMPTY_STREAM, bytes: size, head: size, points: [{ at: 0, breaks: 0 }] };
}

/** Counts the lines of a stream of an interrupted run. */
export async function counted(stream: StoredStream): Promise<StoredStream> {
  const index = new LineIndex(stream.bytes);
  const kept = stream.kept();
  try {
    for await (const piece of kept.pieces(0, stream.bytes)) index.take(piece);
    return stream.with({ lines: index.breaks, points: index.points() });
  } catch {
    return stream.with({ lost: true });
  } finally {
    await kept.close();
  }
}
