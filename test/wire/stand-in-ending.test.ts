import { describe, expect, it } from "vitest";
import type { OutcomeFields } from "../../wire/schema.ts";
import { standInExit, standInLine, standInLines } from "../../wire/stand-in-ending.ts";

const DISCOVER = "; run mcp__cmd2host__cmd2host_list_operations to discover supported operations";

function ended(more: Partial<OutcomeFields>): OutcomeFields {
  return { outcome: "completed", exit_code: 0, stdout_bytes: 0, stderr_bytes: 0, ...more };
}

describe("how a stand-in ends", () => {
  it("is the program's own exit code when it ran, whether it was let finish or not", () => {
    expect(standInExit(ended({ exit_code: 3 }))).toBe(3);
    expect(standInExit(ended({ exit_code: 220 }))).toBe(220);
    expect(standInExit(ended({ exit_code: -1 }))).toBe(255);
    expect(standInExit(ended({ exit_code: 256 }))).toBe(0);
    expect(standInExit(ended({ outcome: "failed", code: "timed_out", exit_code: 124 }))).toBe(124);
  });

  it("is 220 for a denial, and 230 for what no project can allow", () => {
    expect(standInExit(ended({ outcome: "denied", exit_code: 1 }))).toBe(220);
    expect(standInExit(ended({ outcome: "denied", code: "argv_no_match", exit_code: 1 }))).toBe(220);
    expect(standInExit(ended({ outcome: "denied", code: "file_url_refused", exit_code: 1 }))).toBe(230);
    expect(standInExit(ended({ outcome: "denied", code: "interactive_command", exit_code: 1 }))).toBe(230);
  });

  it("is said in nothing when the program ended by itself and everything was shown", () => {
    expect(standInLines(ended({ exit_code: 3 }))).toEqual([]);
  });

  it("is said with the way to find what is allowed, once, when it was denied", () => {
    const denied = (message: string): OutcomeFields => ended({ outcome: "denied", code: "argv_no_match", message });
    expect(standInLines(denied("nope"))).toEqual([`cmd2host: nope${DISCOVER}`]);
    expect(standInLines(denied("cmd2host: nope"))).toEqual([`cmd2host: nope${DISCOVER}`]);
    expect(standInLines(denied("run mcp__cmd2host__cmd2host_list_operations"))).toEqual([
      "cmd2host: run mcp__cmd2host__cmd2host_list_operations",
    ]);
    expect(standInLines({ ...denied("nope"), hint: "Do this." })[1]).toBe("cmd2host: hint: Do this.");
    expect(standInLines(ended({ outcome: "denied", code: "internal" }))).toEqual([`cmd2host: internal${DISCOVER}`]);
    expect(standInLines(ended({ outcome: "denied" }))).toEqual([`cmd2host: ${DISCOVER}`]);
  });

  it("is said as it is when the host could not", () => {
    const failed = ended({ outcome: "failed", code: "timed_out", message: "too long", hint: "", exit_code: 124 });
    expect(standInLines(failed)).toEqual(["cmd2host: too long"]);
  });

  it("is said when output was cut, and what else is to be known", () => {
    const cut = ended({ stdout_bytes: 9, stderr_bytes: 8, stdout_truncated: true, stderr_truncated: true });
    expect(standInLines({ ...cut, notice: "left over" }, { stdout: 5, stderr: 4 })).toEqual([
      "cmd2host: stdout truncated by host daemon (shown 5 of 9 bytes)",
      "cmd2host: stderr truncated by host daemon (shown 4 of 8 bytes)",
      "cmd2host: notice: left over",
    ]);
    expect(standInLines(cut)[0]).toBe("cmd2host: stdout truncated by host daemon (9 bytes in all)");
  });

  it("never steers a terminal", () => {
    expect(standInLine("a\n\u001b[2Jb")).toBe("cmd2host: a\\n\\x1b[2Jb");
  });
});
