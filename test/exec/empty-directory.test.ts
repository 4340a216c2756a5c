import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Fleet } from "../../host/fleet/fleet.ts";
import { Workshop } from "../../host/daemon/workshop.ts";
import { EmptyDirectories } from "../../host/exec/empty-directory.ts";
import { git } from "../fixtures/repo.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { Base } from "../fixtures/base.ts";
import { launchOf } from "./processes.ts";

const limits = () => ({ maxBytes: 1, maxLooseObjects: 1 });
const signal = new AbortController().signal;

describe("an empty directory", () => {
  it("is new and empty for each run, only for the owner, and gone afterwards with what was left in it", async () => {
    const root = join(tempDirectory(), "empty");
    const empty = new EmptyDirectories(root);
    const seen: string[] = [];
    const use = async (directory: string): Promise<string> => {
      seen.push(directory);
      expect(readdirSync(directory)).toEqual([]);
      expect(statSync(directory).mode & 0o777).toBe(0o700);
      mkdirSync(join(directory, "a/b"), { recursive: true });
      writeFileSync(join(directory, "a/b/c"), "x");
      return Promise.resolve("done");
    };
    expect(await Promise.all([empty.within(use), empty.within(use)])).toEqual(["done", "done"]);
    expect(new Set(seen).size).toBe(2);
    expect(readdirSync(root)).toEqual([]);
    expect(statSync(root).mode & 0o777).toBe(0o700);
  });

  it("is gone when the run fails", async () => {
    const root = join(tempDirectory(), "empty");
    const empty = new EmptyDirectories(root);
    await expect(empty.within(async () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(readdirSync(root)).toEqual([]);
  });

  it("does not wait for what an earlier daemon left, and removes no more than that", () => {
    const outside = tempDirectory();
    writeFileSync(join(outside, "kept"), "");
    const root = join(tempDirectory(), "empty");
    mkdirSync(join(root, "run-old/x"), { recursive: true });
    symlinkSync(outside, join(root, "run-link"));
    new EmptyDirectories(root);
    expect(readdirSync(root)).toEqual([]);
    expect(existsSync(join(outside, "kept"))).toBe(true);
  });
});

describe("a program in an empty directory", () => {
  it("finds no repository, also when one holds the daemon's directory", async () => {
    const home = tempDirectory();
    git(home, "init", "-q");
    const root = join(home, "base");
    mkdirSync(root);
    const { directory } = new Base(root);
    const workshop = new Workshop(directory, limits, new Fleet(() => undefined));
    const ask = async (runIn: "workspace" | "empty") =>
      workshop.carryOut(
        {
          kind: "program",
          runIn,
          launch: launchOf("", "/usr/bin/env", ["git", "rev-parse", "--git-dir"], { cwd: root }),
        },
        signal,
        { output: { write: () => undefined }, keep: true },
      );
    expect((await ask("workspace")).stdout.bytes.toString()).toBe(`${join(home, ".git")}\n`);
    const sealed = await ask("empty");
    expect([sealed.stdout.bytes.toString(), sealed.exitCode]).toEqual(["", 128]);
    expect(sealed.stderr.bytes.toString()).toContain("not a git repository");
    await workshop.settled();
  });
});
