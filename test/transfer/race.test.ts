import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CodedError } from "../../wire/errors.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { receiveBytes, streamOf } from "./trees.ts";

let bench = "";
let attacker: ChildProcess | undefined;
beforeEach(() => {
  bench = tempDirectory();
  for (const [path, content] of [
    ["root/d/e/f", "mine"],
    ["root/d/g", "mine"],
    ["outside/e/f", "secret"],
    ["outside/f", "secret"],
    ["outside/to", "secret"],
  ] as const) {
    mkdirSync(join(bench, path, ".."), { recursive: true });
    writeFileSync(join(bench, path), content);
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
async function attack(body: string): Promise<void> {
  const program = `
    const fs = require("node:fs");
    const [bench] = process.argv.slice(1);
    const [d, e, f] = [bench + "/root/d", bench + "/root/d/e", bench + "/root/d/e/f"];
    const [kept, other, outside, fifo] = [bench + "/kept", bench + "/other", bench + "/outside", bench + "/fifo"];
    const attempt = (work) => { try { work(); } catch {} };
    process.on("disconnect", () => process.exit());
    require("node:child_process").execFileSync("mkfifo", [fifo]);
    process.send("ready");
    (function loop() {
      for (let n = 0; n < 40; n++) { ${body} }
      setTimeout(loop, 1);
    })();`;
  attacker = spawn(process.execPath, ["-e", program, bench], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  await once(attacker, "message");
}

const swapForLink = (path: string, target: string): string => `
  attempt(() => fs.renameSync(${path}, kept));
  attempt(() => fs.symlinkSync(${target}, ${path}));
  attempt(() => fs.unlinkSync(${path}));
  attempt(() => fs.renameSync(kept, ${path}));`;
const swapFile = (make: string): string => `
  attempt(() => ${make});
  attempt(() => fs.renameSync(other, f));
  attempt(() => fs.writeFileSync(other, "mine"));
  attempt(() => fs.renameSync(other, f));`;

/** Does the work again and again; counts how it ended: well, or with which code. */
async function rounds(work: (round: number) => Promise<string>, ms = 600): Promise<Map<string, number>> {
  const endings = new Map<string, number>();
  const until = Date.now() + ms;
  for (let round = 0; Date.now() < until; round++) {
    const ending = await work(round).catch((error: unknown) => {
      if (error instanceof CodedError) return error.code;
      throw error;
    });
    endings.set(ending, (endings.get(ending) ?? 0) + 1);
  }
  return endings;
}

function expectOutsideUntouched(): void {
  expect(readdirSync(join(bench, "outside"), { recursive: true, encoding: "utf8" }).sort()).toEqual([
    "e",
    "e/f",
    "f",
    "to",
  ]);
  for (const path of ["e/f", "f", "to"]) expect(readFileSync(join(bench, "outside", path), "utf8")).toBe("secret");
}

describe.runIf(process.platform === "linux")("sending while somebody swaps", () => {
  it.each([
    ["a directory in the tree for a link", swapForLink("e", "outside")],
    ["the directory that is sent for a link", swapForLink("d", "outside")],
    ["a file for a link", swapFile('fs.symlinkSync(outside + "/f", other)')],
    ["a file for a FIFO", swapFile("fs.linkSync(fifo, other)")],
  ])("%s never blocks, and never sends what lies outside", async (_, body) => {
    await attack(body);
    const endings = await rounds(async () => {
      const stream = await streamOf({ roots: [join(bench, "root")], path: join(bench, "root", "d"), links: "keep" });
      expect(stream.includes("secret")).toBe(false);
      return "sent";
    });
    expect(endings.get("sent")).toBeGreaterThan(0);
    for (const ending of endings.keys()) expect(["sent", "file_denied", "file_failed"]).toContain(ending);
  });
});

describe.runIf(process.platform === "linux")("receiving while somebody swaps", () => {
  it.each([
    ["the directory on the way for a link", swapForLink("d", "outside")],
    ["the last directory on the way for a link", swapForLink("e", "outside")],
    [
      "the destination for a link",
      `attempt(() => fs.symlinkSync(outside + "/to", e + "/to"));
       attempt(() => fs.unlinkSync(e + "/to"));
       attempt(() => fs.symlinkSync(outside, e + "/to"));
       attempt(() => fs.rmSync(e + "/to", { recursive: true }));`,
    ],
    [
      "what is being received for links, as far as it can be found",
      `attempt(() => {
         for (const name of fs.readdirSync(e)) {
           if (!name.startsWith(".cmd2host")) continue;
           attempt(() => fs.renameSync(e + "/" + name, kept));
           attempt(() => fs.symlinkSync(outside, e + "/" + name));
           attempt(() => fs.unlinkSync(e + "/" + name));
           attempt(() => fs.renameSync(kept, e + "/" + name));
         }
       });`,
    ],
  ])("%s never writes outside", async (_, body) => {
    const root = join(bench, "root");
    const [file, tree] = [
      await streamOf({ roots: [root], path: join(root, "d", "g") }),
      await streamOf({ roots: [root], path: join(root, "d") }),
    ];
    await attack(body);
    const endings = await rounds(async (round) => {
      const kind = round % 3;
      const path = join(root, "d", "e", "to");
      const part = { roots: [root], path, name: "to", merge: kind === 2, durable: false };
      await receiveBytes(kind === 0 ? file : tree, part);
      return "received";
    });
    expectOutsideUntouched();
    expect([...endings.values()].reduce((one, other) => one + other, 0)).toBeGreaterThan(10);
    for (const ending of endings.keys())
      expect(["received", "file_denied", "file_failed", "already_exists"]).toContain(ending);
  });
});
