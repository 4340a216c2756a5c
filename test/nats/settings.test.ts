import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkSettings, type NatsSettings } from "../../nats/settings.ts";
import { isToken, nameToken, newToken, Subjects, tokenName } from "../../nats/subjects.ts";

const GOOD: NatsSettings = { servers: ["127.0.0.1:4222"], name: "web1" };

describe("the settings for NATS", () => {
  it("name servers in every usual way", () => {
    const servers = ["nats1", "nats1.example:4222", "nats://10.0.0.1:4222", "[::1]:4222"];
    const checked = checkSettings({ ...GOOD, servers });
    expect(checked.servers).toEqual(["nats1", "nats1.example:4222", "10.0.0.1:4222", "[::1]:4222"]);
    expect(checked.wantsTls).toBe(false);
    // One that demands TLS demands it of all: the client has one setting for them.
    expect(checkSettings({ ...GOOD, servers: ["a:1", "tls://b:2"] })).toMatchObject({
      servers: ["a:1", "b:2"],
      wantsTls: true,
    });
    expect(checkSettings({ ...GOOD, tls: {} }).wantsTls).toBe(true);
  });

  it("are refused where they make no sense, without repeating a password", () => {
    const wrong: readonly (readonly [Partial<NatsSettings>, string])[] = [
      [{ servers: [] }, "0 servers; from 1 to 64 are needed"],
      [{ servers: Array.from({ length: 65 }, () => "a:1") }, "65 servers"],
      [{ servers: ["nats://me:s3cret@host:1"] }, "holds a user or a password"],
      [{ servers: ["ws://host:1"] }, 'server "ws://host:1" must be'],
      [{ servers: ["host:1\nhost"] }, "must be HOST:PORT"],
      [{ name: "" }, "no name of a machine"],
      [{ name: "\ud800" }, "no name of a machine"],
      [{ prefix: "a..b" }, 'prefix "a..b" must be'],
      [{ prefix: "a.>" }, "must be letters"],
      [{ prefix: "x".repeat(65) }, "must be letters"],
      [{ nkeySeedFile: "/a", credsFile: "/b" }, "not both"],
      [{ tls: { certFile: "/a" } }, "needed together"],
      [{ tls: { keyFile: "/a" } }, "needed together"],
    ];
    for (const [change, message] of wrong) {
      const check = (): unknown => checkSettings({ ...GOOD, ...change });
      expect(check).toThrow(expect.objectContaining({ code: "nats_unusable" }));
      expect(check).toThrow(message);
      expect(check).not.toThrow("s3cret");
    }
  });
});

describe("a name as a part of a subject", () => {
  it("has exactly one form, which no wildcard and no dot can be in", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }), (name) => {
        const token = nameToken(name);
        expect(token).toMatch(/^[A-Za-z0-9_=-]+$/);
        expect(tokenName(token)).toBe(name);
      }),
    );
    expect(nameToken("node/ct 7.lan")).toBe("node=2Fct=207=2Elan");
    // Other ways to write the same, and what is not text.
    for (const token of ["", "=41", "=2f", "=ZZ", "=", "a.b", "=FF", "x".repeat(129), "x".repeat(400)])
      expect([token, tokenName(token)]).toEqual([token, undefined]);
  });

  it("is found again in subjects of the right form only", () => {
    const subjects = new Subjects("home.fleet");
    const ends = { machine: "web1", dialler: "gw1" };
    expect(subjects.endsOfDial(subjects.dial(ends))).toEqual(ends);
    for (const subject of [
      "home.fleet.dial.web1",
      "home.fleet.dial.web1.gw1.x",
      "home.fleet.to.web1.gw1",
      "fleet.dial.a.b",
    ])
      expect(subjects.endsOfDial(subject)).toBeUndefined();
    expect(subjects.machineOfPresence("home.fleet.presence.a=2Eb")).toBe("a.b");
    for (const subject of ["home.fleet.presence", "home.fleet.presence.a.b", "home.fleet.audit.a", "presence.a"])
      expect(subjects.machineOfPresence(subject)).toBeUndefined();
  });

  it("is followed by a token that nobody can guess", () => {
    const tokens = new Set(Array.from({ length: 1_000 }, newToken));
    expect(tokens.size).toBe(1_000);
    for (const token of tokens) expect(isToken(token)).toBe(true);
    for (const text of ["", "A".repeat(21), "A".repeat(23), "A".repeat(21) + ">"]) expect(isToken(text)).toBe(false);
  });
});
