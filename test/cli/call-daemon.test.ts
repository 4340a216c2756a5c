import { execFileSync } from "node:child_process";
import { beforeAll, describe, expect, it } from "vitest";
import { buildProgram } from "../contract/routes-process.ts";
import type { OperationTemplate } from "../../wire/schema.ts";
import { defaultBase, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { fixturePrograms } from "../fixtures/temp.ts";
import { environmentOf, startCall, startShell } from "./call-program.ts";

/** `cmd2host call` as a process, against the real daemon and real programs. */
let program = "";
beforeAll(async () => {
  program = await buildProgram();
}, 120_000);

async function daemonWith(): Promise<NodeJS.ProcessEnv> {
  const programs = fixturePrograms();
  const word = { type: "string" } as const;
  const operations: Readonly<Record<string, OperationTemplate>> = {
    echo: { command: "/bin/echo", args_template: ["{words}"], params: { words: word }, allowed_flags: ["-n"] },
    cat: { command: "/bin/cat", stdin: "optional" },
    needy: { command: "/bin/cat", stdin: "required" },
    yes: { command: "/usr/bin/yes", args_template: ["{words}"], params: { words: word } },
    head: { command: "/usr/bin/head", args_template: ["-n", "1"], stdin: "optional" },
    die: { command: `${programs}/die-by-signal`, args_template: ["{name}"], params: { name: word } },
    exit: { command: `${programs}/exit-with`, args_template: ["9", "{words}"], params: { words: word } },
    big: { command: `${programs}/write-bytes`, args_template: ["{count}"], params: { count: { type: "integer" } } },
    sleep: { command: `${programs}/sleep-loudly`, args_template: ["{words}"], params: { words: word } },
    slow: { command: "/bin/sleep", args_template: ["30"], timeout: 1 },
  };
  const { base } = defaultBase({ allowed_operations: Object.keys(operations), operations });
  const { address } = await startDaemon(base);
  return environmentOf(address, { CMD2HOST_TOKEN: TOKEN });
}

describe("cmd2host call with a daemon", () => {
  it("runs operations by name and by command line, and passes on how they end", async () => {
    const env = await daemonWith();
    const run = async (...args: string[]) => startCall(program, args, env).ended;
    expect(await run("echo", "--param", "words=hello world")).toMatchObject({
      exit: 0,
      stdout: Buffer.from("hello world\n"),
      stderr: "",
    });
    expect(await run("--argv", "--", "/bin/echo", "hi")).toMatchObject({ exit: 0, stdout: Buffer.from("hi\n") });
    expect(await run("exit", "--param", "words=oops")).toMatchObject({ exit: 9, stderr: "oops\n" });
    expect(await run("die", "--param", "name=KILL")).toMatchObject({
      exit: 137,
      stdout: Buffer.from("last words\n"),
      stderr: "",
    });
    const denied = await run("nothing");
    expect([denied.exit, denied.stdout.length]).toEqual([220, 0]);
    expect(denied.stderr).toMatch(/^cmd2host: denied \(operation_unknown\): .+\ncmd2host: hint: .+\n$/);
    const late = await run("slow");
    expect(late.exit).toBe(124);
    expect(late.stderr).toMatch(/cmd2host: failed \(timed_out\): .+\ncmd2host: hint: .+\n$/);
    const json = await run("exit", "--param=words=x", "--json");
    expect(JSON.parse(json.stderr.split("\n")[1] ?? "")).toMatchObject({
      outcome: "completed",
      exit_code: 9,
      run_id: expect.any(String) as string,
      stderr_bytes: 2,
    });
  });

  it("refuses a token that nobody gave", async () => {
    const env = { ...(await daemonWith()), CMD2HOST_TOKEN: "0".repeat(64) };
    const { exit, stderr } = await startCall(program, ["echo"], env).ended;
    expect([exit, stderr.split(":").slice(0, 2)]).toEqual([220, ["cmd2host", " denied (unauthenticated)"]]);
  });

  it("sends standard input of every size byte for byte, and only to who takes it", async () => {
    const env = await daemonWith();
    const hash = (input: string): string =>
      execFileSync("/bin/bash", ["-c", `${input} | sha256sum`], { encoding: "utf8" });
    const input = "head -c 12000000 /dev/zero | tr '\\0' x";
    expect((await startShell(program, `${input} | $CALL cat | sha256sum`, env).ended).stdout.toString()).toBe(
      hash(input),
    );
    expect((await startShell(program, "$CALL cat", env).ended).stdout.length).toBe(0);
    const loop = "printf '1\\n2\\n' | while read -r line; do $CALL echo --param words=$line; done";
    expect((await startShell(program, loop, env).ended).stdout.toString()).toBe("1\n2\n");
    const needy = await startCall(program, ["needy"], env).ended;
    expect([needy.exit, needy.stderr.includes("stdin_required")]).toEqual([220, true]);
  });

  it("ends with a program that leaves standard input unread", async () => {
    const env = await daemonWith();
    const { exit, stdout } = await startShell(program, "yes in | $CALL head; exit ${PIPESTATUS[1]}", env).ended;
    expect([exit, stdout.toString()]).toEqual([0, "in\n"]);
  });

  it("ends an endless program whose reader goes away", async () => {
    const env = await daemonWith();
    const script = "$CALL yes --param words=no | head -n 2; exit ${PIPESTATUS[0]}";
    expect(await startShell(program, script, env).ended).toMatchObject({
      exit: 141,
      stdout: Buffer.from("no\nno\n"),
      stderr: "",
    });
  });

  it("gives a slow reader all of a large output", async () => {
    const env = await daemonWith();
    const script = "$CALL big --param-json count=30000000 | { sleep 1; wc -c; }; exit ${PIPESTATUS[0]}";
    const { exit, stdout, stderr } = await startShell(program, script, env).ended;
    expect([exit, Number(stdout.toString()), stderr]).toEqual([0, 30_000_000, ""]);
  });

  it("cancels at Ctrl-C", async () => {
    const env = await daemonWith();
    const running = startCall(program, ["yes", "--param", "words=x"], env);
    await running.until("x\n");
    running.child.kill("SIGINT");
    expect(await running.ended).toMatchObject({ exit: 130, stderr: "" });
  });

  it("streams several calls at the same time without mixing them", async () => {
    const env = await daemonWith();
    const all = await Promise.all(
      ["a", "b", "c", "d"].map(async (word) => startCall(program, ["echo", "--param", `words=${word}`], env).ended),
    );
    expect(all.map(({ stdout }) => stdout.toString())).toEqual(["a\n", "b\n", "c\n", "d\n"]);
  });
});
