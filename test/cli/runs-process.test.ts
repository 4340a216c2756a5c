import { execFile, spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { projectRoot, tempDirectory } from "../fixtures/temp.ts";
import { commandLine } from "../fixtures/tested-program.ts";
import { finished, openScene, start, waiting, type Scene } from "./runs-scene.ts";

const [program, ...words] = commandLine();

function environment(scene: Scene): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"], HOME: scene.base.root, CMD2HOST_CONFIG_DIR: scene.base.root };
}

const command = (...argv: readonly string[]): readonly string[] => [...words, "runs", ...argv];

async function ended(child: ChildProcess): Promise<{ readonly code: number | null; readonly signal: string | null }> {
  return new Promise((resolve) =>
    child.once("exit", (code, signal) => {
      resolve({ code, signal });
    }),
  );
}

/** The command line as a process of its own, and pipes as a shell makes them. */
describe("runs as a process", () => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await openScene();
  });

  async function shell(script: string, ...more: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)("bash", ["-c", script, "bash", program, ...more], {
      cwd: projectRoot,
      env: environment(scene),
    });
    return stdout;
  }

  it("keeps what a run wrote byte for byte on its way into files, and both streams in one pipe", async () => {
    const id = await finished(scene.agent, "\\377out\\n", "err\\n");
    const directory = tempDirectory();
    const files = ["out", "err"].map((name) => openSync(join(directory, name), "w"));
    const child = spawn(program, command("show", id, "--output"), {
      cwd: projectRoot,
      env: environment(scene),
      stdio: ["ignore", ...files],
    });
    expect(await ended(child)).toEqual({ code: 0, signal: null });
    for (const file of files) closeSync(file);
    expect(readFileSync(join(directory, "out"))).toEqual(Buffer.from("\u00ffout\n", "latin1"));
    expect(readFileSync(join(directory, "err"), "utf8")).toBe("err\n");
    const both = await shell('"$@" 2>&1 | cat', ...command("tail", await finished(scene.agent, "out\\n", "err\\n")));
    expect(both).toBe("out\nerr\n");
  });

  it("ends with 141 and without a word when nobody reads any more", async () => {
    const { run_id: id = "" } = await scene.agent.run({ operation: "write_bytes", params: { count: "3000000" } });
    const script = '"$@" | head -c 3 | wc -c; echo "${PIPESTATUS[0]}"';
    expect((await shell(`exec 2>&1; ${script}`, ...command("show", id, "--output"))).split(/\s+/)).toEqual([
      "3",
      "141",
      "",
    ]);
  });

  it("says that the output cannot be written", async () => {
    const id = await finished(scene.agent, "x");
    const said = await shell('"$@" 2>&1 >/dev/full; echo "$?"', ...command("show", id, "--output"));
    expect(said).toMatch(/^error: the output cannot be written: .*ENOSPC.*\nhint: .+\n1\n$/);
  });

  it("follows a run as it writes, and leaves it alone when it is ended itself", async () => {
    const run = await waiting(scene);
    const child = spawn(program, command("tail", "--follow"), {
      cwd: projectRoot,
      env: environment(scene),
      stdio: ["ignore", "pipe", "ignore"],
    });
    const end = ended(child);
    await new Promise((resolve) => child.stdout.once("data", resolve));
    child.kill("SIGINT");
    expect(await end).toEqual({ code: null, signal: "SIGINT" });
    expect((await scene.agent.status(run.run_id, 0)).run?.state).toBe("running");
    await scene.agent.cancel(run.run_id);
  });

  it("fails as the run does with --exit-status", async () => {
    const { run_id: id } = await start(scene.agent, "say", { out: "", err: "", code: "7" });
    const said = await shell('"$@"; echo "$?"', ...command("tail", "-f", "--exit-status", id));
    expect(said).toBe("7\n");
  });
});
