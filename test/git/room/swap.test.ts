import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { git } from "../../fixtures/repo.ts";
import { Bench } from "./bench.ts";

/**
 * A process beside the daemon: puts in place of `path`, over and over, a link to `target`, a FIFO, nothing, and the real thing.
 */
const SWAPPER = `
const fs = require("node:fs");
const { execFileSync } = require("node:child_process");
const [path, target, spare] = process.argv.slice(1);
fs.renameSync(path, spare + ".real");
fs.symlinkSync(target, spare + ".link");
execFileSync("mkfifo", [spare + ".fifo"]);
fs.renameSync(spare + ".real", path);
process.stdout.write("ready\\n");
let going = true;
process.stdin.on("data", () => { going = false; });
const put = (kind, pause) => {
  fs.renameSync(path, spare + ".real");
  if (kind !== "gone") fs.renameSync(spare + kind, path);
  const until = process.hrtime.bigint() + pause;
  while (process.hrtime.bigint() < until);
  if (kind !== "gone") fs.renameSync(path, spare + kind);
  fs.renameSync(spare + ".real", path);
};
const kinds = [".link", ".fifo", "gone"];
let at = 0;
const step = () => {
  if (!going) process.exit(0);
  try { put(kinds[at++ % kinds.length], BigInt(1 + (at * 7919) % 300) * 1000n); } catch (error) {
    // The daemon wrote in between: what it wrote is the real thing now.
    if (!fs.existsSync(spare + ".real")) { setImmediate(step); return; }
    try { fs.rmSync(spare + ".real", { recursive: true, force: true }); } catch {}
  }
  setImmediate(step);
};
step();
`;

async function swapping(path: string, target: string, spare: string, work: () => Promise<void>): Promise<void> {
  const child = spawn(process.execPath, ["-e", SWAPPER, path, target, spare], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    await once(child.stdout, "data");
    await work();
  } finally {
    const gone = once(child, "exit");
    child.stdin.end("stop");
    await gone;
  }
}

/** Every file of the owner's with its content. */
function contents(root: string): string {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(
      (entry) =>
        `${join(entry.parentPath, entry.name)}:${readFileSync(join(entry.parentPath, entry.name)).toString("hex")}`,
    )
    .sort()
    .join("\n");
}

/** How often each operation runs for each thing that is swapped. */
const ROUNDS = 1;

describe("a workspace that changes while it is used", () => {
  it.each([
    [".git"],
    [".git/objects"],
    [".git/objects/pack"],
    [".git/refs"],
    [".git/refs/heads"],
    [".git/refs/heads/main"],
    [".git/HEAD"],
    [".git/index"],
    [".git/packed-refs"],
    ["a loose object"],
  ])(
    "in %s never blocks, and leads to nothing outside [promise 7, 9]",
    async (name) => {
      const bench = new Bench({ timeoutMs: 15_000 });
      // Somebody else's repository on the host, with the same layout and a commit that nobody may see.
      const secret = join(bench.outside, "secret");
      mkdirSync(secret);
      cpSync(bench.repo, secret, { recursive: true });
      const hidden = bench.commit("secret-file", "TOP SECRET\n", secret);
      git(secret, "branch", "hidden");
      const blob = bench.id("HEAD:secret-file", secret);
      git(secret, "pack-refs", "--all");
      writeFileSync(join(secret, ".git/refs/heads/main"), `${hidden}\n`);
      git(secret, "repack", "-q", "-a");
      git(bench.repo, "pack-refs", "--all");
      git(bench.repo, "update-ref", "refs/heads/main", bench.commit("x", "x"));
      git(bench.repo, "repack", "-q", "-a");
      // The workspace names the commit, too.
      writeFileSync(join(bench.repo, ".git/refs/heads/named"), `${hidden}\n`);
      const id = bench.id("HEAD");
      const loose = join(".git/objects", id.slice(0, 2), id.slice(2));
      const path = name === "a loose object" ? loose : name;
      const target =
        name === "a loose object"
          ? join(secret, ".git/objects", hidden.slice(0, 2), hidden.slice(2))
          : join(secret, name);
      const before = contents(bench.outside);
      const remote = [
        ["push", "HEAD:refs/heads/head"],
        ["push", "+main:refs/heads/main"],
        ["push", "+named:refs/heads/named"],
        ["push", `${hidden}:refs/heads/hidden`],
        ["fetch"],
      ];
      const local = [
        ["log", "--all", "-p"],
        ["show", hidden],
        ["branch", "-a", "-v"],
        ["cat-file", "-p", blob],
        ["add", "-A"],
        ["commit", "-q", "--allow-empty", "-m", "y"],
        ["tag", "-f", "t"],
      ];
      // With a plan that was made before anything was swapped, and with one that is made now.
      const planned = [...remote.map((words) => bench.remoteJob(words)), ...local.map((args) => bench.localJob(args))];
      const runs = [
        ...planned.map((job) => async () => bench.do(job)),
        ...remote.map((words) => async () => bench.remotely(...words)),
        ...local.map((args) => async () => bench.locally(...args)),
      ];
      const came: string[] = [];
      await swapping(join(bench.repo, path), target, join(bench.root, "spare"), async () => {
        for (let round = 0; round < ROUNDS; round++)
          for (const run of runs) {
            try {
              const { reason, stdout, stderr } = await run();
              came.push(reason === "exited" ? stdout + stderr : `BLOCKED: ${reason}`);
            } catch (error) {
              came.push(String(error));
            }
          }
      });
      const said = came.join("\n");
      expect(said).not.toContain("BLOCKED");
      expect(said).not.toMatch(/TOP SECRET|TypeError|AssertionError/);
      expect(contents(bench.outside)).toBe(before);
      for (const object of [hidden, blob]) {
        expect(() => git(bench.remote, "cat-file", "-e", object), "the remote has it").toThrow();
        if (existsSync(bench.own))
          expect(() => git(bench.own, "cat-file", "-e", object), "the daemon has it").toThrow();
      }
    },
    120_000,
  );
});
