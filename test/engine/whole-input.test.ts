import { PassThrough } from "node:stream";
import { describe, expect, it, vi } from "vitest";
import { wholeInput } from "../../host/engine/whole-input.ts";

const quiet = new AbortController().signal;

describe("standard input that a person is to allow", () => {
  it("comes whole, from its first byte to its last", async () => {
    const source = new PassThrough();
    const whole = wholeInput(source, 10, quiet);
    source.write("ab");
    source.end("cd");
    expect((await whole).toString()).toBe("abcd");
  });

  it("is refused when it is too large, or breaks off", async () => {
    const large = new PassThrough();
    large.write("abc");
    await expect(wholeInput(large, 2, quiet)).rejects.toMatchObject({ code: "approval_input_refused" });
    const broken = new PassThrough();
    const whole = wholeInput(broken, 10, quiet);
    broken.destroy();
    await expect(whole).rejects.toThrow(/ended before it was complete/);
  });

  it("is not waited for without end", async () => {
    vi.useFakeTimers();
    try {
      const never = expect(wholeInput(new PassThrough(), 10, quiet)).rejects.toThrow(/was not complete within 60 s/);
      await vi.advanceTimersByTimeAsync(60_000);
      await never;
    } finally {
      vi.useRealTimers();
    }
  });

  it("is not waited for when its client has gone, or the daemon stops", async () => {
    const stop = new AbortController();
    const waiting = wholeInput(new PassThrough(), 10, stop.signal);
    stop.abort("disconnected");
    await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
    const stopping = new AbortController();
    stopping.abort("shutting_down");
    await expect(wholeInput(new PassThrough(), 10, stopping.signal)).rejects.toMatchObject({ code: "shutting_down" });
  });
});
