import { describe, expect, it } from "vitest";
import { Attempts, type AttemptsOptions, type Verdict } from "../../../capnp/commando/attempts.ts";

const HERE = "10.0.0.1";
const ELSEWHERE = "10.0.0.2";

/** Long enough that a delay is told from none on a busy machine. */
const DELAY_MS = 250;

function wrong(): boolean {
  return false;
}

function right(): boolean {
  return true;
}

async function fails(attempts: Attempts, address: string, times: number): Promise<void> {
  for (let time = 0; time < times; time++) await attempts.judge(address, wrong);
}

async function timed(work: Promise<Verdict>): Promise<readonly [Verdict, number]> {
  const began = performance.now();
  const verdict = await work;
  return [verdict, performance.now() - began];
}

/** Attempts with a clock that is set by hand. */
function clocked(options: AttemptsOptions = {}): { readonly attempts: Attempts; readonly pass: (ms: number) => void } {
  let now = 0;
  const attempts = new Attempts({ delayMs: 0, now: () => now, ...options });
  return {
    attempts,
    pass: (ms) => {
      now += ms;
    },
  };
}

describe("attempts at the key", () => {
  it("cost nothing three times, then each wrong one takes its time, and a right one never does", async () => {
    const attempts = new Attempts({ delayMs: DELAY_MS });
    await fails(attempts, HERE, 3);
    const [verdict, took] = await timed(attempts.judge(HERE, wrong));
    expect(verdict).toBe("wrong");
    expect(took).toBeGreaterThanOrEqual(DELAY_MS - 5);
    const order: string[] = [];
    const blocked = attempts.judge(ELSEWHERE, right).then(() => order.push("elsewhere"));
    const slow = attempts.judge(HERE, wrong).then(() => order.push("wrong"));
    await Promise.all([blocked, slow]);
    expect(order).toEqual(["elsewhere", "wrong"]);
    const rightOrder: string[] = [];
    await Promise.all([
      attempts.judge(HERE, right).then(() => rightOrder.push("right")),
      new Promise((resolve) => setTimeout(resolve, DELAY_MS / 2)).then(() => rightOrder.push("half of the delay")),
    ]);
    expect(rightOrder).toEqual(["right", "half of the delay"]);
  });

  it("are looked at one after the other, so that many at once gain nothing", async () => {
    const attempts = new Attempts({ delayMs: DELAY_MS });
    await fails(attempts, HERE, 3);
    const looked: number[] = [];
    const began = performance.now();
    await Promise.all(
      Array.from({ length: 3 }, async () =>
        attempts.judge(HERE, () => {
          looked.push(performance.now() - began);
          return false;
        }),
      ),
    );
    const [, second = 0, third = 0] = looked;
    expect(second).toBeGreaterThanOrEqual(DELAY_MS - 5);
    expect(third).toBeGreaterThanOrEqual(2 * DELAY_MS - 10);
  });

  it("are turned away, without being looked at, when too many wait; those of other networks are not", async () => {
    const attempts = new Attempts({ delayMs: DELAY_MS, free: 0, waiting: 2 });
    const waiting = [attempts.judge(HERE, wrong), attempts.judge(HERE, wrong)];
    let isLookedAt = false;
    const look = (): boolean => {
      isLookedAt = true;
      return true;
    };
    await expect(attempts.judge(HERE, look)).resolves.toBe("busy");
    expect(isLookedAt).toBe(false);
    await expect(attempts.judge(ELSEWHERE, right)).resolves.toBe("right");
    await expect(Promise.all(waiting)).resolves.toEqual(["wrong", "wrong"]);
    await expect(attempts.judge(HERE, right)).resolves.toBe("right");
  });

  it("begin anew after a right one", async () => {
    const { attempts } = clocked({ delayMs: 100_000 });
    await fails(attempts, HERE, 3);
    await attempts.judge(HERE, right);
    expect(attempts.size).toBe(0);
    await fails(attempts, HERE, 3);
    expect(attempts.size).toBe(1);
  });

  it("are forgotten after a while without a wrong one", async () => {
    const { attempts, pass } = clocked({ delayMs: 100_000, forgetMs: 60_000 });
    await fails(attempts, HERE, 3);
    pass(59_999);
    await fails(attempts, ELSEWHERE, 1);
    expect(attempts.size).toBe(2);
    pass(2);
    await attempts.judge("10.0.0.3", right);
    expect(attempts.size).toBe(1);
    pass(60_000);
    // It would take forever if the first three counted still.
    await fails(attempts, HERE, 3);
    expect(attempts.size).toBe(1);
  });

  it("are kept of so many networks only: the one with the oldest failure goes", async () => {
    const { attempts, pass } = clocked({ networks: 2, delayMs: 100_000 });
    await fails(attempts, HERE, 1);
    pass(1);
    await fails(attempts, ELSEWHERE, 3);
    pass(1);
    await fails(attempts, HERE, 2);
    pass(1);
    for (let host = 3; host < 100; host++) await attempts.judge(`10.0.0.${host}`, right);
    await fails(attempts, "10.0.1.1", 1);
    expect(attempts.size).toBe(2);
    await fails(attempts, ELSEWHERE, 3);
    expect(attempts.size).toBe(2);
  });

  it("are turned away when there is no room for another network, as all have some that wait", async () => {
    const attempts = new Attempts({ delayMs: DELAY_MS, free: 0, networks: 1 });
    const waiting = attempts.judge(HERE, wrong);
    await expect(attempts.judge(ELSEWHERE, right)).resolves.toBe("busy");
    await waiting;
    await expect(attempts.judge(ELSEWHERE, right)).resolves.toBe("right");
  });

  it("go on after one that broke", async () => {
    const attempts = new Attempts();
    const broken = attempts.judge(HERE, () => {
      throw new TypeError("a bug");
    });
    const next = attempts.judge(HERE, right);
    await expect(broken).rejects.toThrow("a bug");
    await expect(next).resolves.toBe("right");
    expect(attempts.size).toBe(0);
  });
});
