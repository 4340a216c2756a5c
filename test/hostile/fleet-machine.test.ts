import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { Host } from "../cli/harness.ts";
import { Program } from "../cli/fleet/program.ts";
import { startAgent, startGateway } from "../fixtures/fleet.ts";
import { streamWith, type Made } from "../transfer/archives.ts";
import { accepted, capture, CLAIMED_ID, HELLO, outcome, written } from "./captured.ts";

/** A machine in other hands against the people who look after the fleet: what it writes into their terminals, tables and files. */

const gateway = await startGateway();
await startAgent(gateway, "web1", { tags: ["web"] });

/** Clears the screen, sets the title, colours, turns the direction of text around, and begins a line that looks like another machine's. */
const EVIL = "\u001b[2J\u001b]0;owned\u0007\r\u009b31m\u202etxet\u202c\nweb1: all is well\u0000";
/** What may steer a terminal, but for the ends of our own lines. */
const STEERS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

const STREAM = { bytes: 1, kept_bytes: 1, lines: 1 };
const RUN = {
  ...{ run_id: CLAIMED_ID, operation: EVIL, project: EVIL, session: EVIL, state: "failed", background: true },
  ...{ started_at: EVIL, duration_ms: 1, exit_code: 1, signal: EVIL, code: EVIL, message: EVIL, hint: EVIL },
  ...{ notice: EVIL, last_line: EVIL, stdout: STREAM, stderr: STREAM },
};
const OPERATION = {
  id: EVIL,
  description: EVIL,
  title: EVIL,
  params: { [EVIL]: { type: "string", description: EVIL } },
};

/** Every text that a machine can say, in the answer to each kind of request. */
function evilAnswer(request: string): Buffer | string {
  const is = (member: string): boolean => request.includes(`"${member}"`);
  if (is("ping")) return JSON.stringify({ pong: { hostname: EVIL, uptime_seconds: 1, shell: EVIL, version: EVIL } });
  if (is("list_runs")) return JSON.stringify({ runs: [RUN] });
  if (is("run_status") || is("cancel_run") || is("background")) return JSON.stringify({ run: RUN });
  if (is("read_output"))
    return JSON.stringify({
      page: {
        ...{
          run_id: CLAIMED_ID,
          stream: "stdout",
          state: "failed",
          text: EVIL.replace("\n", " "),
          offset: 0,
          next_offset: EVIL.length,
        },
        ...{ line: 1, next_line: 2, more: false, total_bytes: EVIL.length, total_lines: 2 },
      },
    });
  if (is("list_operations")) return JSON.stringify({ operations: [OPERATION] });
  if (is("explain_operation")) return JSON.stringify({ explanation: { verdict: "denied", message: EVIL, hint: EVIL } });
  if (request.includes("refuse")) return JSON.stringify({ error: EVIL, code: EVIL, hint: EVIL, exit_code: 1 });
  return Buffer.concat([
    HELLO,
    accepted({ operation: EVIL }),
    written("stdout", "out"),
    outcome({
      outcome: "failed",
      exit_code: 1,
      signal: EVIL,
      code: "rpc_failed",
      message: EVIL,
      hint: EVIL,
      notice: EVIL,
    }),
  ]);
}

await capture(gateway, "evil", evilAnswer);

let host: Host;
beforeEach(() => {
  host = new Host();
  host.environment = { ...host.environment, ...gateway.environment() };
  host.terminal = true;
});

/** Without the colours that we write ourselves. */
function bare(text: string): string {
  return text.replace(/\u001b\[(?:\d+(?:;\d+)*)?m|\r[^\r\n]*\u001b\[K/g, "");
}

/** What steers a terminal in a text, and whether one of its lines pretends to be of another machine. */
function faults(text: string): readonly string[] {
  const steers = STEERS.exec(bare(text))?.[0];
  const forged = bare(text)
    .split("\n")
    .filter((line) => line.startsWith("web1: all is well"));
  return [...(steers === undefined ? [] : [`U+${steers.charCodeAt(0).toString(16)}`]), ...forged];
}

describe("what a machine in other hands says of itself", () => {
  it.each<readonly [string, readonly string[]]>([
    ["ping", ["ping", "evil"]],
    ["the table of targets", ["targets"]],
    ["one target", ["targets", "evil"]],
    ["its operations", ["targets", "evil", "--operations"]],
    ["its runs", ["runs", "--target=evil"]],
    ["one of its runs", ["runs", "show", CLAIMED_ID, "--target=evil", "--stream=stdout"]],
    ["a run that is ended", ["runs", "cancel", CLAIMED_ID, "--target=evil"]],
    ["a file that it is to give", ["pull", "evil", "/var/log/syslog", "."]],
    ["a file that it is to take", ["push", "evil", "/etc/hostname", "/srv/"]],
  ])("steers no terminal in %s, and forges no line", async (_, argv) => {
    await host.run("ping", "evil");
    const { stdout, stderr } = await host.run(...argv);
    // It is shown, or this would prove nothing.
    expect(stdout + stderr).toMatch(/evil|2J/);
    expect([faults(stdout), faults(stderr)]).toEqual([[], []]);
  });

  it("steers no terminal where commands run on many machines, and in no file of the gateway's", async () => {
    const program = await Program.build(gateway.environment());
    for (const format of ["grouped", "table", "jsonl"]) {
      const { stdout, stderr } = await program.run("exec", "--targets=evil,web1", `--format=${format}`, "echo hello");
      expect(`${String(stdout)}${stderr}`).toContain("2J");
      expect([format, faults(String(stdout)), faults(stderr)]).toEqual([format, [], []]);
    }
    for (const words of [
      ["exec", "evil", "id"],
      ["exec", "evil", "--", "id"],
      ["exec", "evil", "--background", "id"],
    ]) {
      const { stderr } = await program.run(...words);
      expect([words, faults(stderr)]).toEqual([words, []]);
    }
    const state = join(gateway.directory, "state");
    const files = readdirSync(state, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
    for (const { parentPath, name } of files.filter(({ name: own }) => /\.(?:jsonl|json|log)$/.test(own)))
      expect([name, STEERS.exec(readFileSync(join(parentPath, name), "utf8"))]).toEqual([name, null]);
  });
});

/** A machine that sends this as the file or directory that it was asked for, and calls it whole. */
async function giving(
  name: string,
  entries: readonly Made[],
  begin: object = {},
  changed: (bytes: string) => string = (bytes) => bytes,
): Promise<void> {
  const whole = await streamWith(entries, { begin });
  const archive = Buffer.from(changed(whole.toString("latin1")), "latin1");
  const report = `${JSON.stringify({ ok: true, files: 1, directories: 0, links: 0, bytes: 1, notices: [EVIL] })}\n`;
  const answer = Buffer.concat([
    HELLO,
    accepted({ operation: "pull" }),
    written("stdout", archive),
    written("stderr", report),
    outcome({ stdout_bytes: archive.length, stderr_bytes: report.length }),
  ]);
  await capture(gateway, name, () => answer);
}

const DIRECTORY: Made = { name: "data", type: "directory" };
const NAMES: readonly (readonly [what: string, name: string])[] = [
  ["a hidden one", ".bashrc"],
  ["one above", "../../above"],
  ["an absolute one", "/tmp/cmd2host-hostile"],
  ["one with control characters", "\u001b]0;owned\u0007"],
];
const TREES: readonly (readonly [what: string, entries: readonly Made[]])[] = [
  [
    "a file beside it",
    [
      { name: "data", content: "x" },
      { name: "../beside", content: "x" },
    ],
  ],
  ["a file above", [DIRECTORY, { name: "data/../../above", content: "x" }]],
  [
    "a link and a file through it",
    [DIRECTORY, { name: "data/l", type: "symlink", linkname: "/tmp" }, { name: "data/l/through", content: "x" }],
  ],
  ["a device", [DIRECTORY, { name: "data/d", type: "character-device" }]],
  ["a directory where one stands", [DIRECTORY, { name: "data/.bashrc", content: "x" }]],
];

function machineFor(what: string): string {
  return what.replaceAll(" ", "-");
}

await Promise.all([
  ...NAMES.map(async ([what, name]) => giving(machineFor(what), [{ name: "data", content: "x" }], { name })),
  ...TREES.map(async ([what, entries]) => giving(machineFor(what), entries)),
  giving("changed", [{ name: "data", content: "abcdefgh" }], {}, (bytes) => bytes.replace("abcdefgh", "abcdefgX")),
]);

describe("a machine in other hands that is asked for a file", () => {
  it.each(NAMES)("does not choose its name: %s", async (what) => {
    const into = join(host.root, "home");
    mkdirSync(into);
    const { exit, stdout, stderr } = await host.run("pull", machineFor(what), "/var/log/asked.log", into);
    expect([exit, faults(stdout), faults(stderr)]).toEqual([0, [], []]);
    expect(readdirSync(into)).toEqual(["asked.log"]);
    expect(readFileSync(join(into, "asked.log"), "utf8")).toBe("x");
  });

  it.each(TREES)("writes nothing but that: %s", async (what) => {
    const home = join(host.root, "home");
    mkdirSync(home);
    writeFileSync(join(home, "own"), "own");
    const before = readdirSync(host.root, { recursive: true }).sort();
    const { exit, stderr } = await host.run("pull", machineFor(what), "/srv/asked", home);
    expect([exit, faults(stderr)]).toEqual([1, []]);
    expect(readdirSync(host.root, { recursive: true }).sort()).toEqual(before);
  });

  it("leaves nothing when it gives other contents than it vouches for", async () => {
    const into = join(host.root, "into");
    mkdirSync(into);
    const { exit } = await host.run("pull", "changed", "/srv/asked", into);
    expect([exit, readdirSync(into)]).toEqual([1, []]);
  });
});
