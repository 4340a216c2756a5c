import { describe, expect, it } from "vitest";
import { CODE_MS, Logins, SESSION_MS } from "../../host/page/logins.ts";

class Clock {
  now = 1_000_000;
}

function logins(): { readonly clock: Clock; readonly logins: Logins; readonly used: number[] } {
  const clock = new Clock();
  const used: number[] = [];
  return {
    clock,
    used,
    logins: new Logins(
      () => clock.now,
      () => used.push(clock.now),
    ),
  };
}

const refused = expect.objectContaining({ code: "page_login_refused" }) as Error;

describe("logins of the page", () => {
  it("exchange a code once", () => {
    const { logins: all, used } = logins();
    const { cookie, token } = all.logIn(all.code());
    expect(used).toHaveLength(1);
    expect(all.find(cookie, token)).toBeDefined();
  });

  it("end what a code had opened when it comes a second time: somebody else has seen it", () => {
    const { logins: all } = logins();
    const code = all.code();
    const { cookie, token } = all.logIn(code);
    const session = all.find(cookie, token);
    expect(() => all.logIn(code)).toThrow(refused);
    expect(all.find(cookie, token)).toBeUndefined();
    expect(session?.ended.signal.aborted).toBe(true);
  });

  it("take a code for a minute", () => {
    const { logins: all, clock } = logins();
    const [early, late] = [all.code(), all.code()];
    clock.now += CODE_MS - 1;
    expect(() => all.logIn(early)).not.toThrow();
    clock.now += 1;
    expect(() => all.logIn(late)).toThrow(refused);
  });

  it.each(["", "x", "A".repeat(43)])("do not know the code %j", (code) => {
    const { logins: all } = logins();
    all.code();
    expect(() => all.logIn(code)).toThrow(refused);
  });

  it("need cookie and token of one login", () => {
    const { logins: all } = logins();
    const [one, other] = [all.logIn(all.code()), all.logIn(all.code())];
    for (const [cookie, token] of [
      [undefined, one.token],
      [one.cookie, undefined],
      [one.cookie, other.token],
      [one.token, one.cookie],
      ["", ""],
    ])
      expect(all.find(cookie, token)).toBeUndefined();
    expect(all.find(one.cookie, one.token)).toBeDefined();
  });

  it("of two tabs of one browser share its one cookie, and are two logins all the same", () => {
    const { logins: all } = logins();
    const first = all.logIn(all.code());
    const second = all.logIn(all.code(), first.cookie);
    expect([second.cookie === first.cookie, second.token === first.token]).toEqual([true, false]);
    const session = all.find(first.cookie, first.token);
    if (session !== undefined) all.end(session);
    expect([all.find(first.cookie, first.token), all.find(second.cookie, second.token)]).toEqual([
      undefined,
      expect.anything(),
    ]);
  });

  it("take no cookie that somebody else has thought of", () => {
    const { logins: all } = logins();
    expect(all.logIn(all.code(), "A".repeat(43)).cookie).not.toBe("A".repeat(43));
    expect(all.logIn(all.code(), "").cookie).toMatch(/^[\w-]{43}$/);
  });

  it("end after 12 hours", () => {
    const { logins: all, clock } = logins();
    const { cookie, token } = all.logIn(all.code());
    clock.now += SESSION_MS - 1;
    expect(all.find(cookie, token)).toBeDefined();
    clock.now += 1;
    expect(all.find(cookie, token)).toBeUndefined();
  });

  it("are eight at most; the oldest ends", () => {
    const { logins: all } = logins();
    const made = Array.from({ length: 9 }, () => all.logIn(all.code()));
    expect(made.map(({ cookie, token }) => all.find(cookie, token) !== undefined)).toEqual([
      false,
      ...Array<boolean>(8).fill(true),
    ]);
  });

  it("all end at once, codes too", () => {
    const { logins: all } = logins();
    const { cookie, token } = all.logIn(all.code());
    const code = all.code();
    all.endAll();
    expect(all.find(cookie, token)).toBeUndefined();
    expect(() => all.logIn(code)).toThrow(refused);
  });
});
