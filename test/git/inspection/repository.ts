import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ENVIRONMENT = {
  PATH: process.env["PATH"] ?? "",
  HOME: "/nonexistent",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@example.org",
  GIT_COMMITTER_NAME: "A",
  GIT_COMMITTER_EMAIL: "a@example.org",
};

/** Runs the real git and returns what it prints. */
export function git(directory: string, ...args: readonly string[]): string {
  return execFileSync("git", ["-C", directory, "-c", "protocol.file.allow=always", ...args], {
    env: ENVIRONMENT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Runs a command line in a shell, as a person would who copies it from a message. */
export function shell(command: string): void {
  execFileSync("sh", ["-c", command], { env: ENVIRONMENT, stdio: ["ignore", "pipe", "pipe"] });
}

export const ORIGIN = "git@github.com:owner/repo.git";

/** A directory of its own for one test file, under its real path. */
export class Workbench {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), "workspace-")));
  #count = 0;

  /** A path that is not used yet. */
  next(name = "ws"): string {
    this.#count++;
    return join(this.path, `${name}-${this.#count}`);
  }

  /** A repository with one commit and an origin. */
  repository(...initOptions: readonly string[]): string {
    const path = this.next();
    git(this.path, "init", "-q", "-b", "main", ...initOptions, path);
    git(path, "commit", "-q", "--allow-empty", "-m", "first");
    git(path, "remote", "add", "origin", ORIGIN);
    return path;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Appends text to a repository's configuration. */
export function configure(repository: string, text: string): void {
  appendFileSync(join(repository, ".git", "config"), `${text}\n`);
}
