import { execFileSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { deflateSync } from "node:zlib";
import type { Plant } from "./corpus.ts";

type ObjectType = "commit" | "tree" | "blob";
type Damage = NonNullable<Plant["broken_commit"]>["how"];

/** Where a loose object lies in a work tree. */
export function objectPath(id: string): string {
  return join(".git/objects", id.slice(0, 2), id.slice(2));
}

function encoded(type: ObjectType, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content]);
}

function writeObject(workspace: string, type: ObjectType, content: Buffer): string {
  const bytes = encoded(type, content);
  const id = createHash("sha1").update(bytes).digest("hex");
  const path = join(workspace, objectPath(id));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, deflateSync(bytes), { mode: 0o444 });
  return id;
}

/** Writes a commit with one file, as loose objects that nobody has seen, and a branch that names it. Returns the object names. */
export function writeCommit(workspace: string, branch: string): Readonly<Record<ObjectType, string>> {
  const blob = writeObject(workspace, "blob", Buffer.from(`${randomUUID()}\n`));
  const entry = Buffer.concat([Buffer.from("100644 new.txt\0"), Buffer.from(blob, "hex")]);
  const tree = writeObject(workspace, "tree", entry);
  const who = "Test <test@example.com> 1700000000 +0000";
  const text = `tree ${tree}\nauthor ${who}\ncommitter ${who}\n\na commit\n`;
  const commit = writeObject(workspace, "commit", Buffer.from(text));
  const ref = join(workspace, ".git/refs/heads", branch);
  mkdirSync(dirname(ref), { recursive: true });
  writeFileSync(ref, `${commit}\n`);
  return { blob, tree, commit };
}

const BOMB_BYTES = 300_000_000;
const ENDLESS_BYTES = 1_000_000_000_000;

/** Puts something else in the place of a loose object. */
export function spoil(path: string, how: Damage): void {
  rmSync(path);
  const write = (content: Buffer | string): void => {
    writeFileSync(path, content, { mode: 0o444 });
  };
  switch (how) {
    case "missing":
      return;
    case "garbage":
      write("not zlib");
      return;
    case "empty":
      write("");
      return;
    case "other":
      write(deflateSync(encoded("blob", Buffer.from("something else"))));
      return;
    case "short":
      write(deflateSync(Buffer.from(`blob 3\0${"x".repeat(1_000)}`)));
      return;
    case "bomb":
      write(deflateSync(encoded("blob", Buffer.alloc(BOMB_BYTES)), { level: 1 }));
      return;
    case "fifo":
      execFileSync("mkfifo", [path]);
      return;
    case "directory":
      mkdirSync(path);
      return;
    case "endless":
      write("");
      truncateSync(path, ENDLESS_BYTES);
  }
}
