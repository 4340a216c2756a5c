import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { buffer } from "node:stream/consumers";
import { finished } from "node:stream/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { blockingInput, blockingOutput } from "../../host/cli/blocking-streams.ts";
import { tempDirectory } from "../fixtures/temp.ts";

/** Both ends of a pipe; the one that is ours to test may be marked not to be waited for. */
function pipe(mark: number, tested: "read" | "write"): { read: number; write: number } {
  const path = join(tempDirectory(), "fifo");
  execFileSync("mkfifo", [path]);
  const both = openSync(path, constants.O_RDWR);
  const read = openSync(path, constants.O_RDONLY | (tested === "read" ? mark : constants.O_NONBLOCK));
  const write = openSync(path, constants.O_WRONLY | (tested === "write" ? mark : 0));
  closeSync(both);
  return { read, write };
}

describe.runIf(process.platform === "linux").each([
  ["waits", 0],
  ["is marked not to wait", constants.O_NONBLOCK],
] as const)("a stream on a pipe that %s", (_what, mark) => {
  it("gives all that is written, and its end", async () => {
    const { read, write } = pipe(mark, "read");
    const all = buffer(blockingInput(read));
    await sleep(20);
    writeSync(write, "one");
    await sleep(20);
    writeSync(write, "two");
    closeSync(write);
    expect((await all).toString()).toBe("onetwo");
    closeSync(read);
  });

  it("takes no more than is read, and then all of it", async () => {
    const { read, write } = pipe(mark, "write");
    onTestFinished(() => {
      closeSync(read);
    });
    const stream = blockingOutput(write);
    const sent = Buffer.alloc(300_000, "abcdefg");
    expect(stream.write(sent)).toBe(false);
    stream.end();
    const done = finished(stream);
    await sleep(50);
    expect(stream.writableFinished).toBe(false);
    const got: Buffer[] = [];
    for (let length = 0; length < sent.length;) {
      const part = Buffer.alloc(65_536);
      try {
        const count = readSync(read, part);
        got.push(part.subarray(0, count));
        length += count;
      } catch (error) {
        expect(error).toMatchObject({ code: "EAGAIN" });
        await sleep(2);
      }
    }
    await done;
    closeSync(write);
    expect(Buffer.concat(got).equals(sent)).toBe(true);
  });

  it("says that nobody reads any more", async () => {
    const { read, write } = pipe(mark, "write");
    closeSync(read);
    const stream = blockingOutput(write);
    stream.end("x");
    await expect(finished(stream)).rejects.toMatchObject({ code: "EPIPE" });
    closeSync(write);
  });
});
