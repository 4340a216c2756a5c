import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Approvals } from "../../host/approval/approvals.ts";
import { DesktopNotifier } from "../../host/notify/desktop.ts";
import { notify } from "../../host/notify/notifications.ts";
import { ALWAYS, cardWith } from "../approval/parts.ts";
import { tempDirectory } from "../fixtures/temp.ts";

/** A program of this name that writes down how it was called. */
function program(
  name: string,
  exit = 0,
): { readonly path: string; readonly calls: () => readonly (readonly string[])[] } {
  const directory = join(tempDirectory(), "bin");
  mkdirSync(directory);
  const log = join(directory, "log");
  writeFileSync(log, "");
  const file = join(directory, name);
  writeFileSync(
    file,
    `#!/usr/bin/env node\nrequire("fs").appendFileSync(${JSON.stringify(log)}, JSON.stringify([...process.argv.slice(2), Object.keys(process.env).sort().join(" ")]) + "\\n");\nprocess.stderr.write("no \\u001b[2J bus");\nprocess.exit(${exit});\n`,
  );
  chmodSync(file, 0o755);
  const calls = (): readonly (readonly string[])[] =>
    readFileSync(log, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as readonly string[]);
  return { path: directory, calls };
}

const ENVIRONMENT = new Map([
  ["PATH", process.env["PATH"] ?? ""],
  ["HOME", "/home/me"],
  ["DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/bus"],
  ["GH_TOKEN", "secret"],
]);

async function shown(name: string, argv: readonly string[], exit = 0) {
  const { path, calls } = program(name, exit);
  const warnings: string[] = [];
  const notifier = new DesktopNotifier(
    ENVIRONMENT,
    () => ({ path, workspaces: [] }),
    (message) => warnings.push(message),
  );
  const approvals = new Approvals(() => 20_000);
  notify(approvals, () => [notifier]);
  void approvals
    .ask(cardWith({ argv }), ALWAYS, "", new AbortController().signal, () => undefined)
    .catch(() => undefined);
  while (calls().length === 0 || (exit !== 0 && warnings.length === 0))
    await new Promise((resolve) => setTimeout(resolve, 10));
  const [words = []] = calls();
  expect(approvals.pending).toHaveLength(1);
  approvals.close();
  return { words, warnings };
}

describe("a notification on the desktop", () => {
  it("carries the whole command, by notify-send, without markup", async () => {
    const { words } = await shown("notify-send", ["gh", "pr", "create", "--title=<b>a & b</b>\u001b[2J"]);
    expect(words.slice(0, -1)).toEqual([
      "--app-name=cmd2host",
      "--urgency=critical",
      "--",
      "cmd2host: may pr_create run in owner_repo?",
      `gh pr create "--title=&lt;b&gt;a &amp; b&lt;/b&gt;\\x1b[2J"\ncmd2host approvals show 11111111`,
    ]);
    // What the owner's environment holds besides is not for it.
    expect(words.at(-1)).not.toMatch(/GH_TOKEN/);
    expect(words.at(-1)).toMatch(/DBUS_SESSION_BUS_ADDRESS/);
  });

  it("is given to osascript as arguments, never as a part of the script", async () => {
    const { words } = await shown("osascript", ["gh", '" & do shell script "x" & "']);
    expect(words.slice(0, 6)).toEqual([
      "-e",
      "on run argv",
      "-e",
      "display notification (item 2 of argv) with title (item 1 of argv)",
      "-e",
      "end run",
    ]);
    expect(words[7]).toContain("do shell script");
    expect(words).toHaveLength(9);
  });

  it("says how much is missing of a command that is too long", async () => {
    const { words } = await shown("notify-send", ["gh", "x".repeat(9_000)]);
    expect(words[4]).toMatch(/more bytes\)\ncmd2host approvals show/);
  });

  it("that cannot be shown is a warning; the call goes on waiting", async () => {
    const { warnings } = await shown("notify-send", ["gh"], 1);
    expect(warnings).toEqual(["desktop notification: no \\x1b[2J bus"]);
  });

  it("is a warning also when its places cannot be looked at: nobody waits for it, and nothing is thrown [promise 9]", async () => {
    const warnings: string[] = [];
    const notifier = new DesktopNotifier(
      ENVIRONMENT,
      () => {
        throw new Error("ELOOP\u001b[2J: too many symbolic links");
      },
      (message) => warnings.push(message),
    );
    const approvals = new Approvals(() => 20_000);
    notify(approvals, () => [notifier]);
    void approvals.ask(cardWith(), ALWAYS, "", new AbortController().signal, () => undefined).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(warnings).toEqual(["desktop notification: ELOOP\\x1b[2J: too many symbolic links"]);
    expect(approvals.pending).toHaveLength(1);
    approvals.close();
  });

  it("is not there where there is no program for it, or only one that a container can write [promise 5]", async () => {
    const { path, calls } = program("notify-send");
    for (const places of [
      { path: tempDirectory(), workspaces: [] },
      { path, workspaces: [path] },
    ]) {
      const warnings: string[] = [];
      const notifier = new DesktopNotifier(
        ENVIRONMENT,
        () => places,
        (message) => warnings.push(message),
      );
      const approvals = new Approvals(() => 20_000);
      void approvals.ask(cardWith(), ALWAYS, "", new AbortController().signal, () => undefined).catch(() => undefined);
      const [pending] = approvals.pending;
      if (pending === undefined) throw new Error("nothing waits");
      await notifier.asked(pending, undefined, new AbortController().signal);
      approvals.close();
      expect([calls(), warnings]).toEqual([[], []]);
    }
  });
});
