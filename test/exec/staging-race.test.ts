import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CodedError } from "../../wire/errors.ts";
import { Staging } from "../../host/exec/staging.ts";

let bench = "";
let ws = "";
let outside = "";
let attacker: ChildProcess | undefined;
beforeAll(() => {
  bench = realpathSync(mkdtempSync(join(tmpdir(), "race-")));
});
afterAll(() => {
  rmSync(bench, { recursive: true });
});
beforeEach(() => {
  ws = mkdtempSync(join(bench, "ws-"));
  outside = mkdtempSync(join(bench, "outside-"));
  mkdirSync(join(outside, "deep"));
  writeFileSync(join(outside, "out"), "old", { mode: 0o600 });
  writeFileSync(join(outside, "staged"), "old", { mode: 0o600 });
  writeFileSync(join(outside, "deep", "out"), "old", { mode: 0o600 });
});
afterEach(async () => {
  if (attacker === undefined) return;
  const gone = once(attacker, "exit");
  attacker.disconnect();
  await gone;
  attacker = undefined;
});

/** Runs the body of a loop in another process, as fast as it can, until the test ends. */
async function attack(body: string, ...args: readonly string[]): Promise<void> {
  const program = `
    const fs = require("node:fs");
    const { join } = require("node:path");
    const args = process.argv.slice(1);
    const attempt = (work) => { try { work(); } catch {} };
    process.on("disconnect", () => process.exit());
    process.send("ready");
    (function loop() {
      for (let n = 0; n < 100; n++) { ${body} }
      setImmediate(loop);
    })();`;
  attacker = spawn(process.execPath, ["-e", program, ...args], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  await once(attacker, "message");
}

function expectOutsideUntouched(): void {
  expect(readdirSync(outside).sort()).toEqual(["deep", "out", "staged"]);
  expect(readdirSync(join(outside, "deep"))).toEqual(["out"]);
  for (const name of ["out", "staged", "deep/out"]) {
    expect(readFileSync(join(outside, name), "utf8")).toBe("old");
    expect(lstatSync(join(outside, name)).mode & 0o777).toBe(0o600);
  }
}

/** Stages and finishes files again and again; counts how it ended. */
function work(relative: string): Map<string, number> {
  const staging = new Staging({ mode: "workspace" }, () => undefined);
  const endings = new Map<string, number>();
  const until = Date.now() + 1_500;
  for (let n = 0; Date.now() < until; n++) {
    let ending = "placed";
    try {
      const file = staging.allocate(ws, { absolute: join(ws, relative), relative });
      if (n % 5 === 0) file.discard();
      else file.finalize();
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      ending = error.code;
    }
    endings.set(ending, (endings.get(ending) ?? 0) + 1);
    if (n % 50 === 0) staging.sweep([ws], 0);
  }
  expectOutsideUntouched();
  return endings;
}

/** Moves a directory away, puts a link to the second argument in its place, and takes everything back. */
const SWAP_DIRECTORY = `
  attempt(() => fs.renameSync(args[0], args[0] + "-kept"));
  attempt(() => fs.symlinkSync(args[1], args[0]));
  attempt(() => fs.unlinkSync(args[0]));
  attempt(() => fs.rmSync(args[0], { recursive: true, force: true }));
  attempt(() => fs.renameSync(args[0] + "-kept", args[0]));`;

/** Does something to every staged file's directory that it finds. */
const forEachSlot = (body: string): string => `
  let ids = [];
  attempt(() => { ids = fs.readdirSync(args[0]); });
  for (const id of ids) { const slot = join(args[0], id, "0"); ${body} }`;

describe.runIf(process.platform === "linux")("a workspace that changes while a file is put in place", () => {
  it("never leads a write outside when a parent directory is swapped for a link", async () => {
    mkdirSync(join(ws, "a", "deep"), { recursive: true });
    await attack(SWAP_DIRECTORY, join(ws, "a"), outside);
    const endings = work("a/deep/out");
    expect(endings.get("placed")).toBeGreaterThan(0);
    expect(endings.get("output_finalize_failed")).toBeGreaterThan(0);
  });

  it("never leads a write outside when the staging directory is swapped for a link", async () => {
    const root = join(ws, ".cmd2host-staging");
    mkdirSync(root);
    await attack(SWAP_DIRECTORY, root, outside);
    const endings = work("out");
    expect(endings.get("staging_unavailable")).toBeGreaterThan(0);
  });

  it.each([
    [
      "the staged file is replaced by a link",
      `attempt(() => fs.symlinkSync(join(args[1], "staged"), join(slot, "link" + n)));
       attempt(() => fs.renameSync(join(slot, "link" + n), join(slot, "staged")));`,
    ],
    [
      "its directory is swapped for a link",
      `attempt(() => fs.renameSync(slot, slot + "-kept")); attempt(() => fs.symlinkSync(args[1], slot));`,
    ],
  ])("never changes a file outside, and places no link, when %s", async (_, body) => {
    const root = join(ws, ".cmd2host-staging");
    mkdirSync(root);
    await attack(forEachSlot(body), root, outside);
    work("out");
    expect(lstatSync(join(ws, "out"), { throwIfNoEntry: false })?.isSymbolicLink() ?? false).toBe(false);
  });

  it("never removes anything outside when directories are swapped while leftovers are removed", async () => {
    const root = join(ws, ".cmd2host-staging");
    mkdirSync(root);
    const body = `
      const place = join(slot, "deep");
      attempt(() => fs.mkdirSync(place));
      attempt(() => fs.renameSync(place, place + "-kept"));
      attempt(() => fs.symlinkSync(args[1], place));
      attempt(() => fs.symlinkSync(args[1], join(args[0], id, "x" + n)));`;
    await attack(forEachSlot(body), root, outside);
    const staging = new Staging({ mode: "workspace" }, () => undefined);
    const until = Date.now() + 1_500;
    while (Date.now() < until) {
      const file = staging.allocate(ws, { absolute: "", relative: "out" });
      mkdirSync(join(dirname(file.path), "deep"), { recursive: true });
      file.discard();
    }
    expectOutsideUntouched();
  });
});
