import { createHook } from "node:async_hooks";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { git } from "../../fixtures/repo.ts";
import { commitOf, plant, plantObject, treeEntry } from "../repository/object-store.ts";
import { Bench, codeOf, refusalOf } from "./bench.ts";

const MAIN = "HEAD:refs/heads/main";

function objectsOf(bench: Bench): string {
  return join(bench.repo, ".git/objects");
}

/** Changes bytes of a file that git made read-only. */
function damage(path: string, change: (bytes: Buffer) => Buffer): void {
  chmodSync(path, 0o600);
  writeFileSync(path, change(readFileSync(path)));
}

function flip(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ 0xff;
  return changed;
}

function packOf(bench: Bench, suffix = ".pack"): string {
  const directory = join(objectsOf(bench), "pack");
  return join(directory, readdirSync(directory).find((name) => name.endsWith(suffix)) ?? "");
}

describe("a push from a damaged workspace", () => {
  it("is refused while a loose object of the commit is missing, empty, flipped or another one, and works when it is repaired", async () => {
    const bench = new Bench();
    bench.commit("d/x", "x");
    const other = bench.id("HEAD:README.md");
    for (const name of ["HEAD", "HEAD^{tree}", "HEAD:d", "HEAD:d/x", "HEAD~1"]) {
      const id = bench.id(name);
      const path = join(objectsOf(bench), id.slice(0, 2), id.slice(2));
      const sound = readFileSync(path);
      for (const [bytes, code] of [
        [undefined, "git_objects_missing"],
        [Buffer.alloc(0), "git_object_invalid"],
        [flip(sound, sound.length - 1), "git_object_invalid"],
        [readFileSync(join(objectsOf(bench), other.slice(0, 2), other.slice(2))), "git_object_invalid"],
      ] as const) {
        rmSync(path, { force: true });
        if (bytes !== undefined) writeFileSync(path, bytes);
        expect(await codeOf(bench.remotely("push", MAIN)), name).toBe(code);
      }
      plant(objectsOf(bench), id, sound);
      rmSync(bench.own, { recursive: true });
    }
    expect(bench.remoteRefs()).toEqual({});
    expect(await bench.remotely("push", MAIN)).toMatchObject({ exitCode: 0 });
    expect(git(bench.remote, "fsck")).toBe("");
  }, 120_000);

  it("is refused while its pack is flipped, cut or another file, whatever its index says, and works when it is repaired", async () => {
    const bench = new Bench();
    bench.commit("x", "x");
    git(bench.repo, "gc", "-q");
    const path = packOf(bench);
    const sound = readFileSync(path);
    for (const bytes of [
      flip(sound, 30),
      flip(sound, sound.length - 1),
      flip(sound, 4),
      sound.subarray(0, sound.length / 2),
      Buffer.alloc(0),
      Buffer.from("x"),
    ]) {
      damage(path, () => bytes);
      expect(await codeOf(bench.remotely("push", MAIN))).toBe("git_objects_missing");
    }
    expect(bench.remoteRefs()).toEqual({});
    damage(path, () => sound);
    for (const name of readdirSync(join(objectsOf(bench), "pack")))
      if (!name.endsWith(".pack")) damage(join(objectsOf(bench), "pack", name), () => Buffer.from("not an index"));
    expect(await bench.remotely("push", MAIN)).toMatchObject({ exitCode: 0 });
    expect(git(bench.remote, "fsck")).toBe("");
    expect(bench.leftovers()).toEqual([]);
  });

  it("works when a damaged loose object has a sound copy in a pack", async () => {
    const bench = new Bench();
    bench.commit("x", "x");
    git(bench.repo, "repack", "-a", "-q");
    plant(objectsOf(bench), bench.id("HEAD"), "");
    plant(objectsOf(bench), bench.id("HEAD^{tree}"), "");
    expect(await bench.remotely("push", MAIN)).toMatchObject({ exitCode: 0 });
  });

  it("is refused for a ref that names a tree, a blob, a tag of a blob, or nothing, and takes an annotated tag's commit nowhere", async () => {
    const bench = new Bench();
    git(bench.repo, "tag", "-a", "-m", "t", "of-blob", "HEAD:README.md");
    for (const [name, id] of [
      ["tree", bench.id("HEAD^{tree}")],
      ["blob", bench.id("HEAD:README.md")],
      ["tagged", bench.id("of-blob")],
      ["nothing", "1".repeat(40)],
    ] as const) {
      mkdirSync(join(bench.repo, ".git/refs/odd"), { recursive: true });
      writeFileSync(join(bench.repo, ".git/refs/odd", name), `${id}\n`);
      const why = await codeOf(bench.remotely("push", `refs/odd/${name}:refs/heads/x`));
      expect(why, name).toMatch(/^git_object(?:s_missing|_invalid)$/);
      expect(await codeOf(bench.remotely("push", `${id}:refs/heads/x`)), name).toBe(why);
    }
    expect(bench.remoteRefs()).toEqual({});
    expect(await bench.remotely("push", MAIN)).toMatchObject({ exitCode: 0 });
  });

  it("is refused for a commit that is none, with the object named", async () => {
    const bench = new Bench();
    const objects = objectsOf(bench);
    const who = "author A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nx\n";
    const cut = plantObject(objects, "tree", Buffer.from("100644 x\0short"));
    for (const [content, named] of [
      ["", "has no tree line"],
      [who, "has no tree line"],
      [`tree ${"x".repeat(40)}\n${who}`, "has a tree line that names no object"],
      [commitOf(cut), "is cut in the middle of an entry"],
      [commitOf("2".repeat(40)), "lacks objects of the commit"],
      [commitOf(bench.id("HEAD:README.md")), "lacks objects of the commit"],
      [commitOf(plantObject(objects, "tree", treeEntry("100644", "x", "3".repeat(40)))), "lacks objects of the commit"],
      [commitOf(bench.id("HEAD^{tree}"), "4".repeat(40)), "lacks objects of the commit"],
    ] as const) {
      const id = plantObject(objects, "commit", content);
      expect(await refusalOf(bench.remotely("push", `${id}:refs/heads/x`))).toContain(named);
    }
    expect(bench.remoteRefs()).toEqual({});
  });

  describe("with a tree of very many names", () => {
    const NAMES = 120_000;
    /** After so many objects others get their turn. */
    const BREATHER = 50;
    const EARLY = 100;

    /**
     * Calls back each time that work goes on in a new turn of the event loop, behind an immediate of its own, and with which time that is. It
     * counts what is done, not how long it takes; waiting for threads and programs does not count.
     */
    function onBreath(breath: (number: number) => void): () => void {
      let [loop, last, breaths, isOurs] = [0, -1, 0, false];
      let next: NodeJS.Immediate | undefined;
      const turn = (): void => {
        loop++;
        isOurs = true;
        next = setImmediate(turn);
        isOurs = false;
      };
      const hook = createHook({
        init: (_, type) => {
          if (type !== "Immediate" || isOurs || loop === last) return;
          last = loop;
          breath(++breaths);
        },
      }).enable();
      turn();
      return () => {
        hook.disable();
        clearImmediate(next);
      };
    }

    /** Pushes it. Says what came of it, and how often others had their turn meanwhile. */
    async function pushed(timeoutMs: number, onTurn: (turns: number, stop: AbortController) => void) {
      const bench = new Bench();
      const entries = Array.from({ length: NAMES }, (_, at) =>
        treeEntry("100644", `f${String(at).padStart(6, "0")}`, (at + 1).toString(16).padStart(40, "0")),
      );
      const tree = plantObject(objectsOf(bench), "tree", Buffer.concat(entries), 1);
      const id = plantObject(objectsOf(bench), "commit", commitOf(tree));
      const job = bench.remoteJob(["push", `${id}:refs/heads/x`]);
      const stop = new AbortController();
      let turns = 0;
      const end = onBreath((number) => {
        turns = number;
        onTurn(number, stop);
      });
      const came = await codeOf(bench.do({ ...job, launch: { ...job.launch, timeoutMs } }, stop.signal));
      end();
      return { came, turns };
    }

    it("is refused for what is missing, and others have their turn all the while", async () => {
      const { came, turns } = await pushed(600_000, () => undefined);
      expect(came).toBe("git_objects_missing");
      expect(turns).toBeGreaterThanOrEqual(NAMES / BREATHER);
    }, 120_000);

    it("ends soon after its time is over", async () => {
      const timeoutMs = 3_000;
      const { came, turns } = await pushed(timeoutMs, (turn) => {
        // Whatever is left of the time passes within one turn, so that none depends on how fast this machine is.
        if (turn === EARLY) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, timeoutMs);
      });
      expect(came).toBe("no refusal: exit code 124: ");
      expect(turns).toBeLessThan(2 * EARLY);
    });

    it("ends soon after the client is gone", async () => {
      const { came, turns } = await pushed(600_000, (turn, stop) => {
        if (turn === EARLY) stop.abort();
      });
      expect(came).toBe("no refusal: exit code 143: ");
      expect(turns).toBeLessThan(2 * EARLY);
    });
  });
});

describe("one broken ref", () => {
  it("among many does not hide the others, nor HEAD, nor keep a fetch from working", async () => {
    const bench = new Bench();
    await bench.remotely("push", MAIN);
    const lines = Array.from(
      { length: 150 },
      (_, at) => `${bench.id("HEAD")} refs/heads/b${String(at).padStart(3, "0")}`,
    );
    const broken = bench.commit("broken", "x");
    git(bench.repo, "reset", "-q", "--hard", "HEAD~1");
    const tree = bench.id("HEAD^{tree}");
    git(bench.repo, "checkout", "-q", "--detach");
    const head = bench.commit("head", "x");
    writeFileSync(
      join(bench.repo, ".git/packed-refs"),
      [...lines, `${broken} refs/heads/z`, `${broken} refs/remotes/origin/z`, `${tree} refs/tags/tree`, ""].join("\n"),
    );
    for (const name of [broken, bench.id(`${broken}^{tree}`)]) plant(objectsOf(bench), name, "");
    bench.started.length = 0;
    const { stdout } = await bench.locally("branch", "--list", "--format=%(refname:short)", "b*");
    expect(stdout.trim().split("\n")).toHaveLength(150);
    expect(bench.started.length).toBeLessThan(60);
    expect((await bench.locally("log", "-1", "--format=%H")).stdout).toBe(`${head}\n`);
    expect(await bench.remotely("fetch")).toMatchObject({ exitCode: 0 });
    expect(git(bench.repo, "rev-parse", "origin/main").trim()).toBe(bench.id("main"));
    expect(await bench.remotely("push", "HEAD:refs/heads/head")).toMatchObject({ exitCode: 0 });
  });

  it("that HEAD needs is said for what it is", async () => {
    const bench = new Bench();
    plant(objectsOf(bench), bench.id("HEAD^{tree}"), "");
    expect(await refusalOf(bench.locally("status"))).toContain(
      "git_objects_missing: the workspace lacks objects of its HEAD",
    );
  });
});

describe("the daemon's own repository", () => {
  it.each([
    ["is gone", ""],
    ["has no HEAD", "HEAD"],
    ["has no refs", "refs"],
    ["has no configuration", "config"],
    ["has a directory as configuration", "config", "a directory"],
    ["has no packed refs", "packed-refs"],
    ["has no packs", "objects/pack"],
    ["has no objects", "objects"],
  ])("that %s heals", async (_, name, isDirectory?) => {
    const bench = new Bench();
    git(bench.repo, "gc", "-q");
    await bench.remotely("push", MAIN);
    bench.commit("x", "x");
    rmSync(join(bench.own, name), { recursive: true });
    if (isDirectory !== undefined) mkdirSync(join(bench.own, name));
    expect(await bench.remotely("push", MAIN)).toMatchObject({ exitCode: 0 });
    expect(bench.remoteRefs()).toEqual({ "refs/heads/main": bench.id("HEAD") });
    expect(await bench.locally("status", "--short")).toMatchObject({ exitCode: 0, stderr: "" });
    expect(git(bench.own, "fsck", "--no-dangling")).toBe("");
  });

  it("whose pack index, pack or commit came to harm heals", async () => {
    for (const suffix of [".idx", ".pack", "commit"]) {
      const bench = new Bench();
      git(bench.repo, "gc", "-q");
      bench.commit("x", "x");
      await bench.remotely("push", MAIN);
      git(bench.remote, "update-ref", "-d", "refs/heads/main");
      const id = bench.id("HEAD");
      const packs = join(bench.own, "objects/pack");
      if (suffix === "commit") damage(join(bench.own, "objects", id.slice(0, 2), id.slice(2)), () => Buffer.alloc(0));
      else
        for (const name of readdirSync(packs))
          if (name.endsWith(suffix)) damage(join(packs, name), (bytes) => bytes.subarray(0, 40));
      bench.room = bench.newRoom();
      bench.commit("y", "y");
      expect(await bench.remotely("push", MAIN), suffix).toMatchObject({ exitCode: 0 });
      expect(bench.remoteRefs()).toEqual({ "refs/heads/main": bench.id("HEAD") });
    }
  });

  it("is named outright to every git, which would else take one that lies above it", async () => {
    const bench = new Bench();
    git(bench.root, "init", "-q");
    await bench.remotely("push", MAIN);
    await bench.remotely("fetch");
    rmSync(join(bench.own, "HEAD"));
    mkdirSync(join(bench.own, "HEAD"));
    expect(await bench.remotely("push", "HEAD:refs/heads/x")).toMatchObject({ exitCode: 0 });
    expect(bench.remoteRefs()["refs/heads/x"]).toBe(bench.id("HEAD"));
    expect(new Set(bench.directories)).toEqual(new Set([bench.own]));
  });

  it("that cannot be used is not held against the workspace", async () => {
    const bench = new Bench();
    mkdirSync(join(bench.git, "project/host"), { recursive: true });
    writeFileSync(join(bench.git, "project/host/owner"), "");
    expect(await refusalOf(bench.remotely("push", MAIN))).toMatch(
      /^git_failed: the daemon's own repository cannot be used \((?:ENOTDIR|EEXIST)\)/,
    );
  });

  it("keeps nothing that an ended run left", async () => {
    const bench = new Bench();
    await bench.remotely("push", MAIN);
    for (const name of ["view-abc123", "pack-abc123"]) mkdirSync(join(bench.own, name, "x"), { recursive: true });
    for (const name of ["packed-refs.lock", "objects/tmp_obj_1", "objects/pack/tmp_pack_1", "objects/pack/tmp_idx_2"])
      writeFileSync(join(bench.own, name), "");
    expect(await bench.remotely("push", "HEAD:refs/heads/x")).toMatchObject({ exitCode: 0 });
    expect(bench.leftovers()).toEqual([]);
  });
});
