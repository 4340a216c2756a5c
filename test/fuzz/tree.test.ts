import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { linesOf, Tree } from "./targets/tree.ts";

function made(text: string): { readonly directory: string; readonly root: string } {
  const directory = mkdtempSync(join(tmpdir(), "c2h-"));
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  mkdirSync(join(directory, "outside"));
  const tree = new Tree(directory);
  tree.build(linesOf(Buffer.from(text)));
  return { directory, root: tree.root };
}

it("a tree that an input describes has the files, links, FIFOs and directories of its lines", () => {
  const { directory, root } = made("f a/b x\\ny\\0\\\\\nl c @/outside\np d/e\nd g\nnothing\nf a/b again");
  expect(readFileSync(join(root, "a/b"), "latin1")).toBe("x\ny\0\\");
  expect(readdirSync(root).sort()).toEqual(["a", "c", "d", "g"]);
  expect(lstatSync(join(root, "c")).isSymbolicLink()).toBe(true);
  expect(lstatSync(join(root, "d/e")).isFIFO()).toBe(true);
  expect(existsSync(join(directory, "outside"))).toBe(true);
});

it("a tree that an input describes is never written through a link of its own, or above itself", () => {
  const lines = [
    "l a @/outside",
    "f a/x 1",
    "d a/y",
    "l a/z t",
    "p a/p",
    "f a/b/c 2",
    "l h a",
    "d h/q",
    "f ../../outside/w 3",
  ];
  const { directory, root } = made(lines.join("\n"));
  expect(readdirSync(join(directory, "outside"))).toEqual([]);
  expect(readdirSync(root).sort()).toEqual(["a", "h", "outside"]);
});
