import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";

export function idOf(type: string, content: Buffer | string, format: "sha1" | "sha256" = "sha1"): string {
  return createHash(format)
    .update(`${type} ${Buffer.byteLength(content)}\0`)
    .update(content)
    .digest("hex");
}

/** Puts bytes where a loose object of this name is looked for; what stood there is gone. */
export function plant(objects: string, id: string, bytes: Buffer | string): string {
  const path = join(objects, id.slice(0, 2), id.slice(2));
  mkdirSync(join(path, ".."), { recursive: true });
  rmSync(path, { force: true, recursive: true });
  writeFileSync(path, bytes);
  return path;
}

/** Writes a loose object as git would, with whatever content, and returns its name. */
export function plantObject(objects: string, type: string, content: Buffer | string, level = 6): string {
  const id = idOf(type, content);
  const raw = Buffer.concat([Buffer.from(`${type} ${Buffer.byteLength(content)}\0`), Buffer.from(content)]);
  plant(objects, id, deflateSync(raw, { level }));
  return id;
}

/** One entry of a tree object. */
export function treeEntry(mode: string, name: string, id: string): Buffer {
  return Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, "hex")]);
}

/** A commit object's content. */
export function commitOf(tree: string, ...parents: readonly string[]): string {
  const who = "A <a@example.org> 1700000000 +0000";
  return [
    `tree ${tree}`,
    ...parents.map((id) => `parent ${id}`),
    `author ${who}`,
    `committer ${who}`,
    "",
    "x",
    "",
  ].join("\n");
}
