import { describe, expect, it } from "vitest";
import { LinkSessions } from "../../host/auth/link-sessions.ts";

describe("the sessions of those who come by a link", () => {
  it("are one for each caller of each gateway", () => {
    const sessions = new LinkSessions();
    const token = sessions.tokenFor("gate", "alice", "machine");
    expect(sessions.tokenFor("gate", "alice", "machine")).toBe(token);
    const others = [
      sessions.tokenFor("gate", "bob", "machine"),
      sessions.tokenFor("other", "alice", "machine"),
      sessions.tokenFor("gate", "alice", "shop"),
    ];
    expect(new Set([token, ...others]).size).toBe(4);
    const [session, bob, elsewhere] = [token, ...others].map((one) => sessions.authenticate(one));
    expect(session).toMatchObject({ projectId: "machine", repo: "" });
    expect(session?.key).not.toBe(bob?.key);
    expect(session?.key).not.toBe(elsewhere?.key);
    // What a gateway's caller started is found again, whatever project it may use now.
    expect(sessions.authenticate(others[2] ?? "")).toMatchObject({ key: session?.key, projectId: "shop" });
  });

  it("are not mixed up by names that are put together the same", () => {
    const sessions = new LinkSessions();
    const tokens = [
      sessions.tokenFor("a", "bc", "p"),
      sessions.tokenFor("ab", "c", "p"),
      sessions.tokenFor("a b", "c", "p"),
      sessions.tokenFor("a", "b c", "p"),
      sessions.tokenFor("c", "ab", "p"),
      sessions.tokenFor("bc", "a", "p"),
    ];
    expect(new Set(tokens.map((token) => sessions.authenticate(token)?.key)).size).toBe(tokens.length);
  });

  it("have tokens that cannot be guessed, and that nobody else has", () => {
    const sessions = new LinkSessions();
    const token = sessions.tokenFor("gate", "alice", "machine");
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect(new LinkSessions().tokenFor("gate", "alice", "machine")).not.toBe(token);
    expect(new LinkSessions().authenticate(token)).toBeUndefined();
    expect(sessions.authenticate("")).toBeUndefined();
    expect(sessions.authenticate(sessions.authenticate(token)?.key ?? "")).toBeUndefined();
  });

  it("are valid as long as their gateway is known, also before it has asked", () => {
    const sessions = new LinkSessions();
    const key = sessions.authenticate(sessions.tokenFor("gate", "alice", "machine"))?.key ?? "";
    const afterStart = new LinkSessions();
    expect(afterStart.isValid(key, ["other", "gate"])).toBe(true);
    expect(afterStart.isValid(key, ["other"])).toBe(false);
    expect(afterStart.isValid(key, [])).toBe(false);
    expect(afterStart.isValid(key.slice(32), ["gate"])).toBe(false);
    expect(afterStart.isValid(`${key}00`, ["gate"])).toBe(false);
    expect(afterStart.isValid("", [""])).toBe(false);
  });

  it("are bounded: the one that came longest ago gives way, and is the same session when it comes again", () => {
    const sessions = new LinkSessions();
    const busy = sessions.tokenFor("gate", "busy", "machine");
    const first = sessions.tokenFor("gate", "caller 0", "machine");
    const key = sessions.authenticate(first)?.key;
    for (let count = 1; count < 4_095; count++) sessions.tokenFor("gate", `caller ${count}`, "machine");
    expect(sessions.authenticate(first)?.key).toBe(key);
    expect(sessions.tokenFor("gate", "busy", "machine")).toBe(busy);
    const last = sessions.tokenFor("gate", "caller 4096", "machine");
    expect(sessions.authenticate(first)).toBeUndefined();
    expect(sessions.authenticate(last)).toBeDefined();
    expect(sessions.authenticate(busy)).toBeDefined();
    const again = sessions.tokenFor("gate", "caller 0", "machine");
    expect(again).not.toBe(first);
    expect(sessions.authenticate(again)?.key).toBe(key);
  });
});
