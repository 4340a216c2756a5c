import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { exec } from "../../../host/cli/exec.ts";
import { parseExecLine } from "../../../host/cli/exec-line.ts";
import { ADMIN_KEY, READER_KEY, startAgent, startFleet, startGateway, type Fleet } from "../../fixtures/fleet.ts";
import { atEnd, tempDirectory } from "../../fixtures/temp.ts";
import { Host } from "../harness.ts";
import { cutWay, type CutWay } from "./cut.ts";
import { Program } from "./program.ts";

let fleet: Fleet;
let program: Program;

beforeAll(async () => {
  fleet = await startFleet({ web1: { tags: ["web"] }, db1: { dials: true, agent: { lease: 1 } } });
  program = await Program.build(fleet.gateway.environment());
}, 120_000);

describe("a command for the shell of a machine", () => {
  it("reaches it byte for byte, and its output and exit code come back so", async () => {
    const command = `printf '%s|' "a  b" '$HOME' "\${X-unset}" \\$ "é\t" '"'; printf '\\377\\000'; echo no >&2; exit 7`;
    const { exit, stdout, stderr } = await program.run("exec", "web1", command);
    expect(stdout).toEqual(Buffer.concat([Buffer.from(`a  b|$HOME|unset|$|é\t|"|`), Buffer.from([0xff, 0x00])]));
    expect([exit, stderr]).toEqual([7, "no\n"]);
  });

  it("comes with its output while it runs", async () => {
    const running = program.start(["exec", "web1", "echo first; cat; echo last"], ["pipe", "pipe", "pipe"]);
    await running.until("first");
    running.child.stdin?.end("middle\n");
    expect((await running.ended).stdout.toString()).toBe("first\nmiddle\nlast\n");
  });

  it("works on a machine that has dialled in", async () => {
    expect(await program.run("exec", "db1", "exit 5")).toMatchObject({ exit: 5, stderr: "" });
  });

  it("says 128+n when a signal ended it", async () => {
    expect(await program.run("exec", "web1", "kill -9 $$")).toMatchObject({ exit: 137 });
  });

  it("is ended after --timeout, with 124", async () => {
    const { exit, stderr } = await program.run("exec", "web1", "sleep 300", "--timeout", "1");
    expect(exit).toBe(124);
    expect(stderr).toContain("cmd2host: failed (timed_out)");
  });

  it("has the variables and the directory that are said", async () => {
    const { stdout } = await program.run(
      ...["exec", "web1", 'echo "$A|$B|$PWD"', "--env", "A=1=2", "--env=B=", "--workdir", "/tmp"],
    );
    expect(stdout.toString()).toBe("1=2||/tmp\n");
  });

  it("may stand behind -- when it cannot be a program's name, as for the original's users", async () => {
    expect((await program.run("exec", "web1", "--", "echo a;  echo b")).stdout.toString()).toBe("a\nb\n");
    expect(await program.run("exec", "web1", "--", "-x 2>/dev/null || exit 9")).toMatchObject({ exit: 9 });
  });
});

describe("standard input", () => {
  it("is sent when it is a pipe, byte for byte", async () => {
    const bytes = Buffer.alloc(300_000, Buffer.from([0, 255, 10, 13]));
    expect((await program.fed(bytes, "exec", "web1", "cat")).stdout).toEqual(bytes);
  });

  it("is not sent with -n", async () => {
    expect((await program.fed("x", "exec", "web1", "-n", "cat")).stdout.toString()).toBe("");
  });

  it("is left alone by an operation that takes none", async () => {
    const { stdout } = await program.shell("echo rest | { $C exec web1 -- uptime >/dev/null; cat; }").ended;
    expect(stdout.toString()).toBe("rest\n");
  });
});

describe("a command line", () => {
  it("is taken to the operation that makes it, without a shell", async () => {
    expect((await program.run("exec", "web1", "--", "echo", "a  $HOME")).stdout.toString()).toBe("a  $HOME\n");
    expect((await program.run("exec", "web1", "--", "uptime")).exit).toBe(0);
  });

  it("that no operation makes is denied with 220", async () => {
    const { exit, stderr } = await program.run("exec", "web1", "--", "reboot", "now");
    expect(exit).toBe(220);
    expect(stderr).toMatch(/^cmd2host: denied \(argv_no_match\): .*\ncmd2host: hint: /);
  });
});

describe("an operation by name", () => {
  it("takes parameters and flags, behind -- too", async () => {
    expect((await program.run("exec", "web1", "--operation", "say", "--param", "text=hi")).stdout.toString()).toBe(
      "hi\n",
    );
    // Only with the flag it begins so; what follows may be another minute the second time.
    for (const flag of [["--flag=--pretty"], ["--", "--pretty"]]) {
      const { stdout } = await program.run("exec", "web1", "--operation=uptime", ...flag);
      expect(stdout.toString()).toMatch(/^up [^\n]+\n$/);
    }
  });

  it("that the machine does not have is denied", async () => {
    const { exit, stderr } = await program.run("exec", "web1", "--operation=nothing");
    expect(exit).toBe(220);
    expect(stderr).toContain("cmd2host: denied (operation_");
  });

  it("that the caller may not call is denied by the gateway", async () => {
    const reader = program.with(fleet.gateway.environment(READER_KEY));
    expect((await reader.run("exec", "web1", "--", "uptime")).exit).toBe(0);
    const { exit, stderr } = await reader.run("exec", "web1", "id");
    expect(exit).toBe(220);
    expect(stderr).toContain("denied (caller_not_allowed)");
    expect((await reader.run("exec", "db1", "id")).stderr).toContain("target_unknown");
  });
});

describe("the outcome", () => {
  it("is printed as JSON with --json", async () => {
    const { exit, stderr } = await program.run("exec", "web1", "echo hi; exit 3", "--json");
    expect(exit).toBe(3);
    expect(JSON.parse(stderr)).toMatchObject({ outcome: "completed", exit_code: 3, stdout_bytes: 3 });
  });

  it("of trouble is JSON as well", async () => {
    const { stderr, exit } = await program.run("exec", "web1", "x", "--json", "--gateway", "127.0.0.1:1");
    expect([exit, (JSON.parse(stderr) as { error: { code: string } }).error.code]).toEqual([1, "gateway_unreachable"]);
  });
});

describe("with --profile", () => {
  it("the time of every hop is shown in the original's layout", async () => {
    const { stderr, stdout } = await program.run("exec", "web1", "sleep 0.2; echo x", "--profile");
    expect(stdout.toString()).toBe("x\n");
    const lines = stderr.split("\n");
    expect(lines[0]).toBe("");
    expect(lines[1]).toMatch(/^─+ profile ─+$/);
    expect(lines.at(-2)).toMatch(/^─+$/);
    expect(lines.at(-3)).toBe("pages: 1");
    expect(lines.filter((line) => /^[a-z]/.test(line))).toEqual(["client", "gateway", "link", "agent", "pages: 1"]);
    const rows = lines.filter((line) => line.startsWith("  ")).map((line) => line.trim().split(/\s+/)[0]);
    expect(rows).toEqual([
      ...["start", "connect", "accepted", "first_byte", "end", "total"],
      ...["admit", "relay", "accepted", "open", "decide", "run"],
    ]);
    for (const line of lines.filter((one) => one.startsWith("  "))) expect(line).toMatch(/^ {2}[a-z_]+ +\d+\.\d\dms$/);
    const run = Number(/^ {2}run +([\d.]+)ms$/m.exec(stderr)?.[1]);
    expect(run).toBeGreaterThan(199);
  });
});

describe("with --background", () => {
  it("only the id of the run is printed, and the run goes on", async () => {
    const mark = join(tempDirectory(), "mark");
    const { exit, stdout, stderr } = await program.run("exec", "web1", `echo out; echo done > ${mark}`, "--background");
    expect([exit, stderr]).toEqual([0, ""]);
    const id = stdout.toString().trim();
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    const { run } = await fleet.gateway.client().on("web1").status(id, 30);
    expect(run).toMatchObject({ state: "completed", exit_code: 0 });
    expect(readFileSync(mark, "utf8")).toBe("done\n");
  });

  it("a denial is said, with 220, and trouble with 1", async () => {
    const denied = await program.run("exec", "web1", "--operation=nothing", "--background");
    expect([denied.exit, denied.stdout.length]).toEqual([220, 0]);
    expect(denied.stderr).toMatch(/^cmd2host: error \(operation_/);
    const lost = await program.run("exec", "web1", "x", "--background", "--gateway=127.0.0.1:1", "--json");
    expect([lost.exit, JSON.parse(lost.stderr)]).toMatchObject([1, { error: { code: "gateway_unreachable" } }]);
  });
});

describe("Ctrl-C", () => {
  it("cancels the command, and waits for its end", async () => {
    const running = program.start([
      "exec",
      "web1",
      "trap 'echo bye; exit 0' TERM; echo begun; while :; do sleep 0.05; done",
    ]);
    await running.until("begun");
    running.child.kill("SIGINT");
    const { exit, stdout } = await running.ended;
    expect([exit, stdout.toString()]).toEqual([130, "begun\nbye\n"]);
  });

  it("a second time leaves at once", async () => {
    const running = program.start(["exec", "web1", "trap '' TERM; echo begun; while :; do sleep 0.05; done"]);
    await running.until("begun");
    running.child.kill("SIGINT");
    await sleep(50);
    running.child.kill("SIGINT");
    expect(await running.ended).toMatchObject({ exit: 130, stderr: "" });
  });
});

describe("trouble with the gateway", () => {
  it("is a sentence with a hint, and 1", async () => {
    const nobody = await program.run("exec", "web1", "id", "--gateway=http://127.0.0.1:1");
    expect(nobody.exit).toBe(1);
    expect(nobody.stderr).toMatch(
      /^cmd2host: error \(gateway_unreachable\): the gateway at 127.0.0.1:1 does not answer: ECONNREFUSED\ncmd2host: hint: /,
    );
    const none = await program.with({ CMD2HOST_GATEWAY: "" }).run("exec", "web1", "id");
    expect([none.exit, none.stderr]).toEqual([1, expect.stringContaining("error (gateway_missing)") as string]);
    const key = await program.with({ CMD2HOST_GATEWAY_KEY: "wrong" }).run("exec", "web1", "id");
    expect([key.exit, key.stderr]).toEqual([1, expect.stringContaining("error (gateway_refused)") as string]);
  });

  it("says when what answers is no gateway", async () => {
    const server = createServer((_request, response) => response.end("hello"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    atEnd(() => {
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const { exit, stderr } = await program.run("exec", "web1", "id", `--gateway=127.0.0.1:${port}`);
    expect([exit, stderr]).toEqual([
      1,
      expect.stringContaining(`127.0.0.1:${port} is no gateway of cmd2host`) as string,
    ]);
  });

  it("in the middle of a command names the run, which goes on being known", async () => {
    const way = await cutWay(fleet.gateway.url);
    const running = program.start(["exec", "web1", "echo begun; sleep 300", `--gateway=${way.url}`]);
    await running.until("begun");
    way.cut();
    const { exit, stderr } = await running.ended;
    expect(exit).toBe(1);
    const [, id = ""] =
      /^cmd2host: error \(link_lost\): the connection to the gateway broke .* \(run ([0-9a-f-]{36})\)\n/.exec(stderr) ??
      [];
    expect(stderr).toContain(`hint: Ask for it when the target is back: cmd2host runs show ${id} --target=web1\n`);
    // Whoever asked is gone, so the command was ended.
    const { run } = await fleet.gateway.client().on("web1").status(id, 60);
    expect(run).toMatchObject({ state: "failed", code: "cancelled" });
  });
});

describe("what the original's users have set", () => {
  it("leads to the gateway, with the key", async () => {
    const theirs = program.with({
      CMD2HOST_GATEWAY: "",
      CMD2HOST_GATEWAY_KEY: "",
      COMMANDO_URL: fleet.gateway.url,
      COMMANDO_API_KEY: ADMIN_KEY,
    });
    const { exit, stdout, stderr } = await theirs.run(
      ...["exec", "web1", "pwd; exit 4", "--timeout", "0", "--workdir", "/tmp", "--profile"],
    );
    expect([exit, stdout.toString()]).toEqual([4, "/tmp\n"]);
    expect(stderr).toContain(" profile ");
  });

  it("may be a file with the key", async () => {
    const file = join(tempDirectory(), "key");
    writeFileSync(file, `${ADMIN_KEY}\n`);
    const bare = program.with({ CMD2HOST_GATEWAY_KEY: "", CMD2HOST_GATEWAY: "" });
    const { exit } = await bare.run("exec", "web1", "true", "--gateway", fleet.gateway.url, "--key-file", file);
    expect(exit).toBe(0);
  });
});

describe("a link that is lost in the middle of a command", () => {
  it("ends it with 1, and the id of the run", async () => {
    const gateway = await startGateway({ link: "lease_secs = 1" });
    let way: CutWay | undefined;
    const reachedBy = async (port: number): Promise<string> => {
      way = await cutWay(`http://127.0.0.1:${port}`);
      return way.address;
    };
    await startAgent(gateway, "far", { reachedBy, agent: { lease: 1 } });
    const running = program.with(gateway.environment()).start(["exec", "far", "echo begun; sleep 300"]);
    await running.until("begun");
    way?.cut(true);
    const { exit, stderr } = await running.ended;
    expect(exit).toBe(1);
    expect(stderr).toMatch(/^cmd2host: failed \(link_lost\): /);
    expect(stderr).toMatch(/^cmd2host: Ask for it .*: cmd2host runs show [0-9a-f-]{36} --target=far$/m);
  });
});

describe("the command line", () => {
  it.each([
    [[], "missing TARGET"],
    [["web1"], "missing COMMAND"],
    [["web1", "--"], "missing COMMAND"],
    [["web1", "uptime", "-p"], 'unknown option "-p"'],
    [["web1", "uptime", "now"], 'unexpected argument "now"'],
    [["web1", "uptime", "--", "x"], "there is a command in front of -- and another one behind it"],
    [["web1", "id", "--operation=say"], 'unexpected argument "id"'],
    [["web1", "id", "--param=a=1"], "--param goes with --operation"],
    [["web1", "id", "--env=A"], '--env "A" is not NAME=VALUE'],
    [["web1", "id", "--timeout=x"], '--timeout "x" is not a whole number from 0 to 2147483'],
    [["web1", "id", "--fail-fast"], "--fail-fast goes with a choice of targets"],
    [["--all", "id", "x"], 'unexpected argument "x"'],
    [["--all", "id", "--profile"], "--profile goes with one target only"],
    [["--all", "id", "--json"], "--json goes with one target only"],
    [["--all", "id", "--format=xml"], '--format "xml" is none of grouped, table, jsonl'],
    [["--targets=,", "id"], "--targets names none"],
    [["--all", "id", "--concurrency=0"], '--concurrency "0" is not a whole number from 1 to 256'],
    [["web1", "id", "--operaton=say"], 'unknown option "--operaton"'],
  ])("%j is not understood", (args, message) => {
    let error: unknown;
    try {
      parseExecLine(args);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({
      code: "usage",
      message,
      hint: expect.stringContaining("See cmd2host exec --help.") as string,
    });
  });

  it("that is not understood exits with 2, and is explained with --help", async () => {
    const { exit, stdout, stderr } = await program.run("exec");
    expect([exit, stdout.length, stderr.split("\n")[0]]).toEqual([2, 0, "cmd2host: error (usage): missing TARGET"]);
    const help = await program.run("exec", "--help");
    expect([help.exit, help.stdout.toString()]).toEqual([
      0,
      expect.stringContaining("cmd2host exec [TARGET] [COMMAND]") as string,
    ]);
  });

  it("must begin with exec", async () => {
    await expect(exec.run({}, new Host().context())).rejects.toThrow("exec has to be the first word");
  });
});

describe("runs on a machine", () => {
  it("are listed, shown, followed and cancelled from here", async () => {
    const { stdout } = await program.run("exec", "web1", "echo begun; sleep 300", "--background");
    const id = stdout.toString().trim();
    const of = async (...args: string[]): Promise<string> => {
      const { stdout: said, stderr } = await program.run("runs", ...args, "--target=web1");
      return said.toString() + stderr;
    };
    expect(await of("list", "--state=running")).toContain(id.slice(0, 8));
    while (!(await of("show", id)).includes("begun")) await sleep(20);
    const following = program.start(["runs", "tail", id, "--follow", "--exit-status", "--target=web1"]);
    await following.until("begun");
    expect(await of("cancel", id)).toContain("Cancelled 1 run");
    expect(await following.ended).toMatchObject({ exit: 143 });
    expect(await of("show", id, "--output")).toBe("begun\n");
    expect(await of("show", "00000000-0000-4000-8000-000000000000")).toContain("run");
  });
});
