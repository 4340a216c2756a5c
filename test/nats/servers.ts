import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createConnection, createServer, type AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe } from "vitest";
import { atEnd, tempDirectory } from "../fixtures/temp.ts";

/** Debian puts it where only root's search path looks. */
export const PROGRAM = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/bin"]
  .map((directory) => join(directory, "nats-server"))
  .find((path) => existsSync(path));

/** Tests that need a real server. Without one they are skipped, and their title says so. */
export function describeNats(title: string, tests: () => void): void {
  if (PROGRAM !== undefined) describe(title, tests);
  else describe.skip(`SKIPPED, BECAUSE THERE IS NO nats-server (apt-get install nats-server): ${title}`, tests);
}

/** Ports that nobody had a moment ago; all of them different. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map(async (server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(
    servers.map(async (server) => {
      server.close();
      await once(server, "close");
    }),
  );
  return ports;
}

/** Waits until it holds; fails when that takes longer than a machine under load could need. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 30_000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within 30 seconds: ${what}`);
    await sleep(20);
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = createConnection(port, "127.0.0.1");
  try {
    const [greeting] = (await once(socket, "data")) as [Buffer];
    return greeting.toString().startsWith("INFO ");
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** A real nats-server on loopback, which can be killed and started again on the same port. */
export class NatsServer {
  readonly port: number;
  readonly #configuration: string;
  readonly #directory: string;
  #process: ChildProcess | undefined;

  constructor(port: number, directory: string, text: string) {
    this.port = port;
    this.#directory = directory;
    this.#configuration = join(directory, "nats.conf");
    this.configure(text);
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** For the next start, or for `reload`. */
  configure(text: string): void {
    writeFileSync(
      this.#configuration,
      `host: 127.0.0.1\nport: ${this.port}\nlog_file: ${JSON.stringify(join(this.#directory, "log"))}\n${text}`,
    );
  }

  async start(): Promise<void> {
    const child = spawn(PROGRAM ?? "", ["-c", this.#configuration], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    this.#process = child;
    await until("nats-server answers", async () => {
      if (child.exitCode !== null) throw new Error(`nats-server ended: ${said}`);
      return answers(this.port);
    });
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }

  /** Stops it from running without closing anything, as a cut network does. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  reload(): void {
    this.#process?.kill("SIGHUP");
  }
}

/** One server. It ends with the test, or with the file that started it. */
export async function startServer(text = "", directory = tempDirectory()): Promise<NatsServer> {
  const [port = 0] = await freePorts(1);
  const server = new NatsServer(port, directory, text);
  atEnd(async () => server.kill());
  await server.start();
  return server;
}

/** JetStream in a directory of its own. */
export function jetStreamText(directory: string): string {
  return `jetstream: { store_dir: ${JSON.stringify(join(directory, "jetstream"))}, max_memory_store: 16MB, max_file_store: 4GB }\n`;
}

/** Three servers in a cluster, with JetStream. */
export async function startCluster(text = ""): Promise<readonly [NatsServer, NatsServer, NatsServer]> {
  const ports = await freePorts(6);
  const clients = ports.slice(0, 3);
  const routes = ports.slice(3).map((port) => `nats://127.0.0.1:${port}`);
  const [first, second, third] = clients.map((port, index) => {
    const directory = join(tempDirectory(), "node");
    mkdirSync(directory);
    return new NatsServer(
      port,
      directory,
      `server_name: node${index + 1}
${jetStreamText(directory)}
cluster: { name: fleet, host: 127.0.0.1, port: ${ports[index + 3] ?? 0}, routes: ${JSON.stringify(routes)} }
${text}`,
    );
  });
  if (first === undefined || second === undefined || third === undefined) throw new Error("three are needed");
  const all = [first, second, third] as const;
  atEnd(async () => {
    await Promise.all(all.map(async (server) => server.kill()));
  });
  await Promise.all(all.map(async (server) => server.start()));
  return all;
}

/** The PEM files of an authority and of a server at 127.0.0.1. */
export function certificates(subjectAltName: string): {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
} {
  const directory = tempDirectory();
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const { status, stderr } = spawnSync("openssl", [
    ...request,
    ...["-keyout", key, "-out", cert, "-subj", "/CN=nats", "-addext", `subjectAltName=${subjectAltName}`],
  ]);
  if (status !== 0) throw new Error(stderr.toString());
  return { ca: cert, cert, key };
}
