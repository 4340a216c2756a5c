import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import type { OperationReply } from "../../wire/schema.ts";
import { Base, defaultProject, TOKEN } from "../fixtures/base.ts";
import { startDaemon, type RunningDaemon } from "../fixtures/daemon.ts";
import { run } from "../fixtures/exchange.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { Host } from "./harness.ts";

/** Everything that could steer a terminal, or the eye. */
const HOSTILE = "x\u001b[2J\r\u202egnp.exe\u0007\u009b31m";
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/u;

let base: Base;
let host: Host;
let running: RunningDaemon;

beforeEach(async () => {
  base = new Base(tempDirectory());
  const text = { type: "string", allow_leading_dash: true, maxLength: 60_000 } as const;
  base
    .writeProject(
      "owner_repo",
      defaultProject(makeRepo(join(tempDirectory(), "repo")), {
        allowed_operations: ["say"],
        operations: {
          say: {
            command: "/bin/echo",
            args_template: ["said:", "{words}", "{more}"],
            params: { words: text, more: { ...text, optional: true } },
            description: "Says something",
            approval: { says: "Says {words}" },
          },
        },
      }),
    )
    .writeToken(TOKEN, { repo: "owner/repo" });
  running = await startDaemon(base);
  host = new Host();
  host.environment = { ...host.environment, CMD2HOST_CONFIG_DIR: base.root };
});

async function say(words: string, more?: string): Promise<OperationReply> {
  return run(running.address, { operation: "say", params: { words, ...(more === undefined ? {} : { more }) } });
}

/** Resolves with the beginning of the id of what waits. */
async function waiting(count = 1): Promise<string> {
  for (;;) {
    const { approvals } = (await host.json("approvals")) as { readonly approvals: readonly { readonly id: string }[] };
    if (approvals.length >= count) return approvals.at(-1)?.id.slice(0, 8) ?? "";
    await sleep(5);
  }
}

describe("approvals", () => {
  it("says when nothing waits", async () => {
    expect(await host.run("approvals")).toMatchObject({ exit: 0, stdout: "Nothing waits for your approval.\n" });
    expect(await host.run("grants")).toMatchObject({ exit: 0, stdout: "No grants.\n" });
  });

  it("lists, shows, allows and denies", async () => {
    const first = say("hello there");
    const id = await waiting();
    const { stdout } = await host.run("approvals", "list");
    expect(stdout.split("\n")[0]?.split(/ {2,}/)).toEqual(["ID", "LEFT", "PROJECT", "OPERATION", "SESSION", "COMMAND"]);
    expect(stdout).toContain('/bin/echo said: "hello there"');
    const shown = (await host.run("approvals", "show", id)).stdout;
    for (const line of [
      /^say in owner_repo {2}[0-9a-f]{8}, 4m 5\ds left$/m,
      /^ {2}does {6}Says hello there$/m,
      /^ {2}asked {5}always asked$/m,
      /^ {2}program {3}\/\S+\/echo$/m,
      /^ {4}0 {2}"\/bin\/echo"\n {4}1 {2}"said:"\n {4}2 {2}"hello there"$/m,
      /^ {2}target {4}owner\/repo \(/m,
      /^ {2}for {7}session [0-9a-f]{8}, by unix \(mcp\)$/m,
      /nothing was allowed of this operation since the daemon started/,
    ])
      expect(shown).toMatch(line);
    expect((await host.run("approvals", "allow", id)).stdout).toBe(
      'Allowed once: say in owner_repo: /bin/echo said: "hello there"\n',
    );
    expect((await first).stdout).toBe("said: hello there\n");

    const second = say("hello here");
    const other = await waiting();
    expect((await host.run("approvals", "show", other)).stdout).toMatch(
      /since the last that was allowed \(.*\):\n {4}- "hello there"\n {4}\+ "hello here"\n/,
    );
    expect((await host.run("approvals", "deny", other, "--note=Not now")).exit).toBe(0);
    expect((await second).denied_reason).toBe("say was not allowed (by terminal): Not now");
    expect(await host.run("approvals", "allow", other)).toMatchObject({ exit: 1 });
  });

  it("remembers what it is told to, and forgets it again", async () => {
    const first = say("a");
    expect((await host.run("approvals", "allow", await waiting(), "--call", "--for=10m")).stdout).toMatch(
      /^Allowed, and exactly this again, until \d{4}-.*Z: /,
    );
    await first;
    expect((await say("a")).exit_code).toBe(0);
    const { stdout } = await host.run("grants");
    expect(stdout.split("\n")[0]?.split(/ {2,}/)).toEqual([
      "ID",
      "PROJECT",
      "SESSION",
      "UNTIL",
      "GRANTED",
      "BY",
      "USES",
      "WHAT",
    ]);
    expect(stdout).toMatch(/terminal {2}1 {5}\/bin\/echo said: a\n$/);
    expect((await host.run("grants", "revoke", "--all")).stdout).toMatch(
      /^Revoked 1 grant:\n {2}exactly \/bin\/echo said: a in owner_repo/,
    );
    const again = say("a");
    await host.run("approvals", "allow", await waiting(), "--operation");
    await again;
    expect((await host.run("grants", "list")).stdout).toMatch(/session ends .*every say\n$/);
    expect((await say("b")).exit_code).toBe(0);
    const [grant] = ((await host.json("grants")) as { readonly grants: readonly { readonly id: string }[] }).grants;
    expect((await host.run("grants", "revoke", grant?.id.slice(0, 8) ?? "")).stdout).toMatch(/every call of say/);
  });

  it("shows nothing of an agent's that steers a terminal, and says what it cuts", async () => {
    const reply = say(HOSTILE, `${HOSTILE}${"y".repeat(50_000)}`);
    const id = await waiting();
    for (const line of [["approvals"], ["approvals", "show", id], ["approvals", "show", id, "--full"]]) {
      const { stdout } = await host.run(...line);
      expect(stdout).not.toMatch(CONTROL);
      expect(stdout).toContain("\\x1b[2J");
    }
    expect((await host.run("approvals", "show", id)).stdout).toMatch(/… \(\d+ more bytes\)/);
    expect((await host.run("approvals", "show", id, "--full")).stdout).toContain("y".repeat(50_000));
    const { stdout } = await host.run("approvals", "deny", id, `--note=${HOSTILE}`);
    expect(stdout).not.toMatch(CONTROL);
    expect((await reply).denied_reason).not.toMatch(CONTROL);
  });

  it("says what is wrong with its words", async () => {
    const reply = say("x");
    const id = await waiting();
    for (const [words, message] of [
      [["allow", "zz"], /is not the beginning of an id/],
      [["allow", "0000000"], /no call that waits has an id/],
      [["allow", id, "--call", "--operation"], /do not go together/],
      [["allow", id, "--for=1h"], /--for says how long a grant holds/],
      [["allow", id, "--call", "--for=never"], /is no lifetime/],
    ] as const) {
      const { exit, stderr } = await host.run("approvals", ...words);
      expect(exit).not.toBe(0);
      expect(stderr).toMatch(message);
    }
    for (const words of [[], ["--all", "--project=x"]])
      expect((await host.run("grants", "revoke", ...words)).stderr).toMatch(/name the grants in one way/);
    await host.run("approvals", "deny", id);
    await reply;
  });

  it("says so when no daemon runs", async () => {
    await running.stop();
    expect(existsSync(base.directory.lockSocket)).toBe(false);
    expect((await host.run("approvals")).stderr).toMatch(/no daemon answers/);
  });
});
