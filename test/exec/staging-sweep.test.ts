import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Staging, SWEEP_FLOOR_MS, type StagingSettings } from "../../host/exec/staging.ts";

const HOUR_MS = 3_600_000;

let bench = "";
let ws = "";
let count = 0;
let logged: string[] = [];
beforeAll(() => {
  bench = realpathSync(mkdtempSync(join(tmpdir(), "sweep-")));
});
afterAll(() => {
  rmSync(bench, { recursive: true });
});
beforeEach(() => {
  logged = [];
  ws = join(bench, `ws-${++count}`);
  mkdirSync(join(ws, ".cmd2host-staging"), { recursive: true });
});

const log = (message: string): void => {
  logged.push(message);
};
const staging = (settings: StagingSettings = { mode: "workspace" }): Staging => new Staging(settings, log);
const hex = (digit: string): string => digit.repeat(32);
const left = (): string[] => readdirSync(join(ws, ".cmd2host-staging")).sort();

/** Leaves an entry in a staging root as a daemon would that died `ageMs` ago. */
function leave(name: string, ageMs: number, root = join(ws, ".cmd2host-staging")): string {
  const entry = join(root, name);
  mkdirSync(join(entry, "0", "deeper"), { recursive: true });
  writeFileSync(join(entry, "0", "staged"), "x");
  age(entry, ageMs);
  return entry;
}

function age(path: string, ageMs: number): void {
  const then = new Date(Date.now() - ageMs);
  utimesSync(path, then, then);
}

describe("Staging.sweep", () => {
  it("removes entries that nobody touched for two hours, or longer when more is asked for", () => {
    leave(hex("a"), 3 * HOUR_MS);
    leave(hex("b"), HOUR_MS);
    leave(hex("c"), 5 * HOUR_MS);
    staging().sweep([ws], 4 * HOUR_MS);
    expect(left()).toEqual([hex("a"), hex("b")]);
    staging().sweep([ws], 0);
    expect(left()).toEqual([hex("b")]);
    expect(logged).toEqual([]);
  });

  it("leaves what another daemon has in flight on the same workspace, at start too", () => {
    const file = staging().allocate(ws, { absolute: "", relative: "out" });
    staging().sweep([ws], 0);
    writeFileSync(file.path, "bytes");
    file.finalize();
    expect(existsSync(join(ws, "out"))).toBe(true);
  });

  it("keeps its own entries in flight however old, and refreshes them for the sweeps of others", () => {
    const mine = staging();
    const file = mine.allocate(ws, { absolute: "", relative: "out" });
    const entry = dirname(dirname(file.path));
    age(entry, 10 * HOUR_MS);
    mine.sweep([ws], 0);
    expect(left()).toEqual([basename(entry)]);
    staging().sweep([ws], 0);
    expect(left()).toEqual([basename(entry)]);
    file.discard();
    expect(left()).toEqual([]);
  });

  it("would remove an entry whose daemon has stopped touching it", () => {
    const file = staging().allocate(ws, { absolute: "", relative: "out" });
    age(dirname(dirname(file.path)), 3 * HOUR_MS);
    staging().sweep([ws], 0);
    expect(left()).toEqual([]);
    file.discard();
    expect(logged).toEqual([]);
  });

  it("removes nothing right after the machine slept, since others could not refresh theirs", () => {
    let now = Date.now();
    const mine = new Staging({ mode: "workspace" }, log, { now: () => now });
    mine.sweep([ws], 0);
    leave(hex("a"), 0);
    now += SWEEP_FLOOR_MS + HOUR_MS;
    mine.sweep([ws], 0);
    expect(left()).toEqual([hex("a")]);
    now += HOUR_MS;
    mine.sweep([ws], 0);
    expect(left()).toEqual([]);
  });

  it("leaves names that are not 32 lower case hexadecimal digits", () => {
    const names = ["keep", "A".repeat(32), "a".repeat(31), "a".repeat(33), "g".repeat(32), `${hex("a")}.x`];
    for (const name of names) leave(name, 9 * HOUR_MS);
    staging().sweep([ws], 0);
    expect(left()).toEqual([...names].sort());
  });

  it("removes a file or a link with such a name, and nothing behind the link", () => {
    const outside = join(bench, `outside-${count}`);
    mkdirSync(outside);
    writeFileSync(join(outside, "keep"), "x");
    writeFileSync(join(ws, ".cmd2host-staging", hex("a")), "");
    age(join(ws, ".cmd2host-staging", hex("a")), 9 * HOUR_MS);
    const entry = leave(hex("b"), 9 * HOUR_MS);
    symlinkSync(outside, join(entry, "0", "link"));
    age(entry, 9 * HOUR_MS);
    symlinkSync(outside, join(ws, ".cmd2host-staging", hex("c")));
    new Staging({ mode: "workspace" }, log, { now: () => Date.now() + 9 * HOUR_MS }).sweep([ws], 0);
    expect(left()).toEqual([]);
    expect(readdirSync(outside)).toEqual(["keep"]);
  });

  it("skips a root that is a link or a file, with a warning, and does the others", () => {
    const [linked, filed, gone] = [join(bench, `linked-${count}`), join(bench, `filed-${count}`), join(bench, "gone")];
    const elsewhere = join(bench, `elsewhere-${count}`);
    const victim = leave(hex("d"), 9 * HOUR_MS, elsewhere);
    mkdirSync(linked);
    symlinkSync(elsewhere, join(linked, ".cmd2host-staging"));
    mkdirSync(filed);
    writeFileSync(join(filed, ".cmd2host-staging"), "");
    leave(hex("a"), 9 * HOUR_MS);
    staging().sweep([linked, filed, gone, ws, ws], 0);
    expect(left()).toEqual([]);
    expect(existsSync(victim)).toBe(true);
    expect(logged.map((message) => message.replaceAll(bench, ""))).toEqual([
      expect.stringMatching(/^Warning: staging root .*linked.* is a link$/),
      expect.stringMatching(/^Warning: staging root .*filed.* is not a directory$/),
    ]);
  });

  it("sweeps the explicit root only, and skips it when it is a link", () => {
    const root = join(bench, `root-${count}`);
    leave(hex("a"), 9 * HOUR_MS, root);
    leave(hex("b"), 9 * HOUR_MS);
    const explicit = staging({ mode: "explicit", root });
    explicit.sweep([ws], 0);
    expect(readdirSync(root)).toEqual([]);
    expect(left()).toEqual([hex("b")]);
    const link = `${root}-link`;
    symlinkSync(join(ws, ".cmd2host-staging"), link);
    staging({ mode: "explicit", root: link }).sweep([], 0);
    expect(left()).toEqual([hex("b")]);
    expect(logged).toHaveLength(1);
    unlinkSync(link);
    staging({ mode: "explicit", root: link }).sweep([], 0);
    expect(logged).toHaveLength(2);
  });

  it("removes what is too much for one sweep in several", () => {
    const entry = leave(hex("a"), 0);
    for (let n = 0; n < 6_000; n++) writeFileSync(join(entry, "0", `f${n}`), "");
    age(entry, 9 * HOUR_MS);
    staging().sweep([ws], 0);
    expect(left()).toEqual([hex("a")]);
    expect(logged.length).toBeGreaterThan(0);
    age(entry, 9 * HOUR_MS);
    staging().sweep([ws], 0);
    expect(left()).toEqual([]);
  });

  it("leaves what is nested too deep instead of running out of descriptors", () => {
    const entry = leave(hex("a"), 0);
    mkdirSync(join(entry, ..."x".repeat(200).split("")), { recursive: true });
    age(entry, 9 * HOUR_MS);
    leave(hex("b"), 9 * HOUR_MS);
    staging().sweep([ws], 0);
    expect(left()).toEqual([hex("a")]);
    expect(logged).toHaveLength(1);
  });
});
