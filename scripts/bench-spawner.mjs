// The bare reference of the benchmark: a program that spawns `true` with piped output, or answers connections with a fixed reply,
// behind a spawn of `true` when it is asked for an operation; and nothing else.
import { spawn } from "node:child_process";
import { createServer } from "node:net";

async function once() {
  const started = performance.now();
  const child = spawn("/bin/true", [], { stdio: ["ignore", "pipe", "pipe"], detached: true });
  child.stdout.resume();
  child.stderr.resume();
  await new Promise((resolve) => child.once("close", resolve));
  return performance.now() - started;
}

async function spawns({ count, parallel }) {
  const each = Math.ceil(count / parallel);
  const samples = await Promise.all(
    Array.from({ length: parallel }, async () => {
      const own = [];
      for (let index = 0; index < each; index++) own.push(await once());
      return own;
    }),
  );
  return samples.flat();
}

async function listen({ echo, reply }) {
  for (const address of echo) {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      socket.once("data", (request) => {
        if (!request.includes('"operation"')) socket.end(reply);
        else void once().then(() => socket.end('{"exit_code":0,"stdout":"","stderr":""}'));
      });
      socket.on("error", () => undefined);
    });
    await new Promise((resolve) => server.listen(address, resolve));
    server.unref();
  }
  return "listening";
}

process.on("message", async (message) => process.send?.(await ("echo" in message ? listen(message) : spawns(message))));
