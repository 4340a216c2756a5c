import { describe, expect, it } from "vitest";
import { readArgvFrame, readMcpFrame } from "../../wire/bridge-frames.ts";
import { CodedError } from "../../wire/errors.ts";
import { HEADER_BYTES, PREFACE } from "../../wire/frames.ts";
import { argvBytes, mcpBytes } from "../fixtures/bridge-bytes.ts";

const TOKEN = "a".repeat(64);
const payloadOf = (bytes: Buffer): Buffer => bytes.subarray(PREFACE.length + HEADER_BYTES);
const argv = (...given: Parameters<typeof argvBytes>): object => readArgvFrame(payloadOf(argvBytes(...given)));
const mcp = (...words: readonly string[]): object => readMcpFrame(payloadOf(mcpBytes(TOKEN, words)));

function refusal(read: () => object): unknown {
  try {
    return read();
  } catch (error) {
    if (error instanceof CodedError) return { code: error.code, message: error.message };
    throw error;
  }
}

describe("a command line from the bridge", () => {
  it("is the request that a client of JSON would send", () => {
    const call = {
      target: "o/r",
      options: "s",
      toplevel: "/workspaces/r",
      relative: ".",
      originUrl: "git@github.com:o/r.git",
    };
    expect(argv(TOKEN, ["gh", "pr", "view", "42", "", "é\n"], call)).toEqual({
      protocol: 2,
      raw_argv: ["gh", "pr", "view", "42", "", "é\n"],
      token: TOKEN,
      target_repo: "o/r",
      cwd_context: { toplevel: "/workspaces/r", relative: ".", origin_url: "git@github.com:o/r.git" },
      stdin: true,
    });
    expect(argv(TOKEN, ["gh"])).toMatchObject({ raw_argv: ["gh"], stdin: false, target_repo: "" });
  });

  it.each([
    ["words that are not UTF-8", () => argv(TOKEN, ["gh", Buffer.from([0xff])]), "not UTF-8"],
    ["no words", () => argv(TOKEN, []), "no command line"],
    ["nothing at all", () => readArgvFrame(Buffer.alloc(0)), "NUL byte"],
    ["a last word without its end", () => readArgvFrame(Buffer.from("t\0\0\0\0\0\0gh")), "NUL byte"],
    ["options that nobody knows", () => argv(TOKEN, ["gh"], { options: "sx" }), '"sx"'],
  ])("is refused for %s", (_, read, part) => {
    expect(refusal(read)).toMatchObject({ code: "request_invalid", message: expect.stringContaining(part) as string });
  });
});

describe("an MCP session from the bridge", () => {
  it("may say what tools it wants, how long results may be, and how long it waits", () => {
    expect(mcp()).toEqual({ protocol: 2, mcp_session: {}, token: TOKEN, stdin: true });
    expect(mcp("-tools", "typed", "--max-tokens=5000", "-timeout=60")).toMatchObject({
      mcp_session: { tools: "typed", max_tokens: 5000, timeout: 60 },
    });
  });

  it.each([
    ["-socket", "/run/daemon.lock"],
    ["-token-file", "/etc/shadow"],
    ["--host=evil.example"],
    ["typed"],
    ["-tools"],
    ["--", "-tools"],
    ["---tools", "typed"],
    ["-timeout=5", "-timeout=6"],
  ])("may not say %s", (...words) => {
    expect(refusal(() => mcp(...words))).toMatchObject({ code: "request_invalid" });
  });
});
