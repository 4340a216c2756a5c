import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { runOperation, type OperationCall } from "../../mcp/running.ts";
import { tokensOf } from "../../mcp/tokens.ts";
import { CodedError } from "../../wire/errors.ts";
import { fakeBackend, FakeCalls, told, type Program, type Told } from "./fake-calls.ts";

const LINES = Array.from({ length: 20_441 }, (_, index) => `this is line ${index + 1}\n`).join("");

interface Way {
  readonly maxTokens?: number;
  readonly runTimeoutMs?: number;
  readonly output?: "text" | "json";
  readonly call?: Partial<OperationCall>;
  readonly by?: Told;
}

async function ran(program: Program, way: Way = {}) {
  const { maxTokens, runTimeoutMs, output = "text", call = {}, by = told() } = way;
  const calls = new FakeCalls({ op: program });
  const backend = fakeBackend(calls, maxTokens, runTimeoutMs);
  const { content, structuredContent, isError } = await runOperation(
    backend,
    { operation: "op", ...call },
    by.context,
    { output },
  );
  const [block] = content;
  const text = block?.type === "text" ? block.text : "";
  return { calls, text, content, data: structuredContent as Record<string, unknown>, isError: isError === true };
}

describe("the result of a run", () => {
  it("that is short is as lean as ever, and has the run id in the data only", async () => {
    const { text, data, isError, content } = await ran(({ print }) => {
      print("hello\n");
      return {};
    });
    expect(text).toBe("Exit code: 0\n\n**stdout:**\n```\nhello\n```\n\n");
    expect(data).toEqual({
      outcome: "completed",
      exit_code: 0,
      run_id: "run-1",
      stdout: "hello\n",
      stdout_original_bytes: 6,
      stderr: "",
    });
    expect([isError, content.length]).toEqual([false, 1]);
  });

  it("that is long has its first and last lines, says what is missing, and where it is", async () => {
    const { text, data, content } = await ran(({ print }) => {
      for (let at = 0; at < LINES.length; at += 10_007) print(LINES.slice(at, at + 10_007));
      return {};
    });
    const note =
      /\*stdout: ([\d,]+) of 20,441 lines shown \(first (\d+), last ([\d,]+)\); the rest: cmd2host_read_output run_id="run-1" line=(\d+)\*/.exec(
        text,
      );
    const [shown = 0, first = 0, last = 0, next = 0] = (note ?? [])
      .slice(1)
      .map((part) => Number(part.replace(",", "")));
    expect(shown).toBe(first + last);
    expect(next).toBe(first + 1);
    expect(last).toBeGreaterThan(first);
    expect(text).toContain(
      `this is line ${first}\n[… ${(20_441 - shown).toLocaleString("en-US")} lines left out …]\nthis is line ${20_441 - last + 1}\n`,
    );
    expect(text).toMatch(/^Exit code: 0\n\n\*\*stdout:\*\*\n```\nthis is line 1\n/);
    expect(text).toContain("this is line 20441\n```\n");
    expect(text).toMatch(/\nRun: run-1\n$/);
    expect(data).toMatchObject({ stdout_truncated: true, stdout_original_bytes: LINES.length });
    expect(content[1]).toMatchObject({
      type: "resource_link",
      uri: "cmd2host://runs/run-1/stdout",
      size: LINES.length,
    });
  });

  it("has no links for a client that does not know them", async () => {
    const by = told();
    const { content } = await ran(({ print }) => (print(LINES), {}), {
      by: { ...by, context: { ...by.context, links: false } },
    });
    expect(content).toHaveLength(1);
  });

  it.each([
    ["lines", LINES],
    ["one line", "word ".repeat(200_000)],
    ["one word", "x".repeat(900_000)],
    ["base64", Buffer.from(LINES).toString("base64")],
    ["CJK", "吾輩は猫である。".repeat(40_000)],
    ["emoji", "😀".repeat(100_000)],
    ["zero bytes", "\0".repeat(300_000)],
    ["quotation marks", '"\\'.repeat(200_000)],
    ["empty lines", "\n".repeat(500_000)],
    ["backticks", "`".repeat(500_000)],
    ["almost too much", "word ".repeat(2_400)],
  ])("stays within its tokens, in text and in data: %s", async (_, output) => {
    for (const [exitCode, maxTokens] of [
      [0, 2_000],
      [1, 2_000],
      [1, 10_000],
    ] as const) {
      const { text, data } = await ran(
        ({ print }) => {
          print(output);
          print(output, "stderr");
          return { exit_code: exitCode, hint: "hint ".repeat(5_000), outcome: exitCode === 0 ? "completed" : "failed" };
        },
        { maxTokens },
      );
      // Backticks are counted with the two fences that they make longer; in the text the fences are there.
      const tokens = output.startsWith("`") ? text.length * 0.3 : tokensOf(text);
      expect(tokens).toBeLessThanOrEqual(maxTokens);
      expect(tokens).toBeGreaterThan(maxTokens / 2);
      expect(text.isWellFormed()).toBe(true);
      // The estimate takes each text as it stands in JSON already.
      const strings = Object.values(data).flat().map(String);
      expect(strings.map(tokensOf).reduce((a, b) => a + b)).toBeLessThanOrEqual(maxTokens);
    }
  });

  it("that failed shows the end of standard error and of standard output, however much there is", async () => {
    const { text, isError } = await ran(({ print }) => {
      print(`${"noise\n".repeat(1_000_000)}last of stdout\n`);
      print(`${"warning\n".repeat(1_000_000)}fatal: the cause\n`, "stderr");
      return { exit_code: 128 };
    });
    expect(isError).toBe(true);
    expect(text).toMatch(/^Exit code: 128\n/);
    expect(text).toContain("last of stdout\n```");
    expect(text).toContain("fatal: the cause\n```");
    expect(text).toContain('stream="stderr" line=');
    expect(text).toContain("Run: run-1\n");
  });

  it("that was ended by the daemon says why", async () => {
    const { text, data } = await ran(({ print }) => {
      print("part\n");
      return {
        outcome: "failed",
        exit_code: 124,
        code: "timed_out",
        message: "Command timed out",
        hint: "Ask for less.",
      };
    });
    expect(text).toBe(
      "Exit code: 124\n\n**stdout:**\n```\npart\n```\n\nReason: Command timed out\nCode: timed_out\nHint: Ask for less.\nRun: run-1\n",
    );
    expect(data).toMatchObject({ outcome: "failed", reason: "Command timed out", code: "timed_out" });
  });

  it("of which the daemon passed on a part says so as ever", async () => {
    const { text } = await ran(({ print }) => (print("abcd"), { stdout_bytes: 11, stdout_truncated: true }));
    expect(text).toBe("Exit code: 0\n\n**stdout:**\n```\nabcd\n```\n*stdout truncated: shown 4 of 11 bytes*\n\n");
  });

  it("that is binary is base64 when it is short, and a number of bytes when it is long", async () => {
    const bytes = Buffer.from([0xff, 0, 1, 0x80]);
    const short = await ran(({ print }) => (print(bytes), {}));
    expect(short.text).toBe("Exit code: 0\n\n**stdout (base64, binary):**\n```\n/wABgA==\n```\n\n");
    expect(short.data).toMatchObject({ stdout: "/wABgA==", stdout_encoding: "base64" });
    const long = await ran(({ print }) => (print(Buffer.alloc(5_000, bytes)), {}));
    expect(long.text).toBe(
      'Exit code: 0\n\n*stdout: 5,000 bytes that are not text; as base64: cmd2host_read_output run_id="run-1" offset=0*\n\nRun: run-1\n',
    );
    expect(long.data).toMatchObject({ stdout: "", stdout_truncated: true });
  });

  it("that is text but for some bytes is shown as text", async () => {
    const latin = Buffer.from(`${"caf\u00e9 au lait\n".repeat(200)}end\n`, "latin1");
    const { text } = await ran(({ print }) => (print(latin), {}));
    expect(text).toContain("caf\uFFFD au lait\n");
    expect(text).toContain("*stdout is not UTF-8; what cannot be read is shown as \uFFFD*");
  });
});

describe("filtered output", () => {
  const filtered = { stdout: "short\n", dropped: ["20 lines of progress were left out."] };

  it("is shown in place of the output, with what was dropped and where all of it is", async () => {
    const { text, data } = await ran(({ print }) => (print(LINES), { filtered }));
    expect(text).toBe(
      'Exit code: 0\n\n**stdout:**\n```\nshort\n```\n*stdout filtered: 20 lines of progress were left out.; all of it: cmd2host_read_output run_id="run-1"*\n\nRun: run-1\n',
    );
    expect(data).toMatchObject({ stdout: "short\n", left_out: [expect.stringContaining("stdout filtered") as string] });
  });

  it("that dropped nothing looks like any other", async () => {
    const { text } = await ran(() => ({ filtered: { stdout: "short\n", dropped: [] } }));
    expect(text).toBe("Exit code: 0\n\n**stdout:**\n```\nshort\n```\n\n");
  });

  it("that is still too long is cut too", async () => {
    const { text } = await ran(() => ({ filtered: { stdout: LINES, dropped: ["x"] } }));
    expect(tokensOf(text)).toBeLessThanOrEqual(10_000);
    expect(text).toContain("this is line 20441\n```\n");
    expect(text).toMatch(
      /\*stdout: [\d,]+ of [\d,]+ filtered bytes shown; all of it: cmd2host_read_output run_id="run-1"\*/,
    );
  });
});

describe("JSON output", () => {
  it("is parsed in the data, and as printed in the text", async () => {
    const { text, data } = await ran(({ print }) => (print('{"a": [1, 2]}\n'), {}), { output: "json" });
    expect(text).toContain('```\n{"a": [1, 2]}\n```');
    expect(data).toEqual({ outcome: "completed", exit_code: 0, run_id: "run-1", data: { a: [1, 2] }, stderr: "" });
  });

  it("of a filter is parsed too", async () => {
    const { data } = await ran(() => ({ filtered: { stdout: "[1]", dropped: [] } }), { output: "json" });
    expect(data).toMatchObject({ data: [1] });
  });

  it.each<[string, Program]>([
    ["is not JSON", ({ print }) => (print("{oops"), {})],
    ["is of a program that failed", ({ print }) => (print("{}"), { exit_code: 1 })],
    ["is not all there", ({ print }) => (print("1"), { stdout_bytes: 9, stdout_truncated: true })],
    ["is empty", () => ({})],
    ["is too long", ({ print }) => (print(JSON.stringify(LINES.split("\n"))), {})],
  ])("stays text when it %s", async (_, program) => {
    const { data } = await ran(program, { output: "json" });
    expect(data).not.toHaveProperty("data");
    expect(data).toHaveProperty("stdout");
  });
});

describe("a call", () => {
  it("hands everything on", async () => {
    const call = { params: { a: 1 }, flags: ["--x"], targetRepo: "o/r", timeoutSeconds: 7, stdin: "né" };
    let seen: unknown;
    let input = "";
    await ran(
      async ({ request, stdin }) => {
        seen = request;
        for await (const chunk of stdin ?? []) input += Buffer.from(chunk as Uint8Array).toString("utf8");
        return {};
      },
      { call },
    );
    const { stdin, ...rest } = call;
    expect(seen).toEqual({ operation: "op", ...rest });
    expect(input).toBe(stdin);
  });

  it("tells that it was accepted, then the last line", async () => {
    const by = told();
    await ran(
      async ({ print }) => {
        print("Compiling\nLinking\n\n");
        await sleep(1_200);
        return {};
      },
      { by },
    );
    expect(by.progress.map(({ message }) => message)).toEqual(["running as run-1", "Linking"]);
  });

  it("that is cancelled cancels the run", async () => {
    const by = told();
    let ended = false;
    await ran(
      async ({ signal }) => {
        setTimeout(by.cancel, 10);
        await new Promise((resolve) => {
          signal.addEventListener("abort", resolve);
        });
        ended = true;
        return { outcome: "failed", exit_code: 143, code: "cancelled" };
      },
      { by },
    );
    expect(ended).toBe(true);
  });

  it("that takes longer than this server waits says so, with what came until then", async () => {
    const program: Program = async ({ print, signal }) => {
      print("part\n");
      await new Promise((resolve) => {
        signal.addEventListener("abort", resolve);
      });
      return { outcome: "failed", exit_code: 143, code: "cancelled", message: "Command cancelled" };
    };
    const { text, data } = await ran(program, { runTimeoutMs: 50 });
    expect(text).toContain("**stdout:**\n```\npart\n```");
    expect(text).toContain("Reason: failed to read response: no complete reply within 0.05 s\nCode: reply_timeout\n");
    expect(data).toMatchObject({ outcome: "failed", code: "reply_timeout" });
  });

  it("that is denied says so, within its tokens", async () => {
    const { text, data, isError } = await ran(() => ({}), { call: { operation: "nope" } });
    expect(text).toBe(
      'Operation denied:\n```\nOperation "nope" not allowed\n```\nCode: operation_not_allowed\nHint: Ask the owner.\n',
    );
    expect([data["outcome"], isError]).toEqual(["denied", true]);
    const long = await ran(() => ({ outcome: "denied", message: "no ".repeat(90_000) }), { maxTokens: 1_000 });
    expect(tokensOf(long.text)).toBeLessThanOrEqual(1_000);
  });

  it("that the daemon cannot carry out is an error of the tool", async () => {
    const { text, data, isError } = await ran(() => {
      throw new CodedError("daemon_too_old", "the daemon does not know this request");
    });
    expect(text).toMatch(
      /^Error running operation: the daemon does not know this request\nCode: daemon_too_old\nHint: /,
    );
    expect([data["outcome"], isError]).toEqual(["failed", true]);
  });
});

describe("a run in the background", () => {
  const background = { background: true } as const;

  it("is answered at once, with its id and what to do next", async () => {
    const { text, data, isError } = await ran(
      async ({ signal }) => {
        await new Promise((resolve) => {
          signal.addEventListener("abort", resolve);
        });
        return {};
      },
      { call: background },
    );
    expect(text).toMatch(
      /^Started in the background\.\n\nRun: run-1\nNext: cmd2host_run_status run_id="run-1" wait_seconds=30 /,
    );
    expect([data, isError]).toEqual([{ outcome: "running", run_id: "run-1" }, false]);
  });

  it("that is refused says why", async () => {
    const { text, data } = await ran(() => ({}), { call: { ...background, operation: "nope" } });
    expect(text).toContain('Operation denied:\n```\nOperation "nope" not allowed\n```\n');
    expect(data).toMatchObject({ outcome: "denied", code: "operation_not_allowed" });
  });

  it("takes no standard input", async () => {
    const { text, data } = await ran(() => ({}), { call: { ...background, stdin: "x" } });
    expect(text).toContain("a run in the background takes no standard input");
    expect(data).toMatchObject({ outcome: "failed", code: "usage" });
  });
});
