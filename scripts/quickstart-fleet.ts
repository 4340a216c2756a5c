/**
 * A fleet on this machine: a gateway and three agents, each a process of its own with its own directory, key and policy; codes, enrolment by pinned keys, a
 * command on one machine and on all that have a tag, one that policy denies, and what the records of both ends say. Exits 0 only if every step came out as
 * expected; leaves nothing behind.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const cliFile = join(root, "dist/cmd2host.js");
const scratch = realpathSync(mkdtempSync(join(tmpdir(), "c2h-fleet-")));
const machines = ["web1", "web2", "db1"] as const;
const running: ChildProcess[] = [];
let failures = 0;

function title(text: string): void {
  process.stdout.write(`\n== ${text}\n`);
}

function show(text: string): void {
  for (const line of text.trimEnd().split("\n")) process.stdout.write(`   ${line}\n`);
}

/** Prints a line that says whether what happened is what should have happened. */
function expect(what: string, holds: boolean): void {
  if (!holds) failures++;
  process.stdout.write(`   ${holds ? "ok  " : "FAIL"} ${what}\n`);
}

interface Done {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param base the directory of whose machine it runs on */
function cmd2host(base: string, environment: Readonly<Record<string, string>>, ...args: readonly string[]): Done {
  const env = { PATH: process.env["PATH"] ?? "", HOME: scratch, CMD2HOST_CONFIG_DIR: base, ...environment };
  return spawnSync(process.execPath, [cliFile, ...args], { env, encoding: "utf8" });
}

function needed(done: Done, what: string): string {
  if (done.status !== 0) throw new Error(`${what}: exit ${String(done.status)}\n${done.stdout}${done.stderr}`);
  return done.stdout;
}

function serve(base: string, ...args: readonly string[]): void {
  const env = { PATH: process.env["PATH"] ?? "", HOME: scratch, CMD2HOST_CONFIG_DIR: base };
  running.push(spawn(process.execPath, [cliFile, ...args], { env, stdio: "ignore" }));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 200) throw new Error(`not within 20 s: ${what}`);
    await sleep(100);
  }
}

try {
  const [port, linkPort] = [await freePort(), await freePort()];
  const gateway = join(scratch, "gateway");
  title("The gateway: one file, one key");
  show(
    needed(
      cmd2host(scratch, {}, "gateway", "init", `--dir=${gateway}`, `--port=${port}`, `--link-port=${linkPort}`),
      "gateway init",
    ),
  );
  serve(scratch, "gateway", `--config=${gateway}/gateway.toml`);
  const me = { CMD2HOST_GATEWAY: `http://127.0.0.1:${port}`, CMD2HOST_GATEWAY_KEY_FILE: `${gateway}/admin.key` };
  await until("the gateway answers", () => cmd2host(scratch, me, "targets", "--json").status === 0);

  title("Three machines: a policy each, a code each, used once");
  for (const name of machines) {
    const base = join(scratch, name);
    const tag = name.startsWith("web") ? "web" : "db";
    const template = name === "db1" ? "fleet_readonly" : "fleet_shell";
    const asRoot = process.getuid?.() === 0 ? ["--allow-root"] : [];
    const listen = `--listen=127.0.0.1:${await freePort()}`;
    needed(
      cmd2host(base, {}, "agent", "init", `--template=${template}`, `--name=${name}`, listen, "--allow", ...asRoot),
      "agent init",
    );
    serve(base, "agent");
    await until("the agent is there", () => cmd2host(base, {}, "runs", "--json").status === 0);
    const code = (
      JSON.parse(needed(cmd2host(base, {}, "agent", "enroll", "--json"), "agent enroll")) as { code: string }
    ).code;
    show(needed(cmd2host(scratch, me, "fleet", "add", code, `--tag=${tag}`), "fleet add"));
  }
  await until("all answer", () => cmd2host(scratch, me, "ping", "--all").status === 0);
  show(needed(cmd2host(scratch, me, "targets"), "targets"));

  title("A command on one of them: byte for byte, one shell, the exit code as it is");
  const one = cmd2host(scratch, me, "exec", "web1", `printf '%s|' "a  b" '$HOME'; exit 7`);
  show(one.stdout);
  expect("the output is exact", one.stdout === "a  b|$HOME|");
  expect("so is the exit code", one.status === 7);

  title("The same on all that are tagged web, at the same time");
  const all = cmd2host(scratch, me, "exec", "--tag=web", "--", "echo here: $((6 * 7))");
  show(all.stdout + all.stderr);
  expect("both answered", all.status === 0 && all.stdout.split("here: 42").length === 3);

  title("db1 lets be looked at, and nothing else: its own policy says so");
  const look = cmd2host(scratch, me, "exec", "db1", "--operation=uptime");
  show(look.stdout);
  expect("uptime is allowed", look.status === 0);
  const no = cmd2host(scratch, me, "exec", "db1", "id");
  show(no.stderr);
  expect("a shell is denied", no.status !== 0 && no.stderr.includes("shell"));

  title("Who did what, on both ends, under one id");
  const here = cmd2host(join(gateway, "state"), {}, "audit", "list", "--json");
  const there = cmd2host(join(scratch, "web1"), {}, "audit", "list", "--json");
  const ids = (text: string): readonly string[] =>
    [...text.matchAll(/"id": ?"([0-9a-f-]{36})"/g)].map(([, id = ""]) => id);
  const both = ids(here.stdout).filter((id) => ids(there.stdout).includes(id));
  show(needed(cmd2host(join(gateway, "state"), {}, "audit", "list"), "audit list"));
  expect("the machine recorded what the gateway did", both.length >= 2);
  expect("the gateway's audit holds", cmd2host(join(gateway, "state"), {}, "audit", "verify").status === 0);
  expect("no key stands in it", !here.stdout.includes(readFileSync(`${gateway}/admin.key`, "utf8").trim()));
} catch (error) {
  failures++;
  process.stdout.write(`\nFAIL ${error instanceof Error ? error.message : String(error)}\n`);
} finally {
  for (const child of running) child.kill("SIGTERM");
  await Promise.all(
    running.map(async (child) =>
      child.exitCode === null ? new Promise((resolve) => child.once("exit", resolve)) : undefined,
    ),
  );
  rmSync(scratch, { recursive: true, force: true });
}
process.stdout.write(failures === 0 ? "\nEverything came out as expected.\n" : `\n${failures} step(s) failed.\n`);
process.exit(failures === 0 ? 0 : 1);
