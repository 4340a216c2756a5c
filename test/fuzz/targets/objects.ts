import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { readLooseObject, TooLarge, type TakenObject } from "../../../host/git/repository/loose-object.ts";
import { isObjectId, objectIdOf } from "../../../host/git/repository/object-id.ts";
import { DamagedObject, linksOf, type ObjectType } from "../../../host/git/repository/object-links.ts";
import { DirHandle } from "../../../host/util/dir-handle.ts";
import { attempt, demand, isSampled, type Target } from "../engine/target.ts";

const TYPES: readonly ObjectType[] = ["commit", "tree", "blob", "tag"];
const ID = "1234567890abcdef1234567890abcdef12345678";
const TREE_ENTRY = Buffer.concat([Buffer.from("100644 a\0"), Buffer.from(ID, "hex")]);

function typeOf(input: Buffer): ObjectType {
  return TYPES[(input[0] ?? 0) % TYPES.length] ?? "blob";
}

/** One repository with one object file, whatever its name says. */
class Store {
  readonly path: string;
  readonly handle: DirHandle;

  constructor(directory: string) {
    this.path = join(directory, "git");
    for (const name of ["objects", "refs"]) mkdirSync(join(this.path, name), { recursive: true });
    writeFileSync(join(this.path, "HEAD"), "ref: refs/heads/main\n");
    writeFileSync(join(this.path, "config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n");
    this.handle = DirHandle.openRoot(join(this.path, "objects"));
  }

  write(id: string, bytes: Buffer): void {
    mkdirSync(join(this.path, "objects", id.slice(0, 2)), { recursive: true });
    writeFileSync(join(this.path, "objects", id.slice(0, 2), id.slice(2)), bytes);
  }

  remove(id: string): void {
    rmSync(join(this.path, "objects", id.slice(0, 2)), { recursive: true, force: true });
  }

  async read(id: string): Promise<TakenObject | undefined> {
    try {
      return await readLooseObject(this.handle, id, "sha1");
    } catch (error) {
      if (error instanceof DamagedObject || error instanceof TooLarge) return undefined;
      throw error;
    }
  }

  git(...args: readonly string[]): Buffer | undefined {
    const env = { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1" };
    const run = spawnSync("git", [`--git-dir=${this.path}`, ...args], { env });
    if (run.error !== undefined) throw run.error;
    return run.status === 0 ? run.stdout : undefined;
  }
}

/** Which objects git says that a tree or commit needs; undefined when it refuses the object. */
function byGit(store: Store, type: ObjectType, id: string): readonly string[] | undefined {
  if (type === "tree")
    return store
      .git("ls-tree", "-z", id)
      ?.toString("latin1")
      .split("\0")
      .filter((line) => line !== "" && !line.startsWith("160000 "))
      .map((line) => /^[0-7]+ [a-z]+ ([0-9a-f]{40})\t/.exec(line)?.[1] ?? line);
  if (type !== "commit") return [];
  const line = store.git("rev-list", "--no-walk", "--parents", id)?.toString("latin1").trimEnd();
  return line?.split(" ").slice(1);
}

/**
 * The first byte says which kind of object the others are the content of, and they are also tried as a file. What is read is what the name stands for, and
 * everything that git would look for behind it is named.
 */
export const objects: Target = {
  name: "objects",
  modules: ["host/git/repository/"],
  tokens: [
    ...[
      `tree ${ID}\n`,
      `parent ${ID}\n`,
      `object ${ID}\n`,
      "type commit\n",
      "tag x\n",
      "author a <b> 1 +0000\n",
      "\n\n",
      "gpgsig -\n x\n",
    ],
    ...[
      "100644 ",
      "40000 ",
      "160000 ",
      "120000 ",
      "0160000 ",
      "mergetag object ",
      "blob 0\0",
      "commit 5\0hello",
      "0".repeat(40),
    ],
  ],
  seeds: [
    Buffer.from(`\0tree ${ID}\nparent ${ID}\nauthor a <b> 1 +0000\ncommitter a <b> 1 +0000\n\ntext\n`),
    Buffer.concat([Buffer.of(1), TREE_ENTRY, Buffer.from("160000 sub\0"), Buffer.from(ID, "hex")]),
    Buffer.from(`\x03object ${ID}\ntype commit\ntag v1\n\nx`),
    Buffer.concat([Buffer.of(2), deflateSync("blob 5\0hello")]),
  ],
  maxBytes: 768,
  start: (directory) => {
    const store = new Store(directory);
    const look = async (input: Buffer, withGit: boolean): Promise<void> => {
      const type = typeOf(input);
      const content = input.subarray(1);
      store.write(ID, content);
      demand((await store.read(ID)) === undefined, "takes an object for another one");
      const id = objectIdOf(type, content, "sha1");
      store.write(id, deflateSync(Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content])));
      const taken = await store.read(id);
      demand(taken?.type === type && taken.content.equals(content), "reads something else than stands there", taken);
      for (const format of ["sha1", "sha256"] as const) {
        const links = attempt(() => linksOf(type, content, format));
        if (!links.ok) {
          if (!(links.error instanceof DamagedObject)) throw links.error;
        } else
          demand(
            type === "tree" || links.value.every((link) => isObjectId(link, format)),
            "a link that is no object",
            links.value,
          );
      }
      if (withGit) compare(type, content, id);
      store.remove(id);
    };
    const compare = (type: ObjectType, content: Buffer, id: string): void => {
      const ours = attempt(() => linksOf(type, content, "sha1"));
      const theirs = byGit(store, type, id);
      if (!ours.ok || theirs === undefined) return;
      const missing = theirs.filter((link) => !ours.value.includes(link));
      demand(missing.length === 0, "git needs an object that was not named", { ours: ours.value, theirs });
    };
    return {
      check: async (input) => look(input, isSampled(input, 16)),
      verify: async (input) => look(input, true),
      close: () => {
        store.handle.close();
      },
    };
  },
};
