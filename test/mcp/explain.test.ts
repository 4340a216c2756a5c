import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { tokensOf } from "../../mcp/tokens.ts";
import { Base, defaultProject, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { atEnd, fixturePrograms, tempDirectory } from "../fixtures/temp.ts";
import { inProcess, type Session } from "./clients.ts";

const TOOL = "cmd2host_explain_operation";
const MAX_TOKENS = 2_000;

const base = new Base();
const programs = fixturePrograms();
const repo = makeRepo(join(tempDirectory(), "repo"));
const pass = { command: join(programs, "print-args"), params: { text: { type: "string" as const } } };
const operations = {
  view: {
    command: "gh",
    args_template: ["pr", "view", "{number}", "-R", "{repo}"],
    params: { number: { type: "integer" as const, min: 1 } },
    allowed_flags: ["--comments"],
  },
  say: { ...pass, args_template: ["{text}", "{HIDDEN}"] },
  careful: { ...pass, args_template: ["{text}"], approval: "ask" as const },
  many: { ...pass, args_template: ["{all}"], params: { all: { type: "array" as const } } },
};

describe("the tool that explains a call", () => {
  let session: Session;
  beforeAll(async () => {
    base.writeProject(
      "owner_repo",
      defaultProject(repo, { operations, allowed_operations: Object.keys(operations), env: { HIDDEN: "planted" } }),
    );
    base.writeToken(TOKEN, { repo: "owner/repo" });
    const { address } = await startDaemon(base, {}, { ...process.env, GH_TOKEN: "planted" });
    const options = ["-socket", address.path, "-max-tokens", String(MAX_TOKENS)];
    session = await inProcess(options, { CMD2HOST_TOKEN: TOKEN });
    atEnd(async () => session.close());
  });

  it("says that it would run, and how, with what the host puts in by its name", async () => {
    const { text, data, isError } = await session.call(TOOL, { operation_id: "say", params: { text: "hello" } });
    const argv = [join(programs, "print-args"), "hello", "{HIDDEN}"];
    expect(isError).toBe(false);
    expect(data).toEqual({ verdict: "allow", operation: "say", argv });
    expect(text).toBe(`Dry run, nothing was run. It would run.\nargv: ["${argv.join('", "')}"]\nTime limit: 60 s\n`);
    expect(JSON.stringify([text, data])).not.toContain("planted");
  });

  it("says at which step it would be denied, why, and what would be allowed nearby", async () => {
    const denied = await session.call(TOOL, { argv: ["gh", "pr", "view", "42", "--jq=x"] });
    expect(denied.isError).toBe(false);
    expect(denied.data).toMatchObject({
      verdict: "deny",
      stopped_at: "operation",
      code: "argv_no_match",
      near: [{ operation: "view", why: 'unknown flag "--jq"', form: "gh pr view <number> [--comments <value>]" }],
    });
    expect(denied.text).toContain("Stopped at: operation\n");
    expect(denied.text).toContain("Near: view: gh pr view <number> [--comments <value>]\n");
    expect(denied.text).toMatch(/Code: argv_no_match\nHint: .+\n$/);
    const named = await session.call(TOOL, { operation_id: "view", params: { number: 0 } });
    expect(named.data).toMatchObject({ verdict: "deny", stopped_at: "values", code: "param_invalid" });
  });

  it("says that a person would be asked", async () => {
    const { text, data } = await session.call(TOOL, { operation_id: "careful", params: { text: "x" } });
    expect(data).toMatchObject({ verdict: "ask", why_asked: "always asked" });
    expect(text).toContain("It would run when a person on the host allows it.\n");
  });

  it.each([
    ["one long value", { operation_id: "say", params: { text: "x'\n`".repeat(10_000) } }],
    [
      "many values",
      { operation_id: "many", params: { all: Array.from({ length: 20_000 }, (_, at) => `value-${at}`) } },
    ],
    ["a long line", { argv: ["gh", ...Array.from({ length: 5_000 }, () => "pr\u001b[2J")] }],
    ["a name that is long", { operation_id: "x".repeat(60_000) }],
    ["parameters that do not exist", { operation_id: "view", params: { ["y".repeat(60_000)]: 1 } }],
  ])("keeps within its tokens with %s, and shows no controls", async (_what, args) => {
    const { text, data } = await session.call(TOOL, args);
    expect(tokensOf(text)).toBeLessThanOrEqual(MAX_TOKENS);
    expect(tokensOf(JSON.stringify(data))).toBeLessThanOrEqual(MAX_TOKENS);
    expect(text).not.toContain("\u001b");
  });

  it.each([[{}], [{ operation_id: "", argv: [] }], [{ operation_id: "say", argv: ["gh"] }]])(
    "with %j asks for one of both",
    async (args) => {
      expect(await session.call(TOOL, args)).toMatchObject({
        isError: true,
        text: "Error: give either operation_id or argv",
      });
    },
  );

  it("says how to get a token when this one is none", async () => {
    const stranger = await inProcess(["-socket", join(base.root, "cmd2host.sock")], { CMD2HOST_TOKEN: "0".repeat(64) });
    atEnd(async () => stranger.close());
    const { isError, text, data } = await stranger.call(TOOL, { operation_id: "say" });
    expect([isError, (data as { code: string }).code]).toEqual([true, "unauthenticated"]);
    expect(text).toContain("explaining the call: daemon error: Authentication failed");
  });
});
