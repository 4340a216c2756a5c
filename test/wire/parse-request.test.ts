import { describe, expect, it } from "vitest";
import { CodedError } from "../../wire/errors.ts";
import { isOperationId, parseRequest, replyShapeOf, stayOf } from "../../wire/parse-request.ts";

function refusal(message: unknown): { readonly code: string; readonly message: string } {
  try {
    parseRequest(message);
  } catch (error) {
    if (error instanceof CodedError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("was not refused");
}

function named(fields: object): unknown {
  return parseRequest({ operation: "test_op", ...fields });
}

describe("a request about runs", () => {
  const all = { protocol: 1, token: "t" };

  it("names the run, and how long it waits", () => {
    expect(parseRequest({ run_status: "r", wait_seconds: 3, token: "t" })).toEqual({
      ...all,
      kind: "status",
      runId: "r",
      waitMs: 3_000,
    });
    expect(parseRequest({ cancel_run: "r", token: "t" })).toEqual({ ...all, kind: "cancel", runId: "r" });
    expect(parseRequest({ list_runs: null, token: "t" })).toEqual({ ...all, kind: "runs" });
    expect(parseRequest({ watch_operations: "x", token: "t" })).toEqual({
      ...all,
      kind: "watch",
      revision: "x",
      waitMs: 0,
    });
  });

  it.each([
    [{}, { unit: "bytes", offset: 0, maxBytes: 32_768 }],
    [
      { offset: -5, max_bytes: 7 },
      { unit: "bytes", offset: -5, maxBytes: 7 },
    ],
    [{ line: -3 }, { unit: "lines", line: -3, maxLines: 500, maxBytes: 32_768 }],
    [{ max_lines: 2 }, { unit: "lines", line: 1, maxLines: 2, maxBytes: 32_768 }],
    [
      { grep: "a", context_lines: 2 },
      { unit: "grep", pattern: "a", line: 1, maxLines: 500, maxBytes: 32_768, context: 2 },
    ],
    [
      { grep: "", line: 4 },
      { unit: "grep", pattern: "", line: 4, maxLines: 500, maxBytes: 32_768, context: 0 },
    ],
  ])("says with %j which page it wants", (fields, wanted) => {
    const read = { ...all, kind: "read", runId: "r", stream: "stderr", waitMs: 0, wanted };
    expect(parseRequest({ read_output: "r", stream: "stderr", token: "t", ...fields })).toEqual(read);
  });

  it.each([
    [{ read_output: "r", offset: 0, line: 1 }, "offset counts bytes"],
    [{ read_output: "r", offset: 0, grep: "a" }, "offset counts bytes"],
    [{ read_output: "r", line: 0 }, "line counts from 1"],
    [{ read_output: "r", max_bytes: 0 }, "/max_bytes"],
    [{ read_output: "r", max_bytes: 1_048_577 }, "/max_bytes"],
    [{ read_output: "r", stream: "both" }, "/stream"],
    [{ run_status: "r", wait_seconds: 301 }, "/wait_seconds"],
    [{ run_status: "r", wait_seconds: -1 }, "/wait_seconds"],
    [{ run_status: 5 }, "/run_status"],
    [{ operation: "x", timeout_seconds: 0 }, "/timeout_seconds"],
    [{ operation: "x", stdin: "yes" }, "/stdin"],
  ])("of %j is refused with what is wrong", (message, part) => {
    expect(refusal(message)).toMatchObject({
      code: "request_invalid",
      message: expect.stringContaining(part) as string,
    });
  });

  it("that waits is told from one that works", () => {
    const kinds = [{ run_status: "r" }, { read_output: "r" }, { watch_operations: "" }];
    const waiting = (fields: object) => kinds.map((kind) => stayOf({ ...kind, ...fields }));
    expect([{ wait_seconds: 1 }, { Wait_Seconds: 300 }].map(waiting)).toEqual(
      [kinds, kinds].map((all) => all.map(() => "wait")),
    );
    expect([{}, { wait_seconds: 0 }, { wait_seconds: 301 }, { wait_seconds: "1" }].flatMap(waiting)).not.toContain(
      "wait",
    );
    const working = [{ operation: "x", wait_seconds: 5 }, { list_runs: true }, { cancel_run: "r" }, null, [], "x"];
    expect(working.map(stayOf)).toEqual(working.map(() => "work"));
    expect(stayOf({ list_operations: true, run_status: "r" })).toBe("work");
    expect(stayOf({ mcp_session: {} })).toBe("session");
  });
});

describe("the type of a request", () => {
  it.each([
    [{ list_operations: true }, "list"],
    [{ list_operations: false }, "list"],
    [{ list_operations: null, describe_operation: "x", operation: "x" }, "list"],
    [{ describe_operation: "x", raw_argv: [] }, "describe"],
    [{ describe_operation: null }, "describe"],
    [{ raw_argv: null, operation: "x" }, "operation"],
    [{ operation: null }, "operation"],
    [{ operation: "" }, "operation"],
  ])("of %j is told by the presence of a name", (message, shape) => {
    expect(replyShapeOf(message)).toBe(shape);
    expect(parseRequest(message).kind).toBe(shape);
  });

  it.each([
    [{}],
    [null],
    [{ OPERATION: "x" }],
    [{ List_Operations: true }],
    [{ token: "x" }],
    [[]],
    ["operation"],
    [5],
    [Object.create({ operation: "x" })],
  ])("of %j is unknown", (message) => {
    expect(replyShapeOf(message)).toBeUndefined();
    expect(refusal(message)).toEqual({
      code: "request_unknown_type",
      message: "Unknown request type (expected list_operations, describe_operation, raw_argv or operation)",
    });
  });
});

describe("a list request", () => {
  it("has a token and a prefix, each empty when absent or null", () => {
    expect(parseRequest({ list_operations: true, token: "t", prefix: "gh_" })).toEqual({
      kind: "list",
      protocol: 1,
      token: "t",
      prefix: "gh_",
    });
    expect(parseRequest({ list_operations: null, token: null, prefix: null })).toEqual({
      kind: "list",
      protocol: 1,
      token: "",
      prefix: "",
    });
  });

  it.each([
    [{ list_operations: "yes" }, '/list_operations: expected boolean, got string "yes"'],
    [{ list_operations: true, prefix: 5 }, "/prefix: expected string, got number 5"],
    [{ list_operations: true, token: [] }, "/token: expected string, got array"],
  ])("%j with a wrong type is refused", (message, text) => {
    expect(refusal(message)).toEqual({ code: "request_invalid", message: `Invalid request: ${text}` });
  });
});

describe("a describe request", () => {
  it("has a token and an operation of any shape", () => {
    expect(parseRequest({ describe_operation: "No-Shape Check", TOKEN: "t", protocol: 2 })).toEqual({
      kind: "describe",
      protocol: 2,
      token: "t",
      operation: "No-Shape Check",
    });
    expect(parseRequest({ describe_operation: null })).toEqual({
      kind: "describe",
      protocol: 1,
      token: "",
      operation: "",
    });
  });

  it("is refused when the name is no text", () => {
    expect(refusal({ describe_operation: 5 }).message).toBe(
      "Invalid request: /describe_operation: expected string, got number 5",
    );
  });
});

describe("an operation request", () => {
  it("keeps what it was given", () => {
    const message = {
      request_id: "r.1_-",
      operation: "test_op",
      source: "mcp",
      params: { message: "hi", n: 1, none: null },
      flags: ["--verbose"],
      token: "t",
      target_repo: "owner/repo",
      cwd_context: { toplevel: "/ws", origin_url: "git@github.com:owner/repo.git" },
      protocol: 2,
      stdin: true,
      stdin_required: true,
      background: true,
      filtered: false,
      timeout_seconds: 5,
      target: "web1",
      work_dir: "/srv",
      env: { A: "1", B: "" },
      some_later_extension: {},
    };
    expect(parseRequest(message)).toEqual({
      kind: "operation",
      protocol: 2,
      requestId: "r.1_-",
      token: "t",
      targetRepo: "owner/repo",
      cwdHint: { toplevel: "/ws", originUrl: "git@github.com:owner/repo.git" },
      offersStdin: true,
      needsStdin: true,
      background: true,
      filtered: false,
      profile: false,
      timeoutSeconds: 5,
      target: "web1",
      workDir: "/srv",
      env: new Map([
        ["A", "1"],
        ["B", ""],
      ]),
      route: {
        kind: "named",
        operation: "test_op",
        params: new Map<string, unknown>([
          ["message", "hi"],
          ["n", 1],
          ["none", null],
        ]),
        flags: ["--verbose"],
      },
    });
  });

  it("takes null for absent, in every member", () => {
    const empty = {
      kind: "operation",
      protocol: 1,
      requestId: undefined,
      token: "",
      targetRepo: "",
      cwdHint: undefined,
      offersStdin: false,
      needsStdin: false,
      background: false,
      filtered: undefined,
      profile: false,
      timeoutSeconds: undefined,
      target: "",
      workDir: "",
      env: new Map(),
      route: { kind: "named", operation: "", params: new Map(), flags: [] },
    };
    const nothing = {
      protocol: null,
      request_id: null,
      operation: null,
      source: null,
      params: null,
      flags: null,
      token: null,
      target_repo: null,
      cwd_context: null,
      target: null,
      work_dir: null,
      env: null,
    };
    expect(parseRequest(nothing)).toEqual(empty);
    expect(parseRequest({ operation: "", request_id: "", source: "" })).toEqual(empty);
  });

  it("finds its members in any case, but for the one that tells its type", () => {
    expect(named({ TOKEN: "t", Params: { A: 1 }, FLAGS: ["x"] })).toMatchObject({
      token: "t",
      route: { params: new Map([["A", 1]]), flags: ["x"] },
    });
    expect(parseRequest({ raw_argv: ["gh"], Token: "t" })).toMatchObject({
      token: "t",
      route: { kind: "raw", argv: ["gh"] },
    });
    expect(parseRequest({ operation: "x", RAW_ARGV: ["gh"] })).toMatchObject({
      route: { kind: "named", operation: "x" },
    });
  });

  it("is refused when a member stands twice in different case", () => {
    expect(refusal({ operation: "x", OPERATION: "y" }).message).toBe(
      "Invalid request: /OPERATION: stands twice, in different case",
    );
  });

  it("has a hint of where the caller stands, with what is missing left empty", () => {
    expect(named({ cwd_context: {} })).toMatchObject({ cwdHint: { toplevel: "", originUrl: "" } });
    expect(named({ cwd_context: { relative: "." } })).toMatchObject({ cwdHint: { relative: "." } });
    expect(named({ cwd_context: { toplevel: "/a", origin_url: null } })).toMatchObject({
      cwdHint: { toplevel: "/a", originUrl: "" },
    });
  });

  it("reads a command line, with null words as empty ones", () => {
    expect(parseRequest({ raw_argv: ["gh", null, "x"], operation: "test_op", params: { a: 1 } })).toMatchObject({
      route: { kind: "raw", argv: ["gh", "", "x"] },
    });
    expect(parseRequest({ raw_argv: null })).toMatchObject({ route: { kind: "raw", argv: [] } });
    expect(parseRequest({ raw_argv: [], source: "raw_argv" })).toMatchObject({ route: { kind: "raw", argv: [] } });
  });

  it("keeps parameters called like members of Object.prototype as data", () => {
    const request = parseRequest(JSON.parse('{"operation":"x","params":{"constructor":1,"__proto__":2}}'));
    if (request.kind !== "operation" || request.route.kind !== "named") throw new Error("wrong kind");
    expect([...request.route.params]).toEqual([
      ["constructor", 1],
      ["__proto__", 2],
    ]);
  });

  it("announces protocol 2 with any version from 2 on", () => {
    expect([0, 1, 2, 3, -2].map((protocol) => named({ protocol }))).toMatchObject(
      [1, 1, 2, 2, 1].map((protocol) => ({ protocol })),
    );
    expect(refusal({ operation: "x", protocol: "2" }).code).toBe("request_invalid");
    expect(refusal({ operation: "x", protocol: 1.5 }).code).toBe("request_invalid");
  });

  it.each([
    [{ operation: 5 }, "/operation: expected string, got number 5"],
    [{ operation: "x", request_id: 1 }, "/request_id: expected string, got number 1"],
    [{ operation: "x", source: {} }, "/source: expected string, got object"],
    [{ operation: "x", params: [] }, "/params: expected object, got array"],
    [{ operation: "x", params: "p" }, '/params: expected object, got string "p"'],
    [{ operation: "x", flags: "--a" }, '/flags: expected array, got string "--a"'],
    [{ operation: "x", flags: [1] }, "/flags/0: expected string, got number 1"],
    [{ operation: "x", token: true }, "/token: expected string, got boolean true"],
    [{ operation: "x", target_repo: 1 }, "/target_repo: expected string, got number 1"],
    [{ operation: "x", cwd_context: "here" }, '/cwd_context: expected object, got string "here"'],
    [{ operation: "x", cwd_context: { toplevel: 1 } }, "/cwd_context/toplevel: expected string, got number 1"],
    [{ raw_argv: "gh pr list" }, '/raw_argv: expected array, got string "gh pr list"'],
    [{ raw_argv: [["gh"]] }, "/raw_argv/0: expected string, got array"],
  ])("%j with a wrong type is refused", (message, text) => {
    expect(refusal(message)).toEqual({ code: "request_invalid", message: `Invalid request: ${text}` });
  });

  it.each(["a", "A-Za-z.0_9", "x".repeat(128)])("may have the request_id %s", (id) => {
    expect(named({ request_id: id })).toMatchObject({ requestId: id });
  });

  it.each(["a\nb", "a\r", "\t", "\0", '"', "a b", "日本語", "x".repeat(129), "a/b", " "])(
    "may not have the request_id %j",
    (id) => {
      const { code, message } = refusal({ operation: "test_op", request_id: id, token: "bad" });
      expect(code).toBe("request_invalid");
      expect(message).toMatch(/^Invalid request: request_id ".+ must be at most 128 of A-Z a-z 0-9 \. _ -$/s);
      expect(message).not.toMatch(/[\0-\x1f]/);
    },
  );

  it.each(["a", "gh_pr_view", "x9_", "a".repeat(64)])("may name the operation %s", (operation) => {
    expect(parseRequest({ operation })).toMatchObject({ route: { operation } });
    expect(isOperationId(operation)).toBe(true);
  });

  it.each(["gh_pr_view\n[OP:x", "a\r\nb", "a\0", "Test_op", "a-b", "a.b", "9a", "_a", "a".repeat(65), "é", " a", "a "])(
    "may not name the operation %j",
    (operation) => {
      const { code, message } = refusal({ operation, token: "bad" });
      expect(code).toBe("request_invalid");
      expect(message).toMatch(/^Invalid request: operation "/);
      expect(message).not.toMatch(/[\0-\x1f]/);
      expect(isOperationId(operation)).toBe(false);
    },
  );

  it("checks the operation's name on the command line route too", () => {
    expect(refusal({ raw_argv: ["gh"], operation: "No" }).message).toContain("operation");
  });

  it.each(["", "mcp", "raw_argv"])("may come from the source %j", (source) => {
    expect(named({ source })).toMatchObject({ kind: "operation" });
  });

  it.each(["attacker", "MCP", "mcp\n"])("may not come from the source %j", (source) => {
    expect(refusal({ operation: "x", source })).toEqual({
      code: "request_invalid",
      message: `Invalid request: source ${JSON.stringify(source)} must be "mcp" or "raw_argv"`,
    });
  });
});
