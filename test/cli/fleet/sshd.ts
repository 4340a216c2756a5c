import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../fixtures/fleet.ts";
import { atEnd, tempDirectory } from "../../fixtures/temp.ts";

const SSHD = "/usr/sbin/sshd";

/** Whether there is an sshd to test with; root's needs its directory for separation of privileges. */
export const HAS_SSHD = existsSync(SSHD) && (process.getuid?.() !== 0 || existsSync("/run"));

/** A real sshd of this user on a free port. */
export interface Sshd {
  /** The client's configuration: the machine is called `box`. */
  readonly config: string;
  /** Ends it, as a machine that goes away. */
  stop(): Promise<void>;
}

async function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}

/** @param environment what sessions have besides, as a machine would have it */
export async function startSshd(environment: Readonly<Record<string, string>> = {}): Promise<Sshd> {
  const directory = tempDirectory();
  const [host, client] = [join(directory, "host"), join(directory, "client")];
  for (const file of [host, client]) execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
  const authorized = join(directory, "authorized");
  writeFileSync(authorized, execFileSync("cat", [`${client}.pub`]), { mode: 0o600 });
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });
  const port = await freePort();
  const settings = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${host}`,
    `AuthorizedKeysFile ${authorized}`,
    "PidFile none",
    "UsePAM no",
    "StrictModes no",
    "PasswordAuthentication no",
    "PermitRootLogin yes",
    ...Object.entries(environment).map(([name, value]) => `SetEnv ${name}=${value}`),
  ];
  const sshdConfig = join(directory, "sshd_config");
  writeFileSync(sshdConfig, `${settings.join("\n")}\n`);
  const config = join(directory, "config");
  const lines = [
    "Host box",
    "  HostName 127.0.0.1",
    `  Port ${port}`,
    `  User ${userInfo().username}`,
    `  IdentityFile ${client}`,
    "  IdentitiesOnly yes",
    "  StrictHostKeyChecking no",
    `  UserKnownHostsFile ${join(directory, "known")}`,
    "  LogLevel ERROR",
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  chmodSync(config, 0o600);
  const child = spawn(SSHD, ["-D", "-e", "-f", sshdConfig], { stdio: "ignore" });
  const ended = once(child, "exit");
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
  };
  atEnd(stop);
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error("sshd did not start");
    await sleep(20);
  }
  return { config, stop };
}
