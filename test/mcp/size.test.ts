import { describe, expect, it } from "vitest";
import { bounded, fitsTwice } from "../../mcp/size.ts";
import type { OperationReply } from "../../wire/schema.ts";

const MIB = 1_048_576;

function reply(fields: Partial<OperationReply>): OperationReply {
  return { exit_code: 0, stdout: "", stderr: "", ...fields };
}

function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}

describe("the size of a result", () => {
  it("leaves what fits as it is", () => {
    const small = reply({ stdout: "x".repeat(MIB), stderr: "y".repeat(65_536) });
    expect(bounded(small)).toBe(small);
    expect(fitsTwice(small)).toBe(true);
  });

  it("counts escapes, so that a program that prints zero bytes is not sent twice", () => {
    const zeros = reply({ stdout: "\0".repeat(MIB) });
    expect(bounded(zeros)).toBe(zeros);
    expect(fitsTwice(zeros)).toBe(false);
  });

  it("cuts a stream that does not fit once, and says how long it was", () => {
    const cut = bounded(reply({ stdout: "é".repeat(5 * MIB), stderr: "short" }));
    expect(cut).toMatchObject({ stdout_truncated: true, stdout_original_bytes: 10 * MIB, stderr: "short" });
    expect(cut).not.toHaveProperty("stderr_truncated");
    expect(jsonBytes(cut.stdout)).toBeLessThanOrEqual(4 * MIB);
    expect(cut.stdout.length).toBeGreaterThan(MIB);
  });

  it("keeps the length that the daemon said", () => {
    const cut = bounded(
      reply({ stderr: "x".repeat(9 * MIB), stderr_truncated: true, stderr_original_bytes: 99 * MIB }),
    );
    expect(cut).toMatchObject({ stderr_truncated: true, stderr_original_bytes: 99 * MIB });
  });

  it("never cuts a character in two", () => {
    for (const lead of ["", "a"]) {
      const { stdout } = bounded(reply({ stdout: lead + "😀".repeat(3 * MIB) }));
      expect(stdout.isWellFormed()).toBe(true);
    }
  });

  it("keeps base64 decodable and counts the bytes behind it", () => {
    const bytes = Buffer.alloc(7 * MIB, 0xff);
    const cut = bounded(reply({ stdout: bytes.toString("base64"), stdout_encoding: "base64" }));
    expect(cut.stdout.length % 4).toBe(0);
    expect(cut.stdout_original_bytes).toBe(7 * MIB);
    expect(bytes.indexOf(Buffer.from(cut.stdout, "base64"))).toBe(0);
  });

  it("fits also where all that needs escapes comes first", () => {
    const cut = bounded(reply({ stdout: "\0".repeat(MIB) + "x".repeat(8 * MIB) }));
    expect(jsonBytes(cut.stdout)).toBeLessThanOrEqual(4 * MIB);
  });
});
