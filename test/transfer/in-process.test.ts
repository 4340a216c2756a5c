import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { beforeEach, describe, expect, it } from "vitest";
import { runReceive, runSend } from "../../transfer/program.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { reportIn } from "./programs.ts";

let top = "";
beforeEach(() => {
  top = tempDirectory();
  mkdirSync(join(top, "to"));
  writeFileSync(join(top, "f"), "content");
});

/** Both programs in this process, joined by a pipe; returns the exit codes and what they say. */
async function both(from: readonly string[], to: readonly string[]) {
  const [pipe, out, err] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const sent = runSend(from, pipe, err).then((exit) => {
    pipe.end();
    return exit;
  });
  const exits = await Promise.all([sent, runReceive(to, pipe, out)]);
  return { exits, sent: reportIn(err.read() as Buffer), received: reportIn(out.read() as Buffer) };
}

describe("the programs in this process", () => {
  it("do what they do as processes", async () => {
    const before = process.listenerCount("SIGTERM");
    const { exits, sent, received } = await both(
      [`--root=${top}`, `--path=${top}/f`, "--special-bits", "--links=skip"],
      [
        `--root=${top}/to`,
        `--path=${top}/to`,
        "--kind=file",
        "--file-mode=600",
        "--directory-mode=700",
        "--links=keep",
      ],
    );
    expect(exits).toEqual([0, 0]);
    expect(received).toMatchObject({ ok: true, files: 1, bytes: 7 });
    expect(sent).toEqual(received);
    expect(readdirSync(join(top, "to"))).toEqual(["f"]);
    expect(process.listenerCount("SIGTERM")).toBe(before);
  });

  it("say what went wrong at each end", async () => {
    symlinkSync("f", join(top, "l"));
    const { exits, sent, received } = await both(
      [`--root=${top}`, `--path=${top}/l`],
      [`--root=${top}/to`, "--path=/x"],
    );
    expect(exits).toEqual([1, 1]);
    expect([sent["code"], received["code"]]).toEqual(["file_denied", "file_denied"]);
    expect((await both([], ["--max-files=x", "--path=/x"])).exits).toEqual([2, 2]);
    expect((await both(["--path=/x", "--path=/y"], ["--links=x", "--path=/x"])).exits).toEqual([2, 2]);
  });

  it("give their exit code when nobody reads what they say", async () => {
    const gone = new PassThrough();
    gone.destroy();
    expect(await runSend([], new PassThrough(), gone)).toBe(2);
  });

  it("stop at a signal, which ends nothing else", async () => {
    const [input, out] = [new PassThrough(), new PassThrough()];
    const work = runReceive([`--root=${top}/to`, `--path=${top}/to/x`], input, out);
    process.emit("SIGTERM");
    expect(await work).toBe(1);
    expect(reportIn(out.read() as Buffer)["code"]).toBe("cancelled");
  });

  it("hand on a mistake of their own", async () => {
    const broken = new PassThrough();
    broken.write = () => {
      throw new TypeError("a bug");
    };
    await expect(runSend([`--root=${top}`, `--path=${top}/f`], broken, new PassThrough())).rejects.toThrow("a bug");
  });
});
