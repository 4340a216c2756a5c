import { rmSync, truncateSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Check } from "../../host/cli/doctor-check.ts";
import { Logs } from "../audit/logs.ts";
import { Host, smallConfig } from "./harness.ts";

async function checksOf(host: Host, about: Check["about"]): Promise<readonly (readonly [string, string])[]> {
  const checks = (await host.json("doctor")) as readonly Check[];
  return checks.filter((check) => check.about === about).map(({ level, message }) => [level, message]);
}

/** A host with an audit of ten records. */
async function recorded(): Promise<{ readonly host: Host; readonly logs: Logs }> {
  const logs = await new Logs().write(8);
  const host = new Host();
  host.environment = { ...host.environment, CMD2HOST_CONFIG_DIR: logs.base.root };
  return { host, logs };
}

describe("doctor, of the audit", () => {
  it("says up to where it goes, and nothing before there is one", async () => {
    expect(await checksOf(new Host(), "audit")).toEqual([]);
    const { host, logs } = await recorded();
    expect(await checksOf(host, "audit")).toEqual([["ok", "the audit goes up to record 10, and is signed"]]);
    rmSync(logs.path());
    rmSync(logs.settings.headFile);
    expect(await checksOf(host, "audit")).toEqual([["ok", "the audit is empty"]]);
  });

  it("says that it is switched off", async () => {
    const { host } = await recorded();
    host.daemon.found = { ...host.daemon.found, audit: { enabled: false } };
    expect(await checksOf(host, "audit")).toEqual([["warn", "decisions are not recorded"]]);
  });

  it.each<readonly [string, (logs: Logs) => void, RegExp]>([
    [
      "is cut",
      (logs) => {
        truncateSync(logs.path(), logs.lines().slice(0, 4).join("\n").length + 1);
      },
      /^the audit ends with record 4, and its signed head names record 10$/,
    ],
    [
      "ends with something else",
      (logs) => {
        writeFileSync(logs.path(), "hello\n", { flag: "a" });
      },
      /^the audit ends with a line that is no sound record$/,
    ],
    [
      "is gone",
      (logs) => {
        rmSync(logs.directory, { recursive: true });
      },
      /^the audit ends with record 0, and its signed head names record 10$/,
    ],
    [
      "has lost its head",
      (logs) => {
        rmSync(logs.settings.headFile);
      },
      /audit-head is gone, and the audit has 10 records$/,
    ],
    [
      "has a head that nobody signed",
      (logs) => {
        writeFileSync(logs.settings.headFile, "{}\n");
      },
      /audit-head holds no signed head$/,
    ],
  ])("says that it %s, and what looks closer", async (_, damage, message) => {
    const { host, logs } = await recorded();
    damage(logs);
    expect(await checksOf(host, "audit")).toEqual([["fail", expect.stringMatching(message)]]);
    const { exit, stdout } = await host.run("doctor");
    expect([exit, stdout.includes("cmd2host audit verify")]).toEqual([1, true]);
  });
});

it("doctor names whom operations tell without that anybody is known by that name", async () => {
  const host = new Host();
  const operations = {
    call: { command: "git", args_template: ["log"], approval: { via: ["desktop", "phone", "mail"] } },
    free: { command: "git", args_template: ["log"] },
  };
  host.project("owner_repo", smallConfig(host.checkout, { operations, allowed_operations: ["call", "free"] }));
  const approvals = { desktop: true, webhooks: new Map([["phone", {}]]) };
  host.daemon.found = { ...host.daemon.found, approvals };
  const unknown = 'call tells "mail" that it waits, and daemon.json names no such webhook';
  expect(await checksOf(host, "approval")).toEqual([["warn", unknown]]);
  host.daemon.found = { ...host.daemon.found, approvals: { ...approvals, desktop: false } };
  const off = 'call tells "desktop" that it waits, and daemon.json switches that off';
  expect(await checksOf(host, "approval")).toEqual([
    ["warn", off],
    ["warn", unknown],
  ]);
});
