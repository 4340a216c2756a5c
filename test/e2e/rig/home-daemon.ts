import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { atEnd } from "../../fixtures/temp.ts";

/** Starts the daemon of a home, with its settings as they are, as a developer does in a terminal. It ends with the test. */
export async function startHomeDaemon(program: string, environment: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(process.execPath, [program, "serve"], { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString("utf8");
    });
  atEnd(async () => {
    if (child.exitCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  });
  while (!output.includes("listening")) {
    if (child.exitCode !== null) throw new Error(`the daemon did not start: ${output}`);
    await sleep(10);
  }
}
