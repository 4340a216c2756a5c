import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { CallerBook } from "../../../gateway/config/callers.ts";
import { complaint, fileOf, KEY, load, NOW, plain, warningsOf } from "./files.ts";
import { loadGateway } from "../../../gateway/config/load.ts";

function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

const keys = { ada: "the-key-of-ada-which-is-long", ben: "the-key-of-ben-which-is-long" };

const caller = (more: string): string => `[[callers]]\nname = "ada"\nkey_sha256 = "${hashOf(keys.ada)}"\n${more}\n`;

function book(text: string, now: () => number = () => NOW): CallerBook {
  return new CallerBook(load(text, { env: { COMMANDO_API_KEY: KEY } }).settings.callers, now);
}

const ADA = { name: "ada", isAdmin: false };
const target = (name: string, ...tags: string[]) => ({ name, tags });

describe("the callers of gateway.toml", () => {
  it("have every member as it stands there", () => {
    const { settings, files } = load(
      `[[callers]]
name = "ada"
key_file = "${fileOf(` ${keys.ada}\n`.trimStart(), 0o600, "key")}"
targets = ["web-*", "pve1/**"]
tags = ["lab"]
operations = ["shell"]
admin = true
rate = { runs = 3, per_secs = 60 }
concurrent = 2
per_day = 100
approval = ["s*"]
expires = 2027-01-01
`,
      { env: {} },
    );
    expect(settings.callers).toEqual([
      {
        name: "ada",
        keyHash: hashOf(keys.ada),
        isAdmin: true,
        targets: ["web-*", "pve1/**"],
        tags: ["lab"],
        operations: ["shell"],
        approval: ["s*"],
        limits: { rate: { runs: 3, perMs: 60_000 }, concurrent: 2, perDay: 100 },
        expiresAt: Date.parse("2027-01-01T00:00:00Z"),
      },
    ]);
    expect(files).toHaveLength(2);
  });

  it("have one name, one way to say their key, and one key each", () => {
    const one = caller("tags = ['x']");
    expect(complaint('[[callers]]\nname = "Ada"\nkey = "k"')).toMatch(
      /^2: callers\[0\]\.name: expected a small letter/,
    );
    expect(complaint('[[callers]]\nname = "ada"')).toMatch(
      /^1: callers\[0\]: expected one of key_file, key_sha256, key$/,
    );
    expect(complaint(`${one}key = "k"`)).toMatch(/^5: callers\[0\]\.key: contradicts key_sha256/);
    expect(complaint('[[callers]]\nname = "ada"\nkey_sha256 = "ab"')).toMatch(
      /^3: .*expected a SHA-256 in 64 hex digits$/,
    );
    expect(complaint(one + one)).toBe('6: callers[1].name: "ada" is the name of the caller in line 2 too');
    expect(complaint(one + one.replace('"ada"', '"ben"'))).toBe(
      "5: callers[1]: has the same key as the caller in line 1",
    );
    expect(complaint(one.replace('"ada"', '"default"'))).toMatch(
      /is the name of server\.api_key or COMMANDO_API_KEY too/,
    );
    expect(complaint(one.replace(hashOf(keys.ada), hashOf(KEY)))).toMatch(/has the same key as server\.api_key or/);
  });

  it("have keys that an Authorization header carries whole, and are warned about those that can be guessed or read", () => {
    for (const key of ["", " ", "a b", "ü", "a\\tb", "a".repeat(4_097)])
      expect(complaint(`[[callers]]\nname = "a"\nkey = "${key}"`)).toMatch(
        /^3: callers\[0\]\.key: expected a key of 1 to 4096/,
      );
    expect(warningsOf('[[callers]]\nname = "a"\nkey = "short"\ntags = ["x"]')).toEqual([
      "3: callers[0].key: the key stands in the file as it is; key_sha256 or key_file is safer",
      "3: callers[0].key: the key is shorter than 16 characters, and can be guessed",
    ]);
    expect(warningsOf("", { env: { COMMANDO_API_KEY: "k" } })).toEqual([
      expect.stringMatching(/server\.api_key: the key is shorter than 16 characters/),
    ]);
  });

  it("take a key from a file that only trusted users can write", () => {
    const withFile = (path: string): string => `[[callers]]\nname = "a"\nkey_file = "${path}"\ntags = ["x"]`;
    expect(complaint(withFile("key"))).toMatch(/^3: .*expected an absolute path$/);
    expect(complaint(withFile("/nowhere/key"))).toMatch(/^3: callers\[0\]\.key_file: "\/nowhere\/key" does not exist$/);
    expect(complaint(withFile(fileOf("", 0o600, "key")))).toMatch(/^3: .*expected a key/);
    expect(() => load(withFile(fileOf(keys.ada, 0o622, "key")))).toThrow(/can be written by others/);
    expect(warningsOf(withFile(fileOf(keys.ada, 0o644, "key")))).toEqual([
      expect.stringMatching(/^3: callers\[0\]\.key_file: everybody on this machine can read/),
    ]);
  });

  it("end at a date or a time with an offset, and a warning says that they have", () => {
    const until = (text: string): unknown =>
      load(caller(`tags=["x"]\nexpires = ${text}`)).settings.callers[0]?.expiresAt;
    expect(until('"2027-01-01"')).toBe(Date.parse("2027-01-01T00:00:00Z"));
    expect(until("2027-01-01T10:00:00+02:00")).toBe(Date.parse("2027-01-01T08:00:00Z"));
    expect(until('"2027-01-01 10:00Z"')).toBe(Date.parse("2027-01-01T10:00:00Z"));
    for (const wrong of ["2027-01-01T10:00:00", '"tomorrow"', '"2027-13-01"', "10:00:00", '""'])
      expect(complaint(caller(`expires = ${wrong}`))).toMatch(
        /^4: callers\[0\]\.expires: expected a date, or a time with Z/,
      );
    expect(complaint(caller("expires = 2027"))).toMatch(/^4: callers\[0\]\.expires: expected string, got number 2027$/);
    expect(warningsOf(caller("tags=['x']\nexpires = 2026-06-01"))).toEqual([
      "5: callers[0].expires: this is over: the key is refused",
    ]);
  });

  it("are told what is wrong with their globs and limits", () => {
    expect(complaint(caller('targets = ["a", "["]'))).toMatch(/^4: callers\[0\]\.targets\[1\]: expected a glob/);
    expect(complaint(caller('operations = [""]'))).toMatch(/^4: callers\[0\]\.operations\[0\]: expected a glob/);
    expect(complaint(caller("rate = { runs = 0, per_secs = 1 }"))).toMatch(
      /^4: callers\[0\]\.rate\.runs: must be >= 1/,
    );
    expect(complaint(caller("rate = { runs = 1 }"))).toMatch(/^4: callers\[0\]\.rate\.per_secs: is missing$/);
    expect(complaint("callers = [5]\n")).toMatch(/^1: callers\[0\]: expected object, got number 5$/);
    expect(warningsOf(caller(""))).toEqual(["1: callers[0]: ada has neither targets nor tags, and may use no target"]);
  });
});

describe("the book of callers", () => {
  it("knows each caller by the whole key, and nobody by anything else", () => {
    const callers = book(`${caller("admin = true")}[[callers]]\nname = "ben"\nkey = "${keys.ben}"\n`);
    expect(callers.authenticate(keys.ada)).toEqual({ name: "ada", isAdmin: true });
    expect(callers.authenticate(keys.ben)).toEqual({ name: "ben", isAdmin: false });
    expect(callers.authenticate(KEY)).toEqual({ name: "default", isAdmin: false });
    for (const key of [
      "",
      "x",
      hashOf(keys.ada),
      `${keys.ada} `,
      keys.ada.slice(1),
      keys.ada.toUpperCase(),
      "a".repeat(5_000),
    ])
      expect(callers.authenticate(key)).toBeUndefined();
  });

  it("does not look at keys that are longer than any may be", () => {
    const long = "a".repeat(4_097);
    const callers = book(`[[callers]]\nname = "ada"\nkey_sha256 = "${hashOf(long)}"\n`);
    expect(callers.authenticate(long)).toBeUndefined();
  });

  it("knows nobody when there is no caller, or the only key is empty", () => {
    expect(new CallerBook([]).authenticate("")).toBeUndefined();
    const { callers } = loadGateway(fileOf('[server]\napi_key = ""'), plain()).settings;
    expect(new CallerBook(callers).authenticate("")).toBeUndefined();
    expect(new CallerBook(callers).authenticate("\0".repeat(32))).toBeUndefined();
  });

  it("lets the one key of the original use every target and every operation, and change nothing", () => {
    const callers = book("");
    const all = { name: "default", isAdmin: false };
    expect(callers.mayUse(all, target("pve1/deep/er"))).toBe(true);
    expect([callers.mayCall(all, "shell"), callers.mayCall(all, "a/b")]).toEqual([true, true]);
    expect([callers.mayChange(all), callers.needsApproval(all, "shell")]).toEqual([false, false]);
  });

  it("with targets and tags both missing or empty allows no target, and with operations missing or empty no operation", () => {
    for (const more of ["", "targets = []\ntags = []\noperations = []"]) {
      const callers = book(caller(more));
      expect(callers.mayUse(ADA, target("a", "lab"))).toBe(false);
      expect([callers.mayCall(ADA, "shell"), callers.mayCall(ADA, "")]).toEqual([false, false]);
    }
  });

  it("allows targets by a glob over their names, or by one of their tags", () => {
    const callers = book(caller('targets = ["web-*", "db", "pve1/**"]\ntags = ["lab", "gpu"]'));
    for (const name of ["web-1", "db", "pve1/a", "pve1/a/b"])
      expect([name, callers.mayUse(ADA, target(name))]).toEqual([name, true]);
    for (const name of ["web-1/x", "db2", "pve2/a", "WEB-1", "", "x\nweb-1"])
      expect([name, callers.mayUse(ADA, target(name))]).toEqual([name, false]);
    expect(callers.mayUse(ADA, target("other", "x", "lab"))).toBe(true);
    expect(callers.mayUse(ADA, target("other", "Lab", "la*"))).toBe(false);
  });

  it("allows operations by globs, and says which of them a person must allow", () => {
    const callers = book(caller('operations = ["status_*", "shell"]\napproval = ["sh*"]'));
    expect(["status_disk", "shell", "shell2", "status"].map((id) => callers.mayCall(ADA, id))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(["status_disk", "shell"].map((id) => callers.needsApproval(ADA, id))).toEqual([false, true]);
  });

  it("lets only admins change targets", () => {
    expect(book(caller("")).mayChange({ name: "ada", isAdmin: true })).toBe(false);
    expect(book(caller("admin = true")).mayChange(ADA)).toBe(true);
  });

  it("gives a caller that is gone, or whose key has ended, no right", () => {
    const text = caller('targets = ["**"]\noperations = ["**"]\nadmin = true\nper_day = 5\nexpires = 2027-01-01');
    let now = NOW;
    const callers = book(text, () => now);
    const rights = (who = ADA): readonly boolean[] => [
      callers.authenticate(keys.ada) !== undefined,
      callers.mayUse(who, target("a")),
      callers.mayCall(who, "shell"),
      callers.mayChange(who),
      callers.needsApproval(who, "shell"),
    ];
    expect(rights()).toEqual([true, true, true, true, false]);
    expect(callers.limitsOf(ADA)).toEqual({ rate: undefined, concurrent: undefined, perDay: 5 });
    expect(rights({ name: "gone", isAdmin: true }).slice(1)).toEqual([false, false, false, true]);
    now = Date.parse("2027-01-01T00:00:00Z");
    expect(rights()).toEqual([false, false, false, false, true]);
    expect(callers.limitsOf(ADA).perDay).toBeUndefined();
  });
});
