/**
 * Tries the service with a real systemd: as pid 1 of a podman container, with a user's manager, a crash, an update and a reboot. Slow, and for machines
 * with podman, runc and debootstrap only, so it is no test: `npm run try:systemd`. Ends with 1 when something is not as it should be.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const CACHE = join(tmpdir(), "cmd2host-systemd");
const NAME = `cmd2host-systemd-${process.pid}`;
const PACKAGES = ["systemd", "systemd-sysv", "dbus", "dbus-user-session", "libpam-systemd", "procps", "libatomic1"];
const PROGRAM = "/opt/cmd2host/dist/cmd2host.js";
const POLL_MS = 250;
const MAX_POLLS = 240;

/** Limits that need no rights of their own, and a runtime that starts on every cgroup layout. */
const SETTINGS =
  '[containers]\ndefault_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]\n[engine]\nruntime = "runc"\n';

interface Ended {
  readonly exit: number | null;
  readonly output: string;
}

const work = mkdtempSync(join(tmpdir(), "c2h-systemd-"));
writeFileSync(join(work, "containers.conf"), SETTINGS);

function run(file: string, ...args: readonly string[]): Ended {
  const env = { ...process.env, CONTAINERS_CONF: join(work, "containers.conf") };
  const { status, stdout, stderr, error } = spawnSync(file, args, { encoding: "utf8", env, maxBuffer: 64 << 20 });
  if (error !== undefined) throw error;
  return { exit: status, output: `${stdout}${stderr}`.trim() };
}

function must(file: string, ...args: readonly string[]): string {
  const { exit, output } = run(file, ...args);
  if (exit !== 0) throw new Error(`${file} ${args.join(" ")}: ${output.slice(-600)}`);
  return output;
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

/** Runs a command in the container as a user, with an environment like that of cron: nothing says where the user's manager is. */
function as(user: string, ...args: readonly string[]): Ended {
  const path = "PATH=/usr/local/bin:/usr/bin:/bin";
  return run("podman", "exec", "--user", user, "--env", `HOME=/home/${user}`, "--env", path, NAME, ...args);
}

const cmd2host = (...args: readonly string[]): Ended => as("dev", "node", PROGRAM, ...args);

interface Status {
  readonly state: string;
  readonly pid: number;
  readonly answers: boolean;
  readonly lingers: boolean;
}

function status(): Status {
  return JSON.parse(cmd2host("service", "status", "--json").output.split("\nnote:")[0] ?? "") as Status;
}

let failures = 0;
function expect(what: string, good: boolean, detail: unknown): void {
  process.stdout.write(`${good ? "ok  " : "FAIL"}  ${what}\n`);
  if (good) return;
  failures++;
  process.stdout.write(`${typeof detail === "string" ? detail : JSON.stringify(detail)}\n`);
}

async function until(what: string, good: () => boolean): Promise<void> {
  for (let polls = 0; polls < MAX_POLLS; polls++) {
    try {
      if (good()) {
        expect(what, true, "");
        return;
      }
    } catch {
      // Not there yet.
    }
    await sleep(POLL_MS);
  }
  expect(what, false, run("podman", "exec", NAME, "journalctl", "--no-pager", "-n", "40").output);
}

function confined(pid: number): string {
  return /NoNewPrivs:\s*(\d)/.exec(as("dev", "cat", `/proc/${pid}/status`).output)?.[1] ?? "";
}

async function course(): Promise<void> {
  const isUp = (): boolean =>
    /running|degraded/.test(run("podman", "exec", NAME, "systemctl", "is-system-running").output);
  await until("systemd runs", isUp);
  for (const user of ["dev", "other"]) must("podman", "exec", NAME, "useradd", "--create-home", user);

  const without = cmd2host("service", "install");
  expect(
    "without a user manager, one sentence and what to do",
    without.exit === 1 && without.output.includes("enable-linger") && without.output.includes("cmd2host serve"),
    without,
  );
  must("podman", "exec", NAME, "loginctl", "enable-linger", "dev");
  await until(
    "the user's manager runs",
    () =>
      as("dev", "systemctl", "--user", "--machine=dev@.host", "is-system-running").output !== "" &&
      run("podman", "exec", NAME, "test", "-S", "/run/user/1000/bus").exit === 0,
  );

  const installed = cmd2host("service", "install");
  expect(
    "it is installed",
    installed.exit === 0 && installed.output.includes("The service is installed and runs."),
    installed,
  );
  const first = status();
  expect("it is active, answers and lingers", first.state === "active" && first.answers && first.lingers, first);
  expect("it may gain rights", confined(first.pid) === "0", confined(first.pid));
  const again = cmd2host("service", "install");
  expect(
    "a second installation changes nothing",
    again.output.includes("nothing was changed") && status().pid === first.pid,
    again,
  );

  run("podman", "exec", NAME, "kill", "-KILL", String(first.pid));
  await until("it comes back after a crash", () => status().pid !== first.pid && status().answers);
  const restarted = cmd2host("service", "restart");
  expect("it is restarted", restarted.exit === 0 && status().answers, restarted);
  const logs = cmd2host("service", "logs", "-n", "200");
  expect("the journal has its lines", logs.exit === 0 && logs.output.includes("cmd2host listening on"), logs);
  expect("it drained when it was told to stop", logs.output.includes("stopped"), logs);

  const strict = cmd2host("service", "install", "--strict");
  expect("it runs confined", strict.exit === 0 && status().answers && confined(status().pid) === "1", strict);
  const doctor = cmd2host("doctor", "--json");
  expect("doctor sees it", doctor.output.includes("the service is active since"), doctor);

  must("podman", "restart", NAME);
  await until("systemd runs after a reboot", isUp);
  await until("and so does the service, without a login", () => status().answers);

  const removed = cmd2host("service", "uninstall");
  expect("it is removed", removed.exit === 0 && cmd2host("service", "status").exit === 4, removed);
  expect("what is configured stays", as("dev", "test", "-d", "/home/dev/.cmd2host").exit === 0, "");
}

try {
  const root = rootDirectory();
  const mounts = [
    `${join(ROOT, "dist")}:/opt/cmd2host/dist:ro`,
    `${join(ROOT, "templates")}:/opt/cmd2host/templates:ro`,
    `${realpathSync(process.execPath)}:/usr/local/bin/node:ro`,
  ];
  const volumes = mounts.flatMap((mount) => ["--volume", mount]);
  must(
    "podman",
    "run",
    "--detach",
    "--name",
    NAME,
    "--network",
    "none",
    "--systemd=always",
    ...volumes,
    "--rootfs",
    `${root}:O`,
    "/lib/systemd/systemd",
  );
  await course();
} finally {
  run("podman", "rm", "--force", "--time", "5", NAME);
  rmSync(work, { recursive: true, force: true });
}
process.exit(failures === 0 ? 0 : 1);
