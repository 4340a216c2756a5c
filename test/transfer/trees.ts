import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { PassThrough } from "node:stream";
import { CodedError } from "../../wire/errors.ts";
import { DEFAULT_LIMITS } from "../../transfer/limits.ts";
import type { TransferOutcome } from "../../transfer/outcome.ts";
import { receive, type ReceiveOptions } from "../../transfer/receive.ts";
import { send, type SendOptions } from "../../transfer/send.ts";

/** Files for tests, whose names are bytes: text in which each character is one. */

export interface Node {
  readonly kind: "file" | "directory" | "link";
  readonly mode?: number;
  /** Of a file; where a link leads. */
  readonly content?: string;
  /** Milliseconds since 1970. */
  readonly time?: number;
}

export type Tree = ReadonlyMap<string, Node>;

const at = (top: string, path: string): Buffer =>
  path === "" ? Buffer.from(top) : Buffer.concat([Buffer.from(`${top}/`), Buffer.from(path, "latin1")]);

/** Makes a tree; parents come first. Times and modes are set when all is there. */
export function makeTree(top: string, tree: Tree): void {
  mkdirSync(top, { recursive: true });
  for (const [path, { kind, content = "" }] of tree) {
    if (kind === "directory") mkdirSync(at(top, path), { recursive: path === "" });
    else if (kind === "link") symlinkSync(Buffer.from(content, "latin1"), at(top, path));
    else writeFileSync(at(top, path), Buffer.from(content, "latin1"));
  }
  for (const [path, { kind, mode, time }] of [...tree].reverse()) {
    if (kind === "link") continue;
    if (time !== undefined) utimesSync(at(top, path), new Date(time), new Date(time));
    if (mode !== undefined) chmodSync(at(top, path), mode);
  }
}

/** Everything below a directory, itself included, by path: kind, mode, content, and time in milliseconds. */
export function readTree(top: string): Map<string, Required<Node>> {
  const found = new Map<string, Required<Node>>();
  const visit = (path: string): void => {
    const stats = lstatSync(at(top, path));
    const kind = stats.isDirectory() ? "directory" : stats.isSymbolicLink() ? "link" : "file";
    const content =
      kind === "directory"
        ? ""
        : kind === "link"
          ? readlinkSync(at(top, path), { encoding: "buffer" }).toString("latin1")
          : readFileSync(at(top, path)).toString("latin1");
    const time = kind === "link" ? 0 : Math.round(stats.mtimeMs);
    found.set(path, { kind, mode: kind === "link" ? 0 : stats.mode & 0o7777, content, time });
    if (kind !== "directory") return;
    for (const name of readdirSync(at(top, path), { encoding: "latin1" }).sort())
      visit(path === "" ? name : `${path}/${name}`);
  };
  visit("");
  return found;
}

export type SendPart = Partial<SendOptions> & Pick<SendOptions, "roots" | "path">;
export type ReceivePart = Partial<ReceiveOptions> & Pick<ReceiveOptions, "roots" | "path">;

/** Sends into a pipe, which is closed in the end, however it went. */
export async function sendTo(output: PassThrough, part: SendPart): Promise<TransferOutcome> {
  try {
    const outcome = await send({ limits: DEFAULT_LIMITS, output, ...part });
    output.end();
    return outcome;
  } catch (error) {
    output.destroy();
    throw error;
  }
}

/** One end to the other. */
export async function transfer(
  from: SendPart,
  to: ReceivePart,
): Promise<{ readonly sent: TransferOutcome; readonly received: TransferOutcome }> {
  const pipe = new PassThrough();
  const [sent, received] = await Promise.allSettled([
    sendTo(pipe, from),
    receive({ limits: DEFAULT_LIMITS, input: pipe, ...to }),
  ]);
  if (sent.status === "rejected" && !isCancelled(sent.reason)) throw sent.reason as Error;
  if (received.status === "rejected") throw received.reason as Error;
  if (sent.status === "rejected") throw sent.reason as Error;
  return { sent: sent.value, received: received.value };
}

function isCancelled(error: unknown): boolean {
  return error instanceof CodedError && error.code === "cancelled";
}

/** What `send` writes, whole. */
export async function streamOf(part: SendPart): Promise<Buffer> {
  const pipe = new PassThrough();
  const pieces: Buffer[] = [];
  pipe.on("data", (piece: Buffer) => pieces.push(piece));
  await sendTo(pipe, part);
  return Buffer.concat(pieces);
}

/** Until more can be written, or nothing any more. */
export async function taken(pipe: PassThrough): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      pipe.off("drain", done).off("close", done);
      resolve();
    };
    pipe.on("drain", done).on("close", done);
  });
}

/** Receives these bytes. */
export async function receiveBytes(bytes: Buffer, part: ReceivePart, pieceBytes = 65_536): Promise<TransferOutcome> {
  const pipe = new PassThrough();
  const fed = (async (): Promise<void> => {
    for (let from = 0; from < bytes.length && !pipe.destroyed; from += pieceBytes)
      if (!pipe.write(bytes.subarray(from, from + pieceBytes))) await taken(pipe);
    pipe.end();
  })();
  try {
    return await receive({ limits: DEFAULT_LIMITS, input: pipe, ...part });
  } finally {
    pipe.destroy();
    await fed;
  }
}

/** What somebody is told when it goes wrong: the code and the message. */
export async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof CodedError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error("nothing was refused");
}
