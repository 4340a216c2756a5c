import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CodedError } from "../../wire/errors.ts";
import type { Reach } from "../../host/util/dir-handle.ts";
import { Staging } from "../../host/exec/staging.ts";

const LIMIT = 2_000_000;
const SECRET = "secret".repeat(1_000);
const MINE = "mine".repeat(1_000);

let bench = "";
let ws = "";
let root = "";
let outside = "";
let attacker: ChildProcess | undefined;
beforeAll(() => {
  bench = realpathSync(mkdtempSync(join(tmpdir(), "input-race-")));
});
afterAll(() => {
  rmSync(bench, { recursive: true });
});
beforeEach(() => {
  ws = mkdtempSync(join(bench, "ws-"));
  root = mkdtempSync(join(bench, "private-"));
  outside = mkdtempSync(join(bench, "outside-"));
  mkdirSync(join(outside, "deep"));
  mkdirSync(join(ws, "a", "deep"), { recursive: true });
  for (const name of ["in", "deep/in"]) {
    writeFileSync(join(outside, name), SECRET);
    writeFileSync(join(ws, "a", name), MINE);
  }
});
afterEach(async () => {
  if (attacker === undefined) return;
  const gone = once(attacker, "exit");
  attacker.disconnect();
  await gone;
  attacker = undefined;
});

/** Runs the body of a loop in another process until the test ends: as fast as it can, but with short rests. */
async function attack(body: string, ...args: readonly string[]): Promise<void> {
  const program = `
    const fs = require("node:fs");
    const { execFileSync } = require("node:child_process");
    const args = process.argv.slice(1);
    const attempt = (work) => { try { work(); } catch {} };
    process.on("disconnect", () => process.exit());
    let total = 0;
    const chunk = Buffer.alloc(65536, "grow");
    attempt(() => execFileSync("mkfifo", [args[0] + "-fifo"]));
    process.send("ready");
    (function loop() {
      for (let n = 0; n < 50; n++) { total++; ${body} }
      setTimeout(loop, 4);
    })();`;
  attacker = spawn(process.execPath, ["-e", program, ...args], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  await once(attacker, "message");
}

/** Copies the file again and again; counts how it ended. No copy may show what lies outside, or more than the limit. */
async function work(relative: string, reach: Reach | undefined): Promise<Map<string, number>> {
  const logged: string[] = [];
  const note = (message: string): void => {
    logged.push(message);
  };
  const staging = new Staging(
    { mode: "workspace" },
    note,
    reach === undefined ? { inputRoot: root } : { inputRoot: root, reach },
  );
  const endings = new Map<string, number>();
  const count = (ending: string): void => {
    endings.set(ending, (endings.get(ending) ?? 0) + 1);
  };
  const until = Date.now() + 1_500;
  while (Date.now() < until) {
    try {
      const input = await staging.copyIn(ws, relative, LIMIT);
      const content = readFileSync(input.path);
      expect(content.includes("secret")).toBe(false);
      expect(content.length).toBeLessThanOrEqual(LIMIT);
      expect(input.size).toBe(content.length);
      expect(input.sha256).toBe(createHash("sha256").update(content).digest("hex"));
      input.discard();
      count("copied");
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      count(error.code);
      count(error.message.replace(/^input file "[^"]*" /, ""));
    }
  }
  expect(readdirSync(root)).toEqual([]);
  expect(logged).toEqual([]);
  expect(readFileSync(join(outside, "in"), "utf8")).toBe(SECRET);
  return endings;
}

/** Moves a directory away, puts a link to the second argument in its place, and takes everything back. */
const SWAP_DIRECTORY = `
  attempt(() => fs.renameSync(args[0], args[0] + "-kept"));
  attempt(() => fs.symlinkSync(args[1], args[0]));
  attempt(() => fs.unlinkSync(args[0]));
  attempt(() => fs.renameSync(args[0] + "-kept", args[0]));`;

/** Puts a link to the second argument, a FIFO, a directory, nothing and a file at the first, one after the other. */
const SWAP_FILE = `
  const [file, other] = [args[0], args[0] + "-other"];
  attempt(() => fs.symlinkSync(args[1], other));
  attempt(() => fs.renameSync(other, file));
  attempt(() => fs.linkSync(file + "-fifo", other));
  attempt(() => fs.renameSync(other, file));
  attempt(() => fs.unlinkSync(file));
  attempt(() => fs.mkdirSync(file));
  attempt(() => fs.rmdirSync(file));
  attempt(() => fs.writeFileSync(other, "mine"));
  attempt(() => fs.renameSync(other, file));`;

/** Appends to the file, and begins anew when it is far beyond the limit. */
const GROW = `
  attempt(() => fs.appendFileSync(args[0], chunk));
  if (total % 100 === 0) attempt(() => fs.truncateSync(args[0], 0));`;

const REACHES: readonly (readonly [string, Reach | undefined])[] = [
  ["as the system allows", undefined],
  ["where there is no /proc", "path"],
];

describe.runIf(process.platform === "linux").each(REACHES)(
  "a workspace that changes while a file is copied, %s",
  (_, reach) => {
    it.each(["a/in", "a/deep/in"])(
      "never shows what lies outside when a directory on the way to %s is swapped",
      async (path) => {
        await attack(SWAP_DIRECTORY, join(ws, "a"), outside);
        const endings = await work(path, reach);
        expect(endings.get("copied")).toBeGreaterThan(0);
        expect(endings.get("input_invalid")).toBeGreaterThan(0);
      },
    );

    it("never waits for a FIFO and never follows a link that stands in place of the file", async () => {
      await attack(SWAP_FILE, join(ws, "a", "in"), join(outside, "in"));
      const endings = await work("a/in", reach);
      expect(endings.get("copied")).toBeGreaterThan(0);
      expect(endings.get("input_invalid")).toBeGreaterThan(0);
    });

    it("never gives more than the limit of a file that grows", async () => {
      await attack(GROW, join(ws, "a", "in"));
      const endings = await work("a/in", reach);
      expect(endings.get("input_invalid")).toBeGreaterThan(0);
      expect(endings.get(`is larger than ${LIMIT} bytes`)).toBeGreaterThan(0);
    });
  },
);
