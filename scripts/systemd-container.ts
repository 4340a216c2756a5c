/**
 * A Debian with systemd as pid 1, in a container of podman: what the tries with a real systemd have in common. For machines with podman, runc and
 * debootstrap only.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const CACHE = join(tmpdir(), "cmd2host-systemd");
const PACKAGES = ["systemd", "systemd-sysv", "dbus", "dbus-user-session", "libpam-systemd", "procps", "libatomic1"];
const POLL_MS = 250;
const MAX_POLLS = 240;

/** Limits that need no rights of their own, and a runtime that starts on every cgroup layout. */
const SETTINGS =
  '[containers]\ndefault_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]\n[engine]\nruntime = "runc"\n';

/** How a program ended, with both of its streams. */
export interface Ended {
  readonly exit: number | null;
  readonly output: string;
}

const work = mkdtempSync(join(tmpdir(), "c2h-systemd-"));
writeFileSync(join(work, "containers.conf"), SETTINGS);
const environment = { ...process.env, CONTAINERS_CONF: join(work, "containers.conf") };

/** Runs a program to its end; podman with the settings that it needs. */
export function run(file: string, ...args: readonly string[]): Ended {
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    encoding: "utf8",
    env: environment,
    maxBuffer: 64 << 20,
  });
  if (error !== undefined) throw error;
  return { exit: status, output: `${stdout}${stderr}`.trim() };
}

/** Like `run`; throws when the program fails. */
export function must(file: string, ...args: readonly string[]): string {
  const { exit, output } = run(file, ...args);
  if (exit !== 0) throw new Error(`${file} ${args.join(" ")}: ${output.slice(-600)}`);
  return output;
}

/** Whether this machine can do it; else why not. */
export function hindrance(): string | undefined {
  const missing = ["podman", "runc", "debootstrap"].filter(
    (tool) => spawnSync(tool, ["--version"]).error !== undefined,
  );
  if (missing.length > 0) return `${missing.join(", ")} not installed`;
  return process.getuid?.() === 0 ? undefined : "this needs root, for debootstrap and podman";
}

/** A Debian with systemd, made once. */
function rootDirectory(): string {
  const root = join(CACHE, "root");
  if (existsSync(root)) return root;
  const making = join(CACHE, "making");
  rmSync(making, { recursive: true, force: true });
  mkdirSync(CACHE, { recursive: true });
  must("debootstrap", "--variant=minbase", `--include=${PACKAGES.join(",")}`, "bookworm", making);
  renameSync(making, root);
  return root;
}

/** One machine. What it changes is gone with it. */
export class SystemdContainer {
  readonly name: string;

  private constructor(name: string) {
    this.name = name;
  }

  /**
   * @param mounts HOST:CONTAINER:ro
   * @param network `none`, or that of another container
   */
  static start(name: string, mounts: readonly string[], network = "none"): SystemdContainer {
    const volumes = mounts.flatMap((mount) => ["--volume", mount]);
    // As systemd has them on a real machine: without the first it leaves out what confines services to a part of the file system.
    const rights = ["--cap-add=SYS_ADMIN,SYS_PTRACE", "--security-opt=apparmor=unconfined"];
    const options = ["--detach", "--name", name, "--network", network, "--systemd=always", ...rights, ...volumes];
    must("podman", "run", ...options, "--rootfs", `${rootDirectory()}:O`, "/lib/systemd/systemd");
    return new SystemdContainer(name);
  }

  /** Runs a command as root. */
  run(...args: readonly string[]): Ended {
    return run("podman", "exec", this.name, ...args);
  }

  must(...args: readonly string[]): string {
    return must("podman", "exec", this.name, ...args);
  }

  /** Runs a command as a user, with an environment like that of cron: nothing says where the user's manager is. */
  as(user: string, ...args: readonly string[]): Ended {
    const path = "PATH=/usr/local/bin:/usr/bin:/bin";
    return run("podman", "exec", "--user", user, "--env", `HOME=/home/${user}`, "--env", path, this.name, ...args);
  }

  isUp(): boolean {
    return /running|degraded/.test(this.run("systemctl", "is-system-running").output);
  }

  restart(): void {
    must("podman", "restart", this.name);
  }

  remove(): void {
    run("podman", "rm", "--force", "--time", "5", this.name);
  }
}

/** What was tried, a line each, and whether it was as it should be. */
export class Findings {
  #failures = 0;
  readonly #journal: () => string;

  /** @param journal shown when something does not come to be */
  constructor(journal: () => string) {
    this.#journal = journal;
  }

  get failures(): number {
    return this.#failures;
  }

  expect(what: string, good: boolean, detail: unknown): void {
    process.stdout.write(`${good ? "ok  " : "FAIL"}  ${what}\n`);
    if (good) return;
    this.#failures++;
    process.stdout.write(`${typeof detail === "string" ? detail : JSON.stringify(detail, null, 1)}\n`);
  }

  async until(what: string, good: () => boolean): Promise<void> {
    for (let polls = 0; polls < MAX_POLLS; polls++) {
      try {
        if (good()) {
          this.expect(what, true, "");
          return;
        }
      } catch {
        // Not there yet.
      }
      await sleep(POLL_MS);
    }
    this.expect(what, false, this.#journal());
  }
}

/** For the end. */
export function forgetSettings(): void {
  rmSync(work, { recursive: true, force: true });
}
