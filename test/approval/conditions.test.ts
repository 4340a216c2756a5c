import { describe, expect, it } from "vitest";
import { reasonToAsk } from "../../host/approval/conditions.ts";
import { RecentRuns } from "../../host/approval/recent-runs.ts";
import { callTexts } from "../../host/engine/card.ts";
import { checkCall } from "../../host/operation/call.ts";
import { compileProject } from "../../host/project/compile.ts";
import type { ApprovalFields } from "../../wire/schema.ts";
import { defaultProject } from "../fixtures/base.ts";
import { TestClock } from "./clock.ts";

function projectWith(approval: unknown) {
  const config = defaultProject("/repo", {
    allowed_operations: ["op"],
    operations: {
      op: {
        command: "gh",
        args_template: ["pr", "{branch}", "{labels}"],
        params: { branch: { type: "string", optional: true }, labels: { type: "array", optional: true } },
        allowed_flags: ["--force", "--base"],
        bool_flags: ["--force"],
        approval: approval as ApprovalFields,
      },
    },
  });
  return compileProject("owner_repo", Buffer.from(JSON.stringify(config)), "f").project;
}

/** Why a call is asked about. */
function why(approval: unknown, params: object = {}, flags: readonly string[] = [], ran = 0): string | undefined {
  const project = projectWith(approval);
  const call = checkCall(project, { operation: "op", params: new Map(Object.entries(params)), flags });
  const rule = call.operation.approval;
  return rule === undefined ? "no rule" : reasonToAsk(rule, callTexts(call), () => ran);
}

/** What is wrong with a rule. */
function complaint(approval: unknown): string {
  try {
    projectWith(approval);
  } catch (error) {
    return String(error).replace(/^.*at \/operations\/op\/approval/, "");
  }
  throw new Error("was accepted");
}

describe("a person is asked", () => {
  it("always, by a rule without conditions; and never without a rule", () => {
    expect([why("ask"), why({}), why(undefined)]).toEqual(["always asked", "always asked", "no rule"]);
  });

  it("when a flag is there, or has such a value", () => {
    expect(why({ when: [{ flag: "--force" }] }, {}, ["--force"])).toBe("--force is given");
    expect(why({ when: [{ flag: "--force" }] }, {}, ["--base=x"])).toBeUndefined();
    expect(why({ when: [{ flag: "--base", pattern: "^main$" }] }, {}, ["--base", "main"])).toBe('--base is "main"');
    expect(why({ when: [{ flag: "--base", pattern: "^main$" }] }, {}, ["--base=dev"])).toBeUndefined();
  });

  it("when a parameter is there, or has such a value, of several one", () => {
    expect(why({ when: [{ param: "branch" }] }, { branch: "x" })).toBe("branch is given");
    expect(why({ when: [{ param: "branch" }] })).toBeUndefined();
    expect(why({ when: [{ param: "labels", pattern: "^prod" }] }, { labels: ["a", "production"] })).toBe(
      'labels is "production"',
    );
    expect(why({ when: [{ param: "branch", pattern: "a" }, { flag: "--force" }] }, { branch: "x" }, ["--force"])).toBe(
      "--force is given",
    );
  });

  it("unless a value is as the rule wants it, whole; and when there is none", () => {
    const rule = { when: [{ param: "branch", unless: "ai/.+" }] };
    expect(why(rule, { branch: "ai/x" })).toBeUndefined();
    expect(why(rule, { branch: "main" })).toBe('branch is "main"');
    expect(why(rule, { branch: "not-ai/x" })).toBe('branch is "not-ai/x"');
    expect(why(rule)).toBe("branch is left out");
    expect(why({ when: [{ flag: "--base", unless: "dev" }] })).toBeUndefined();
    expect(why({ when: [{ flag: "--base", unless: "dev" }] }, {}, ["--base=main"])).toBe('--base is "main"');
  });

  it("after so many runs within a time", () => {
    const rule = { after: { runs: 3, per_seconds: 60 } };
    expect([why(rule, {}, [], 2), why(rule, {}, [], 3)]).toEqual([undefined, "it has run 3 times within 60 s"]);
  });
});

describe("a rule that nobody could mean", () => {
  it("is refused, not taken for none [promise 1]", () => {
    expect(complaint("never")).toMatch(/expected/);
    expect(complaint({ wen: [] })).toMatch(/additional/);
    expect(complaint({ when: [] })).toMatch(/\/when: is empty/);
    expect(complaint({ when: [{}] })).toMatch(/\/when\/0: expected either flag or param/);
    expect(complaint({ when: [{ flag: "--force", param: "branch" }] })).toMatch(/either flag or param/);
    expect(complaint({ when: [{ flag: "--froce" }] })).toMatch(/no flag "--froce"/);
    expect(complaint({ when: [{ param: "brunch" }] })).toMatch(/no param "brunch"/);
    expect(complaint({ when: [{ param: "branch", pattern: "(" }] })).toMatch(/\/pattern: "\("/);
    expect(complaint({ when: [{ param: "branch", pattern: "a", unless: "b" }] })).toMatch(/not both/);
    expect(complaint({ answers: [] })).toMatch(/\/answers: is empty/);
    expect(complaint({ says: "Pushes {nothing}" })).toMatch(/no param "nothing"/);
    expect(complaint({ after: { runs: 5_000, per_seconds: 1 } })).toMatch(/1000/);
  });
});

describe("recent runs", () => {
  it("are counted within the time, by project and operation", () => {
    const clock = new TestClock();
    const recent = new RecentRuns(clock);
    for (let at = 0; at < 3; at++) {
      recent.note("p", "op");
      clock.pass(1_000);
    }
    expect([recent.count("p", "op", 10_000), recent.count("p", "op", 2_500)]).toEqual([3, 2]);
    expect([recent.count("p", "other", 10_000), recent.count("q", "op", 10_000)]).toEqual([0, 0]);
  });

  it("do not pile up [promise 9]", () => {
    const recent = new RecentRuns(new TestClock());
    for (let at = 0; at < 2_000; at++) recent.note("p", "op");
    expect(recent.count("p", "op", 1)).toBe(1_000);
    for (let at = 0; at < 5_000; at++) recent.note("p", `op${at}`);
    expect([recent.count("p", "op", 1), recent.count("p", "op4999", 1)]).toEqual([0, 1]);
  });
});
