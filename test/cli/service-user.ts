import { chmodSync, copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";
import { bundledProgram } from "../fixtures/bundle.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { Host } from "./harness.ts";

const FIXTURES = fileURLToPath(new URL("../fixtures/service", import.meta.url));
const PROGRAM = bundledProgram();
const TOOLS = copied();
const hosts: Host[] = [];

afterEach(async () => {
  // Nothing that a fixture started stays.
  for (const host of hosts.splice(0)) await host.run("service", "uninstall");
});

/** To where only we can write: a checkout may be writable by a group, and such programs are refused. */
function copied(): string {
  const directory = tempDirectory();
  for (const name of readdirSync(FIXTURES)) {
    if (name.startsWith("__")) continue;
    copyFileSync(join(FIXTURES, name), join(directory, name));
    chmodSync(join(directory, name), 0o755);
  }
  return directory;
}

/** A user with a service manager that really starts and ends programs. @param base name of the base directory */
export function userOf(system: NodeJS.Platform, base = "base"): Host {
  const host = new Host(base);
  hosts.push(host);
  host.system = system;
  host.installed = [process.execPath, PROGRAM];
  const runtime = join(host.root, "runtime");
  mkdirSync(runtime, { mode: 0o700 });
  mkdirSync(host.base, { mode: 0o700 });
  writeFileSync(join(host.base, "daemon.json"), '{"listen_mode":"unix"}', { mode: 0o600 });
  host.environment = {
    HOME: host.root,
    CMD2HOST_CONFIG_DIR: host.base,
    XDG_RUNTIME_DIR: runtime,
    // For the fixtures' python, and for what they call.
    PATH: [TOOLS, "/usr/local/bin", "/usr/bin", "/bin", dirname(process.execPath)].join(delimiter),
  };
  return host;
}

/** Where the service of a user is defined. */
export function definitionOf(host: Host): string {
  const name =
    host.system === "darwin" ? "Library/LaunchAgents/com.user.cmd2host.plist" : ".config/systemd/user/cmd2host.service";
  return join(host.root, name);
}
