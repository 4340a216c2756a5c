import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Fed } from "../../host/exec/terminal.ts";
import { runFed } from "../../host/exec/terminal.ts";
import { tempDirectory } from "../fixtures/temp.ts";

/** Runs a line of sh. */
async function sh(script: string, input: Fed["input"], signal = new AbortController().signal, file = "/bin/sh") {
  const said = { stdout: "", stderr: "" };
  const written: Fed["written"] = (stream, bytes) => (said[stream] += bytes.toString());
  const command = { file, argv0: "sh" };
  const exit = await runFed({ command, args: ["-c", script], env: {} }, { input, written, signal });
  return { exit, ...said };
}

describe("a program that is fed", () => {
  it("reads what it is given, and is heard", async () => {
    expect(await sh("cat; echo oh >&2; exit 3", Buffer.from("in"))).toEqual({ exit: 3, stdout: "in", stderr: "oh\n" });
    const file = join(tempDirectory(), "input");
    writeFileSync(file, "from a file");
    const descriptor = openSync(file, "r");
    expect(await sh("cat", descriptor)).toMatchObject({ exit: 0, stdout: "from a file" });
    closeSync(descriptor);
  });

  it("may end without reading everything", async () => {
    expect(await sh("exit 4", Buffer.alloc(4_000_000))).toMatchObject({ exit: 4 });
  });

  it("is not waited for by its output when somebody else holds that open", async () => {
    expect(await sh("echo done; sleep 30 & exit 0", Buffer.alloc(0))).toMatchObject({ exit: 0, stdout: "done\n" });
  });

  it("is ended when nobody wants it any more", async () => {
    const stop = new AbortController();
    const running = sh("sleep 30", Buffer.alloc(0), stop.signal);
    stop.abort();
    expect((await running).exit).toBe(143);
  });

  it("has to be there", async () => {
    await expect(sh("", Buffer.alloc(0), undefined, "/nonexistent")).rejects.toMatchObject({
      code: "command_not_found",
    });
    await expect(sh("", Buffer.alloc(0), undefined, "/etc")).rejects.toMatchObject({ code: "spawn_failed" });
  });
});
