import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CodedError, errnoOf } from "../../../wire/errors.ts";
import { isObjectId } from "../../../host/git/repository/object-id.ts";
import { findPushSource } from "../../../host/git/repository/push-source.ts";
import { DamagedRefs, Refs, type RefValue } from "../../../host/git/repository/refs.ts";
import { DirHandle } from "../../../host/util/dir-handle.ts";
import { isRefName } from "../../../host/util/ref-name.ts";
import { attempt, demand, isSampled, type Target } from "../engine/target.ts";

const ID = "1234567890abcdef1234567890abcdef12345678";
const PREFIX = "refs/remotes/origin/";
/** The other files are kept small: one separates two of them. */
const SEPARATOR = "\n---\n";

function git(directory: string, ...args: readonly string[]): string | undefined {
  const env = { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1" };
  const run = spawnSync("git", [`--git-dir=${directory}`, ...args], { env, encoding: "latin1" });
  if (run.error !== undefined) throw run.error;
  return run.status === 0 ? run.stdout : undefined;
}

/** What was read, or undefined where it was refused as it may be. */
function read<T>(work: () => T): T | undefined {
  const result = attempt(work);
  if (result.ok) return result.value;
  const { error } = result;
  // A name that git takes may have a part that the file system does not.
  if (
    errnoOf(error) === "ENAMETOOLONG" ||
    error instanceof DamagedRefs ||
    (error instanceof CodedError && error.code === "git_ref_invalid")
  )
    return undefined;
  throw error;
}

function checkValue(value: RefValue | undefined): void {
  if (value?.kind === "object") demand(isObjectId(value.id, "sha1"), "a value that is no object", value);
  if (value?.kind === "symbolic")
    demand(isRefName(value.target) && value.target.startsWith("refs/"), "a value that is no ref", value);
}

/** Whether every part of a name may be that of a file. */
function isFileName(name: string): boolean {
  return name.split("/").every((part) => Buffer.byteLength(part) <= 255);
}

/** What git reads in HEAD may not be something else. */
function compareHead(directory: string, ours: RefValue | undefined): void {
  if (ours === undefined || (ours.kind === "symbolic" && !isFileName(ours.target))) return;
  // git refuses the whole repository over it.
  rmSync(join(directory, "packed-refs"), { force: true });
  writeFileSync(join(directory, `${PREFIX}a`), `${ID}\n`);
  const symbolic = git(directory, "symbolic-ref", "HEAD")?.trimEnd();
  if (ours.kind === "symbolic") demand(symbolic === ours.target, "git reads another HEAD", { ours, symbolic });
  else demand(symbolic === undefined, "git reads a symbolic HEAD", { ours, symbolic });
}

/** HEAD, a loose ref and packed-refs: values and names as git writes them, an end to every chain, and no other error. */
export const refs: Target = {
  name: "refs",
  modules: [
    "host/git/repository/refs.ts",
    "host/git/repository/push-source.ts",
    "host/git/repository/object-id.ts",
    "host/util/ref-name.ts",
  ],
  tokens: [
    ...[
      "ref: refs/heads/main\n",
      "ref: refs/remotes/origin/a\n",
      `${ID}\n`,
      SEPARATOR,
      ` ${PREFIX}a\n`,
      `${ID} ${PREFIX}b\n`,
      `^${ID}\n`,
    ],
    ...[
      "# pack-refs with: peeled fully-peeled sorted \n",
      "0".repeat(40),
      "ref:\t",
      "\xa0",
      "\x0b",
      "\r\n",
      "refs/heads/../x",
    ],
  ],
  separator: SEPARATOR,
  seeds: [
    `ref: refs/heads/main\n${SEPARATOR}${ID}\n${SEPARATOR}# pack-refs with: peeled fully-peeled sorted \n${ID} refs/heads/main\n${ID} ${PREFIX}b\n^${ID}\n`,
    `${ID}\n${SEPARATOR}ref: ${PREFIX}a\n${SEPARATOR}`,
    `ref: refs/heads/main${SEPARATOR}ref: refs/heads/main`,
  ],
  maxBytes: 768,
  start: (directory) => {
    const gitDir = join(directory, "git");
    for (const name of ["objects", "refs/heads", PREFIX]) mkdirSync(join(gitDir, name), { recursive: true });
    writeFileSync(join(gitDir, "config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n");
    const handle = DirHandle.openRoot(gitDir);
    const look = (input: Buffer): RefValue | undefined => {
      const [head = "", loose = "", packed = ""] = input.toString("latin1").split(SEPARATOR);
      writeFileSync(join(gitDir, "HEAD"), head, "latin1");
      writeFileSync(join(gitDir, `${PREFIX}a`), loose, "latin1");
      if (packed === "") rmSync(join(gitDir, "packed-refs"), { force: true });
      else writeFileSync(join(gitDir, "packed-refs"), packed, "latin1");
      const all = new Refs(handle, "sha1");
      const value = read(() => all.pseudo(handle, "HEAD"));
      checkValue(value);
      const own = read(() => all.read(`${PREFIX}a`));
      checkValue(own);
      for (const one of [value, own]) {
        const id = read(() => all.resolve(one));
        demand(id === undefined || isObjectId(id, "sha1"), "resolves to what is no object", id);
      }
      for (const [name, id] of [...(read(() => all.list(PREFIX)) ?? []), ...(read(() => all.packed()) ?? [])])
        demand(isRefName(name) && isObjectId(id, "sha1"), "lists what is no ref", [name, id]);
      for (const source of ["HEAD", "@", "main", "origin/a", ID, loose.slice(0, 60)]) {
        const found = read(() => findPushSource(source, all, handle, "sha1"));
        demand(found === undefined || isObjectId(found.id, "sha1"), "pushes what is no object", found);
      }
      return value;
    };
    return {
      check: (input) => {
        const value = look(input);
        if (isSampled(input, 64)) compareHead(gitDir, value);
      },
      verify: (input) => {
        compareHead(gitDir, look(input));
      },
      close: () => {
        handle.close();
      },
    };
  },
};
