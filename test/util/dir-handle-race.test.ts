import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { errnoOf } from "../../wire/errors.ts";
import { DirHandle, DirHandleError, type Reach } from "../../host/util/dir-handle.ts";

let bench = "";
let attacker: ChildProcess | undefined;
beforeEach(() => {
  bench = realpathSync(mkdtempSync(join(tmpdir(), "handle-race-")));
  for (const [place, content] of [
    ["top/a", "mine"],
    ["outside", "secret"],
  ] as const) {
    mkdirSync(join(bench, place), { recursive: true });
    writeFileSync(join(bench, place, "in"), content);
  }
});
afterEach(async () => {
  if (attacker !== undefined) {
    const gone = once(attacker, "exit");
    attacker.disconnect();
    await gone;
    attacker = undefined;
  }
  rmSync(bench, { recursive: true });
});

/** Runs the body of a loop in another process until the test ends: as fast as it can, but with short rests. */
async function attack(body: string): Promise<void> {
  const program = `
    const fs = require("node:fs");
    const [bench] = process.argv.slice(1);
    const [dir, kept, file, other] = [bench + "/top/a", bench + "/top/kept", bench + "/top/a/in", bench + "/other"];
    const [outside, fifo] = [bench + "/outside", bench + "/fifo"];
    const attempt = (work) => { try { work(); } catch {} };
    process.on("disconnect", () => process.exit());
    require("node:child_process").execFileSync("mkfifo", [fifo]);
    process.send("ready");
    (function loop() {
      for (let n = 0; n < 50; n++) { ${body} }
      setTimeout(loop, 2);
    })();`;
  attacker = spawn(process.execPath, ["-e", program, bench], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  await once(attacker, "message");
}

/** Reads the file again and again; counts how it ended. */
function work(reach: Reach | undefined): Map<string, number> {
  const endings = new Map<string, number>();
  const until = Date.now() + 1_500;
  while (Date.now() < until) {
    const opened = [DirHandle.open(join(bench, "top"), reach)];
    let ending: string;
    try {
      const a = opened[0]?.sub("a");
      if (a !== undefined) opened.push(a);
      ending = a?.read("in", 100).toString() ?? "";
    } catch (error) {
      if (!(error instanceof DirHandleError) && errnoOf(error) === undefined) throw error;
      ending = "refused";
    } finally {
      for (const handle of opened) handle.close();
    }
    endings.set(ending, (endings.get(ending) ?? 0) + 1);
  }
  return endings;
}

const SWAPS: readonly (readonly [string, string])[] = [
  [
    "its directory for a link",
    `attempt(() => fs.renameSync(dir, kept));
     attempt(() => fs.symlinkSync(outside, dir));
     attempt(() => fs.unlinkSync(dir));
     attempt(() => fs.renameSync(kept, dir));`,
  ],
  [
    "the file for a link",
    `attempt(() => fs.symlinkSync(outside + "/in", other));
     attempt(() => fs.renameSync(other, file));
     attempt(() => fs.writeFileSync(other, "mine"));
     attempt(() => fs.renameSync(other, file));`,
  ],
  [
    "the file for a FIFO",
    `attempt(() => fs.linkSync(fifo, other));
     attempt(() => fs.renameSync(other, file));
     attempt(() => fs.writeFileSync(other, "mine"));
     attempt(() => fs.renameSync(other, file));`,
  ],
];
const CASES = SWAPS.flatMap(([what, body]) => [
  [what, "as the system allows", undefined, body] as const,
  [what, "where there is no /proc", "path", body] as const,
]);

describe.runIf(process.platform === "linux")("reading while somebody swaps", () => {
  it.each(CASES)("%s never blocks and never shows what lies outside, %s", async (_, __, reach, body) => {
    await attack(body);
    const endings = work(reach);
    expect([...endings.keys()].sort()).toEqual(["mine", "refused"]);
  });
});
