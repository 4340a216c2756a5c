import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { atEnd, tempDirectory } from "../../fixtures/temp.ts";

/** Free, because the tests have a network of their own. The CLI speaks plain HTTP to `localhost` only. */
const PORT = 5_000;

async function listens(): Promise<boolean> {
  const socket = createConnection(PORT, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Starts a registry for container images and features, which ends with the test file. Returns the first part of the names in it. */
export async function startRegistry(): Promise<string> {
  const directory = tempDirectory();
  const config = {
    version: 0.1,
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(directory, "data") } },
    http: { addr: `127.0.0.1:${PORT}` },
  };
  writeFileSync(join(directory, "config.yml"), JSON.stringify(config));
  const child = spawn("docker-registry", ["serve", join(directory, "config.yml")], { stdio: "ignore" });
  atEnd(async () => {
    if (child.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  while (!(await listens())) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended with ${child.exitCode}`);
    await sleep(50);
  }
  return `localhost:${PORT}`;
}
