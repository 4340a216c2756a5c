import { describe, expect, it } from "vitest";
import { fenced, ordered, renderDenied, renderDescribe, renderError, renderList, renderRun } from "../../mcp/render.ts";
import type { OperationReply } from "../../wire/schema.ts";

function reply(fields: Partial<OperationReply>): OperationReply {
  return { exit_code: 0, stdout: "", stderr: "", ...fields };
}

describe("a fence", () => {
  it.each([
    [0, 3],
    [1, 3],
    [2, 3],
    [3, 4],
    [4, 5],
    [40, 41],
  ])("around a longest run of %i backticks has %i", (run, length) => {
    const content = `a ${"`".repeat(run)} b \` c`.replace(run === 0 ? / ` c$/ : /$^/, "");
    const fence = "`".repeat(length);
    expect(fenced(content)).toBe(`${fence}\n${content}\n${fence}\n`);
  });

  it("around nothing holds an empty line", () => {
    expect(fenced("")).toBe("```\n\n```\n");
  });

  it("adds no line feed to content that ends with one", () => {
    expect(fenced("a\n")).toBe("```\na\n```\n");
  });

  it("copes with a million separate backticks", () => {
    expect(fenced("` ".repeat(1_000_000)).startsWith("```\n` ")).toBe(true);
  });
});

describe("the text of a run", () => {
  it("of a silent program is its exit code", () => {
    expect(renderRun(reply({}))).toBe("Exit code: 0\n\n");
  });

  it("has an empty line behind stdout, also behind its truncation line", () => {
    expect(renderRun(reply({ stdout: "a" }))).toBe("Exit code: 0\n\n**stdout:**\n```\na\n```\n\n");
    expect(renderRun(reply({ stdout: "a", stdout_truncated: true, stdout_original_bytes: 9 }))).toBe(
      "Exit code: 0\n\n**stdout:**\n```\na\n```\n*stdout truncated: shown 1 of 9 bytes*\n\n",
    );
  });

  it("has no empty line behind stderr", () => {
    expect(renderRun(reply({ exit_code: 2, stderr: "a" }))).toBe("Exit code: 2\n\n**stderr:**\n```\na\n```\n");
  });

  it("counts the shown bytes in UTF-8, and without the mark of older daemons", () => {
    const text = renderRun(reply({ stdout: "aé\n... (truncated)", stdout_truncated: true, stdout_original_bytes: 70 }));
    expect(text).toBe("Exit code: 0\n\n**stdout:**\n```\naé\n```\n*stdout truncated: shown 3 of 70 bytes*\n\n");
  });

  it("leaves the body alone when the flag is not set", () => {
    expect(renderRun(reply({ stdout: "a\n... (truncated)" }))).toBe(
      "Exit code: 0\n\n**stdout:**\n```\na\n... (truncated)\n```\n\n",
    );
  });

  it("says how much is shown when the whole length is not known", () => {
    expect(renderRun(reply({ stderr: "abc", stderr_truncated: true }))).toContain(
      "*stderr truncated: shown 3 bytes*\n",
    );
  });

  it("shows nothing of a stream of which only the mark was left", () => {
    expect(renderRun(reply({ stdout: "\n... (truncated)", stdout_truncated: true }))).toBe("Exit code: 0\n\n");
  });

  it("marks binary output and counts its bytes, not its letters", () => {
    const text = renderRun(
      reply({ stdout: "/wABgA==", stdout_encoding: "base64", stdout_truncated: true, stdout_original_bytes: 8 }),
    );
    expect(text).toBe(
      "Exit code: 0\n\n**stdout (base64, binary):**\n```\n/wABgA==\n```\n*stdout truncated: shown 4 of 8 bytes*\n\n",
    );
  });

  it("ends with code, hint and notice behind an empty line", () => {
    const said = { code: "timed_out", hint: "Ask for less.", notice: "left over" };
    const lines = "Code: timed_out\nHint: Ask for less.\nNotice: left over\n";
    expect(renderRun(reply({ exit_code: 124, ...said }))).toBe(`Exit code: 124\n\n${lines}`);
    expect(renderRun(reply({ stdout: "a", ...said }))).toBe(
      `Exit code: 0\n\n**stdout:**\n\`\`\`\na\n\`\`\`\n\n${lines}`,
    );
    expect(renderRun(reply({ stderr: "a", ...said }))).toBe(
      `Exit code: 0\n\n**stderr:**\n\`\`\`\na\n\`\`\`\n\n${lines}`,
    );
  });
});

describe("the text of a denial", () => {
  it("is the reason in a fence", () => {
    expect(renderDenied({ reason: "no" })).toBe("Operation denied:\n```\nno\n```\n");
  });

  it("adds code and hint outside the fence, on one line each", () => {
    expect(renderDenied({ reason: "no", code: "c", hint: "a\nHint: b\u202e" })).toBe(
      "Operation denied:\n```\nno\n```\nCode: c\nHint: a\\nHint: b\\u202e\n",
    );
  });
});

describe("the text of an error", () => {
  it("is one line without more to say", () => {
    expect(renderError("running operation", { reason: "broken" })).toBe("Error running operation: broken");
  });

  it("adds code and hint", () => {
    expect(renderError("running operation", { reason: "broken", code: "c", hint: "h" })).toBe(
      "Error running operation: broken\nCode: c\nHint: h\n",
    );
  });
});

describe("the text of a list", () => {
  function line(param: object): string | undefined {
    return renderList([{ id: "x", params: { p: param } }]).split("\n")[4];
  }

  it("of nothing is its heading", () => {
    expect(renderList([])).toBe("Available operations:\n\n");
  });

  it.each([
    [{ type: "string" }, "(string)"],
    [{}, "(string)"],
    [{ type: "string", optional: true }, "(string, optional)"],
    [{ type: "string", optional: false, pattern: "" }, "(string)"],
    [{ type: "string", pattern: "^a$" }, "(string) pattern: ^a$"],
    [{ type: "string", minLength: 1, maxLength: 5 }, "(string) length: 1-5"],
    [{ type: "string", maxLength: 5 }, "(string) length: 0-5"],
    [{ type: "string", minLength: 2 }, "(string) length: 2-"],
    [{ type: "string", minLength: 0, maxLength: 0 }, "(string)"],
    [{ type: "integer", min: 1, max: 9 }, "(integer) range: 1-9"],
    [{ type: "integer", min: 0, max: 0 }, "(integer) range: 0-0"],
    [{ type: "integer", min: 1 }, "(integer) range: 1-"],
    [{ type: "integer", max: 9 }, "(integer) range: up to 9"],
    [{ type: "string", enum: ["a", "b"] }, "(string) one of: a, b"],
    [{ type: "string", enum: [] }, "(string)"],
    [{ type: "string", description: "what" }, "(string) - what"],
    [{ type: "string", description: "" }, "(string)"],
  ])("shows the parameter %j as %s", (param, text) => {
    expect(line(param)).toBe(`    - p ${text}`);
  });

  it("keeps the order of operations and sorts parameters by name", () => {
    const text = renderList([
      { id: "b", description: "B", params: { z: {}, A: {}, a: {} }, allowed_flags: ["--x", "--y"] },
      { id: "a", description: "A", params: {}, allowed_flags: [] },
    ]);
    expect(text).toBe(
      "Available operations:\n\n**b** - B\n  Parameters:\n    - A (string)\n    - a (string)\n    - z (string)\n  Allowed flags: --x, --y\n\n**a** - A\n\n",
    );
  });
});

describe("the text of a description", () => {
  it("has its members in the documented order, without empty lists, and what is unknown last", () => {
    const operation = {
      later: 1,
      allowed_flags: [],
      params: { b: { type: "string", optional: true }, a: { direction: "output", type: "workspace_path" } },
      description: "D",
      id: "x",
    };
    expect(renderDescribe(operation)).toBe(
      `{
  "id": "x",
  "description": "D",
  "params": {
    "a": {
      "direction": "output",
      "type": "workspace_path"
    },
    "b": {
      "type": "string",
      "optional": true
    }
  },
  "later": 1
}`,
    );
    expect(Object.keys(ordered(operation))).toEqual(["id", "description", "params", "later"]);
  });

  it("escapes what the original escapes and means the same", () => {
    const operation = { id: "x", description: "<a> & \u2028\u2029" };
    const text = renderDescribe(operation);
    expect(text).toContain('"\\u003ca\\u003e \\u0026 \\u2028\\u2029"');
    expect(JSON.parse(text)).toEqual(operation);
  });

  it("survives parameters with the names of built-in members", () => {
    const params = JSON.parse('{"constructor":{"type":"string"},"__proto__":{"type":"integer"}}') as Record<
      string,
      { type: string }
    >;
    expect(renderDescribe({ id: "x", params })).toContain('"__proto__": {\n      "type": "integer"');
    expect(renderList([{ id: "x", params }])).toContain("- __proto__ (integer)\n    - constructor (string)");
  });
});
