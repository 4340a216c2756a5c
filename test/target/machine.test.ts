import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { machineTarget, workDirectory } from "../../host/target/machine.ts";
import type { MachineRules } from "../../host/project/types.ts";
import { CodedError } from "../../wire/errors.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const place = tempDirectory();
const home = join(place, "home");
const work = join(place, "work");
const elsewhere = join(place, "elsewhere");
for (const directory of [join(home, "own"), join(work, "below"), join(elsewhere, "secret"), join(place, "workshop")])
  mkdirSync(directory, { recursive: true });
writeFileSync(join(work, "file"), "");
symlinkSync(elsewhere, join(work, "out"));
symlinkSync(join(work, "below"), join(work, "in"));
symlinkSync(work, join(place, "linked"));

function rules(...workDirs: readonly string[]): MachineRules {
  return { runAs: undefined, workDirs, wrapper: undefined };
}

function refusal(asked: string, machine = rules(work), from = home): string {
  try {
    workDirectory(machine, from, asked);
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
  return "taken";
}

describe("the machine itself as a target", () => {
  it("has no repository and no address", () => {
    expect(machineTarget("/srv")).toEqual({
      repo: { name: "", path: "/srv", host: "" },
      url: "",
      source: "machine",
    });
  });
});

describe("the working directory of a program on a machine", () => {
  it("is the home directory when nothing is asked for", () => {
    expect(workDirectory(rules(), home, "")).toBe(home);
    expect(workDirectory(rules(), homedir(), "")).toBe(realpathSync(homedir()));
  });

  it.each([
    ["one that is not there", join(place, "nobody")],
    ["a file", join(work, "file")],
    ["no path at all", "home"],
  ])("is the root for a home that is %s", (_, from) => {
    expect(workDirectory(rules(), from, "")).toBe("/");
  });

  it.each([
    ["the home directory", home, home],
    ["below it", join(home, "own"), join(home, "own")],
    ["one of the policy's", work, work],
    ["below one", join(work, "below"), join(work, "below")],
    ["with dots that stay inside", `${work}/below/../below/.`, join(work, "below")],
    ["with a slash at the end", `${work}/`, work],
    ["a link that stays inside, as where it leads", join(work, "in"), join(work, "below")],
  ])("may be %s", (_, asked, real) => {
    expect(workDirectory(rules(work), home, asked)).toBe(real);
  });

  it("may be reached by a link that the policy itself names", () => {
    const linked = join(place, "linked");
    expect(workDirectory(rules(linked), home, join(linked, "below"))).toBe(join(work, "below"));
  });

  it("is anything where the policy names the root", () => {
    expect(workDirectory(rules("/"), home, elsewhere)).toBe(elsewhere);
  });

  it.each([
    ["elsewhere", elsewhere],
    ["above", place],
    ["the root", "/"],
    ["one that only begins the same", join(place, "workshop")],
    ["beside it, by dots", `${work}/../elsewhere`],
    ["out of it by a link", join(work, "out")],
    ["below such a link", join(work, "out", "secret")],
    ["relative", "work"],
    ["one with a NUL", `${work}\0`],
  ])("may not be %s", (_, asked) => {
    expect(refusal(asked)).toBe("work_dir_denied");
  });

  it("is not looked for outside: what is there and what is not are denied the same", () => {
    expect(refusal(join(elsewhere, "missing"))).toBe(refusal(join(elsewhere, "secret")));
    expect(refusal(`${work}/out/../elsewhere/missing`)).toBe("spawn_failed");
    expect(refusal(`${work}/out/../elsewhere/secret`)).toBe("spawn_failed");
  });

  it("is not everywhere for a user whose home is the root", () => {
    expect(refusal(elsewhere, rules(), "/")).toBe("work_dir_denied");
    expect(refusal("/", rules(), "/")).toBe("work_dir_denied");
    expect(workDirectory(rules(), "/", "")).toBe("/");
    expect(workDirectory(rules(work), "/", work)).toBe(work);
  });

  it.each(["missing", "file", "file/below"])("must be a directory that is there: %s", (name) => {
    expect(refusal(join(work, name))).toBe("spawn_failed");
  });

  it("is named without what could steer a terminal", () => {
    expect(() => workDirectory(rules(work), home, "/\u001b[2J")).toThrow(/working directory \/\\x1b\[2J:/);
  });
});
