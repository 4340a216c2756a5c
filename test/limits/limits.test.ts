import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Budgets } from "../../host/limits/budgets.ts";
import { KillSwitch } from "../../host/limits/kill-switch.ts";
import { Limits } from "../../host/limits/limits.ts";
import type { LimitRule } from "../../host/project/types.ts";
import { CodedError } from "../../wire/errors.ts";
import { TestClock } from "../approval/clock.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const NONE: LimitRule = { rate: undefined, concurrent: undefined, perDay: undefined };

function bench(file = join(tempDirectory(), "budgets.json"), clock = new TestClock()) {
  const warnings: string[] = [];
  const budgets = new Budgets(file, clock, (message) => warnings.push(message));
  const limits = new Limits(budgets, clock);
  const take = (perOperation?: Partial<LimitRule>, perSession?: Partial<LimitRule>, session = "s", operation = "op") =>
    limits.take({
      project: "p",
      operation,
      session,
      perSession: perSession === undefined ? undefined : { ...NONE, ...perSession },
      perOperation: perOperation === undefined ? undefined : { ...NONE, ...perOperation },
    });
  /** Whether it may run, and if not, why. */
  const tried = (...asked: Parameters<typeof take>): string => {
    try {
      take(...asked).release();
      return "runs";
    } catch (error) {
      if (error instanceof CodedError) return `${error.code}: ${error.message}`;
      throw error;
    }
  };
  return { clock, budgets, limits, take, tried, warnings, file };
}

describe("a rate", () => {
  const rate = { rate: { runs: 2, perMs: 10_000 } };

  it("lets so many through within any such time, and says when there is room again", () => {
    const { tried, clock } = bench();
    expect(tried(rate)).toBe("runs");
    clock.pass(4_000);
    expect(tried(rate)).toBe("runs");
    expect(tried(rate)).toBe("rate_limited: op may run 2 times within 10 s; there is room again in 6 s");
    clock.pass(5_999);
    expect(tried(rate)).toMatch(/^rate_limited/);
    clock.pass(1);
    expect(tried(rate)).toBe("runs");
    expect(tried(rate)).toMatch(/room again in 4 s$/);
  });

  it("counts by a clock that nobody sets", () => {
    const { tried, clock } = bench();
    tried(rate);
    tried(rate);
    clock.wallMs += 86_400_000;
    expect(tried(rate)).toMatch(/^rate_limited/);
    clock.wallMs -= 2 * 86_400_000;
    clock.steadyMs += 10_000;
    expect(tried(rate)).toBe("runs");
  });

  it("of a session is for all its operations, of an operation for all sessions", () => {
    const { tried } = bench();
    expect([tried(undefined, rate, "a", "x"), tried(undefined, rate, "a", "y")]).toEqual(["runs", "runs"]);
    expect(tried(undefined, rate, "a", "z")).toMatch(/^rate_limited: this session/);
    expect(tried(undefined, rate, "b", "x")).toBe("runs");
    const other = bench();
    expect([other.tried(rate, undefined, "a"), other.tried(rate, undefined, "b")]).toEqual(["runs", "runs"]);
    expect(other.tried(rate, undefined, "c")).toMatch(/^rate_limited/);
  });

  it("counts anew when the owner changes it", () => {
    const { tried } = bench();
    tried(rate);
    tried(rate);
    expect(tried({ rate: { runs: 3, perMs: 10_000 } })).toBe("runs");
  });
});

describe("a number at the same time", () => {
  it("is free again when a run has ended, once", () => {
    const { take, tried } = bench();
    const first = take({ concurrent: 2 });
    take({ concurrent: 2 });
    expect(tried({ concurrent: 2 })).toBe("too_many_at_once: op may run 2 times at the same time, and does");
    first.release();
    first.release();
    first.giveBack();
    take({ concurrent: 2 });
    expect(tried({ concurrent: 2 })).toMatch(/^too_many_at_once/);
  });
});

describe("a budget for the day", () => {
  const perDay = { perDay: 2 };

  it("is spent, and there again on the next day", () => {
    const { tried, clock } = bench();
    expect([tried(perDay), tried(perDay)]).toEqual(["runs", "runs"]);
    expect(tried(perDay)).toMatch(
      /^budget_spent: op may run 2 times a day \(UTC\), and has; a new day begins in \d+ min$/,
    );
    clock.pass(86_400_000);
    expect(tried(perDay)).toBe("runs");
  });

  it("is not there again because the clock was set back, or the daemon started again", () => {
    const { tried, clock, budgets, file } = bench();
    tried(perDay);
    tried(perDay);
    clock.wallMs -= 86_400_000;
    expect(tried(perDay)).toMatch(/^budget_spent/);
    budgets.flush();
    clock.wallMs += 86_400_000;
    const again = bench(file, clock);
    expect(again.tried(perDay)).toMatch(/^budget_spent/);
    expect(again.warnings).toEqual([]);
  });

  it("is given back by what did not start, and not by what ended", () => {
    const { take, tried } = bench();
    take(perDay).giveBack();
    take(perDay).release();
    expect([tried(perDay), tried(perDay).split(":")[0]]).toEqual(["runs", "budget_spent"]);
    const rated = bench();
    const rate = { rate: { runs: 1, perMs: 1_000 } };
    rated.take(rate).giveBack();
    expect(rated.tried(rate)).toBe("runs");
  });

  it("that cannot be read begins anew, with a warning", () => {
    for (const text of ["{", "[]", '{"day":"x","runs":{}}', "null"]) {
      const file = join(tempDirectory(), "budgets.json");
      writeFileSync(file, text, { mode: 0o600 });
      const { tried, warnings } = bench(file);
      expect(tried(perDay)).toBe("runs");
      expect(warnings).toEqual([expect.stringMatching(/today's budgets begin anew/)]);
    }
  });
});

describe("limits", () => {
  it("take nothing for what one of them denies", () => {
    const { tried, take } = bench();
    const held = take({ concurrent: 1 });
    const rate = { rate: { runs: 1, perMs: 1_000 } };
    expect(tried({ concurrent: 1 }, rate)).toMatch(/^too_many_at_once/);
    held.release();
    expect(tried({ concurrent: 1 }, rate)).toBe("runs");
  });

  it("stay bounded under 100,000 sessions [promise 9]", () => {
    const { tried, clock, limits } = bench();
    for (let at = 0; at < 100_000; at++) {
      clock.pass(1);
      tried(undefined, { rate: { runs: 1, perMs: 100 }, perDay: 5 }, `s${at}`);
    }
    expect(limits.size).toBeLessThan(5_000);
  });
});

describe("the kill switch", () => {
  it("stops one project or all of them, with a note, until it is taken back", () => {
    const killSwitch = new KillSwitch(join(tempDirectory(), "stopped"));
    expect([killSwitch.of("p"), killSwitch.list()]).toEqual([undefined, []]);
    killSwitch.stop("p", "look at \u001b[2J this");
    expect(() => {
      killSwitch.require("p");
    }).toThrow(/stopped p: look at \\x1b\[2J this/);
    killSwitch.require("q");
    killSwitch.stop(undefined, "");
    expect(() => {
      killSwitch.require("q");
    }).toThrow(/stopped everything$/);
    expect(killSwitch.list().map(({ project }) => project)).toEqual([undefined, "p"]);
    expect([killSwitch.resume(undefined), killSwitch.resume("p"), killSwitch.resume("p")]).toEqual([true, true, false]);
    killSwitch.require("p");
  });

  it("holds whatever stands in its place [promise 1]", () => {
    const places: readonly ((file: string) => void)[] = [
      (file) => {
        writeFileSync(file, "not JSON");
      },
      (file) => {
        symlinkSync("/nowhere", file);
      },
      (file) => {
        symlinkSync("/etc/passwd", file);
      },
      (file) => {
        mkdirSync(file);
      },
      (file) => {
        writeFileSync(file, "{}");
        chmodSync(file, 0o666);
      },
      (file) => {
        writeFileSync(file, "x".repeat(100_000));
      },
    ];
    for (const place of places) {
      const directory = tempDirectory();
      const killSwitch = new KillSwitch(directory);
      killSwitch.require("p");
      place(join(directory, "p.json"));
      expect(() => {
        killSwitch.require("p");
      }).toThrow(CodedError);
      expect(killSwitch.resume("p")).toBe(true);
      killSwitch.require("p");
    }
    expect(existsSync("/etc/passwd")).toBe(true);
    expect(readFileSync("/etc/passwd", "utf8").length).toBeGreaterThan(0);
  });
});
