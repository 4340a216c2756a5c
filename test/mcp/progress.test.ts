import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { LastLine, startProgress } from "../../mcp/progress.ts";

interface Report {
  readonly message: string;
  readonly value: number;
}

function reports(pace: { every: number; silence: number }) {
  const all: Report[] = [];
  const progress = startProgress((message, value) => all.push({ message, value }), pace);
  return { all, progress };
}

async function until(condition: () => boolean): Promise<void> {
  for (let count = 0; count < 500 && !condition(); count++) await sleep(10);
  expect(condition()).toBe(true);
}

describe("progress", () => {
  it("tells the first thing at once and then the newest only, not more often than allowed", async () => {
    const { all, progress } = reports({ every: 50, silence: 60_000 });
    for (let count = 0; count < 100; count++) progress.say(() => `step ${count}`);
    expect(all.map(({ message }) => message)).toEqual(["step 0"]);
    await until(() => all.length === 2);
    expect(all[1]?.message).toBe("step 99");
    progress.stop();
  });

  it("gives a sign of life while nothing is said, and none after the end", async () => {
    const { all, progress } = reports({ every: 10, silence: 20 });
    await until(() => all.length >= 3);
    progress.stop();
    const count = all.length;
    expect(all[0]?.message).toMatch(/^still running, \d+ s$/);
    await sleep(60);
    expect(all).toHaveLength(count);
  });

  it("only grows", async () => {
    const { all, progress } = reports({ every: 1, silence: 1 });
    await until(() => all.length >= 10);
    progress.stop();
    for (const [index, { value }] of all.entries()) expect(value).toBeGreaterThan(all[index - 1]?.value ?? 0);
  });

  it("is one line that a terminal can show, of at most 200 bytes", () => {
    const { all, progress } = reports({ every: 1_000, silence: 1_000 });
    progress.say(() => `a\u202eb\n${"吾".repeat(300)}`);
    progress.stop();
    expect(all[0]?.message.startsWith("a\\u202eb\\n吾")).toBe(true);
    expect(Buffer.byteLength(all[0]?.message ?? "")).toBeLessThanOrEqual(200);
    expect(Buffer.byteLength(all[0]?.message ?? "")).toBeGreaterThan(190);
  });

  it("is not made for a client that did not ask", async () => {
    const progress = startProgress(undefined, { every: 1, silence: 1 });
    let asked = false;
    progress.say(() => ((asked = true), "x"));
    await sleep(20);
    expect(asked).toBe(false);
  });
});

describe("the last line", () => {
  function lastOf(...pieces: readonly string[]): string {
    const last = new LastLine();
    for (const piece of pieces) last.push(Buffer.from(piece));
    return last.text();
  }

  it.each([
    [["one\ntwo\n"], "two"],
    [["one\n", "\n  \n"], "one"],
    [["one\ntw", "o"], "two"],
    [[" 10%\r 20%\r 30%"], "30%"],
    [["\u001b[32mok\u001b[0m\u001b]0;title\u0007\n"], "ok"],
    [[], ""],
    [["\n\n"], ""],
  ])("of %j is %j", (pieces, line) => {
    expect(lastOf(...pieces)).toBe(line);
  });

  it("of a very long line is its end", () => {
    expect(lastOf("x".repeat(100_000), "end")).toMatch(/^x{1,1021}end$/);
  });
});
