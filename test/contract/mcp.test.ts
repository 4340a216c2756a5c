import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { fenced, renderRun } from "../../mcp/render.ts";
import { parseOptions } from "../../mcp/options.ts";
import { openTokenSource } from "../../mcp/token.ts";
import { check } from "../../wire/parse.ts";
import { defaultBase, echoOperation, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";
import { inProcess } from "../mcp/clients.ts";
import { conforms } from "./conformance.ts";

const programs = fixturePrograms();
const { base } = defaultBase({
  allowed_operations: ["test_op", "fails", "long"],
  operations: {
    test_op: echoOperation,
    fails: { command: `${programs}/exit-with`, args_template: ["3", "went wrong"] },
    long: { command: `${programs}/print-args`, args_template: ["abcdefgh"], max_stdout_bytes: 4 },
    other_op: echoOperation,
  },
});
const { address } = await startDaemon(base);

describe("MCP server on the real daemon", async () => {
  const session = await inProcess(["-socket", address.path], { CMD2HOST_TOKEN: TOKEN });
  const run = async (args: Record<string, unknown>): Promise<{ text: string; isError: boolean; data: unknown }> =>
    session.call("cmd2host_run_operation", args);

  conforms(106, "the token comes from the file, else from the environment", async () => {
    const directory = tempDirectory();
    mkdirSync(directory, { recursive: true });
    const [file, blank] = [join(directory, "token"), join(directory, "blank")];
    writeFileSync(file, ` ${"a".repeat(64)}\n`);
    writeFileSync(blank, " \n");
    expect(await (await openTokenSource(file, "from-environment")).current()).toBe("a".repeat(64));
    expect(await (await openTokenSource(blank, "from-environment")).current()).toBe("from-environment");
    await expect(openTokenSource(join(directory, "missing"), "x")).rejects.toThrow("missing");
    await expect(openTokenSource(undefined, undefined)).rejects.toThrow("token is required");
  });

  conforms(107, "a socket beats host and port, which have defaults", () => {
    expect(parseOptions([])).toMatchObject({
      kind: "serve",
      options: { address: { kind: "tcp", host: "host.docker.internal", port: 9_876 } },
    });
    expect(parseOptions(["-host", "", "-port", "0"])).toMatchObject({
      options: { address: { kind: "tcp", host: "host.docker.internal", port: 9_876 } },
    });
    expect(parseOptions(["-socket=/x", "--host", "h", "-port", "1"])).toMatchObject({
      options: { address: { kind: "unix", path: "/x" } },
    });
  });

  conforms(108, "the three tools are there, whose arguments are closed, beside ours", async () => {
    const all = (await session.client.listTools()).tools;
    const ours = ["cmd2host_explain_operation", "cmd2host_cancel_run", "cmd2host_read_output", "cmd2host_run_status"];
    const tools = all.filter(({ name }) => name.startsWith("cmd2host_") && !ours.includes(name));
    expect(tools.map(({ name }) => name)).toEqual([
      "cmd2host_describe_operation",
      "cmd2host_list_operations",
      "cmd2host_run_operation",
    ]);
    for (const { inputSchema, description } of tools) {
      expect(inputSchema).toMatchObject({ type: "object", additionalProperties: false });
      expect(description).not.toBe("");
      for (const property of Object.values(inputSchema.properties ?? {}))
        expect(property).toHaveProperty("description");
    }
    expect(tools.map(({ inputSchema }) => inputSchema.required ?? [])).toEqual([
      ["operation_id"],
      [],
      ["operation_id"],
    ]);
  });

  conforms(109, "a fence is longer than any run of backticks inside", () => {
    for (const [inside, length] of [
      ["", 3],
      ["`", 3],
      ["``", 3],
      ["```", 4],
      ["````", 5],
    ] as const) {
      const fence = "`".repeat(length);
      expect(fenced(inside).trimEnd()).toBe(`${fence}\n${inside}\n${fence}`);
    }
  });

  conforms(110, "a run is shown with its exit code and its streams; truncation is said once", async () => {
    const reply = await run({ operation_id: "test_op", params: { message: "hello" } });
    expect(reply.text).toMatch(/^Exit code: 0\n\n\*\*stdout:\*\*\n```\nhello\n```\n/);
    expect(reply.data).toMatchObject({ exit_code: 0, stdout: "hello\n", outcome: "completed" });
    expect((await run({ operation_id: "long" })).text).toContain("*stdout truncated: shown 4 of 11 bytes*");
    const legacy = { exit_code: 0, stderr: "", stdout: "abc\n... (truncated)" };
    expect(renderRun(legacy)).toContain("abc\n... (truncated)\n");
    expect(renderRun(legacy)).not.toContain("*stdout truncated");
    const flagged = renderRun({ ...legacy, stdout_truncated: true, stdout_original_bytes: 99 });
    expect(flagged).toContain("*stdout truncated: shown 3 of 99 bytes*");
    expect(flagged).not.toContain("... (truncated)");
  });

  conforms(111, "a denial and an exit code that is not 0 are errors", async () => {
    const denied = await run({ operation_id: "other_op" });
    expect(denied.isError).toBe(true);
    expect(denied.text).toMatch(/^Operation denied:\n```\nOperation "other_op" not allowed\n```\n/);
    expect(denied.text).toContain("Code: operation_not_allowed");
    const failed = await run({ operation_id: "fails" });
    expect(failed.isError).toBe(true);
    expect(failed.text).toContain("Exit code: 3");
    expect(failed.text).toContain("went wrong");
  });

  conforms(112, "a reply of the older form is understood", () => {
    expect(check("operation_reply", { exit_code: 0, stdout: "x", stderr: "", denied_reason: null })).toMatchObject({
      ok: true,
    });
  });
});
