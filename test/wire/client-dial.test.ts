import { spawn } from "node:child_process";
import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { afterAll, expect, it } from "vitest";
import { DaemonClient } from "../../wire/client.ts";
import { CLIENT_DIAL_TIMEOUT_MS } from "../../wire/limits.ts";

const ends: (() => void)[] = [];
afterAll(() => {
  for (const end of ends) end();
});

/** A port whose queue of connections is full: what listens there is stopped, so further connections hang. */
async function hangingPort(): Promise<number> {
  const script =
    'const s = require("node:net").createServer(); s.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => console.log(s.address().port))';
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const fillers: Socket[] = [];
  ends.push(() => {
    for (const socket of fillers) socket.destroy();
    child.kill("SIGKILL");
    child.stdout.destroy();
  });
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  child.kill("SIGSTOP");
  const port = Number(line);
  for (let connected = true; connected;) {
    const socket = createConnection(port, "127.0.0.1");
    socket.on("error", () => undefined);
    fillers.push(socket);
    connected = await Promise.race([
      once(socket, "connect").then(() => true),
      new Promise<boolean>((resolve) => {
        setTimeout(resolve, 300, false);
      }),
    ]);
  }
  return port;
}

it.concurrent("the caller can cancel while the client still connects", async () => {
  const port = await hangingPort();
  const client = new DaemonClient({ kind: "tcp", host: "127.0.0.1", port }, "t");
  await expect(client.list("", { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
    code: "cancelled",
    message: "cancelled by the caller",
  });
});

it.concurrent("the client gives up connecting after its time limit", async () => {
  const port = await hangingPort();
  const started = performance.now();
  await expect(new DaemonClient({ kind: "tcp", host: "127.0.0.1", port }, "t").list("")).rejects.toMatchObject({
    code: "daemon_unreachable",
    message: `failed to connect to cmd2host daemon at 127.0.0.1:${port}: no answer within 10 s`,
  });
  expect(performance.now() - started).toBeGreaterThan(CLIENT_DIAL_TIMEOUT_MS - 100);
});
