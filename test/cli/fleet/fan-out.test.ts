import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { startAgent, startFleet, startGateway, type Fleet } from "../../fixtures/fleet.ts";
import { tempDirectory } from "../../fixtures/temp.ts";
import type { Ended } from "../call-program.ts";
import { Program } from "./program.ts";

let fleet: Fleet;
let program: Program;

const AWAY = `
[[targets]]
name = "pve1/away"
host = "127.0.0.1"
port = 1
tags = ["gone"]
node = "pve1"
[agent.psk]
"pve1/away" = "a key of a machine that is away"
`;

beforeAll(async () => {
  fleet = await startFleet(
    { web1: { tags: ["web"] }, web2: { tags: ["web", "second"] }, db1: { tags: ["db"], dials: true } },
    { tables: AWAY },
  );
  program = await Program.build(fleet.gateway.environment());
}, 120_000);

/** Lines of standard error that we say. */
function said({ stderr }: Ended): readonly string[] {
  return stderr.split("\n").filter((line) => line !== "");
}

/** What is shown of each target in groups, whatever their order. */
function groupsOf({ stdout }: Ended): ReadonlyMap<string, string> {
  const parts = stdout
    .toString()
    .split(/^==> /m)
    .filter((part) => part !== "");
  return new Map(parts.map((part) => [part.slice(0, part.indexOf(":")), part.slice(part.indexOf(": ") + 2)]));
}

describe("targets are chosen", () => {
  it.each([
    [["--all"], ["db1", "pve1/away", "web1", "web2"]],
    [
      ["--tag", "web"],
      ["web1", "web2"],
    ],
    [
      ["--tag=db", "--tag=second"],
      ["db1", "web2"],
    ],
    [["--node", "pve1"], ["pve1/away"]],
    [
      ["--match=web*", "--match", "db?"],
      ["db1", "web1", "web2"],
    ],
    [["--match=*/*"], ["pve1/away"]],
    [["--targets=db1,web2"], ["db1", "web2"]],
    [["--targets=db1,web2", "--tag=web"], ["web2"]],
  ])("by %j", async (choice, names) => {
    const { exit, stdout } = await program.run("exec", ...choice, "--dry-run");
    expect([exit, stdout.toString()]).toEqual([0, names.map((name) => `${name}\n`).join("")]);
  });

  it("and to choose none is an error", async () => {
    const none = await program.run("exec", "--tag=nothing", "--node=n", "id");
    expect([none.exit, said(none)[0]]).toEqual([
      1,
      'cmd2host: error (target_unknown): no target fits tag "nothing" and node "n"',
    ]);
    const missing = await program.run("exec", "--targets=web1,nobody", "id");
    expect([missing.exit, said(missing)[0]]).toEqual([
      1,
      'cmd2host: error (target_unknown): there is no target "nobody"',
    ]);
  });

  it("but not thousands by name", async () => {
    const names = Array.from({ length: 1_001 }, (_, index) => `n${index}`).join(",");
    const { exit, stderr } = await program.run("exec", `--targets=${names}`, "id");
    expect([exit, stderr]).toEqual([1, expect.stringContaining("error (too_many_targets): 1001 names")]);
  });

  it("also by more names than one request can hold", async () => {
    const names = Array.from({ length: 900 }, () => "web1").join(",");
    const { stdout } = await program.run("exec", `--targets=${names},web2`, "--dry-run");
    expect(stdout.toString()).toBe("web1\nweb2\n");
  });
});

describe("a command on several machines", () => {
  it("shows what each wrote under its name, and counts", async () => {
    const ended = await program.run("exec", "--tag=web", "echo out; printf err >&2");
    expect(ended.exit).toBe(0);
    const groups = groupsOf(ended);
    expect([...groups.keys()].sort()).toEqual(["web1", "web2"]);
    expect(groups.get("web1")).toMatch(/^exit 0, \d+\.\d\d s\nout\n--- stderr\nerr\n$/);
    expect(said(ended)).toEqual(["cmd2host: 2 of 2 targets: ok 2, exit≠0 0, denied 0, failed 0, not run 0"]);
  });

  it("is 1 when one fails, in whatever way", async () => {
    const ended = await program.run("exec", "--all", "echo hi");
    expect(ended.exit).toBe(1);
    expect(groupsOf(ended).get("pve1/away")).toMatch(
      /^failed \(target_unreachable\), .*\ncmd2host: .*\ncmd2host: hint: /,
    );
    expect(said(ended)).toEqual(["cmd2host: 3 of 4 targets: ok 3, exit≠0 0, denied 0, failed 1, not run 0"]);
  });

  it("may be a command line, for which each machine finds its operation", async () => {
    const ended = await program.run("exec", "--all", "--", "echo", "a  b");
    const groups = groupsOf(ended);
    expect(groups.get("web2")).toMatch(/^exit 0, .*\na {2}b\n$/);
    expect(groups.get("pve1/away")).toMatch(/^denied \(argv_no_match\), /);
  });

  it("is 1 when one denies, or does not end with 0", async () => {
    const denied = await program.run("exec", "--tag=web", "--operation=nothing");
    expect([denied.exit, said(denied).at(-1)]).toEqual([
      1,
      "cmd2host: 0 of 2 targets: ok 0, exit≠0 0, denied 2, failed 0, not run 0",
    ]);
    const three = await program.run("exec", "--targets=web1", "kill $$");
    expect([three.exit, said(three)]).toEqual([
      1,
      ["cmd2host: 0 of 1 target: ok 0, exit≠0 1, denied 0, failed 0, not run 0"],
    ]);
    expect(groupsOf(three).get("web1")).toMatch(/^exit 143 \(SIGTERM\), /);
  });

  it("runs on all at the same time, as far as --concurrency lets it", async () => {
    const place = tempDirectory();
    // Each waits for the other: one after the other, neither would end.
    const meet = `me=$(mktemp ${place}/XXXX); while [ $(ls ${place} | wc -l) -lt 2 ]; do sleep 0.02; done`;
    expect((await program.run("exec", "--tag=web", "--timeout=30", meet)).exit).toBe(0);
    const alone = `mkdir ${place}/lock && sleep 0.1 && rmdir ${place}/lock`;
    expect((await program.run("exec", "--tag=web", "--concurrency=1", alone)).exit).toBe(0);
  });

  it("cuts what one machine writes, and says so", async () => {
    const ended = await program.run("exec", "--targets=web1", "head -c 3000000 /dev/zero | tr '\\0' x");
    const text = groupsOf(ended).get("web1") ?? "";
    expect(text.match(/x/g)?.length).toBeGreaterThan(1_048_575);
    expect(text.length).toBeLessThan(1_048_576 + 200);
    expect(text).toContain("\ncmd2host: stdout: the first 1048576 of 3000000 bytes are shown\n");
  });
});

describe("--fail-fast", () => {
  it("cancels the others at the first that is not 0, and says which were not run", async () => {
    const mark = join(tempDirectory(), "mark");
    // One of the first two runs until it is cancelled; the other fails; the third never begins.
    const command = `if mkdir ${mark} 2>/dev/null; then sleep 300; else exit 3; fi`;
    const targets = "--targets=db1,web1,web2";
    const ended = await program.run("exec", targets, "--fail-fast", "--concurrency=2", command);
    expect([ended.exit, existsSync(mark)]).toEqual([1, true]);
    expect(ended.stdout.toString()).toContain(": failed (cancelled), ");
    expect(said(ended)).toEqual([
      "cmd2host: not run: web2",
      "cmd2host: 0 of 3 targets: ok 0, exit≠0 1, denied 0, failed 1, not run 1",
    ]);
  });
});

describe("--format=table", () => {
  it("is a line for each, in the order of their names, when all have ended", async () => {
    const ended = await program.run("exec", "--all", "--format=table", "echo a; echo 'last  one'; echo");
    expect(ended.exit).toBe(1);
    const rows = ended.stdout.toString().trimEnd().split("\n");
    expect(rows[0]?.split(/ {2,}/)).toEqual(["TARGET", "RESULT", "EXIT", "SECONDS", "LAST LINE"]);
    expect(rows.slice(1).map((row) => row.replace(/\d+\.\d\d/, "S").split(/ {2,}/))).toEqual([
      ["db1", "ok", "0", "S", "last", "one"],
      ["pve1/away", "target_unreachable", "-", "S", expect.any(String) as string],
      ["web1", "ok", "0", "S", "last", "one"],
      ["web2", "ok", "0", "S", "last", "one"],
    ]);
    // Nobody sees a line that is written over: each is told of as it ends.
    expect(said(ended)).toHaveLength(5);
    expect(ended.stderr).toMatch(/^cmd2host: web1: exit 0, \d+\.\d\d s$/m);
  });
});

describe("--format=jsonl", () => {
  it("is a JSON object for each, with its output as text or base64", async () => {
    const ended = await program.run(
      "exec",
      "--all",
      "--format=jsonl",
      "--fail-fast",
      "--concurrency=1",
      "printf '\\377'; echo e >&2",
    );
    const objects = ended.stdout
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(objects.map(({ target }) => target)).toEqual(["db1", "pve1/away", "web1", "web2"]);
    expect(objects[0]).toEqual({
      target: "db1",
      outcome: "completed",
      exit_code: 0,
      run_id: expect.any(String) as string,
      ms: expect.any(Number) as number,
      stdout: "/w==",
      stdout_encoding: "base64",
      stdout_bytes: 1,
      stderr: "e\n",
      stderr_bytes: 2,
    });
    expect(objects[1]).toMatchObject({ outcome: "failed", code: "target_unreachable", exit_code: null });
    expect(objects[2]).toMatchObject({ outcome: "not_run", exit_code: null, stdout: "", ms: 0 });
    expect(said(ended).at(-1)).toBe("cmd2host: 1 of 4 targets: ok 1, exit≠0 0, denied 0, failed 1, not run 2");
  });
});

describe("on a terminal", () => {
  it("a line tells how far it is, and what machines write cannot steer it", async () => {
    const ended = await program.onTerminal([], "exec", "--tag=web", "sleep 1; printf '\\033[2Jred\\n'");
    const text = ended.stdout.toString();
    expect(text).toContain("cmd2host: 0 of 2 ended, 0 not ok, 0 s; running web1, web2");
    expect(text).toContain("\\x1b[2Jred");
    expect(text).not.toContain("\u001b[2J");
  });

  it("Ctrl-C cancels all, and none begins any more", async () => {
    const ended = await program.onTerminal(
      [["running web1", "\u0003"]],
      ...["exec", "--tag=web", "--concurrency=1", "sleep 300"],
    );
    expect(ended.exit).toBe(130);
    expect(ended.stdout.toString()).toContain("cmd2host: not run: web2");
  });
});

describe("a reader that goes away", () => {
  it("cancels all, with 141", async () => {
    const script = "$C exec --all --format=jsonl 'sleep 0.3' | true; echo ${PIPESTATUS[0]}";
    expect((await program.shell(script).ended).stdout.toString()).toBe("141\n");
  });
});

describe("a gateway that is gone", () => {
  it("is said once, and not for each", async () => {
    const ended = await program.run("exec", "--all", "id", "--gateway=127.0.0.1:1");
    expect([ended.exit, said(ended).length]).toEqual([1, 2]);
    expect(said(ended)[0]).toContain("error (gateway_unreachable)");
  });
});

it("dozens of targets at the same time are nothing to warn of", async () => {
  const names = Array.from({ length: 40 }, (_, index) => `m${index}`);
  const target = (name: string): string => `[[targets]]\nname = "${name}"\nhost = "127.0.0.1"\nport = 1\n`;
  const keys = names.map((name) => `${name} = "a key"\n`).join("");
  const many = await startGateway({ tables: `${names.map(target).join("")}[agent.psk]\n${keys}` });
  const ended = await program.with(many.environment()).run("exec", "--all", "--concurrency=40", "true");
  expect([ended.exit, said(ended)]).toEqual([
    1,
    ["cmd2host: 0 of 40 targets: ok 0, exit≠0 0, denied 0, failed 40, not run 0"],
  ]);
});

it("an agent that is full says so for its own target only", async () => {
  await startAgent(fleet.gateway, "small", { tags: ["small"], agent: { max_concurrent: 1 } });
  const [one, two] = ["--targets=small,web1", "--format=jsonl"];
  const slow = program.start(["exec", "small", "echo begun; sleep 300"]);
  await slow.until("begun");
  const ended = await program.run("exec", one, two, "true");
  slow.child.kill("SIGINT");
  expect(ended.exit).toBe(1);
  expect(ended.stdout.toString()).toContain('"code":"agent_full"');
  expect(said(ended).at(-1)).toContain("1 of 2 targets: ok 1");
});
