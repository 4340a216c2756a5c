import { describe, expect, it } from "vitest";
import type { Choice } from "../../../gateway/registry/selection.ts";
import { CodedError } from "../../../wire/errors.ts";
import { discovered, manual, Scene } from "./scene.ts";

const scene = new Scene({
  targets: [manual("web-1", { tags: ["web", "eu"] }), manual("web-2", { tags: ["web"], node: "rack" }), manual("db")],
});
scene.registry.setDiscovered([discovered("pve1/web"), discovered("pve1/db"), discovered("pve2/web")]);

function names(choice: Choice, may?: (target: { readonly name: string }) => boolean): readonly string[] | string {
  try {
    return scene.registry.select(choice, may).map(({ name }) => name);
  } catch (error) {
    if (error instanceof CodedError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

describe("a choice of targets", () => {
  it("is those named, each once and in order", () => {
    expect(names({ names: ["web-1", "db", "web-1"] })).toEqual(["db", "web-1"]);
    expect(names({ names: ["web-1", "x"] })).toBe('target_unknown: there is no target "x"');
    expect(names({ names: [`${"x".repeat(500)}\n`] })).toMatch(/^target_unknown: there is no target "x{128}…/);
  });

  it("is those whose names fit a glob, those named too, and all", () => {
    expect(names({ globs: ["web-*"] })).toEqual(["web-1", "web-2"]);
    expect(names({ globs: ["*/web", "x"], names: ["db"] })).toEqual(["db", "pve1/web", "pve2/web"]);
    expect(names({ all: true })).toHaveLength(6);
    expect(names({ globs: ["nothing*"] })).toEqual([]);
  });

  it("is narrowed by tags, of which one is enough, and by the node; alone they choose out of all", () => {
    expect(names({ tags: ["web"] })).toEqual(["web-1", "web-2"]);
    expect(names({ tags: ["eu", "x"] })).toEqual(["web-1"]);
    expect(names({ node: "pve1" })).toEqual(["pve1/db", "pve1/web"]);
    expect(names({ tags: ["web"], node: "rack" })).toEqual(["web-2"]);
    expect(names({ globs: ["**"], node: "pve2" })).toEqual(["pve2/web"]);
    expect(names({ names: ["db", "web-1"], tags: ["web"] })).toEqual(["web-1"]);
    expect(names({ all: true, tags: ["x"] })).toEqual([]);
  });

  it("is nothing when nothing is chosen", () => {
    expect(names({})).toEqual([]);
    expect(names({ names: [], globs: [], tags: [], all: false })).toEqual([]);
  });

  it("holds only what the caller may use, and does not say that there is more", () => {
    const may = ({ name }: { readonly name: string }): boolean => name.startsWith("web");
    expect(names({ all: true }, may)).toEqual(["web-1", "web-2"]);
    expect(names({ names: ["db"] }, may)).toBe('target_unknown: there is no target "db"');
  });

  it("refuses what is too long before anything is looked at", () => {
    let asked = 0;
    const may = (): boolean => {
      asked++;
      return true;
    };
    const many = Array.from({ length: 10_000 }, (_, index) => `web-${index}`);
    expect(names({ names: many }, may)).toBe("too_many_targets: 10000 names; at most 1000 are allowed");
    expect(names({ globs: many }, may)).toBe("too_many_targets: 10000 patterns; at most 100 are allowed");
    expect(names({ tags: many }, may)).toBe("too_many_targets: 10000 tags; at most 100 are allowed");
    expect(asked).toBe(0);
    expect(names({ globs: ["["] })).toMatch(/^target_invalid: expected a glob/);
    expect(names({ globs: ["a".repeat(257)] })).toMatch(/^target_invalid: expected a glob/);
  });

  it("is at most 1000 targets, of however many", () => {
    const large = new Scene({ targets: Array.from({ length: 10_000 }, (_, index) => manual(`t${index}`)) });
    const code = (choice: Choice): string => {
      try {
        return String(large.registry.select(choice).length);
      } catch (error) {
        return error instanceof CodedError ? error.message : "";
      }
    };
    expect(code({ all: true })).toBe("the choice is 10000 targets; at most 1000 are allowed");
    expect(code({ globs: ["t9???"] })).toBe("1000");
    expect(code({ globs: ["t9???", "t1"] })).toMatch(/^the choice is 1001 targets/);
  });
});
