import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { beforeEach, describe, expect, it } from "vitest";
import { CodedError } from "../../wire/errors.ts";
import { DEFAULT_LIMITS } from "../../transfer/limits.ts";
import { receive } from "../../transfer/receive.ts";
import { send } from "../../transfer/send.ts";
import { atEnd, tempDirectory } from "../fixtures/temp.ts";
import { makeTree, readTree, receiveBytes, refusal, sendTo, streamOf, transfer, type Node } from "./trees.ts";

let top = "";
beforeEach(() => {
  top = tempDirectory();
});

const once = (work: () => void): (() => void) => {
  let isDone = false;
  return () => {
    if (!isDone) work();
    isDone = true;
  };
};

describe("a file that changes while it is sent", () => {
  const large = (): string => {
    const path = join(top, "f");
    writeFileSync(path, Buffer.alloc(2_000_000, "a"));
    return path;
  };

  it("and grows is sent as long as it was, with a notice", async () => {
    const path = large();
    const notices: string[] = [];
    const { received } = await transfer(
      {
        roots: [top],
        path,
        onProgress: once(() => {
          appendFileSync(path, "more");
        }),
        onNotice: (text) => notices.push(text),
      },
      { roots: [top], path: join(top, "to") },
    );
    expect(received.bytes).toBe(2_000_000);
    expect(notices).toEqual([`"${path}" changed while it was read; what was sent may be a mixture`]);
  });

  it("and shrinks ends the transfer, and the other end has nothing", async () => {
    const path = large();
    const onProgress = once(() => {
      truncateSync(path, 300_000);
    });
    const moved = transfer({ roots: [top], path, onProgress }, { roots: [top], path: join(top, "to") });
    expect(await refusal(moved)).toBe(`file_failed: "${path}": became shorter while it was read`);
    expect(readdirSync(top)).toEqual(["f"]);
  });

  it("and is removed before its turn is left out with a notice", async () => {
    makeTree(
      join(top, "tree"),
      new Map<string, Node>([
        ["a", { kind: "file", content: "x".repeat(2_000_000) }],
        ["b", { kind: "file" }],
        ["c", { kind: "directory" }],
        ["d", { kind: "link", content: "a" }],
        ["e", { kind: "file", content: "e" }],
      ]),
    );
    const notices: string[] = [];
    const onProgress = once(() => {
      for (const name of ["b", "c", "d"]) rmSync(join(top, "tree", name), { recursive: true });
    });
    const { sent } = await transfer(
      { roots: [top], path: join(top, "tree"), links: "keep", onProgress, onNotice: (text) => notices.push(text) },
      { roots: [top], path: join(top, "to"), links: true },
    );
    expect(notices).toEqual(["b", "c", "d"].map((name) => `"${name}" was removed meanwhile, and was left out`));
    expect(sent).toMatchObject({ files: 2, directories: 1, links: 0, skipped: 3 });
    expect([...readTree(join(top, "to")).keys()]).toEqual(["", "a", "e"]);
  });

  it("is not sent when it is something else by then", async () => {
    makeTree(
      join(top, "tree"),
      new Map<string, Node>([
        ["a", { kind: "file", content: "x".repeat(2_000_000) }],
        ["b", { kind: "directory" }],
        ["c", { kind: "file" }],
      ]),
    );
    const onProgress = once(() => {
      rmSync(join(top, "tree", "c"));
      mkdirSync(join(top, "tree", "c"));
    });
    const { sent } = await transfer(
      { roots: [top], path: join(top, "tree"), onProgress },
      { roots: [top], path: join(top, "to") },
    );
    // What it is when its turn comes is what counts.
    expect(sent).toMatchObject({ files: 1, directories: 3 });
  });
});

describe("what is too much to send", () => {
  beforeEach(() => {
    makeTree(
      join(top, "tree"),
      new Map<string, Node>([
        ["a", { kind: "directory" }],
        ["a/b", { kind: "directory" }],
        ["a/b/f", { kind: "file", content: "12345" }],
      ]),
    );
  });
  it.each([
    [{ maxBytes: 4 }, "has more than 4 bytes"],
    [{ maxFiles: 3 }, "has more than 3 files and directories"],
    [{ maxDepth: 1 }, "has directories inside of each other more than 1 deep"],
  ])("is found before anything is sent, with %j", async (limits, why) => {
    const pipe = new PassThrough();
    const part = { roots: [top], path: join(top, "tree"), limits: { ...DEFAULT_LIMITS, ...limits } };
    expect(await refusal(sendTo(pipe, part))).toBe(`output_too_large: what is to be sent ${why}`);
    expect(pipe.readableLength).toBe(0);
  });

  it("is found for a file as well, and what is just enough is sent", async () => {
    const file = { roots: [top], path: join(top, "tree/a/b/f") };
    const limited = (maxBytes: number) => ({ ...file, limits: { ...DEFAULT_LIMITS, maxBytes } });
    expect(await refusal(streamOf(limited(4)))).toContain("more than 4 bytes");
    const limits = { maxBytes: 5, maxFiles: 4, maxDepth: 2 };
    expect((await streamOf({ roots: [top], path: join(top, "tree"), limits })).length).toBeGreaterThan(0);
    await streamOf(limited(5));
  });

  it("in names is found as well", async () => {
    const path = join(top, "deep");
    // Longer than a path may be that is handed to the system whole.
    const script = 'mkdir "$1" && cd "$1" && for n in $(seq 20); do mkdir "$2" && cd -P "$2" || exit 1; done';
    atEnd(() => {
      spawnSync("rm", ["-rf", path]);
    });
    expect(spawnSync("/bin/sh", ["-c", script, "sh", path, "y".repeat(250)]).status).toBe(0);
    expect(await refusal(streamOf({ roots: [top], path }))).toMatch(
      /^file_denied: .* is a path of more than 4096 bytes$/,
    );
  });
});

describe("a transfer that is cancelled", () => {
  const part = () => ({ roots: [top], path: join(top, "f") });
  beforeEach(() => {
    writeFileSync(join(top, "f"), Buffer.alloc(5_000_000));
  });

  it("before it begins does nothing", async () => {
    const signal = AbortSignal.abort();
    expect(await refusal(streamOf({ ...part(), signal }))).toBe("cancelled: the transfer was cancelled");
    const bytes = await streamOf(part());
    expect(await refusal(receiveBytes(bytes, { roots: [top], path: join(top, "to"), signal }))).toMatch(/^cancelled/);
    expect(readdirSync(top)).toEqual(["f"]);
  });

  it("in the middle, while the sender waits for the other end, ends", async () => {
    const controller = new AbortController();
    const pipe = new PassThrough();
    const work = send({ ...part(), output: pipe, limits: DEFAULT_LIMITS, signal: controller.signal });
    pipe.once("readable", () => {
      controller.abort(new CodedError("shutting_down", "stopped"));
    });
    expect(await refusal(work)).toBe("shutting_down: stopped");
  });

  it("in the middle, while the receiver waits for the other end, ends and leaves nothing", async () => {
    const controller = new AbortController();
    const bytes = await streamOf(part());
    const pipe = new PassThrough();
    const onProgress = once(() => {
      controller.abort();
    });
    const to = { roots: [top], path: join(top, "to"), limits: DEFAULT_LIMITS };
    const work = receive({ ...to, input: pipe, signal: controller.signal, onProgress });
    pipe.write(bytes.subarray(0, 1_000_000));
    expect(await refusal(work)).toMatch(/^cancelled/);
    expect(pipe.destroyed).toBe(true);
    expect(readdirSync(top)).toEqual(["f"]);
  });

  it("when everything has come, but not the end of the stream, leaves nothing", async () => {
    const controller = new AbortController();
    const pipe = new PassThrough();
    const to = { roots: [top], path: join(top, "to"), limits: DEFAULT_LIMITS };
    const onProgress = ({ bytes }: { bytes: number }): void => {
      if (bytes === 5_000_000)
        setTimeout(() => {
          controller.abort();
        }, 20);
    };
    const work = receive({ ...to, input: pipe, signal: controller.signal, onProgress });
    pipe.write(await streamOf(part()));
    expect(await refusal(work)).toMatch(/^cancelled/);
    expect(readdirSync(top)).toEqual(["f"]);
  });

  it("by the other end says that nobody takes it, or that it broke off", async () => {
    const pipe = new PassThrough();
    const work = send({ ...part(), output: pipe, limits: DEFAULT_LIMITS });
    pipe.once("readable", () => pipe.destroy(new Error("reset")));
    expect(await refusal(work)).toBe("cancelled: nobody takes the stream any more: reset");
    expect(await refusal(send({ ...part(), output: pipe, limits: DEFAULT_LIMITS }))).toBe(
      "cancelled: nobody takes the stream any more",
    );
    const input = new PassThrough();
    const received = receive({ roots: [top], path: join(top, "to"), limits: DEFAULT_LIMITS, input });
    input.write((await streamOf(part())).subarray(0, 100_000));
    setTimeout(() => input.destroy(new Error("reset")), 20);
    expect(await refusal(received)).toBe("transfer_invalid: the stream broke off: reset");
    expect(readdirSync(top)).toEqual(["f"]);
  });
});
