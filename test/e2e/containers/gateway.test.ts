import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { runProgram, type Ended } from "../../fixtures/backends/program.ts";
import { atEnd, projectRoot, tempDirectory } from "../../fixtures/temp.ts";
import { IMAGES } from "../rig/images.ts";
import { mustPodman, podman } from "../rig/podman.ts";

/** The image of containers/gateway, made of this tree, started as its compose.yaml says, in front of an agent of the host. */
const IMAGE = "localhost/cmd2host-gateway-test";
const CONTAINERS = join(projectRoot, "containers/gateway");
const ASSET = `cmd2host-linux-${process.arch}`;
const USER = 65_532;
const [CONFIG, STATE] = ["/etc/cmd2host-gateway", "/var/lib/cmd2host-gateway"] as const;
const [HTTP, LINK] = [9_877, 9_878] as const;
const MAX_POLLS = 600;

const out = tempDirectory();
const program = join(out, ASSET);
const volume = `cmd2host-gateway-test-${process.pid}`;
const config = join(tempDirectory(), "config");

async function must(...[file, args]: readonly [file: string, args: readonly string[]]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(file, args, process.env, projectRoot);
  if (code !== 0) throw new Error(`${file} ${args.join(" ")}: ${stderr}`);
  return stdout;
}

async function until(what: string, good: () => Promise<boolean>): Promise<void> {
  for (let polls = 0; polls < MAX_POLLS; polls++) {
    if (await good()) return;
    await sleep(100);
  }
  throw new Error(`not in time: ${what}`);
}

const build = ["--import", "tsx", join(projectRoot, "scripts/build-executable.ts")];
await must(process.execPath, [...build, `--target=linux-${process.arch}`, `--out=${out}`]);
const args = [`--build-arg=BASE=localhost/${IMAGES[0]}`, `--build-arg=EXECUTABLE=${ASSET}`];
const file = ["--file", join(CONTAINERS, "Containerfile")];
await mustPodman(
  "build",
  "--quiet",
  "--network=none",
  "--pull-never",
  "--format=docker",
  "--tag",
  IMAGE,
  ...args,
  ...file,
  out,
);
atEnd(async () => {
  await podman(["volume", "rm", "--force", volume]);
  await podman(["rmi", "--force", IMAGE]);
});

// Only the user of the image may read it.
mkdirSync(config, { mode: 0o700 });
chownSync(config, USER, USER);
await mustPodman(
  "run",
  "--rm",
  "--network=none",
  `--volume=${config}:${CONFIG}`,
  IMAGE,
  "init",
  `--dir=${CONFIG}`,
  `--state-dir=${STATE}`,
  "--bind=0.0.0.0",
);

/** Starts it as compose.yaml says; ends it with the test. Returns the id of the container. */
async function startGateway(): Promise<string> {
  const limits = ["--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", `--user=${USER}:${USER}`];
  const volumes = [`--volume=${config}:${CONFIG}:ro`, `--volume=${volume}:${STATE}`];
  const ports = [`--publish=127.0.0.1:${HTTP}:${HTTP}`, `--publish=${LINK}:${LINK}`];
  const id = (await mustPodman("run", "--detach", "--hostname=gateway", ...limits, ...volumes, ...ports, IMAGE)).trim();
  atEnd(async () => {
    await podman(["rm", "--force", "--time=5", id]);
  });
  // The check that the image itself has.
  await until("it is healthy", async () => (await podman(["healthcheck", "run", id])).code === 0);
  return id;
}

/** The command line of an administrator on the host. */
async function fleet(...words: readonly string[]): Promise<Ended> {
  const environment = {
    ...process.env,
    CMD2HOST_GATEWAY: `http://127.0.0.1:${HTTP}`,
    CMD2HOST_GATEWAY_KEY_FILE: join(config, "admin.key"),
  };
  return runProgram(program, words, environment, "/");
}

/** An agent of the host that dials out to where the gateway's port is published; ends with the test. */
async function startAgent(): Promise<void> {
  const environment = { PATH: process.env["PATH"], CMD2HOST_CONFIG_DIR: join(tempDirectory(), "agent") };
  const agent = async (...words: readonly string[]): Promise<Ended> =>
    runProgram(program, ["agent", ...words], environment, "/");
  expect((await agent("init", "--allow", "--allow-root", "--dial-only", "--name=web1")).code).toBe(0);
  const invited = await fleet("fleet", "invite", `--address=127.0.0.1:${LINK}`, "--json");
  const { code } = JSON.parse(invited.stdout) as { readonly code: string };
  expect((await agent("enroll", code)).stdout).toContain("Enrolled at gateway");
  const child = spawn(program, ["agent"], { env: environment, stdio: "ignore", cwd: "/" });
  atEnd(async () => {
    if (child.exitCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  });
}

async function answers(): Promise<boolean> {
  return (await fleet("ping", "web1")).code === 0;
}

describe("the image of the gateway", () => {
  it("is healthy without root, rights, a shell or a file system to write to, takes an agent in, and keeps its state when it is made anew", async () => {
    const first = await startGateway();
    const pid = (await mustPodman("inspect", "--format={{.State.Pid}}", first)).trim();
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    for (const line of [
      /^Uid:\s+65532\s/m,
      /^Gid:\s+65532\s/m,
      /^CapEff:\s+0+$/m,
      /^CapBnd:\s+0+$/m,
      /^NoNewPrivs:\s+1$/m,
    ])
      expect(status).toMatch(line);
    expect((await podman(["exec", first, "/bin/sh", "-c", "true"])).code).not.toBe(0);

    await startAgent();
    await until("the agent is there", answers);
    const ran = await fleet("exec", "web1", "--operation", "kernel");
    expect([ran.code, ran.stdout]).toEqual([0, expect.stringContaining("Linux")]);
    const key = (await fleet("fleet", "key")).stdout;

    // SIGTERM ends it, in time.
    await mustPodman("stop", "--time=30", first);
    expect((await mustPodman("inspect", "--format={{.State.ExitCode}}", first)).trim()).toBe("0");
    expect((await podman(["healthcheck", "run", first])).code).not.toBe(0);
    await mustPodman("rm", first);

    await startGateway();
    await until("the agent comes back by itself", answers);
    expect((await fleet("fleet", "key")).stdout).toBe(key);
    const again = await fleet("exec", "web1", "--operation", "kernel");
    expect([again.code, again.stdout]).toEqual([0, ran.stdout]);
    const audit = await mustPodman("volume", "mount", volume);
    const records = await must("sh", ["-c", `cat ${audit.trim()}/audit/*.jsonl`]);
    expect(records.split("\n").filter((line) => line.includes('"operation":"kernel"')).length).toBeGreaterThanOrEqual(
      2,
    );
    await mustPodman("volume", "unmount", volume);
  });

  it("is started with what compose.yaml says", () => {
    const compose = readFileSync(join(CONTAINERS, "compose.yaml"), "utf8");
    for (const line of [
      `hostname: gateway`,
      `user: "${USER}:${USER}"`,
      "read_only: true",
      "cap_drop: [ALL]",
      'security_opt: ["no-new-privileges:true"]',
      `- "127.0.0.1:${HTTP}:${HTTP}"`,
      `- "${LINK}:${LINK}"`,
      `- ./config:${CONFIG}:ro`,
      `- state:${STATE}`,
      "stop_grace_period: 30s",
    ])
      expect(compose.split("\n").map((one) => one.trim())).toContain(line);
  });
});
