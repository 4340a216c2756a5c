import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { DaemonClient } from "../../wire/client.ts";
import { buildProgram, DaemonProcess } from "../contract/routes-process.ts";
import { isAlive, pidIn } from "../exec/processes.ts";
import { defaultBase, TOKEN } from "../fixtures/base.ts";
import { atEnd, fixturePrograms, tempDirectory } from "../fixtures/temp.ts";
import { wordsOf } from "../fixtures/tested-program.ts";

it.runIf(process.platform === "linux")(
  "a daemon that is killed leaves its commands to the next one, which ends them, and nothing that a command left on purpose before",
  async () => {
    const bin = fixturePrograms();
    const params = { file: { type: "string" as const } };
    const { base } = defaultBase({
      allowed_operations: ["leave", "stay"],
      operations: {
        // It ends; what it has put into a session of its own stays, as its author wanted.
        leave: {
          command: "/bin/sh",
          args_template: ["-c", `setsid sh -c 'echo $$ > "$0"; exec sleep 60' "$0" > /dev/null 2>&1 &`, "{file}"],
          params,
        },
        stay: { command: `${bin}/detach`, args_template: ["60", "{file}"], params },
      },
    });
    const program = await buildProgram();
    const first = await DaemonProcess.start(program, base);
    const client = new DaemonClient(first.address, TOKEN);
    const begun = async (operation: string): Promise<{ readonly id: string; readonly pid: number }> => {
      const file = join(tempDirectory(), "pid");
      const started = await client.start({ operation, params: { file } });
      if (started.kind !== "started") throw new Error(started.reply.code ?? "it was not started");
      return { id: started.run.run_id, pid: await pidIn(file) };
    };
    const left = await begun("leave");
    atEnd(() => {
      if (isAlive(left.pid)) process.kill(left.pid, "SIGKILL");
    });
    expect((await client.status(left.id, 20)).run?.state).toBe("completed");
    const { id, pid } = await begun("stay");
    while (readdirSync(base.directory.running).length === 0) await sleep(10);
    await first.stop("SIGKILL");
    expect(isAlive(pid)).toBe(true);

    const second = await DaemonProcess.start(program, base);
    while (isAlive(pid)) await sleep(10);
    const { run } = await new DaemonClient(second.address, TOKEN).status(id, 0);
    expect(run).toMatchObject({ state: "failed", code: "shutting_down" });
    expect(await second.stop()).toBe(0);
    expect(readdirSync(base.directory.running)).toEqual([]);
    const [file = ""] = readdirSync(base.directory.audit);
    const notes = readFileSync(join(base.directory.audit, file), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    // The program, its own child, and what left its group.
    expect(notes.filter(({ note }) => note === "left_running")).toMatchObject([{ processes: "3" }]);
    const [own, ...words] = wordsOf(program);
    const env = { ...process.env, CMD2HOST_CONFIG_DIR: base.root };
    expect(spawnSync(own, [...words, "audit", "verify"], { env }).status).toBe(0);
    expect(isAlive(left.pid)).toBe(true);
  },
);
