import { randomUUID } from "node:crypto";
import type { StreamName } from "../../wire/names.ts";
import { NO_OUTPUT, type Completed, type Failed } from "../../wire/outcome.ts";
import type { PageWanted } from "../../wire/request.ts";
import type { OutputPage } from "../../wire/schema.ts";
import { RunStore, type RunSettings } from "../../host/runs/run-store.ts";
import type { ActiveRun, RunAbout, Viewer } from "../../host/runs/runs.ts";
import { atEnd, tempDirectory } from "../fixtures/temp.ts";

export const SESSION = "a".repeat(64);
export const OTHER_SESSION = "b".repeat(64);
export const OWNER: Viewer = { kind: "owner" };
export const VIEWER: Viewer = { kind: "session", key: SESSION };
export const NEVER = new AbortController().signal;

export const SETTINGS: RunSettings = {
  maxBytes: 100_000_000,
  maxRunBytes: 10_000_000,
  maxAgeMs: 3_600_000,
  maxBackground: 3,
};

export interface Opened {
  readonly store: RunStore;
  readonly root: string;
  readonly warnings: string[];
}

/** A store in a new directory, or over what an earlier one left. */
export function openStore(
  settings: Partial<RunSettings> = {},
  root = `${tempDirectory()}/runs`,
  now?: () => number,
): Opened {
  const warnings: string[] = [];
  const all = { ...SETTINGS, ...settings };
  const store = new RunStore(
    root,
    () => all,
    (message) => warnings.push(message),
    now,
  );
  atEnd(async () => {
    await store.settled();
  });
  return { store, root, warnings };
}

export function about(changes: Partial<RunAbout> = {}): RunAbout {
  return { id: randomUUID(), session: SESSION, project: "p", operation: "op", background: false, ...changes };
}

export function completed(exitCode = 0): Completed {
  return {
    kind: "completed",
    exitCode,
    signal: undefined,
    stdout: NO_OUTPUT,
    stderr: NO_OUTPUT,
    notice: undefined,
    redacted: 0,
  };
}

export function failed(): Failed {
  return {
    ...completed(143),
    kind: "failed",
    code: "cancelled",
    message: "gone",
    hint: "again",
    signal: "SIGTERM",
    notice: "n",
  };
}

/** Writes as a program would: waits when it is asked to. */
export async function write(run: ActiveRun, bytes: string | Buffer, stream: StreamName = "stdout"): Promise<void> {
  await run.output.write(stream, Buffer.from(bytes));
}

/** A run that wrote this and ended. */
export async function finished(
  store: RunStore,
  stdout: string | Buffer,
  changes: Partial<RunAbout> = {},
): Promise<string> {
  const run = store.begin(about(changes));
  await write(run, stdout);
  run.end(completed());
  return run.id;
}

export async function page(
  store: RunStore,
  id: string,
  wanted: PageWanted,
  stream: StreamName = "stdout",
): Promise<OutputPage> {
  return store.read(OWNER, id, stream, wanted, 0, NEVER);
}

export function bytesOf({ text, encoding }: OutputPage): Buffer {
  return Buffer.from(text, encoding === "base64" ? "base64" : "utf8");
}

/** The whole stream, page by page. */
export async function everything(
  store: RunStore,
  id: string,
  maxBytes: number,
  unit: "bytes" | "lines" = "bytes",
  maxLines = 100,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  let next: PageWanted = unit === "bytes" ? { unit, offset: 0, maxBytes } : { unit, line: 1, maxLines, maxBytes };
  for (;;) {
    const one = await page(store, id, next);
    parts.push(bytesOf(one));
    if (!one.more) return Buffer.concat(parts);
    next =
      unit === "bytes"
        ? { unit, offset: one.next_offset, maxBytes }
        : { unit, line: one.next_line ?? 0, maxLines, maxBytes };
  }
}
