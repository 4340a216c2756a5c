import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { plistText, readPlist } from "../../host/service/plist.ts";
import { requireTools } from "../fixtures/backends/present.ts";
import { recipeOf } from "./recipes.ts";

/** The original's, as its installer writes it. */
const ORIGINAL = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
    <key>Label</key>
    <string>com.user.cmd2host</string>
    <key>ProgramArguments</key>
    <array>
        <string>/Users/me/.cmd2host/cmd2host</string>
    </array>
    <key>RunAtLoad</key>
    <true/>
    <key>KeepAlive</key>
    <true/>
</dict>
</plist>
`;

/** A property list as python reads it. */
function parsed(xml: string): unknown {
  const script = "import json,plistlib,sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))";
  return JSON.parse(execFileSync("python3", ["-c", script], { input: xml, encoding: "utf8" }));
}

describe("the property list", () => {
  it("says again what it was made of", () => {
    const recipe = recipeOf();
    const { version, program, environment } = readPlist(plistText(recipe));
    expect(version).toBe("1.2.3");
    expect(program).toEqual(recipe.program);
    expect([...environment]).toEqual([...recipe.environment]);
  });

  it("of the original is read", () => {
    expect(readPlist(ORIGINAL)).toEqual({
      version: undefined,
      program: ["/Users/me/.cmd2host/cmd2host"],
      environment: new Map(),
    });
    expect(readPlist("bplist00")).toEqual({ version: undefined, program: [], environment: new Map() });
  });

  it.each(["nul\u0000", "escape\u001b", "half \ud83d", "\uffff"])("refuses %j, which XML cannot hold", (value) => {
    expect(() => plistText(recipeOf({ environment: new Map([["A", value]]) }))).toThrow(/cannot hold/);
  });

  it.runIf(requireTools(["python3"]))("is one, with what launchd needs", () => {
    const recipe = recipeOf();
    expect(parsed(plistText(recipe))).toEqual({
      Label: "com.user.cmd2host",
      ProgramArguments: [...recipe.program, "serve"],
      EnvironmentVariables: Object.fromEntries(recipe.environment),
      RunAtLoad: true,
      KeepAlive: { SuccessfulExit: false },
      ExitTimeOut: 47,
      ProcessType: "Interactive",
      Umask: 0o022,
      HardResourceLimits: { Core: 0 },
      StandardOutPath: recipe.logFile,
      StandardErrorPath: recipe.logFile,
    });
  });
});
