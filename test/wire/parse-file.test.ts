import { describe, expect, it } from "vitest";
import { check, located, readJsonFile } from "../../wire/parse.ts";

function daemonFault(content: string | Buffer): { readonly kind: string; readonly message: string } {
  const read = readJsonFile("daemon_config", Buffer.from(content), "/base/daemon.json");
  if (read.ok) throw new Error("was not refused");
  return read.fault;
}

describe("a JSON file", () => {
  it("gives typed values, the JSON as it stands, and pointers to what is unknown", () => {
    const text = ' {"Listen_Port": 1, "socket_path": null, "extra": {"a": 1}} \n';
    expect(readJsonFile("daemon_config", Buffer.from(text), "f")).toEqual({
      ok: true,
      value: { listen_port: 1, extra: { a: 1 } },
      raw: { Listen_Port: 1, socket_path: null, extra: { a: 1 } },
      unknown: ["/extra"],
    });
  });

  it.each([
    ["", "/base/daemon.json:1:1: is empty; expected a JSON object"],
    ['{"a":1', "/base/daemon.json:1:7: at /a: unexpected EOF"],
    ['{\n  "listen_port": 1,\n  // comment\n}', "/base/daemon.json:3:3: '/' where a member name is expected"],
    ["\ufeff{}", "/base/daemon.json:1:1: byte 0xef where a value is expected"],
    ["{}\n{}", "/base/daemon.json:1:3: something follows the JSON object"],
    ["{}\u00a0", "/base/daemon.json:1:3: something follows the JSON object"],
    ["{}\ufeff", "/base/daemon.json:1:3: something follows the JSON object"],
    ["12 x", "/base/daemon.json:1:3: something follows the JSON object"],
    ['{"é😀":\n "b" "c"}', "/base/daemon.json:2:6: at /é😀: '\"' where ',' or '}' is expected"],
    ['{"a":[1,,2]}', "/base/daemon.json:1:9: at /a/1: ',' where a value is expected"],
  ])("with wrong syntax, as in %j, is refused with line and column", (text, message) => {
    expect(daemonFault(text)).toEqual({ kind: "syntax", message });
  });

  it("is refused when it is not UTF-8", () => {
    expect(daemonFault(Buffer.from([0x7b, 0xff, 0x7d]))).toEqual({
      kind: "syntax",
      message: "/base/daemon.json:1:1: is not UTF-8",
    });
  });

  it("is refused for duplicate members and for depth, each with its own kind", () => {
    expect(daemonFault('{\n "a": 1,\n "a": 2}')).toEqual({
      kind: "duplicate_key",
      message: '/base/daemon.json:3:4: at /a: duplicate member "a"',
    });
    expect(daemonFault("[".repeat(200)).kind).toBe("depth");
  });

  it.each([
    ['{"listen_port":"5"}', '1:16: at /listen_port: expected integer, got string "5"'],
    ['{\n  "listen_port": 1.5\n}', "2:18: at /listen_port: expected integer, got number 1.5"],
    ['{"allow_non_loopback":"yes"}', '1:23: at /allow_non_loopback: expected boolean, got string "yes"'],
    ['{"listen_mode":true}', "1:16: at /listen_mode: expected string, got boolean true"],
    ['{"listen_mode":[]}', "1:16: at /listen_mode: expected string, got array"],
    ['{"listen_mode":{}}', "1:16: at /listen_mode: expected string, got object"],
    ['{"socket_mode":-1}', "1:16: at /socket_mode: must be >= 0, got number -1"],
    ['{"workspace_path_staging":\n{"mode":1}}', "2:9: at /workspace_path_staging/mode: expected string, got number 1"],
    ["[]", "1:1: expected object, got array"],
    ["12", "1:1: expected object, got number 12"],
    ["null", "1:1: expected object, got null"],
    ['{"LISTEN_PORT":"x"}', '1:1: at /listen_port: expected integer, got string "x"'],
    ['{"listen_port":1,\n"Listen_Port":2}', "2:15: at /Listen_Port: stands twice, in different case"],
  ])("with a wrong value, as in %j, is refused with line, column and pointer", (text, message) => {
    expect(daemonFault(text)).toEqual({ kind: "schema", message: `/base/daemon.json:${message}` });
  });

  it("shows long and steering texts in messages cut and escaped", () => {
    const { message } = daemonFault(JSON.stringify({ listen_port: `\u202e\n${"é".repeat(50)}` }));
    expect(message).toBe(
      `/base/daemon.json:1:16: at /listen_port: expected integer, got string "\\u202e\\n${"é".repeat(18)}… (64 more bytes)"`,
    );
  });

  it("says which values an enumeration allows, and what is missing", () => {
    const project = (text: string): unknown => readJsonFile("project_config", Buffer.from(text), "c.json");
    expect(project('{"operations":{"x":{"profile":"sudo"}}}')).toEqual({
      ok: false,
      fault: {
        kind: "schema",
        message:
          'c.json:1:31: at /operations/x/profile: expected one of minimal, user, git, git_remote_strict, gh, aws, got string "sudo"',
      },
    });
    expect(project('{"operations":{"x":{"allowed_flags":[{}]}}}')).toMatchObject({
      fault: { message: "c.json:1:38: at /operations/x/allowed_flags/0: expected string, got object" },
    });
    expect(project('{"operations":{"a/b~":{"timeout":0}}}')).toMatchObject({
      fault: { message: "c.json:1:34: at /operations/a~1b~0/timeout: must be >= 1, got number 0" },
    });
    expect(project('{"operations":{"0":{"params":{"1":{"min":"x"}}}}}')).toMatchObject({
      fault: {
        message: expect.stringContaining('/operations/0/params/1/min: expected number, got string "x"') as string,
      },
    });
    expect(check("operation_reply", { stdout: "" })).toEqual({
      ok: false,
      violation: { pointer: "/exit_code", message: "is missing" },
    });
  });

  it("names only the file when a place cannot be found in it", () => {
    expect(located("f", Buffer.from(""), "/a", "is wrong")).toBe("f: at /a: is wrong");
    expect(located("f", Buffer.from("{}"), "", "is wrong")).toBe("f:1:1: is wrong");
    expect(located("f", Buffer.from('{"a":\n[1,2]}'), "/a/1", "is wrong")).toBe("f:2:4: at /a/1: is wrong");
    expect(located("f", Buffer.from('{"a":\n[1,2]}'), "/a/7", "is wrong")).toBe("f:2:1: at /a/7: is wrong");
  });
});

describe("checking a value", () => {
  it("says of an array of flags what each of them may be", () => {
    expect(check("operation_request", { flags: ["a", 1] })).toEqual({
      ok: false,
      violation: { pointer: "/flags/1", message: "expected string, got number 1" },
    });
  });

  it("does not follow inherited names to describe what it got", () => {
    expect(check("project_config", { operations: { constructor: 5 } })).toEqual({
      ok: false,
      violation: { pointer: "/operations/constructor", message: "expected object, got number 5" },
    });
  });
});
