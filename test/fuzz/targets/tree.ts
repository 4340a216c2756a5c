import { linkSync, lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";

/**
 * A small directory that an input describes, one entry a line: `f PATH CONTENT`, `l PATH TARGET`, `p PATH` for a FIFO, `d PATH`. In contents `\n`, `\r`, `\0` and
 * `\\` stand for what they stand for in JavaScript; `@` in a target stands for the directory around the tree.
 */
export class Tree {
  readonly root: string;
  readonly #around: string;
  readonly #fifo: string;

  constructor(directory: string) {
    this.#around = directory;
    this.root = join(directory, "tree");
    this.#fifo = join(directory, "fifo");
    const made = spawnSync("mkfifo", [this.#fifo]);
    if (made.status !== 0) throw new Error(`mkfifo: ${String(made.stderr)}`);
  }

  /** Makes the tree anew. Entries that cannot be made are left out. */
  build(lines: readonly string[]): void {
    rmSync(this.root, { recursive: true, force: true });
    mkdirSync(this.root);
    for (const line of lines.slice(0, MAX_ENTRIES)) {
      const [, kind = "", path = "", rest = ""] = /^([flpd]) ([^ ]+) ?([^]*)$/.exec(line) ?? [];
      const parts = path.split("/").filter((part) => part !== "" && part !== "." && part !== "..");
      if (parts.length === 0 || parts.length > MAX_DEPTH || path.includes("\0")) continue;
      this.#make(kind, parts, rest);
    }
  }

  #make(kind: string, parts: readonly string[], rest: string): void {
    const at = join(this.root, ...parts);
    try {
      // Never through a link that an earlier line made: it may lead anywhere.
      if (!isPlain(this.root, parts.slice(0, -1))) return;
      mkdirSync(dirname(at), { recursive: true });
      if (kind === "d") mkdirSync(at);
      else if (kind === "p") linkSync(this.#fifo, at);
      else if (kind === "l") symlinkSync(rest.replaceAll("@", this.#around), at);
      else writeFileSync(at, unescaped(rest), { flag: "wx" });
    } catch (error) {
      if (!(error instanceof Error && "code" in error)) throw error;
    }
  }
}

const MAX_ENTRIES = 40;
const MAX_DEPTH = 12;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", "0": "\0", "\\": "\\" };

/** Whether nothing but directories stands on the way, as far as there is one. */
function isPlain(root: string, parts: readonly string[]): boolean {
  return parts.every((_, index) => {
    const stats = lstatSync(join(root, ...parts.slice(0, index + 1)), { throwIfNoEntry: false });
    return stats === undefined || stats.isDirectory();
  });
}

function unescaped(text: string): Buffer {
  return Buffer.from(
    text.replaceAll(/\\([nr0\\])/g, (_, letter: string) => ESCAPES[letter] ?? letter),
    "latin1",
  );
}

/** Lines of an input; bytes are characters. */
export function linesOf(input: Buffer): readonly string[] {
  return input.toString("latin1").split("\n");
}
