import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { DaemonClient } from "../../wire/client.ts";
import { CLIENT_DIAL_TIMEOUT_MS } from "../../wire/limits.ts";

const SERVER =
  'const s = require("node:net").createServer(); s.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => console.log(s.address().port))';
let child: ChildProcess | undefined;
const fillers: Socket[] = [];
let port = 0;

/** A port whose queue of connections is full: what listens there is stopped, so further connections hang. */
beforeAll(async () => {
  const server = spawn(process.execPath, ["-e", SERVER], { stdio: ["ignore", "pipe", "inherit"] });
  child = server;
  const [line] = (await once(createInterface(server.stdout), "line")) as [string];
  server.kill("SIGSTOP");
  port = Number(line);
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
});
afterAll(() => {
  for (const socket of fillers) socket.destroy();
  child?.kill("SIGKILL");
});

it("the caller can cancel while the client still connects", async () => {
  const client = new DaemonClient({ kind: "tcp", host: "127.0.0.1", port }, "t");
  await expect(client.list("", { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
    code: "cancelled",
    message: "cancelled by the caller",
  });
});

it("the client gives up connecting after its time limit", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  let failure: unknown;
  const listed = new DaemonClient({ kind: "tcp", host: "127.0.0.1", port }, "t").list("").catch((error: unknown) => {
    failure = error;
  });
  vi.advanceTimersByTime(CLIENT_DIAL_TIMEOUT_MS - 1);
  await new Promise(setImmediate);
  expect(failure).toBeUndefined();
  vi.advanceTimersByTime(1);
  await listed;
  expect(failure).toMatchObject({
    code: "daemon_unreachable",
    message: `failed to connect to cmd2host daemon at 127.0.0.1:${port}: no answer within 10 s`,
  });
});
