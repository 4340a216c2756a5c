import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { asOwner } from "../../host/cli/owner-client.ts";
import { runOperation, type OperationCall } from "../../mcp/running.ts";
import { cancelRunTool } from "../../mcp/tools/cancel-run.ts";
import { readOutputTool } from "../../mcp/tools/read-output.ts";
import { runStatusTool } from "../../mcp/tools/run-status.ts";
import { tokensOf } from "../../mcp/tokens.ts";
import { DaemonClient } from "../../wire/client.ts";
import { defaultBase, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";
import { fakeBackend, told, type Told } from "./fake-calls.ts";

const programs = fixturePrograms();
const files = tempDirectory();
const LINES = Array.from({ length: 20_441 }, (_, index) => `this is line ${index + 1}\n`).join("");
writeFileSync(join(files, "lines"), LINES);
writeFileSync(join(files, "json"), '{"items": [1, 2], "big": "x"}\n');

const { base } = defaultBase({
  allowed_operations: ["lines", "json", "filtered", "bytes", "fails", "reads", "waits", "step", "asked"],
  operations: {
    lines: { command: "/bin/cat", args_template: [join(files, "lines")] },
    json: { command: "/bin/cat", args_template: [join(files, "json")], output: "json" },
    filtered: {
      command: "/bin/cat",
      args_template: [join(files, "lines")],
      filter: { max_lines: { head: 2, tail: 1 } },
    },
    bytes: { command: `${programs}/write-bytes`, args_template: ["5000"] },
    fails: { command: `${programs}/exit-with`, args_template: ["3", "went wrong"] },
    reads: { command: `${programs}/read-stdin`, stdin: "optional" },
    waits: { command: `${programs}/say-and-wait`, args_template: ["60"] },
    step: { command: `${programs}/step`, args_template: [join(files, "go")] },
    asked: { command: "/bin/echo", args_template: ["allowed"], approval: "ask" },
  },
});
const { address } = await startDaemon(base);
const backend = fakeBackend(new DaemonClient(address, TOKEN));

async function ran(operation: string, more: Partial<OperationCall> = {}, by: Told = told()) {
  const output = operation === "json" ? "json" : "text";
  return answer(await runOperation(backend, { operation, ...more }, by.context, { output }));
}

function answer({ content, structuredContent, isError }: Awaited<ReturnType<typeof runOperation>>) {
  const [block] = content;
  return {
    text: block?.type === "text" ? block.text : "",
    data: structuredContent as Record<string, unknown>,
    isError: isError === true,
    links: content.slice(1),
  };
}

const reading = readOutputTool(backend);
const status = runStatusTool(backend);
const cancelling = cancelRunTool(backend);

describe("the tools on the real daemon", () => {
  it("show beginning and end of long output, and read the rest of it", async () => {
    const { text, data, links } = await ran("lines");
    expect(tokensOf(text)).toBeLessThanOrEqual(10_000);
    expect(links).toHaveLength(1);
    const runId = String(data["run_id"]);
    const first = Number(/\(first ([\d,]+),/.exec(text)?.[1]?.replace(",", ""));
    const page = answer(await reading.call({ run_id: runId, line: first + 1, max_lines: 3 }, told().context));
    expect(page.text).toContain(
      `\`\`\`\nthis is line ${first + 1}\nthis is line ${first + 2}\nthis is line ${first + 3}\n\`\`\`\n`,
    );
    const found = answer(await reading.call({ run_id: runId, grep: "line 2044.$" }, told().context));
    expect(found.text).toMatch(/^```\n20440:this is line 20440\n20441:this is line 20441\n```\n\*stdout: 2 matches/);
    const end = answer(await reading.call({ run_id: runId, line: -1 }, told().context));
    expect(end.data).toMatchObject({ text: "this is line 20441\n", line: 20_441, more: false });
  });

  it("give pages that fit one after the other, without a gap", async () => {
    const { data } = await ran("lines");
    let [read, line] = ["", 1];
    for (let pages = 0; read.length < LINES.length && pages < 40; pages++) {
      const wanted = { run_id: data["run_id"], line, max_lines: 100_000 };
      const page = answer(await reading.call(wanted, told().context));
      expect(tokensOf(page.text)).toBeLessThanOrEqual(10_000);
      read += String(page.data["text"]);
      line = Number(page.data["next_line"]);
    }
    expect(read).toBe(LINES);
  });

  it("show what filters leave, and say where all of it is", async () => {
    const { text, data } = await ran("filtered");
    expect(text).toContain("this is line 1\nthis is line 2\n");
    expect(text).toMatch(/\*stdout filtered: .*; all of it: cmd2host_read_output run_id="[^"]+"\*\n/);
    expect(text.length).toBeLessThan(1_000);
    expect(data).toMatchObject({ stdout_truncated: true, stdout_original_bytes: LINES.length });
  });

  it("parse JSON", async () => {
    expect((await ran("json")).data).toMatchObject({ data: { items: [1, 2], big: "x" } });
  });

  it("take zero bytes for what they are", async () => {
    expect((await ran("bytes")).data).toMatchObject({ exit_code: 0, stdout_original_bytes: 5_000 });
  });

  it("show a failure with its run", async () => {
    const { text, isError } = await ran("fails");
    expect(isError).toBe(true);
    expect(text).toMatch(/^Exit code: 3\n[^]*went wrong[^]*\nRun: \S+\n$/);
  });

  it("send standard input, and are denied when the operation takes none", async () => {
    expect((await ran("reads", { stdin: "né\n" })).text).toMatch(/```\n\s*4\n```/);
    const { text, data } = await ran("bytes", { stdin: "x" });
    expect(text).toContain("takes no standard input");
    expect(data).toMatchObject({ outcome: "denied", code: "stdin_not_allowed" });
  });

  it("tell progress, and cancel the command with the call", async () => {
    const by = told();
    const running = ran("waits", {}, by);
    while (!by.progress.some(({ message }) => message.startsWith("so "))) await new Promise((go) => setTimeout(go, 20));
    by.cancel();
    expect((await running).data).toMatchObject({ outcome: "failed", code: "cancelled", stdout: "so far\n" });
    expect(by.progress[0]?.message).toMatch(/^running as /);
  });

  it("run in the background, tell the status, read meanwhile, and wait for the end", async () => {
    const { data } = await ran("step", { background: true });
    const runId = data["run_id"];
    const page = answer(await reading.call({ run_id: runId, offset: 0, wait_seconds: 20 }, told().context));
    expect(page.data).toMatchObject({ text: "one\n", state: "running", more: true });
    const now = answer(await status.call({ run_id: runId }, told().context));
    expect(now.data).toMatchObject({ state: "running", background: true });
    writeFileSync(join(files, "go"), "");
    const then = answer(await status.call({ run_id: runId, wait_seconds: 20 }, told().context));
    expect(then.data).toMatchObject({ state: "completed", exit_code: 0, stdout: { bytes: 8, lines: 2 } });
  });

  it("cancel what runs in the background", async () => {
    const { data } = await ran("waits", { background: true });
    await cancelling.call({ run_id: data["run_id"] }, told().context);
    const { text } = answer(await status.call({ run_id: data["run_id"], wait_seconds: 20 }, told().context));
    expect(text).toContain("State: failed after ");
    expect(text).toContain("Code: cancelled\n");
  });

  it("wait for a person longer than for a result, tell so, and end clearly", async () => {
    const impatient = fakeBackend(new DaemonClient(address, TOKEN), 10_000, 300);
    const ask = async (by: Told) =>
      answer(await runOperation(impatient, { operation: "asked" }, by.context, { output: "text" }));
    const said = async (answer: "once" | "deny", note?: string): Promise<void> => {
      await asOwner(base.directory, async (owner) => {
        const [pending] = (await owner.approvals("", 0)).approvals;
        await owner.answer(pending?.id ?? "", { answer, note });
      });
    };
    for (const [word, note] of [["once"], ["deny", "Not today."]] as const) {
      const by = told();
      const asked = ask(by);
      while (by.progress.length === 0) await new Promise((go) => setTimeout(go, 10));
      expect(by.progress[0]?.message).toMatch(/^waiting for a person to allow asked, until /);
      await new Promise((go) => setTimeout(go, 500));
      await said(word, note);
      const { text, data, isError } = await asked;
      if (word === "once") expect(data).toMatchObject({ outcome: "completed", stdout: "allowed\n" });
      else {
        expect([isError, data["code"]]).toEqual([true, "approval_denied"]);
        expect(text).toContain("Not today.");
      }
    }
  });

  it("say that a run is not known", async () => {
    const { text, isError } = answer(await status.call({ run_id: "nope" }, told().context));
    expect(isError).toBe(true);
    expect(text).toContain("Code: run_unknown\n");
  });
});
