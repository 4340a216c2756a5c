import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readUnit, unitText } from "../../host/service/unit.ts";
import { requireTools } from "../fixtures/backends/present.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { recipeOf } from "./recipes.ts";

/** What systemd-analyze says of a unit. */
function verified(text: string): { readonly exit: number | null; readonly said: string } {
  const directory = tempDirectory();
  const file = join(directory, "cmd2host.service");
  writeFileSync(file, text);
  const runtime = join(directory, "runtime");
  mkdirSync(runtime, { mode: 0o700 });
  const { status, stdout, stderr } = spawnSync("systemd-analyze", ["--user", "verify", file], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"], HOME: directory, XDG_RUNTIME_DIR: runtime },
  });
  // Of other units of this machine it may say anything.
  const said = `${stdout}${stderr}`.split("\n").filter((line) => line.includes("cmd2host"));
  return { exit: status, said: said.join("\n") };
}

describe("the unit", () => {
  it.each([false, true])("says again what it was made of (strict: %s)", (strict) => {
    const recipe = recipeOf({ strict });
    const { version, program, environment } = readUnit(unitText(recipe));
    expect(version).toBe("1.2.3");
    expect(program).toEqual(recipe.program);
    expect([...environment]).toEqual([...recipe.environment]);
  });

  it("keeps time for the drain, sets no rights aside that operations need, and says so when asked to", () => {
    expect(unitText(recipeOf())).toContain("\nTimeoutStopSec=47\n");
    const set = (text: string): boolean =>
      /^(?:NoNewPrivileges|LockPersonality|Protect\w+|Private\w+|Restrict\w+)=/m.test(text);
    expect(set(unitText(recipeOf()))).toBe(false);
    expect(set(unitText(recipeOf({ strict: true })))).toBe(true);
  });

  it.each(["line\nbreak", "nul\u0000", "bell\u0007"])("refuses %j, which a unit file cannot hold", (value) => {
    expect(() => unitText(recipeOf({ program: [`/opt/${value}`] }))).toThrow(/control character/);
    expect(() => unitText(recipeOf({ environment: new Map([["PATH", value]]) }))).toThrow(/control character/);
  });

  it.each(["a'b", 'a"b', "a\\b"])("refuses a program in %j, which systemd does not run", (value) => {
    expect(() => unitText(recipeOf({ program: [`/opt/${value}/cmd2host`] }))).toThrow(/systemd does not run/);
  });

  it("of somebody else is read as far as it goes", () => {
    const unit = "[Service]\nExecStart=/opt/mine/cmd2host serve --quick\nEnvironment=A=b C=d\n";
    const { version, program, environment } = readUnit(unit);
    expect([version, program]).toEqual([undefined, ["/opt/mine/cmd2host", "serve", "--quick"]]);
    expect([...environment]).toEqual([
      ["A", "b"],
      ["C", "d"],
    ]);
    expect(readUnit("")).toEqual({ version: undefined, program: [], environment: new Map() });
  });

  describe.runIf(requireTools(["systemd-analyze"]))("according to systemd", () => {
    it.each([false, true])("is right (strict: %s)", (strict) => {
      // It looks whether the program is there.
      const odd = join(tempDirectory(), "a $b %c {d} <e>");
      mkdirSync(odd);
      const program = join(odd, "cmd2host");
      writeFileSync(program, "#!/bin/sh\n", { mode: 0o755 });
      expect(verified(unitText(recipeOf({ program: [program], strict })))).toEqual({ exit: 0, said: "" });
    });

    it("would not be right with a mistake in it", () => {
      const text = unitText(recipeOf({ program: ["/bin/sh"] }));
      expect(verified(text.replace("KillMode=mixed", "KillMode=kindly")).said).toContain("kindly");
      expect(verified(text.replace("/bin/sh", "/nowhere/sh")).exit).not.toBe(0);
    });
  });
});

it("python's shlex reads the same command line", () => {
  const line =
    unitText(recipeOf())
      .split("\n")
      .find((one) => one.startsWith("ExecStart=")) ?? "";
  const script = "import json,shlex,sys; print(json.dumps(shlex.split(sys.argv[1])))";
  const words = JSON.parse(
    execFileSync("python3", ["-c", script, line.slice("ExecStart=".length)], { encoding: "utf8" }),
  ) as string[];
  expect(words.map((word: string) => word.replaceAll("%%", "%").replaceAll("$$", "$"))).toEqual([
    ...recipeOf().program,
    "serve",
  ]);
});
