import { describe, expect, it } from "vitest";
import { Approvals, type Answer } from "../../host/approval/approvals.ts";
import { digestOf, type Card, type CardPlan } from "../../host/approval/card.ts";
import { CodedError } from "../../wire/errors.ts";
import { TestClock } from "./clock.ts";
import { ALWAYS, cardWith, PLAN } from "./parts.ts";

function bench() {
  const clock = new TestClock();
  const approvals = new Approvals(() => 60_000, clock);
  const ask = async (card: Card, rule = ALWAYS, signal = new AbortController().signal): Promise<string> =>
    approvals
      .ask(card, rule, "always asked", signal, () => undefined)
      .then(
        ({ rule: by, approver }) => `${by} ${approver}`,
        (error: unknown) => (error instanceof CodedError ? `${error.code}: ${error.message}` : String(error)),
      );
  return { clock, approvals, ask };
}

const idOf = (digit: number): string => `${String(digit).padStart(8, "0")}-0000-4000-8000-000000000000`;

describe("a plan's digest", () => {
  it("is another one when anything that runs is another", () => {
    const changes: readonly Partial<CardPlan>[] = [
      { project: "p" },
      { configHash: "d".repeat(64) },
      { operation: "o" },
      { program: "/bin/gh" },
      { argv: ["gh", "pr", "create", "--title=x "] },
      { argv: ["gh", "pr", "create --title=x"] },
      { cwd: "/" },
      { repo: "owner/other" },
      { url: "git@github.com:owner/other.git" },
      { inputs: [] },
      { inputs: [{ param: "body", path: "body.md", bytes: 3, sha256: "b".repeat(64) }] },
      { output: "x" },
      { stdin: { bytes: 0, sha256: "e".repeat(64) } },
      { commit: "f".repeat(40) },
      { timeoutMs: 1 },
    ];
    const all = [PLAN, ...changes.map((change) => ({ ...PLAN, ...change }))].map(digestOf);
    expect(new Set(all).size).toBe(changes.length + 1);
  });
});

describe("a call that waits", () => {
  it("runs when a person allows it, and says by which way", async () => {
    const { approvals, ask } = bench();
    const waiting = ask(cardWith());
    expect(approvals.pending.map(({ card, why }) => [card.id, why])).toEqual([[cardWith().id, "always asked"]]);
    expect(approvals.answer(cardWith().id, { kind: "once" }, "terminal")).toBeUndefined();
    expect(await waiting).toBe(`approval:${cardWith().id} terminal`);
    expect(approvals.pending).toEqual([]);
    // Once is once.
    expect(approvals.grants.use(cardWith())).toBeUndefined();
  });

  it("is denied with a person's note, of which nothing steers a terminal", async () => {
    const { approvals, ask } = bench();
    const waiting = ask(cardWith());
    approvals.answer(cardWith().id, { kind: "deny", note: "not\u001b[2J today\n" }, "page");
    expect(await waiting).toBe("approval_denied: pr_create was not allowed (by page): not\\x1b[2J today");
  });

  it("can be answered once only", async () => {
    const { approvals, ask } = bench();
    const waiting = ask(cardWith());
    const { id } = cardWith();
    approvals.answer(id, { kind: "deny", note: "" }, "page");
    await waiting;
    expect(() => approvals.answer(id, { kind: "once" }, "terminal")).toThrow(/nothing waits/);
    expect(() => approvals.answer("\u001b[2J", { kind: "once" }, "terminal")).toThrow(/\\x1b/);
  });

  it("is denied when nobody answers, by whichever clock comes first", async () => {
    for (const late of [
      (clock: TestClock) => (clock.steadyMs += 61_000),
      (clock: TestClock) => (clock.wallMs += 61_000),
    ]) {
      const { approvals, ask, clock } = bench();
      const waiting = ask(cardWith());
      late(clock);
      expect(approvals.pending).toEqual([]);
      expect(() => approvals.answer(cardWith().id, { kind: "once" }, "terminal")).toThrow(/nothing waits/);
      expect(await waiting).toMatch(/^approval_timeout: /);
    }
  });

  it("does not wait longer when the clock is set back", async () => {
    const { approvals, ask, clock } = bench();
    const waiting = ask(cardWith(), { ...ALWAYS, timeoutMs: 50 });
    clock.wallMs -= 3_600_000;
    clock.steadyMs += 51;
    expect(approvals.pending).toEqual([]);
    expect(await waiting).toMatch(/^approval_timeout: /);
  });

  it("is withdrawn when its client goes, and when the daemon stops", async () => {
    const { approvals, ask } = bench();
    const stop = new AbortController();
    const gone = ask(cardWith(), ALWAYS, stop.signal);
    stop.abort("disconnected");
    expect(await gone).toMatch(/^cancelled: /);
    const other = ask(cardWith());
    approvals.close();
    expect(await other).toMatch(/^shutting_down: /);
    expect(await ask(cardWith())).toMatch(/^shutting_down: /);
    expect(await ask(cardWith())).toMatch(/^shutting_down: /);
  });

  it("may only be allowed in the ways that its rule names", () => {
    const { approvals, ask } = bench();
    void ask(cardWith(), { ...ALWAYS, answers: ["once"] });
    expect(() => approvals.answer(cardWith().id, { kind: "operation" }, "terminal")).toThrow(/operation/);
    expect(approvals.pending).toHaveLength(1);
  });

  it("finds no room when too many wait already, of one session or of all [promise 9]", async () => {
    const { approvals, ask } = bench();
    const waiting = Array.from({ length: 8 }, async (_, at) => ask(cardWith({}, "s1", idOf(at))));
    expect(await ask(cardWith({}, "s1", idOf(8)))).toMatch(/^too_many_pending: 8 calls of this session/);
    for (const session of ["s2", "s3", "s4"])
      for (let at = 0; at < 8; at++) waiting.push(ask(cardWith({}, session, `${session}-${at}`)));
    expect(await ask(cardWith({}, "s5", idOf(9)))).toMatch(/^too_many_pending: 32 calls wait/);
    approvals.close();
    expect(new Set((await Promise.all(waiting)).map((text) => text.split(":")[0]))).toEqual(new Set(["shutting_down"]));
  });

  it("stays bounded under 100,000 calls that want to wait [promise 9]", async () => {
    const { approvals, ask } = bench();
    const kept: Promise<string>[] = [];
    let refused = 0;
    for (let at = 0; at < 100_000; at++) {
      const answer = ask(cardWith({}, `s${at % 1_000}`, idOf(at)));
      if (at < 32) kept.push(answer);
      else if ((await answer).startsWith("too_many_pending")) refused++;
    }
    expect([approvals.pending.length, refused]).toEqual([32, 100_000 - 32]);
    approvals.close();
    await Promise.all(kept);
  });

  it("is refused when its session has asked 30 times within a minute for what nobody allowed [promise 9]", async () => {
    const { approvals, ask, clock } = bench();
    const withdrawn = async (at: number): Promise<string> => {
      const stop = new AbortController();
      const answer = ask(cardWith({}, "s1", idOf(at)), ALWAYS, stop.signal);
      stop.abort("cancelled");
      return answer;
    };
    for (let at = 0; at < 29; at++) expect(await withdrawn(at)).toMatch(/^cancelled: /);
    clock.pass(20_000);
    // What a person allows costs nothing.
    for (let at = 0; at < 3; at++) {
      const allowed = ask(cardWith({}, "s1", idOf(40)));
      approvals.answer(idOf(40), { kind: "once" }, "terminal");
      expect(await allowed).toMatch(/^approval:/);
    }
    const denied = ask(cardWith({}, "s1", idOf(41)));
    approvals.answer(idOf(41), { kind: "deny", note: "" }, "terminal");
    expect(await denied).toMatch(/^approval_denied: /);
    expect(await withdrawn(42)).toMatch(/^rate_limited: .*may ask again in 40 s$/);
    expect(approvals.pending).toEqual([]);
    void ask(cardWith({}, "s2", idOf(43)));
    expect(approvals.pending).toHaveLength(1);
    clock.pass(40_001);
    expect(await withdrawn(44)).toMatch(/^cancelled: /);
    approvals.close();
  });

  it("forgets how often a session asked that is no more", async () => {
    const { approvals, ask } = bench();
    const stop = new AbortController();
    for (let at = 0; at < 30; at++) {
      const answer = ask(cardWith(), ALWAYS, stop.signal);
      approvals.answer(cardWith().id, { kind: "deny", note: "" }, "terminal");
      await answer;
    }
    expect(await ask(cardWith())).toMatch(/^rate_limited: /);
    approvals.endOrphans((key) => key !== "s1".repeat(4));
    void ask(cardWith());
    expect(approvals.pending).toHaveLength(1);
    approvals.close();
  });

  it("shows what was allowed of its operation last", async () => {
    const { approvals, ask } = bench();
    const first = ask(cardWith());
    expect(approvals.pending[0]?.lastAllowed).toBeUndefined();
    approvals.answer(cardWith().id, { kind: "once" }, "terminal");
    await first;
    void ask(cardWith({ argv: ["gh", "other"] }, "s1", idOf(2)));
    expect(approvals.pending[0]?.lastAllowed?.argv).toEqual(PLAN.argv);
    approvals.close();
  });

  it("is denied when its session ends, with what was granted to it", async () => {
    const { approvals, ask } = bench();
    const waiting = ask(cardWith());
    approvals.grants.add(cardWith(), { kind: "operation", forMs: undefined, by: "page" });
    approvals.endOrphans(() => false);
    expect(await waiting).toMatch(/^approval_denied: .*session has ended/);
    expect(approvals.grants.list()).toEqual([]);
  });
});

describe("a grant", () => {
  const granted = (kind: "call" | "operation", forMs?: number, card = cardWith()) => {
    const { approvals, ask, clock } = bench();
    void ask(card);
    const answer: Answer = { kind, forMs };
    const grant = approvals.answer(card.id, answer, "terminal");
    return { approvals, clock, grant, lets: (other: Card): boolean => approvals.grants.use(other) !== undefined };
  };

  it("for a call lets exactly this call through, in this session", () => {
    const { lets, grant, approvals } = granted("call");
    expect([lets(cardWith()), lets(cardWith({}, "s1", idOf(7)))]).toEqual([true, true]);
    expect(lets(cardWith({ argv: [...PLAN.argv, "--draft"] }))).toBe(false);
    expect(lets(cardWith({ inputs: [] }))).toBe(false);
    expect(lets(cardWith({}, "s2"))).toBe(false);
    expect(approvals.grants.list()).toMatchObject([{ id: grant?.id, uses: 2, argv: PLAN.argv }]);
  });

  it("for an operation lets whatever it does through, until the configuration is another", () => {
    const { lets } = granted("operation");
    expect(lets(cardWith({ argv: ["gh", "else"] }))).toBe(true);
    expect(lets(cardWith({ configHash: "d".repeat(64) }))).toBe(false);
    expect(lets(cardWith({ project: "other" }))).toBe(false);
    expect(lets(cardWith({ operation: "pr_merge" }))).toBe(false);
    expect(lets(cardWith({}, "s2"))).toBe(false);
  });

  it("ends with its time, by whichever clock comes first", () => {
    for (const late of [
      (clock: TestClock) => (clock.steadyMs += 1_001),
      (clock: TestClock) => (clock.wallMs += 1_001),
    ]) {
      const { lets, clock } = granted("operation", 1_000);
      expect(lets(cardWith())).toBe(true);
      late(clock);
      expect(lets(cardWith())).toBe(false);
    }
  });

  it("can be taken back", () => {
    const { lets, approvals, grant } = granted("call");
    expect(approvals.grants.revoke(({ id }) => id === grant?.id)).toHaveLength(1);
    expect(lets(cardWith())).toBe(false);
    expect(approvals.grants.revoke(() => true)).toEqual([]);
  });

  it("gives way to newer ones when there are too many", () => {
    const { approvals } = bench();
    for (let at = 0; at < 1_100; at++)
      approvals.grants.add(cardWith({}, `s${at}`), { kind: "operation", forMs: undefined, by: "page" });
    expect(approvals.grants.list()).toHaveLength(1_024);
    expect(approvals.grants.use(cardWith({}, "s0"))).toBeUndefined();
    expect(approvals.grants.use(cardWith({}, "s1099"))).toBeDefined();
  });
});
