import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Plant, PlantName } from "./corpus.ts";
import { objectPath, spoil, writeCommit } from "./loose-objects.ts";

/** Where plants go: what a container can write, and a server that the attacker may own. */
export interface Ground {
  readonly workspace: string;
  /** Bare repository of the project on the server. */
  readonly remote: string;
  /** A program in the workspace that leaves the marker. */
  readonly attack: string;
}

function put(path: string, content: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { force: true });
  writeFileSync(path, content);
  chmodSync(path, mode);
}

/** `a.b.c` as git's configuration writes it: section, subsection, key. */
function configText(key: string, value: string | null): string {
  const [first, last] = [key.indexOf("."), key.lastIndexOf(".")];
  const [section, name] = [key.slice(0, first), key.slice(last + 1)];
  const subsection = first === last ? "" : ` "${key.slice(first + 1, last).replaceAll(/["\\]/g, "\\$&")}"`;
  const written = value === null ? "" : ` = "${value.replaceAll(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;
  return `[${section}${subsection}]\n\t${name}${written}\n`;
}

type Doer<N extends PlantName> = (value: NonNullable<Plant[N]>, ground: Ground) => void;

const DOERS: { readonly [N in PlantName]: Doer<N> } = {
  /** A key of the workspace's git configuration; null is a key without a value, which git reads as true. */
  config: ({ key, value }, { workspace }) => {
    appendFileSync(join(workspace, ".git/config"), configText(key, value));
  },
  /** The same, as it is written. */
  config_text: (text, { workspace }) => {
    appendFileSync(join(workspace, ".git/config"), text);
  },
  /** Configuration of the work tree, switched on. */
  worktree_config: (text, { workspace }) => {
    appendFileSync(join(workspace, ".git/config"), configText("extensions.worktreeConfig", "true"));
    put(join(workspace, ".git/config.worktree"), text);
  },
  file: ({ path, text, mode }, { workspace }) => {
    put(join(workspace, path), text, mode === "0755" ? 0o755 : 0o644);
  },
  /** A file of many bytes that takes no space. */
  sparse_file: ({ path, bytes }, { workspace }) => {
    put(join(workspace, path), "");
    truncateSync(join(workspace, path), bytes);
  },
  /** A hook that leaves the marker. */
  hook: (hook, { workspace, attack }) => {
    const { name, directory } = typeof hook === "string" ? { name: hook, directory: ".git/hooks" } : hook;
    put(join(workspace, directory, name), `#!/bin/sh\n${attack} ${name}\n`, 0o755);
  },
  symlink: ({ path, target }, { workspace }) => {
    mkdirSync(dirname(join(workspace, path)), { recursive: true });
    rmSync(join(workspace, path), { recursive: true, force: true });
    symlinkSync(target, join(workspace, path));
  },
  fifo: (path, { workspace }) => {
    mkdirSync(dirname(join(workspace, path)), { recursive: true });
    rmSync(join(workspace, path), { recursive: true, force: true });
    execFileSync("mkfifo", [join(workspace, path)]);
  },
  /** A directory, where something else may be expected. */
  directory: (path, { workspace }) => {
    rmSync(join(workspace, path), { recursive: true, force: true });
    mkdirSync(join(workspace, path), { recursive: true });
  },
  gitattributes: (text, { workspace }) => {
    put(join(workspace, ".gitattributes"), `${text}\n`);
  },
  /** Borrows the objects of another repository. */
  alternates: (target, { workspace }) => {
    put(join(workspace, ".git/objects/info/alternates"), `${target}\n`);
  },
  /** A file below .git that is read as a ref. */
  ref: ({ name, value }, { workspace }) => {
    put(join(workspace, ".git", name), `${value}\n`);
  },
  packed_refs: (text, { workspace }) => {
    put(join(workspace, ".git/packed-refs"), text);
  },
  remove: (path, { workspace }) => {
    rmSync(join(workspace, path), { recursive: true });
  },
  move: ({ from, to }, { workspace }) => {
    mkdirSync(dirname(join(workspace, to)), { recursive: true });
    renameSync(join(workspace, from), join(workspace, to));
  },
  /** A branch whose commit, tree or file is not what it should be; its objects are new every time. */
  broken_commit: ({ branch, part, how }, { workspace }) => {
    const ids = writeCommit(workspace, branch);
    spoil(join(workspace, objectPath(ids[part])), how);
  },
  /** What the server says during a push. */
  remote_banner: (text, { remote }) => {
    const octal = [...Buffer.from(text)].map((byte) => `\\0${byte.toString(8)}`).join("");
    put(join(remote, "hooks/post-receive"), `#!/bin/sh\nprintf '%b\\n' '${octal}' >&2\n`, 0o755);
  },
  /** A file of the server's bare repository. */
  remote_file: ({ path, text, mode }, { remote }) => {
    put(join(remote, path), text, mode === "0755" ? 0o755 : 0o644);
  },
};

function plantOne(name: PlantName, plant: Plant, ground: Ground): void {
  const value = plant[name];
  // The table has a doer for each name that takes exactly this name's value.
  const doer = DOERS[name] as Doer<PlantName>;
  if (value !== undefined) doer(value, ground);
}

/** Puts one piece of state into the workspace, or onto the server. */
export function plantInto(ground: Ground, plant: Plant): void {
  for (const name of Object.keys(plant)) plantOne(name as PlantName, plant, ground);
}
