// The bare reference of the benchmark: spawns `true` with piped output, and nothing else.
import { spawn } from "node:child_process";

async function once() {
  const started = performance.now();
  const child = spawn("/bin/true", [], { stdio: ["ignore", "pipe", "pipe"], detached: true });
  child.stdout.resume();
  child.stderr.resume();
  await new Promise((resolve) => child.once("close", resolve));
  return performance.now() - started;
}

process.on("message", async ({ count, parallel }) => {
  const each = Math.ceil(count / parallel);
  const samples = await Promise.all(
    Array.from({ length: parallel }, async () => {
      const own = [];
      for (let index = 0; index < each; index++) own.push(await once());
      return own;
    }),
  );
  process.send?.(samples.flat());
});
