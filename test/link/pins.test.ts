import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isMachineName, Pins, type Pin } from "../../link/pins.ts";
import { tempDirectory } from "../fixtures/temp.ts";

function print(letter: string): string {
  return `sha256:${letter.repeat(43)}`;
}

function pin(name: string, ...letters: string[]): Pin {
  return {
    name,
    fingerprints: letters.map(print),
    enrolledAt: new Date("2026-01-02T03:04:05.000Z"),
    addresses: [],
    about: {},
  };
}

function pins(): { readonly pins: Pins; readonly directory: string; readonly warnings: string[] } {
  const directory = join(tempDirectory(), "pins");
  const warnings: string[] = [];
  return { directory, warnings, pins: new Pins(directory, (message) => warnings.push(message)) };
}

describe("the machines that are known", () => {
  it("are none at first", async () => {
    const { pins: none } = pins();
    expect([none.list(), none.get("web1"), none.find(print("a"))]).toEqual([[], undefined, undefined]);
    expect(await none.change("web1", (one) => one)).toBeUndefined();
    expect(await none.remove("web1")).toBe(false);
    expect(await none.remove("../web1")).toBe(false);
  });

  it("are kept whole, by name and by key", async () => {
    const { pins: known, directory } = pins();
    const full: Pin = {
      ...pin("pve1/101", "a", "b"),
      addresses: ["10.0.0.1:9880", "[::1]:9880"],
      about: { project: "fleet", tags: ["web", 1, null], deep: { x: true } },
    };
    await known.add(full);
    await known.add(pin("web1", "c"));
    expect(known.list()).toEqual([full, pin("web1", "c")]);
    for (const letter of ["a", "b"]) expect(known.find(print(letter))).toEqual(full);
    expect(known.find(print("d"))).toBeUndefined();
    expect(readdirSync(directory).sort()).toEqual(["pve1%2F101.json", "web1.json"]);
    // As another process has it.
    expect(new Pins(directory).get("pve1/101")).toEqual(full);
  });

  it("are changed and forgotten at once, also by another process", async () => {
    const { pins: known, directory } = pins();
    await known.add(pin("web1", "a"));
    expect(known.find(print("a"))?.name).toBe("web1");
    const other = new Pins(directory);
    expect(
      await other.change("web1", (one) => ({ ...one, name: "ignored", fingerprints: [print("b")] })),
    ).toMatchObject({ name: "web1" });
    expect(known.find(print("a"))).toBeUndefined();
    expect(known.find(print("b"))?.name).toBe("web1");
    expect(await other.remove("web1")).toBe(true);
    expect([known.find(print("b")), known.get("web1"), known.list()]).toEqual([undefined, undefined, []]);
  });

  it("have one key each, and one name", async () => {
    const { pins: known } = pins();
    await known.add(pin("web1", "a"));
    await expect(known.add(pin("web1", "b"))).rejects.toMatchObject({
      code: "enrolment_invalid",
      message: "a machine called web1 is enrolled already, with another key",
    });
    await expect(known.add(pin("web2", "a"))).rejects.toMatchObject({
      code: "enrolment_invalid",
      message: "this key is enrolled already, as web1",
    });
    await known.add({ ...pin("web1", "a"), about: { again: true } });
    expect(known.get("web1")?.about).toEqual({ again: true });
    await expect(known.add(pin("../x", "c"))).rejects.toMatchObject({ code: "enrolment_invalid" });
  });

  it("are not those of files that are damaged, of others, or misplaced", async () => {
    const { pins: known, directory, warnings } = pins();
    await known.add(pin("web1", "a"));
    await known.add(pin("web2", "b"));
    const path = join(directory, "web1.json");
    const good = readFileSync(path, "utf8");
    for (const bad of [
      "",
      "{}",
      good.replace("sha256:", "md5:"),
      good.replace('"web1"', '"web3"'),
      "x".repeat(70_000),
    ]) {
      writeFileSync(path, bad);
      expect(known.get("web1")).toBeUndefined();
      expect(known.find(print("a"))).toBeUndefined();
    }
    writeFileSync(path, good);
    chmodSync(path, 0o666);
    expect(known.get("web1")).toBeUndefined();
    expect(warnings.join("\n")).toMatch(
      /is empty[\s\S]*\/name: is missing[\s\S]*by its name it should hold web1[\s\S]*larger than[\s\S]*written by others/,
    );
    chmodSync(path, 0o600);
    expect(known.get("web1")?.name).toBe("web1");
    mkdirSync(join(directory, "not-a-file.json"));
    writeFileSync(join(directory, "note.txt"), "x");
    writeFileSync(join(directory, ".hidden.json"), "x");
    expect(known.list().map(({ name }) => name)).toEqual(["web1", "web2"]);
  });

  it("are found when a file was changed in place, after a second at the latest", async () => {
    const { pins: known, directory } = pins();
    await known.add(pin("web1", "a"));
    expect(known.find(print("b"))).toBeUndefined();
    const path = join(directory, "web1.json");
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(known.find(print("b"))).toBeUndefined();
    writeFileSync(path, readFileSync(path, "utf8").replace(print("a"), print("b")));
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(known.find(print("b"))?.name).toBe("web1");
    expect(known.find(print("a"))).toBeUndefined();
  });

  it("cannot be listed where there is no directory to be read", async () => {
    const { pins: known, directory } = pins();
    writeFileSync(directory, "");
    expect(() => known.list()).toThrow(expect.objectContaining({ code: "file_failed" }));
    rmSync(directory);
    await known.add(pin("web1", "a"));
    mkdirSync(join(directory, "web2.json"));
    await expect(known.remove("web2")).rejects.toMatchObject({ code: "file_failed" });
  });

  it("have names that are also names of files", () => {
    for (const good of ["web1", "A", "a.b_c-d", "pve1/101", "a".repeat(128)]) expect(isMachineName(good)).toBe(true);
    for (const bad of ["", ".", "..", "/a", "a/", "a/b/c", "a/../b", "-a", "a b", "a\n", "ä", "a".repeat(129), "a/.b"])
      expect(isMachineName(bad)).toBe(false);
  });
});
