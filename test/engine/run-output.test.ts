import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RunOutput, type OutputLimits } from "../../host/engine/run-output.ts";
import { Capture } from "../../host/exec/capture.ts";
import { DEFAULT_RULES } from "../../host/redact/redact-rules.ts";
import { Redaction } from "../../host/redact/redaction.ts";
import type { OutputEnd, StreamName } from "../../wire/names.ts";

const SECRET = "s3cret-of-this-session-0123456789";
const masking = new Redaction(new Map()).for({ token: SECRET, rules: DEFAULT_RULES, environment: undefined });

interface Ran {
  readonly output: RunOutput;
  readonly seen: Record<StreamName, string>;
  readonly kept: Readonly<Record<StreamName, Capture>>;
}

function run(
  limits: OutputLimits,
  keep: OutputEnd | undefined,
  parts: readonly (readonly [StreamName, string])[],
): Ran {
  const seen = { stdout: "", stderr: "" };
  const kept = { stdout: new Capture(1_000_000), stderr: new Capture(1_000_000) };
  const sink = {
    write: (stream: StreamName, bytes: Buffer) => {
      seen[stream] += bytes.toString("utf8");
      return undefined;
    },
  };
  const output = new RunOutput(limits, [sink], masking, kept, keep);
  for (const [stream, text] of parts) void output.write(stream, Buffer.from(text));
  output.end();
  return { output, seen, kept };
}

const lines = Array.from({ length: 50 }, (_, index) => ["stdout", `line ${index}\n`] as const);
const all = lines.map(([, text]) => text).join("");

describe("what leaves of a run's output", () => {
  it("is all of it without a limit, whichever end is asked for", () => {
    for (const keep of [undefined, "head", "tail"] as const) {
      const { seen, output } = run({ stdout: undefined, stderr: undefined }, keep, lines);
      expect([seen.stdout, output.isCut("stdout")]).toEqual([all, false]);
    }
  });

  it("is the beginning, or the end where the operation says so", () => {
    const limits = { stdout: 20, stderr: undefined };
    const head = run(limits, undefined, lines);
    expect(head.seen.stdout).toBe(all.slice(0, 20));
    const tail = run(limits, "tail", [...lines, ["stderr", "a warning"]]);
    expect(tail.seen.stdout).toBe(all.slice(-20));
    expect(tail.seen.stderr).toBe("a warning");
    for (const { output } of [head, tail]) {
      expect([output.isCut("stdout"), output.isCut("stderr")]).toEqual([true, false]);
      expect(output.total("stdout")).toBe(all.length);
    }
  });

  it("is all of it when there is no more than may leave", () => {
    const { seen, output, kept } = run({ stdout: 1_000, stderr: 0 }, "tail", lines);
    expect([seen.stdout, output.isCut("stdout")]).toEqual([all, false]);
    expect(kept.stdout.result().bytes.toString()).toBe(all);
  });

  it("is the same for whoever reads it at once and for whoever gets it in the reply", () => {
    const { seen, kept } = run({ stdout: 33, stderr: 5 }, "tail", [...lines, ["stderr", "0123456789"]]);
    expect(kept.stdout.result().bytes.toString()).toBe(seen.stdout);
    expect([seen.stderr, kept.stderr.result().bytes.toString()]).toEqual(["56789", "56789"]);
  });

  it("has its secrets masked before it is cut, so that no part of one is left at the border", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 0, max: 80 }),
        fc.constantFrom("head" as const, "tail" as const),
        (limit, behind, keep) => {
          const text = `before ${SECRET} ${"x".repeat(behind)}`;
          const cut = Math.floor(text.length / 3);
          const parts = [text.slice(0, cut), text.slice(cut)].map((part) => ["stdout", part] as const);
          const { seen } = run({ stdout: limit, stderr: undefined }, keep, parts);
          for (let length = 6; length <= SECRET.length; length++)
            for (const piece of [SECRET.slice(0, length), SECRET.slice(-length)])
              expect(seen.stdout).not.toContain(piece);
        },
      ),
    );
  });

  it("never has a part of a character at its beginning", () => {
    const { seen } = run({ stdout: 4, stderr: undefined }, "tail", [["stdout", "ééé"]]);
    expect(seen.stdout).toBe("éé");
    expect(run({ stdout: 3, stderr: undefined }, "tail", [["stdout", "ééé"]]).seen.stdout).toBe("é");
  });

  it("is over at its end: nothing is taken any more", () => {
    const { output, seen } = run({ stdout: 5, stderr: undefined }, "tail", [["stdout", "0123456789"]]);
    expect(output.write("stdout", Buffer.from("more"))).toBeUndefined();
    output.end();
    expect([seen.stdout, output.total("stdout")]).toEqual(["56789", 10]);
  });

  it("waits for everybody who wants to be waited for", async () => {
    const waiting: (() => void)[] = [];
    const slow = { write: async () => new Promise<void>((resolve) => waiting.push(resolve)) };
    const quick = { write: () => undefined };
    const limits = { stdout: undefined, stderr: undefined };
    const output = new RunOutput(limits, [slow, quick, slow], masking, undefined);
    // Long enough that not all of it is kept back until it is known to be no secret.
    const written = output.write("stdout", Buffer.from(`${"x".repeat(10_000)}\n`));
    expect(waiting).toHaveLength(2);
    for (const resolve of waiting) resolve();
    await written;
  });
});
