import { describe, expect, it } from "vitest";
import { CodedError } from "../../wire/errors.ts";
import { NO_OUTPUT, type Captured, type Completed, type Failed, type Outcome } from "../../wire/outcome.ts";
import { check } from "../../wire/parse.ts";
import { deniedBy, encodeReply, refusal } from "../../wire/reply.ts";
import { endOf, saying } from "../fixtures/said.ts";

function captured(bytes: Buffer | string, more = 0): Captured {
  const kept = Buffer.from(bytes);
  return { bytes: kept, total: kept.length + more, truncated: more > 0 };
}

const completed: Completed = {
  kind: "completed",
  exitCode: 0,
  signal: undefined,
  stdout: captured("hello\n"),
  stderr: NO_OUTPUT,
  notice: undefined,
  redacted: 0,
};
const failed: Failed = {
  ...completed,
  kind: "failed",
  code: "timed_out",
  message: "Command timed out",
  hint: "Ask for less.",
  exitCode: 124,
  signal: "SIGTERM",
  stdout: captured("a", 7),
  stderr: captured("b", 9),
  notice: "Something may still run.",
};

function written(outcome: Outcome, options: { readonly requestId?: string; readonly protocol?: 1 | 2 } = {}): string {
  const { requestId, protocol = 1 } = options;
  return encodeReply(endOf(outcome, { requestId, protocol })).toString("utf8");
}

function read(outcome: Outcome, protocol: 1 | 2 = 1): Readonly<Record<string, unknown>> {
  return JSON.parse(written(outcome, { protocol })) as Readonly<Record<string, unknown>>;
}

describe("the reply of an operation", () => {
  it("is one JSON object without a line end, with what old clients read in the old order and ours behind it", () => {
    expect(written(completed, { requestId: "r1" })).toBe(
      '{"request_id":"r1","exit_code":0,"stdout":"hello\\n","stderr":"","denied_reason":null,"stdout_original_bytes":6,"outcome":"completed"}',
    );
  });

  it("has every member in its place when there is something to say", () => {
    expect(Object.keys(read(failed))).toEqual([
      "exit_code",
      "stdout",
      "stderr",
      "denied_reason",
      "stdout_truncated",
      "stderr_truncated",
      "stdout_original_bytes",
      "stderr_original_bytes",
      "signal",
      "outcome",
      "code",
      "hint",
      "notice",
    ]);
    expect(read(failed)).toMatchObject({
      exit_code: 124,
      denied_reason: null,
      stdout_truncated: true,
      stdout_original_bytes: 8,
      stderr_original_bytes: 10,
      signal: "SIGTERM",
      outcome: "failed",
      code: "timed_out",
      hint: "Ask for less.",
      notice: "Something may still run.",
    });
  });

  it("has no truncation, size, encoding, signal or notice when there is none", () => {
    expect(Object.keys(read({ ...completed, stdout: NO_OUTPUT }))).toEqual([
      "exit_code",
      "stdout",
      "stderr",
      "denied_reason",
      "outcome",
    ]);
  });

  it("of a denial has exit code 1, no output and the reason", () => {
    const denied = deniedBy(new CodedError("json_invalid", "branch main is not allowed", { hint: "Push elsewhere." }));
    expect(written(denied, { requestId: "r1" })).toBe(
      '{"request_id":"r1","exit_code":1,"stdout":"","stderr":"","denied_reason":"branch main is not allowed","outcome":"denied","code":"json_invalid","hint":"Push elsewhere."}',
    );
  });

  it("carries bytes that are not UTF-8 in base64 for protocol 2, and marks each stream", () => {
    const bytes = Buffer.from([0x61, 0xff, 0x00]);
    const both = { ...completed, stdout: captured(bytes), stderr: captured(bytes) };
    expect(read(both, 2)).toMatchObject({
      stdout: "Yf8A",
      stderr: "Yf8A",
      stdout_encoding: "base64",
      stderr_encoding: "base64",
      stdout_original_bytes: 3,
    });
    const one = read({ ...completed, stdout: captured(bytes) }, 2);
    expect(one["stdout_encoding"]).toBe("base64");
    expect(one).not.toHaveProperty("stderr_encoding");
    expect(read(completed, 2)).not.toHaveProperty("stdout_encoding");
  });

  it("carries U+FFFD for them in protocol 1, which knows no encodings", () => {
    const reply = read({ ...completed, stdout: captured(Buffer.from([0x61, 0xff])) });
    expect(reply).toMatchObject({ stdout: "a\ufffd", stdout_original_bytes: 2 });
    expect(reply).not.toHaveProperty("stdout_encoding");
  });

  it("is what our own client accepts, in every form", () => {
    for (const outcome of [completed, failed, deniedBy(new CodedError("internal", "x"))]) {
      for (const protocol of [1, 2] as const)
        expect(check("operation_reply", read(outcome, protocol))).toMatchObject({ ok: true, unknown: [] });
    }
  });

  it("counts text of ours in bytes", () => {
    expect(saying("é\n")).toEqual({ bytes: Buffer.from("é\n"), total: 3, truncated: false });
  });
});

describe("the reply of list and describe", () => {
  const info = { id: "test_op", command: "/bin/echo", description: "Echo" };
  const error = new CodedError("unauthenticated", "Authentication failed");

  it("of a list holds the operations", () => {
    expect(encodeReply({ shape: "list", operations: [info], revision: "a1" }).toString()).toBe(
      `{"operations":[${JSON.stringify(info)}],"revision":"a1"}`,
    );
    expect(encodeReply({ shape: "list", operations: [], revision: "" }).toString()).toBe(
      '{"operations":[],"revision":""}',
    );
  });

  it("of a description holds the operation", () => {
    expect(encodeReply({ shape: "describe", operation: info }).toString()).toBe(
      `{"operation":${JSON.stringify(info)}}`,
    );
  });

  it("of an error holds its text first, and null for the operations of a list", () => {
    const said = `"error":"Authentication failed","code":"unauthenticated","hint":${JSON.stringify(error.hint)}}`;
    expect(encodeReply({ shape: "list", error }).toString()).toBe(`{"operations":null,${said}`);
    expect(encodeReply({ shape: "describe", error }).toString()).toBe(`{${said}`);
  });

  it("to what could not be read has the form of what could be told of it, else of an operation", () => {
    expect(refusal("list", error)).toEqual({ shape: "list", error });
    expect(refusal("describe", error)).toEqual({ shape: "describe", error });
    for (const shape of ["operation", undefined] as const) {
      expect(refusal(shape, error)).toEqual({
        shape: "operation",
        requestId: undefined,
        protocol: 1,
        outcome: deniedBy(error),
      });
    }
  });
});
