import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectRoot, tempDirectory } from "../../fixtures/temp.ts";
import { Devcontainer, devcontainer, featureDirectory, publishFeature } from "../rig/devcontainer.ts";
import { IMAGES } from "../rig/images.ts";
import { mustPodman } from "../rig/podman.ts";
import { startRegistry } from "../rig/registry.ts";

const { version } = JSON.parse(
  readFileSync(join(projectRoot, "feature/src/cmd2host/devcontainer-feature.json"), "utf8"),
) as { version: string };

describe("the feature", () => {
  it(
    "passes its own tests, with its defaults, in every scenario, and installed twice",
    { timeout: 400_000 },
    async () => {
      const { code, stdout } = await devcontainer("features", "test", "--base-image", IMAGES[0], featureDirectory);
      const passed = [...stdout.matchAll(/^✅ Passed: +'(.+)'$/gm)].map(([, name]) => name);
      const scenarios = readdirSync(join(featureDirectory, "test/cmd2host"))
        .filter((name) => name.endsWith(".sh") && !["test.sh", "duplicate.sh"].includes(name))
        .map((name) => name.replace(/\.sh$/, ""));
      expect([...passed].sort(), stdout.slice(-4_000)).toEqual(
        ["cmd2host", "cmd2host executed twice with randomized options", ...scenarios].sort(),
      );
      expect(code).toBe(0);
    },
  );

  it("is a package that holds all that it installs", async () => {
    const target = tempDirectory();
    const sources = join(featureDirectory, "src");
    const { code, stderr } = await devcontainer("features", "package", "--output-folder", target, "-f", sources);
    expect(code, stderr).toBe(0);
    const packed = join(target, "devcontainer-feature-cmd2host.tgz");
    const names = execFileSync("tar", ["-tf", packed], { encoding: "utf8" }).split("\n");
    const programs = [`cmd2host-bridge-linux-${process.arch}`, "node/cmd2host-mcp.js", "node/package.json", "on-node"];
    expect(names).toEqual(
      expect.arrayContaining([...programs.map((name) => `./programs/${name}`), "./install.sh", "./LICENSE"]),
    );
  });
});

describe("the feature from a registry", async () => {
  const name = await publishFeature(await startRegistry());

  it("is there under its version, and under what stands for it", async () => {
    const { stdout } = await devcontainer("features", "info", "tags", name, "--output-format", "json");
    const [major = "", minor = ""] = version.split(".");
    const { publishedTags } = JSON.parse(stdout) as { publishedTags: readonly string[] };
    expect([...publishedTags].sort()).toEqual([major, `${major}.${minor}`, version, "latest"].sort());
  });

  it.each(IMAGES)("goes into a container made of %s, which has no Node and no network", async (image) => {
    const workspace = tempDirectory();
    const container = await Devcontainer.up(workspace, {
      image,
      features: { [name]: { commands: "gh,aws", connectionMode: "unix" } },
      runArgs: ["--network=none"],
    });
    expect(container.log).toContain("cmd2host: wrote .mcp.json");
    const look = "command -v gh; readlink -f $(command -v aws); cmd2host-mcp --version >/dev/null; command -v node";
    expect(await container.exec(["sh", "-c", look])).toMatchObject({
      stdout: "/usr/local/lib/cmd2host/bin/gh\n/usr/local/lib/cmd2host/cmd2host-bridge\n",
      stderr: "",
    });
    expect(JSON.parse(readFileSync(join(workspace, ".mcp.json"), "utf8"))).toHaveProperty("mcpServers.cmd2host");
    const variables = await container.exec(["sh", "-c", "env | grep ^HOST_CMD_PROXY"]);
    expect(variables.stdout).toBe("HOST_CMD_PROXY_TOKEN_FILE=/run/cmd2host-session/token\n");
    const metadata = await mustPodman(
      "inspect",
      "--format",
      '{{index .Config.Labels "devcontainer.metadata"}}',
      container.id,
    );
    expect(JSON.parse(metadata)).toContainEqual({
      id: name,
      postCreateCommand: "/usr/local/lib/cmd2host/write-mcp-config",
    });
  });

  it("comes into a container that is made again without a word about what is there", async () => {
    const workspace = tempDirectory();
    const config = { image: IMAGES[0], features: { [name]: {} }, runArgs: ["--network=none"] };
    await Devcontainer.up(workspace, config);
    const { code, stderr } = await devcontainer("up", "--workspace-folder", workspace, "--remove-existing-container");
    expect(code, stderr).toBe(0);
    expect(stderr).toContain("Running the postCreateCommand from Feature");
    expect(stderr).not.toMatch(/cmd2host: (?:wrote|\.mcp|\.vscode)/);
  });
});
