import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { bundle, type Bundle } from "./program.ts";
import { inProcess, spawned, type Connect, type Session } from "./clients.ts";
import { fakeDaemon, replies, type FakeDaemon } from "./fake-daemon.ts";

const LIST = "cmd2host_list_operations";
const DESCRIBE = "cmd2host_describe_operation";
const RUN = "cmd2host_run_operation";
const original = replies("original");
const ours = replies("ours");

let built: Bundle;
beforeAll(async () => {
  built = await bundle();
});
afterAll(async () => {
  await built.remove();
});

const WAYS: readonly (readonly [string, () => Connect])[] = [
  ["in a process of its own", () => spawned(built.file)],
  ["inside this process", () => inProcess],
];

describe.each(WAYS)("the tools %s", (_way, connect) => {
  let daemon: FakeDaemon;
  let session: Session;
  beforeEach(async () => {
    daemon = await fakeDaemon();
    session = await connect()(daemon.options, { CMD2HOST_TOKEN: "the-token" });
  });
  afterEach(async () => {
    await session.close();
    await daemon.close();
  });

  async function ran(reply: unknown) {
    daemon.answer(reply);
    return session.call(RUN, { operation_id: "op" });
  }

  describe("listing operations", () => {
    it("sends the prefix only when there is one, and the newer protocol first", async () => {
      daemon.answer(original("list_none"));
      await session.call(LIST);
      await session.call(LIST, { prefix: "" });
      await session.call(LIST, { prefix: "git_" });
      const plain = { protocol: 2, list_operations: true, token: "the-token" };
      expect(daemon.requests).toEqual([plain, plain, { ...plain, prefix: "git_" }]);
      expect(Object.keys(daemon.requests[0] ?? {})[0]).toBe("protocol");
    });

    it("renders the original daemon's list", async () => {
      daemon.answer(original("list"));
      const { text, data, isError } = await session.call(LIST);
      expect(isError).toBe(false);
      expect(text).toBe(
        [
          "Available operations:",
          "",
          "**gh_pr_list** - List pull requests",
          "  Parameters:",
          "    - labels (array)",
          "    - limit (integer) range: 1-50",
          "    - state (string, optional) pattern: ^(open|closed)$ length: 1-10",
          "  Allowed flags: --json, --search",
          "",
          "**git_fetch** - Fetch",
          "",
          "",
        ].join("\n"),
      );
      expect(data).toEqual(original("list"));
    });

    it("renders our daemon's list and passes on what it does not know", async () => {
      daemon.answer(ours("list"));
      const { text, data } = await session.call(LIST);
      expect(text).toBe(
        [
          "Available operations:",
          "",
          "**deploy** - Deploy",
          "  Parameters:",
          "    - age (integer) range: up to 9",
          "    - count (integer) range: 1-",
          "    - name (string) length: 2- - Who it is for",
          "    - where (string, optional) one of: here, there",
          "  Allowed flags: --limit",
          "",
          "**noop** - ",
          "",
          "",
        ].join("\n"),
      );
      expect(data).toMatchObject({
        operations: [{ id: "deploy", added_later: { by: "a newer daemon" } }, { id: "noop" }],
      });
    });

    it("takes null for no operations", async () => {
      daemon.answer(original("list_none"));
      expect(await session.call(LIST)).toEqual({
        text: "Available operations:\n\n",
        data: { operations: [] },
        isError: false,
      });
    });

    it("reports a refused token with what to do, whichever daemon says it", async () => {
      daemon.answer(original("list_refused"));
      const old = await session.call(LIST);
      expect(old.isError).toBe(true);
      expect(old.text).toMatch(
        /^Error listing operations: daemon error: Authentication failed\nHint: .*`cmd2host token mint`.*CMD2HOST_TOKEN.*\n$/,
      );
      daemon.answer(ours("list_refused"));
      const own = await session.call(LIST);
      expect(own.text).toMatch(
        /^Error listing operations: daemon error: Authentication failed\nCode: unauthenticated\nHint: Mint another\. .*CMD2HOST_TOKEN.*\n$/,
      );
      expect(own.data).toMatchObject({ reason: "Authentication failed", code: "unauthenticated" });
    });
  });

  describe("describing an operation", () => {
    it("gives the whole operation as JSON, with what is optional and the direction", async () => {
      daemon.answer(original("describe"));
      const { text, data, isError } = await session.call(DESCRIBE, { operation_id: "s3_get" });
      expect(isError).toBe(false);
      expect(daemon.requests).toEqual([{ protocol: 2, describe_operation: "s3_get", token: "the-token" }]);
      expect(text).toBe(
        `{
  "id": "s3_get",
  "command": "/usr/bin/aws",
  "description": "Copy \\u003cone\\u003e file \\u0026 keep it",
  "params": {
    "from": {
      "type": "string",
      "optional": true,
      "pattern": "^s3://",
      "maxLength": 200
    },
    "to": {
      "type": "workspace_path",
      "direction": "output"
    }
  },
  "allowed_flags": [
    "--quiet"
  ]
}`,
      );
      expect(data).toEqual(original("describe"));
    });

    it("says when there is no such operation", async () => {
      daemon.answer(original("describe_none"));
      expect(await session.call(DESCRIBE, { operation_id: "x" })).toEqual({
        text: "Operation not found: x",
        data: { reason: 'operation not found: "x"' },
        isError: true,
      });
    });

    it("reports the daemon's error, with code and hint when they are there", async () => {
      daemon.answer(original("describe_denied"));
      const text = "Error describing operation: daemon error: Operation not allowed: nope";
      expect(await session.call(DESCRIBE, { operation_id: "nope" })).toEqual({
        text,
        data: { reason: "Operation not allowed: nope" },
        isError: true,
      });
      daemon.answer(ours("describe_denied"));
      expect(await session.call(DESCRIBE, { operation_id: "nope" })).toMatchObject({
        text: `${text}\nCode: operation_not_allowed\nHint: Only the owner of the host can allow it, in the project configuration.\n`,
        data: { code: "operation_not_allowed" },
      });
    });
  });

  describe("running an operation", () => {
    it("sends null for no parameters and leaves out what is empty", async () => {
      daemon.answer(original("silent"));
      await session.call(RUN, { operation_id: "op" });
      await session.call(RUN, { operation_id: "op", params: {}, flags: null, target_repo: "" });
      await session.call(RUN, { operation_id: "op", params: { a: [1, null], b: { c: true } }, flags: [] });
      await session.call(RUN, { operation_id: "op", flags: ["--x=1"], target_repo: "o/r" });
      const plain = { protocol: 2, operation: "op", params: null, filtered: false, token: "the-token" };
      expect(daemon.requests).toEqual([
        plain,
        { ...plain, params: {} },
        { ...plain, params: { a: [1, null], b: { c: true } } },
        { ...plain, flags: ["--x=1"], target_repo: "o/r" },
      ]);
    });

    it("renders output of the original daemon", async () => {
      expect(await ran(original("ok"))).toEqual({
        text: "Exit code: 0\n\n**stdout:**\n```\nhello\n```\n\n",
        data: { outcome: "completed", exit_code: 0, stdout: "hello\n", stderr: "", stdout_original_bytes: 6 },
        isError: false,
      });
      expect(await ran(original("silent"))).toMatchObject({ text: "Exit code: 0\n\n", isError: false });
      expect(await ran(original("both"))).toMatchObject({
        text: "Exit code: 3\n\n**stdout:**\n````\none ``` two\n````\n\n**stderr:**\n```\nwarn\n```\n",
        isError: true,
      });
    });

    it("says how much of a cut stream is shown, once", async () => {
      expect(await ran(original("truncated"))).toMatchObject({
        text: "Exit code: 0\n\n**stdout:**\n```\nabé\n```\n*stdout truncated: shown 4 of 900 bytes*\n\n**stderr:**\n```\nx\n```\n*stderr truncated: shown 1 of 70 bytes*\n",
        data: { stdout_truncated: true, stderr_truncated: true, stdout_original_bytes: 900, stderr_original_bytes: 70 },
      });
      expect(await ran(original("truncated_marked"))).toMatchObject({
        text: "Exit code: 0\n\n**stdout:**\n```\nabc\n```\n*stdout truncated: shown 3 of 900 bytes*\n\n",
        data: { stdout: "abc" },
      });
      expect(await ran(original("marked_only"))).toMatchObject({
        text: "Exit code: 0\n\n**stdout:**\n```\nabc\n... (truncated)\n```\n\n",
        data: { stdout: "abc\n... (truncated)" },
      });
    });

    it("takes any exit code but 0 for an error", async () => {
      expect(await ran(original("killed"))).toMatchObject({
        text: "Exit code: -1\n\n**stdout:**\n```\npart\n```\n\n",
        data: { exit_code: -1 },
        isError: true,
      });
      expect(await ran(original("timed_out"))).toMatchObject({
        text: "Exit code: 124\n\n**stderr:**\n```\nCommand timed out\n```\n",
        isError: true,
      });
    });

    it("runs nothing when the original daemon cannot pass standard input on", async () => {
      daemon.answer(original("ok"));
      const { text, data } = await session.call(RUN, { operation_id: "op", stdin: "x" });
      expect(text).toContain("the daemon is too old to pass standard input on; nothing was run");
      expect(data).toMatchObject({ outcome: "failed", code: "daemon_too_old" });
    });

    it("renders a denial of the original daemon without anything added", async () => {
      expect(await ran(original("denied"))).toEqual({
        text: 'Operation denied:\n```\nUnknown operation: "nope"\n```\n',
        data: { outcome: "denied", reason: 'Unknown operation: "nope"' },
        isError: true,
      });
      expect(await ran(original("denied_without_reason"))).toMatchObject({
        text: "Operation denied:\n```\n\n```\n",
        isError: true,
      });
    });

    it("renders a denial of ours with code and hint", async () => {
      expect(await ran(ours("denied"))).toEqual({
        text: 'Operation denied:\n````\nInvalid parameters: branch "```x" does not match pattern\n````\nCode: param_invalid\nHint: Describe the operation\\nto see what it accepts.\n',
        data: {
          outcome: "denied",
          reason: 'Invalid parameters: branch "```x" does not match pattern',
          code: "param_invalid",
          hint: "Describe the operation\nto see what it accepts.",
        },
        isError: true,
      });
    });

    it("says what to do about a refused token, whichever daemon refused it", async () => {
      expect((await ran(original("refused"))).text).toMatch(
        /^Operation denied:\n```\nAuthentication failed\n```\nHint: .*`cmd2host token mint`.*CMD2HOST_TOKEN.*\n$/,
      );
      expect((await ran(ours("refused"))).text).toMatch(
        /^Operation denied:\n```\nAuthentication failed\n```\nCode: unauthenticated\nHint: Mint another\. .*\n$/,
      );
    });

    it("renders a failure of ours with its output, code and hint", async () => {
      expect(await ran(ours("timed_out"))).toEqual({
        text: "Exit code: 124\n\n**stdout:**\n```\npart\n```\n\n**stderr:**\n```\nCommand timed out\n```\n\nCode: timed_out\nHint: Ask for less.\n",
        data: {
          outcome: "failed",
          exit_code: 124,
          signal: "SIGTERM",
          stdout: "part\n",
          stderr: "Command timed out\n",
          stdout_original_bytes: 5,
          stderr_original_bytes: 18,
          code: "timed_out",
          hint: "Ask for less.",
        },
        isError: true,
      });
      expect(await ran(ours("not_found"))).toMatchObject({
        text: "Exit code: 127\n\nCode: command_not_found\nHint: The owner of the host installs it.\n",
        isError: true,
      });
    });

    it("adds a notice to a success, which stays a success", async () => {
      expect(await ran(ours("ok"))).toMatchObject({
        text: "Exit code: 0\n\n**stdout:**\n```\nhello\n```\n\nNotice: 1 process could\\nnot be found\n",
        data: { notice: "1 process could\nnot be found" },
        isError: false,
      });
    });

    it("marks binary output in text and in data", async () => {
      expect(await ran(ours("binary"))).toMatchObject({
        text: "Exit code: 0\n\n**stdout (base64, binary):**\n```\n/wABgA==\n```\n*stdout truncated: shown 4 of 1000 bytes*\n\n",
        data: { stdout: "/wABgA==", stdout_encoding: "base64" },
      });
    });

    it("shows beginning and end of long output, in the text and in the data", async () => {
      const numbers = Array.from({ length: 40_000 }, (_, index) => `line ${index + 1}\n`).join("");
      const cut = await ran({ ...Object(original("silent")), stdout: numbers });
      expect(cut.text).toMatch(/^Exit code: 0\n\n\*\*stdout:\*\*\n```\nline 1\nline 2\n/);
      expect(cut.text).toMatch(/line 39999\nline 40000\n```\n\*stdout: [\d,]+ of 40,000 lines shown/);
      expect(cut.text).toContain("the daemon kept no more");
      expect(cut.data).toMatchObject({
        stdout: expect.stringMatching(/^line 1\n[^]*lines left out[^]*line 40000\n$/) as string,
        stdout_truncated: true,
        left_out: [expect.stringContaining("of 40,000 lines shown") as string],
      });
    });

    it("drops members of a reply that it does not know", async () => {
      expect((await ran(ours("later"))).data).toEqual({
        outcome: "completed",
        exit_code: 0,
        stdout: "x",
        stderr: "",
        stdout_original_bytes: 1,
      });
    });
  });

  it("refuse unknown names and arguments that break the schema with a protocol error", async () => {
    const call = async (name: string, args: Record<string, unknown>) =>
      session.client.callTool({ name, arguments: args });
    await expect(call("nope", {})).rejects.toMatchObject({ code: -32602 });
    await expect(call(RUN, {})).rejects.toMatchObject({ code: -32602 });
    await expect(call(LIST, { all: true })).rejects.toMatchObject({ code: -32602 });
    expect(daemon.requests).toEqual([]);
  });

  it("have no prompts beside them, and no resources when the daemon keeps no runs", async () => {
    daemon.answer(original("unknown_type"));
    const { client } = session;
    expect(await client.request({ method: "resources/list" })).toMatchObject({ resources: [] });
    expect(await client.request({ method: "prompts/list" })).toMatchObject({ prompts: [] });
  });

  it("refuse an empty operation_id without asking the daemon", async () => {
    const text = "Error: operation_id is required";
    expect(await session.call(RUN, { operation_id: "" })).toMatchObject({ text, isError: true });
    expect(await session.call(DESCRIBE, { operation_id: "" })).toMatchObject({ text, isError: true });
    expect(daemon.requests).toEqual([]);
  });

  it.each([
    ["nothing", "", "failed to parse response: the daemon closed the connection without a reply"],
    ["no JSON", "HTTP/1.1 400\r\n", "failed to parse response"],
    ["two values", '{"operations":null}{}', "failed to parse response"],
    ["a list", [], "failed to parse response"],
  ])("report %s in place of a reply", async (_, answer, fragment) => {
    daemon.answer(answer);
    const list = await session.call(LIST);
    expect(list.text).toContain(`Error listing operations: ${fragment}`);
    expect(list.text).toContain("\nCode: reply_invalid\nHint: ");
    expect((await session.call(DESCRIBE, { operation_id: "x" })).text).toContain(
      `Error describing operation: ${fragment}`,
    );
    const run = await session.call(RUN, { operation_id: "x" });
    expect(run.text).toContain(`Error running operation: ${fragment}`);
    expect(run).toMatchObject({ isError: true, data: { outcome: "failed", code: "reply_invalid" } });
  });

  it("run at the same time and answer in the order in which they end", async () => {
    const order: string[] = [];
    const first = session.call(RUN, { operation_id: "first" }).then(() => order.push("first"));
    const one = await daemon.next();
    const second = session.call(RUN, { operation_id: "second" }).then(() => order.push("second"));
    const two = await daemon.next();
    two.reply(original("silent"));
    await second;
    one.reply(original("silent"));
    await first;
    expect(order).toEqual(["second", "first"]);
  });

  it("close the connection to the daemon when the client cancels", async () => {
    const cancel = new AbortController();
    const call = session.client.callTool({ name: RUN, arguments: { operation_id: "slow" } }, { signal: cancel.signal });
    const connection = await daemon.next();
    cancel.abort("enough");
    await expect(call).rejects.toThrow();
    await connection.closed;
    daemon.answer(original("silent"));
    expect((await session.call(RUN, { operation_id: "next" })).text).toBe("Exit code: 0\n\n");
  });
});

describe.each(WAYS)("the server %s", (_way, connect) => {
  let directory = "";
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "cmd2host-mcp-test-"));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true });
  });

  it("says what to do when no daemon answers", async () => {
    const socket = join(directory, "none.sock");
    const session = await connect()(["-socket", socket], { CMD2HOST_TOKEN: "t" });
    const hint = "Start it on the host with `cmd2host serve`, and check the address or the mounted socket.";
    const said = `failed to connect to cmd2host daemon at ${socket}: ENOENT`;
    expect(await session.call(RUN, { operation_id: "x" })).toEqual({
      text: `Error running operation: ${said}\nCode: daemon_unreachable\nHint: ${hint}\n`,
      data: { outcome: "failed", reason: said, code: "daemon_unreachable", hint },
      isError: true,
    });
    expect((await session.call(LIST)).text).toContain(`Error listing operations: ${said}`);
    await session.close();
  });

  it("ends a wait that is longer than -timeout", async () => {
    const daemon = await fakeDaemon();
    const session = await connect()([...daemon.options, "-timeout=1"], { CMD2HOST_TOKEN: "t" });
    const { text, isError } = await session.call(RUN, { operation_id: "x" });
    expect(text).toContain(
      "Error running operation: failed to read response: no complete reply within 1 s\nCode: reply_timeout\nHint: ",
    );
    expect(isError).toBe(true);
    await (
      await daemon.next()
    ).closed;
    await session.close();
    await daemon.close();
  });

  it("talks TCP, and uses the token that the file holds at each call", async () => {
    const daemon = await fakeDaemon("tcp");
    daemon.answer(original("refused"));
    const file = join(directory, "token");
    await writeFile(file, "one\n");
    const session = await connect()([...daemon.options, "-token-file", file], { CMD2HOST_TOKEN: "env" });
    expect((await session.call(RUN, { operation_id: "x" })).text).toContain(
      `This server reads "${file}" before every call`,
    );
    await writeFile(file, "two\n");
    await session.call(RUN, { operation_id: "x" });
    expect(daemon.requests.map((request) => request["token"])).toEqual(["one", "two"]);
    await session.close();
    await daemon.close();
  });
});
