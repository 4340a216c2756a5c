/**
 * Tries a gateway and two agents as services of a real systemd, installed by their scripts: enrolment in both directions, what confines them, an upgrade
 * to another version with a run in flight, a crash, a reboot, a restored backup. Slow, and for machines with podman, runc and debootstrap only, so it is
 * no test: `npm run try:fleet-systemd [-- EXECUTABLE]`. EXECUTABLE is what is installed first. Ends with 1 when something is not as it should be.
 */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { Findings, forgetSettings, hindrance, SystemdContainer, type Ended } from "./systemd-container.ts";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const ASSET = `cmd2host-linux-${process.arch}`;
const executable = resolve(process.argv[2] ?? join(ROOT, "dist-executable", ASSET));
const AGENT = "/var/lib/cmd2host";
const STATE = "/var/lib/cmd2host-gateway";
const CONFIG = "/etc/cmd2host-gateway";
const KEY = `${CONFIG}/admin.key`;
/** Both share one network, which lists bound sockets by their paths; so the second has another one. */
const SECOND = "/var/lib/cmd2host-two";
const CODE = /c2h1\.[A-Za-z0-9_-]+/;
/** What fleet_readonly allows; `ss` is not in a small Debian. */
const LOOKING = [
  "uptime",
  "disk_usage",
  "memory_usage",
  "process_list",
  "kernel",
  "os_release",
  "service_list",
  "failed_services",
];

const why = existsSync(executable)
  ? hindrance()
  : `${executable} is not there (npm run build:executable -- --target linux-${process.arch})`;
if (why !== undefined) {
  process.stderr.write(`SKIPPED: ${why}, so nothing was tried\n`);
  process.exit(1);
}

const NEW_VERSION = "99.0.0";

/** A directory as a release has it. @param program of it */
function release(program: string): string {
  const directory = mkdtempSync(join(tmpdir(), "c2h-release-"));
  copyFileSync(program, join(directory, ASSET));
  for (const name of ["install-agent.sh", "install-gateway.sh"])
    copyFileSync(join(ROOT, "scripts", name), join(directory, name));
  const sum = createHash("sha256").update(readFileSync(program)).digest("hex");
  writeFileSync(join(directory, "checksums.txt"), `${sum}  ${ASSET}\n`);
  return directory;
}

/** This tree as a program that says it is newer. */
function newer(): string {
  const out = mkdtempSync(join(tmpdir(), "c2h-newer-"));
  const options = [`--target=linux-${process.arch}`, `--out=${out}`, `--say-version=${NEW_VERSION}`];
  execFileSync(process.execPath, ["--import", "tsx", join(ROOT, "scripts/build-executable.ts"), ...options], {
    cwd: ROOT,
    stdio: ["ignore", "ignore", "inherit"],
  });
  try {
    return release(join(out, ASSET));
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

const releases = [release(executable), newer()] as const;
const mounts = [`${releases[0]}:/opt/release:ro`, `${releases[1]}:/opt/newer:ro`];
const one = SystemdContainer.start(`cmd2host-fleet-${process.pid}`, mounts);
const machines = [one];
const findings = new Findings(() => one.run("journalctl", "--no-pager", "-n", "60").output);
const expect = findings.expect.bind(findings);
const until = findings.until.bind(findings);

function install(machine: SystemdContainer, kind: "agent" | "gateway", ...args: readonly string[]): Ended {
  return machine.run("sh", `/opt/release/install-${kind}.sh`, "--from", "/opt/release", ...args);
}

function upgrade(machine: SystemdContainer, kind: "agent" | "gateway"): Ended {
  return machine.run("sh", `/opt/newer/install-${kind}.sh`, "--from", "/opt/newer");
}

/** Every file of a service that is not written to while it runs, with its sum. */
function sums(machine: SystemdContainer, ...paths: readonly string[]): string {
  return machine.must("sh", "-c", 'find "$@" -type f -exec sha256sum {} + | sort -k2', "sh", ...paths);
}

const CALLER = ["env", "CMD2HOST_GATEWAY=http://127.0.0.1:9877", `CMD2HOST_GATEWAY_KEY_FILE=${KEY}`, "cmd2host"];
const fleet = (...args: readonly string[]): Ended => one.run(...CALLER, ...args);

function pidOf(machine: SystemdContainer, kind: "agent" | "gateway"): number {
  return Number(machine.run("systemctl", "show", "--property=MainPID", "--value", `cmd2host-${kind}`).output);
}

function statusOf(machine: SystemdContainer, pid: number): string {
  return machine.run("cat", `/proc/${pid}/status`).output;
}

/** How much systemd finds open, from 0 to 10. */
function exposure(machine: SystemdContainer, kind: "agent" | "gateway"): number {
  const unit = `/etc/systemd/system/cmd2host-${kind}.service`;
  const { output } = machine.run("systemd-analyze", "security", "--offline=true", "--no-pager", unit);
  return Number(/Overall exposure level for \S+: ([\d.]+)/.exec(output)?.[1] ?? "10");
}

function verified(machine: SystemdContainer, kind: "agent" | "gateway"): Ended {
  return machine.run("systemd-analyze", "verify", `/etc/systemd/system/cmd2host-${kind}.service`);
}

/** A command of the fleet that goes on while others are run. */
async function beside(...args: readonly string[]): Promise<Ended> {
  const child = spawn("podman", ["exec", one.name, ...CALLER, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  return Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((done) => child.once("close", done)),
  ]).then(([stdout, stderr, exit]) => ({ exit, output: stdout + stderr }));
}

/** Changes the policy of a machine, as its owner would. Returns what approving it said. */
function allowMore(machine: SystemdContainer, base: string, as: readonly string[], operations: object): Ended {
  const file = `${base}/projects/machine/config.json`;
  const policy = JSON.parse(machine.must("cat", file)) as {
    allowed_operations: string[];
    operations: Record<string, object>;
  };
  const changed = {
    ...policy,
    allowed_operations: [...new Set([...policy.allowed_operations, ...Object.keys(operations)])],
    operations: { ...policy.operations, ...operations },
  };
  const script = `cat > ${file} <<'POLICY'\n${JSON.stringify(changed)}\nPOLICY\nenv CMD2HOST_CONFIG_DIR=${base} cmd2host config allow machine`;
  return machine.run(...as, "sh", "-c", script);
}

const NAP = {
  command: "sleep",
  args_template: ["{s}"],
  params: { s: { type: "string", pattern: "^[0-9]{1,4}$" } },
  annotations: { read_only: true },
};
/** It does what it says it does not. */
const WRITE = {
  command: "touch",
  args_template: ["/srv/open/was-here"],
  params: {},
  annotations: { read_only: true },
};
const WHOAMI = { command: "id", run_as: "dev", annotations: { read_only: true } };
const PUSH = { transfer: { direction: "push", roots: ["/srv/pushed"] } };

const OWN = ["runuser", "-u", "cmd2host", "--"];

function gateway(): void {
  const made = install(one, "gateway");
  expect(
    "install-gateway.sh installs and starts a gateway",
    made.exit === 0 && made.output.includes("The gateway is installed and runs."),
    made,
  );
  const key = one.must("cat", KEY);
  expect("it says where the key is, and not what it is", made.output.includes(KEY) && !made.output.includes(key), made);
  expect("its unit is right", verified(one, "gateway").exit === 0, verified(one, "gateway"));
  const status = statusOf(one, pidOf(one, "gateway"));
  expect(
    "it is not root, has no rights and gains none",
    /NoNewPrivs:\s+1/.test(status) && /CapEff:\s+0+\n/.test(status) && !/Uid:\s+0/.test(status),
    status,
  );
  expect(`systemd-analyze security says ${exposure(one, "gateway")}`, exposure(one, "gateway") <= 1.5, "");
  const check = one.run("cmd2host", "gateway", "check", `--config=${CONFIG}/gateway.toml`);
  expect("gateway check hears it", check.exit === 0 && check.output.includes("It answers"), check);
  const pid = pidOf(one, "gateway");
  const again = one.run("cmd2host", "gateway", "install");
  expect(
    "installing it again changes nothing",
    again.output.includes("nothing was changed") && pidOf(one, "gateway") === pid,
    again,
  );
  const strict = one.run("cmd2host", "gateway", "install", "--strict");
  expect("it runs without memory that becomes code", strict.exit === 0 && fleet("targets").exit === 0, strict);
  expect(`systemd-analyze security says ${exposure(one, "gateway")} then`, exposure(one, "gateway") <= 1.5, "");
  one.must("cmd2host", "gateway", "install", "--open");
}

async function agent(): Promise<void> {
  const made = install(one, "agent", "--name", "web1", "--tag", "web", "--listen", "127.0.0.1:9876");
  const code = CODE.exec(made.output)?.[0] ?? "";
  expect("install-agent.sh installs and starts an agent, and prints a code", made.exit === 0 && code !== "", made);
  expect("its unit is right", verified(one, "agent").exit === 0, verified(one, "agent"));
  expect(`systemd-analyze security says ${exposure(one, "agent")}`, exposure(one, "agent") <= 2, "");
  const added = fleet("fleet", "add", code);
  expect("the gateway takes it in by the code", added.exit === 0, added);
  await until("it answers", () => fleet("ping", "web1").exit === 0);
  for (const operation of LOOKING) {
    const ended = fleet("exec", "web1", "--operation", operation);
    expect(
      `confined, ${operation} works`,
      ended.exit === 0 && !/error|denied|not permitted/i.test(ended.output),
      ended,
    );
  }
  const status = fleet("exec", "web1", "--operation", "service_status", "--param", "unit=cmd2host-gateway.service");
  expect("confined, service_status works", status.output.includes("ActiveState=active"), status);

  allowMore(one, AGENT, OWN, { nap: NAP, write: WRITE });
  // Everybody may write there, as far as modes count.
  one.must("install", "-d", "-m", "777", "/srv/open", "/srv/pushed");
  const refused = fleet("exec", "web1", "--operation", "write");
  expect(
    "confined, nothing else can be written",
    refused.exit !== 0 && refused.output.includes("Read-only file system"),
    refused,
  );
  const journal = one.run("journalctl", "--no-pager", "--unit=cmd2host-agent");
  expect("the journal has its lines", journal.output.includes("cmd2host agent listening on"), journal);
}

async function upgrades(): Promise<void> {
  const kept = [`${AGENT}/projects`, `${AGENT}/gateways`, `${AGENT}/link`, `${AGENT}/daemon.json`] as const;
  const before = sums(one, ...kept);
  const pid = pidOf(one, "agent");
  const nap = beside("exec", "web1", "--operation", "nap", "--param", "s=8");
  await until("a run is in flight", () => one.run("pgrep", "-x", "sleep").exit === 0);
  const again = upgrade(one, "agent");
  const ended = await nap;
  expect("an upgrade lets the run in flight finish", ended.exit === 0, ended);
  expect(
    "and another version runs",
    again.exit === 0 &&
      pidOf(one, "agent") !== pid &&
      one.run(`/proc/${pidOf(one, "agent")}/exe`, "--version").output.includes(NEW_VERSION),
    again,
  );
  expect(
    "policy, settings, keys and gateways are kept byte for byte, and no code is printed again",
    sums(one, ...kept) === before && !CODE.test(again.output),
    again,
  );
  expect("it stays confined", /NoNewPrivs:\s+1/.test(statusOf(one, pidOf(one, "agent"))), again);
  await until("the gateway, which is older, reaches it again", () => fleet("ping", "web1").exit === 0);
  const state = [CONFIG, `${STATE}/link`];
  const was = sums(one, ...state);
  const gate = upgrade(one, "gateway");
  expect(
    "the gateway is upgraded, and keeps configuration and keys byte for byte",
    gate.exit === 0 && sums(one, ...state) === was && gate.output.includes(NEW_VERSION),
    gate,
  );
  await until("it reaches its agent again", () => fleet("ping", "web1").exit === 0);
}

async function policies(): Promise<void> {
  const told = allowMore(one, AGENT, OWN, { push: PUSH });
  expect("approving a policy that writes says what to do", told.output.includes("cmd2host agent install"), told);
  one.must("sh", "-c", "echo hello >/root/file");
  const before = fleet("push", "web1", "/root/file", "/srv/pushed/file");
  expect("until then its service keeps it from writing", before.exit !== 0, before);
  const made = one.run("cmd2host", "agent", "install");
  expect("the unit is written anew", made.output.includes("to writing below /srv/pushed"), made);
  await until("and files can be pushed", () => fleet("push", "web1", "/root/file", "/srv/pushed/file").exit === 0);
  const refused = fleet("exec", "web1", "--operation", "write");
  expect("there only", refused.output.includes("Read-only file system"), refused);

  const more = allowMore(one, AGENT, OWN, { write: { ...WRITE, annotations: {} } });
  const open = one.run("cmd2host", "agent", "install");
  expect(
    "it runs unconfined when its policy does more than read",
    open.exit === 0 && /NoNewPrivs:\s+0/.test(statusOf(one, pidOf(one, "agent"))),
    { more, open },
  );
  process.stdout.write(`      unconfined, systemd-analyze security says ${exposure(one, "agent")}\n`);
  await until("and does it", () => fleet("exec", "web1", "--operation", "write").exit === 0);

  const unit = "/etc/systemd/system/cmd2host-agent.service";
  one.must("sed", "-i", "s/^RestartSec=5$/RestartSec=6/", unit);
  const edited = one.run("cmd2host", "agent", "install");
  expect(
    "a unit that was changed by hand is kept beside the new one",
    edited.output.includes(`${unit}.old`) && one.must("cat", `${unit}.old`).includes("RestartSec=6"),
    edited,
  );
  await until("the gateway reaches it again", () => fleet("ping", "web1").exit === 0);
}

async function secondAgent(): Promise<void> {
  const two = SystemdContainer.start(`cmd2host-fleet2-${process.pid}`, mounts, `container:${one.name}`);
  machines.push(two);
  await until("the second machine runs", () => two.isUp());
  const invited = fleet("fleet", "invite");
  const code = CODE.exec(invited.output)?.[0] ?? "";
  const made = install(
    two,
    "agent",
    "--root",
    "--dir",
    SECOND,
    "--template",
    "fleet_ops",
    "--dial-only",
    "--name",
    "web2",
    "--tag",
    "web",
    "--enroll",
    code,
  );
  expect(
    "install-agent.sh --enroll makes an agent that dials out",
    made.exit === 0 && made.output.includes("Enrolled at gateway"),
    { invited, made },
  );
  await until("it answers", () => fleet("ping", "web2").exit === 0);
  expect(
    "it is root only because that was said",
    two.must("cat", `${SECOND}/daemon.json`).includes('"allow_root": true'),
    "",
  );
  const log = fleet(
    "exec",
    "web2",
    "--operation",
    "service_log",
    "--param",
    "unit=cmd2host-agent.service",
    "--param-json",
    "lines=5",
  );
  expect("it reads logs of services", log.exit === 0 && log.output.includes("cmd2host"), log);
  two.must("useradd", "--create-home", "dev");
  two.must("install", "-d", "-o", "dev", "-m", "755", "/srv/dev");
  const more = { whoami: WHOAMI, push: { ...PUSH, transfer: { direction: "push", roots: ["/srv/dev"] } } };
  allowMore(two, SECOND, [], more);
  const strict = two.run("cmd2host", "agent", "install", "--strict");
  expect(
    "as root it can be confined, too, and says what that keeps from working",
    strict.exit === 0 &&
      /NoNewPrivs:\s+1/.test(statusOf(two, pidOf(two, "agent"))) &&
      /do more than read: .*service_restart/.test(strict.output),
    strict,
  );
  process.stdout.write(`      confined, root's agent has ${exposure(two, "agent")}\n`);
  await until("and answers", () => fleet("exec", "web2", "--operation", "uptime").exit === 0);
  const who = fleet("exec", "web2", "--operation", "whoami");
  expect("confined, it becomes the user of an operation", who.output.includes("uid=1000(dev)"), who);
  one.must("sh", "-c", "echo hello >/root/file");
  const pushed = fleet("push", "web2", "/root/file", "/srv/dev/file");
  expect("confined, root writes where its policy says", pushed.exit === 0, pushed);
  const taken = two.run("cmd2host", "agent", "install", "--user", "cmd2host", "--open");
  expect(
    "from root's it becomes a user's",
    taken.exit === 0 && two.must("stat", "-c", "%U", SECOND) === "cmd2host",
    taken,
  );
  const back = two.run("cmd2host", "agent", "install", "--root");
  expect(
    "but root does not believe what a user could have written",
    back.exit === 1 && back.output.includes("belongs to user"),
    back,
  );
}

async function troubles(): Promise<void> {
  const nap = beside("exec", "web1", "--operation", "nap", "--param", "s=3000");
  await until("a run is in flight", () => one.run("pgrep", "-x", "sleep").exit === 0);
  one.must("kill", "-KILL", String(pidOf(one, "agent")));
  await until("what an agent started goes with it", () => one.run("pgrep", "-x", "sleep").exit === 1);
  const ended = await nap;
  expect("and its caller is told", ended.exit === 1 && ended.output.includes("(link_lost)"), ended);
  await until("the agent comes back", () => fleet("ping", "web1").exit === 0);
  for (const kind of ["agent", "gateway"] as const) {
    const pid = pidOf(one, kind);
    one.must("kill", "-KILL", String(pid));
    await until(
      `the ${kind} comes back after a crash`,
      () => pidOf(one, kind) > 0 && pidOf(one, kind) !== pid && fleet("ping", "web1").exit === 0,
    );
  }
  one.restart();
  await until("both come back after a reboot", () => fleet("ping", "web1").exit === 0);

  one.must("cmd2host", "gateway", "uninstall");
  one.must(
    "sh",
    "-c",
    `cd / && tar -czf /root/backup.tgz ${CONFIG.slice(1)} ${STATE.slice(1)} && rm -rf ${CONFIG} ${STATE} && tar -xzf /root/backup.tgz`,
  );
  const restored = one.run("cmd2host", "gateway", "install");
  expect("a gateway that was restored from its backup starts", restored.exit === 0, restored);
  await until("and its agents know it", () => fleet("ping", "web1").exit === 0);

  one.must("sed", "-i", "s/^port = 9877$/port = nine/", `${CONFIG}/gateway.toml`);
  const broken = one.run("cmd2host", "gateway", "install");
  expect(
    "a mistake in gateway.toml is found before anything is touched",
    broken.exit === 1 && /gateway\.toml:\d+/.test(broken.output) && fleet("ping", "web1").exit === 0,
    broken,
  );
}

function farewell(): void {
  for (const kind of ["agent", "gateway"] as const) {
    const removed = one.run("cmd2host", kind, "uninstall");
    expect(
      `the ${kind} is removed`,
      removed.exit === 0 && one.run("systemctl", "cat", `cmd2host-${kind}`).exit !== 0,
      removed,
    );
  }
  const stays = [`${AGENT}/daemon.json`, `${STATE}/audit`, KEY].every((path) => one.run("test", "-e", path).exit === 0);
  expect("what is configured stays", stays, "");
}

try {
  await until("systemd runs", () => one.isUp());
  gateway();
  await agent();
  await upgrades();
  await policies();
  await secondAgent();
  await troubles();
  farewell();
} finally {
  for (const machine of machines.reverse()) machine.remove();
  for (const directory of releases) rmSync(directory, { recursive: true, force: true });
  forgetSettings();
}
process.exit(findings.failures === 0 ? 0 : 1);
