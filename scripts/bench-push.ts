import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const COMMITS = 50_000;
const FILES = 2_000;

/** A repository with a long history, a remote behind a program that stands for ssh, and nothing in between but pipes. */
export interface PushBench {
  readonly repo: string;
  /** PATH with the stand-in for ssh. */
  readonly path: string;
  /** Makes one commit that changes one file. */
  readonly commit: () => void;
  /** What a person would type. */
  readonly plainPush: () => void;
  readonly plainStatus: () => void;
}

/** The history as `git fast-import` reads it. */
function history(): string {
  const lines: string[] = [];
  for (let index = 0; index < COMMITS; index++) {
    const text = `line ${index}\n`.repeat(1 + (index % 20));
    lines.push(
      `commit refs/heads/main\ncommitter B <b@example.org> ${1_600_000_000 + index} +0000\ndata 7\nchange\n`,
      `M 100644 inline d${index % 40}/f${index % FILES}.txt\ndata ${text.length}\n${text}\n`,
    );
  }
  return lines.join("");
}

/** Takes a few seconds. */
export function preparePush(root: string): PushBench {
  const [repo, bin, remote] = [join(root, "history"), join(root, "bin"), join(root, "remote/owner/repo.git")];
  for (const directory of [repo, bin, remote]) mkdirSync(directory, { recursive: true });
  // The last argument is the command that the other side is asked to run.
  writeFileSync(
    join(bin, "ssh"),
    `#!/bin/sh\nfor last; do :; done\ncd '${join(root, "remote")}' && exec /bin/sh -c "$last"\n`,
  );
  chmodSync(join(bin, "ssh"), 0o755);
  const path = `${bin}:${process.env["PATH"] ?? ""}`;
  const env = { PATH: path, HOME: root, GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };
  const git = (cwd: string, ...args: readonly string[]): void => {
    execFileSync("git", ["-c", "user.name=B", "-c", "user.email=b@example.org", ...args], { cwd, env, stdio: "pipe" });
  };
  git(remote, "init", "-q", "--bare", "-b", "main");
  git(repo, "init", "-q", "-b", "main");
  git(repo, "remote", "add", "origin", "git@github.com:owner/repo.git");
  const imported = spawnSync("git", ["fast-import", "--quiet"], { cwd: repo, env, input: history() });
  if (imported.status !== 0) throw new Error(`git fast-import: ${imported.stderr.toString()}`);
  git(repo, "reset", "-q", "--hard", "main");
  git(repo, "push", "-q", "git@github.com:owner/repo.git", "HEAD:refs/heads/main");
  let count = 0;
  return {
    repo,
    path,
    commit: () => {
      count++;
      appendFileSync(join(repo, "d1/f1.txt"), `more ${count}\n`);
      git(repo, "commit", "-q", "-a", "-m", `more ${count}`);
    },
    plainStatus: () => {
      git(repo, "status", "--short");
    },
    plainPush: () => {
      git(repo, "push", "-q", "git@github.com:owner/repo.git", "HEAD:refs/heads/ai/plain");
    },
  };
}
