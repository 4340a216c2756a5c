import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { atEnd, tempDirectory } from "../fixtures/temp.ts";

/** peer.ts as one file, bundled as the build bundles the programs. */
export async function bundledPeer(): Promise<string> {
  const outfile = join(tempDirectory(), "peer.mjs");
  await build({
    entryPoints: [fileURLToPath(import.meta.resolve("./peer.ts"))],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    mainFields: ["module", "main"],
    banner: {
      js: `import { createRequire as cmd2hostCreateRequire } from "node:module";
const require = cmd2hostCreateRequire(import.meta.url);`,
    },
    logLevel: "error",
  });
  return outfile;
}

/** A process of it that is ready, and what it says. */
export async function startPeer(
  program: string,
  args: readonly string[],
  runtime = process.execPath,
): Promise<{ readonly child: ChildProcess; readonly said: () => string }> {
  const child = spawn(runtime, [program, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  atEnd(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  });
  let text = "";
  await new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes("\n")) resolve();
    });
    child.once("exit", () => {
      reject(new Error(`the peer ended: ${text}`));
    });
    child.once("error", reject);
  });
  return { child, said: () => text };
}
