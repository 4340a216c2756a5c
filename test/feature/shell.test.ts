import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { requireTools, toolPath } from "../fixtures/backends/present.ts";
import { projectRoot } from "../fixtures/temp.ts";

/** Files of a directory that the shell runs. */
function scriptsIn(directory: string): readonly string[] {
  return readdirSync(join(projectRoot, directory), { recursive: true, encoding: "utf8" })
    .map((name) => join(projectRoot, directory, name))
    .filter((path) => statSync(path).isFile() && /^#!\/bin\/(?:ba)?sh\n/.test(readFileSync(path, "latin1")));
}

const shipped = scriptsIn("feature/src");

describe("what the feature installs", () => {
  it("is for any shell: images without bash have it too", () => {
    expect(shipped.map((path) => path.slice(path.lastIndexOf("/") + 1)).sort()).toEqual([
      "install.sh",
      "on-node",
      "write-mcp-config",
    ]);
    for (const path of shipped) expect(readFileSync(path, "utf8").split("\n")[0]).toBe("#!/bin/sh");
  });

  it.runIf(requireTools(["shellcheck"]))("gives shellcheck nothing to say, its tests and the rig included", () => {
    const all = [...shipped, ...scriptsIn("feature/test"), ...scriptsIn("test/e2e/rig")];
    expect(all.length).toBeGreaterThan(10);
    execFileSync(toolPath("shellcheck"), all, { encoding: "utf8" });
  });

  it("says the same defaults to install.sh and to the devcontainer CLI", () => {
    const { options } = JSON.parse(
      readFileSync(join(projectRoot, "feature/src/cmd2host/devcontainer-feature.json"), "utf8"),
    ) as { options: Readonly<Record<string, { readonly default: string | boolean }>> };
    const script = readFileSync(join(projectRoot, "feature/src/cmd2host/install.sh"), "utf8");
    const taken = [...script.matchAll(/=\$\{([A-Z]+)-(.*)\}$/gm)].map(([, name = "", value]) => [name, value]);
    expect(taken).toEqual(
      Object.entries(options).map(([name, option]) => [name.toUpperCase(), String(option.default)]),
    );
  });
});
