/**
 * Tries the service with a real systemd: as pid 1 of a podman container, with a user's manager, a crash, an update and a reboot. Slow, and for machines
 * with podman, runc and debootstrap only, so it is no test: `npm run try:systemd`. Ends with 1 when something is not as it should be.
 */
import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Findings, type Ended, forgetSettings, hindrance, SystemdContainer } from "./systemd-container.ts";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const PROGRAM = "/opt/cmd2host/dist/cmd2host.js";

const why = hindrance();
if (why !== undefined) {
  process.stderr.write(`SKIPPED: ${why}, so nothing was tried\n`);
  process.exit(1);
}
const machine = SystemdContainer.start(`cmd2host-systemd-${process.pid}`, [
  `${join(ROOT, "dist")}:/opt/cmd2host/dist:ro`,
  `${join(ROOT, "templates")}:/opt/cmd2host/templates:ro`,
  `${realpathSync(process.execPath)}:/usr/local/bin/node:ro`,
]);
const findings = new Findings(() => machine.run("journalctl", "--no-pager", "-n", "40").output);
const expect = findings.expect.bind(findings);
const until = findings.until.bind(findings);
const as = machine.as.bind(machine);

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

function confined(pid: number): string {
  return /NoNewPrivs:\s*(\d)/.exec(as("dev", "cat", `/proc/${pid}/status`).output)?.[1] ?? "";
}

async function course(): Promise<void> {
  const isUp = (): boolean => machine.isUp();
  await until("systemd runs", isUp);
  for (const user of ["dev", "other"]) machine.must("useradd", "--create-home", user);

  const without = cmd2host("service", "install");
  expect(
    "without a user manager, one sentence and what to do",
    without.exit === 1 && without.output.includes("enable-linger") && without.output.includes("cmd2host serve"),
    without,
  );
  machine.must("loginctl", "enable-linger", "dev");
  await until(
    "the user's manager runs",
    () =>
      as("dev", "systemctl", "--user", "--machine=dev@.host", "is-system-running").output !== "" &&
      machine.run("test", "-S", "/run/user/1000/bus").exit === 0,
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

  machine.run("kill", "-KILL", String(first.pid));
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

  machine.restart();
  await until("systemd runs after a reboot", isUp);
  await until("and so does the service, without a login", () => status().answers);

  const removed = cmd2host("service", "uninstall");
  expect("it is removed", removed.exit === 0 && cmd2host("service", "status").exit === 4, removed);
  expect("what is configured stays", as("dev", "test", "-d", "/home/dev/.cmd2host").exit === 0, "");
}

try {
  await course();
} finally {
  machine.remove();
  forgetSettings();
}
process.exit(findings.failures === 0 ? 0 : 1);
