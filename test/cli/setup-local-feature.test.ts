import { createHash } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { FEATURE_SOURCES } from "../../host/setup/feature-files.ts";
import { isNewerVersion, parseManifest } from "../../host/setup/feature-manifest.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { projectRoot } from "../fixtures/temp.ts";
import { CARRIED, carryBridge } from "../shim/bridges.ts";
import { Host } from "./harness.ts";

const FEATURE = ".devcontainer/cmd2host";
const MANIFEST = `${FEATURE}/written-by-cmd2host.json`;
const BRIDGE = `${FEATURE}/programs/${basename(CARRIED)}`;

class Scene extends Host {
  readonly repo = makeRepo(join(this.root, "repo"));

  constructor() {
    super();
    this.cwd = this.repo;
    this.environment = { HOME: this.root, PATH: this.bin };
  }

  put(path: string, text: string): void {
    mkdirSync(join(this.repo, path, ".."), { recursive: true });
    writeFileSync(join(this.repo, path), text);
  }

  bytes(path: string): Buffer {
    return readFileSync(join(this.repo, path));
  }

  text(path: string): string {
    return this.bytes(path).toString("utf8");
  }

  /** Every file and directory of the checkout but git's own. */
  tree(): ReadonlyMap<string, string> {
    const names = readdirSync(this.repo, { recursive: true, encoding: "utf8" }).filter(
      (name) => !/^\.git\b/.test(name),
    );
    return new Map(
      names.map((name) => [
        name,
        statSync(join(this.repo, name)).isDirectory() ? "" : this.bytes(name).toString("base64"),
      ]),
    );
  }

  /** Makes a file what another version would have written: the manifest knows it. */
  age(path: string, text: string, version: string): void {
    this.put(path, text);
    const manifest = JSON.parse(this.text(MANIFEST)) as { version: string; files: Record<string, string> };
    manifest.version = version;
    manifest.files[path.slice(FEATURE.length + 1)] = createHash("sha256").update(text).digest("hex");
    this.put(MANIFEST, JSON.stringify(manifest));
  }
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

// Without a bridge there is nothing to write.
describe.runIf(carryBridge(projectRoot))("cmd2host setup without a published feature", () => {
  it("writes the feature beside devcontainer.json, and shows its text whole and its programs in a line", async () => {
    const host = new Scene();
    const { exit, stdout, stderr } = await host.run("setup", "--yes");
    expect([exit, stderr.replace(/^warning: this installation carries no bridge for linux \w+,.*\n/, "")]).toEqual([
      0,
      "",
    ]);
    const bridge = readFileSync(join(projectRoot, CARRIED));
    expect(host.bytes(BRIDGE).equals(bridge)).toBe(true);
    expect(stdout).toContain(
      `+++ b/${BRIDGE}\n+ (binary, ${Math.ceil(bridge.length / 1_024)} KB, SHA-256 ${sha256(bridge)})\n`,
    );
    expect(stdout).toContain(`+++ b/${FEATURE}/install.sh\n`);
    expect(stdout).toContain("\n+set -eu\n");
    expect(host.text(".devcontainer/devcontainer.json")).toContain('"./cmd2host": {');
    // The rule of container tools: the directory has the feature's id, and install.sh beside its description.
    expect(JSON.parse(host.text(`${FEATURE}/devcontainer-feature.json`))).toHaveProperty("id", "cmd2host");
    expect(host.text(`${FEATURE}/install.sh`)).toMatch(/^#!\/bin\/sh\n/);
    expect(host.text(`${FEATURE}/.gitattributes`)).toBe("* -text\n");
    expect(existsSync(join(host.repo, FEATURE, "programs/node"))).toBe(false);
    const places = [BRIDGE, ".devcontainer/devcontainer.json"].map((path) => stdout.indexOf(`+++ b/${path}`));
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  it("carries everything that the feature consists of", () => {
    const sources = readdirSync(join(projectRoot, "feature/src/cmd2host"), { recursive: true, encoding: "utf8" });
    // NOTES.md is for the registry; on-node comes with the programs for Node.
    expect(sources.filter((name) => !["programs", "NOTES.md", "programs/on-node"].includes(name)).sort()).toEqual(
      [...FEATURE_SOURCES].sort(),
    );
  });

  it("does nothing the second time, only shows with --dry-run, and leaves nothing with --undo", async () => {
    const host = new Scene();
    const before = host.tree();
    expect((await host.run("setup", "--dry-run")).stdout).toContain(`+++ b/${BRIDGE}`);
    expect(host.tree()).toEqual(before);
    await host.run("setup", "--yes");
    const after = host.tree();
    expect((await host.run("setup", "--yes")).stdout).toMatch(/^Nothing to do: /);
    expect(host.tree()).toEqual(after);
    const undone = await host.run("setup", "--undo", "--yes");
    expect(undone.stdout).toContain(`--- a/${BRIDGE}\n- (binary, `);
    expect(host.tree()).toEqual(before);
  });

  it.each([
    [".devcontainer.json", FEATURE, "./.devcontainer/cmd2host"],
    [".devcontainer/python/devcontainer.json", ".devcontainer/python/cmd2host", "./cmd2host"],
  ])("puts it below .devcontainer, where container tools want it, for %s", async (path, directory, reference) => {
    const host = new Scene();
    host.put(path, '{ "image": "debian:12" }\n');
    await host.run("setup", "--yes");
    expect(host.text(path)).toContain(`"${reference}":`);
    expect(existsSync(join(host.repo, directory, "install.sh"))).toBe(true);
    expect((await host.run("setup")).stdout).toMatch(/^Nothing to do: /);
  });

  it("brings what another version wrote up to date, takes away what is not wanted any more, and gives both back", async () => {
    const host = new Scene();
    await host.run("setup", "--yes");
    const ours = host.text(`${FEATURE}/install.sh`);
    const manifest = host.text(MANIFEST);
    host.age(`${FEATURE}/install.sh`, "#!/bin/sh\nexit 1\n", "0.0.1");
    host.age(`${FEATURE}/programs/old-helper`, "old", "0.0.1");
    const aged = host.tree();
    // As on the machine of somebody else, who has the files from git.
    rmSync(join(host.root, ".cmd2host"), { recursive: true });
    const upgraded = await host.run("setup", "--yes");
    expect(upgraded.stdout).toContain(`-exit 1\n`);
    expect([host.text(`${FEATURE}/install.sh`), host.text(MANIFEST)]).toEqual([ours, manifest]);
    expect(existsSync(join(host.repo, FEATURE, "programs/old-helper"))).toBe(false);
    expect((await host.run("setup")).stdout).toMatch(/^Nothing to do: /);
    expect((await host.run("setup", "--undo", "--yes")).exit).toBe(0);
    expect(host.tree()).toEqual(aged);
  });

  it("goes on where a run was cut short: some files are new, and the manifest is not", async () => {
    const host = new Scene();
    await host.run("setup", "--yes");
    const whole = host.tree();
    host.age(BRIDGE, "the bridge of the version before", "0.0.1");
    host.put(`${FEATURE}/install.sh`, host.text(`${FEATURE}/install.sh`));
    expect((await host.run("setup", "--yes")).exit).toBe(0);
    expect(host.tree()).toEqual(whole);
  });

  it("leaves a directory that a person changed, and says how to get it anew", async () => {
    const host = new Scene();
    await host.run("setup", "--yes");
    appendFileSync(join(host.repo, `${FEATURE}/install.sh`), "# mine\n");
    const before = host.tree();
    const { exit, stdout, stderr } = await host.run("setup", "--yes");
    expect([exit, stdout.split(":")[0], stderr]).toEqual([
      0,
      "Nothing to do",
      `warning: ${FEATURE}/install.sh: not as setup writes it, so ${FEATURE} stays as it is; to get it anew, remove that directory and run setup again\n`,
    ]);
    expect(host.tree()).toEqual(before);
    const undo = await host.run("setup", "--undo", "--yes");
    expect([undo.exit, undo.stderr.split("\n")[0]]).toEqual([
      1,
      `error: changed since, in the same places: ${FEATURE}/install.sh`,
    ]);
    expect(host.tree()).toEqual(before);
    rmSync(join(host.repo, FEATURE), { recursive: true });
    expect((await host.run("setup", "--yes")).exit).toBe(0);
    expect(host.text(`${FEATURE}/install.sh`)).not.toContain("# mine");
  });

  it("changes nothing when something else stands at its place", async () => {
    const host = new Scene();
    host.put(`${FEATURE}/install.sh`, "echo mine\n");
    const before = host.tree();
    const { exit, stderr } = await host.run("setup", "--yes");
    expect([exit, stderr]).toEqual([
      1,
      `error: ${FEATURE}/install.sh: not as setup writes it\nhint: Move ${FEATURE} away, or name another feature with --feature.\n`,
    ]);
    expect(host.tree()).toEqual(before);
    expect((await host.run("setup", "--yes", "--feature=./other")).exit).toBe(0);
  });

  it("says that the directory is left over when another feature is named", async () => {
    const host = new Scene();
    await host.run("setup", "--yes");
    const { exit, stderr } = await host.run("setup", "--yes", "--feature=registry.example/o/cmd2host/cmd2host:2");
    expect([exit, stderr]).toEqual([
      0,
      `warning: ${FEATURE} is not referred to any more and stays: remove it when nobody needs it\n`,
    ]);
    expect(host.text(".devcontainer/devcontainer.json")).not.toContain("./cmd2host");
  });

  it("has the programs for Node only when they are asked for", async () => {
    const host = new Scene();
    await host.run("setup", "--yes", "--runtime=node");
    expect(host.text(".devcontainer/devcontainer.json")).toContain('"runtime": "node"');
    expect(readdirSync(join(host.repo, FEATURE, "programs")).sort()).toEqual(["node", "on-node", "write-mcp-config"]);
    expect((await host.run("setup")).stdout).toMatch(/^Nothing to do: /);
    await host.run("setup", "--yes", "--runtime=bridge");
    expect(readdirSync(join(host.repo, FEATURE, "programs"))).toContain(basename(BRIDGE));
    expect(existsSync(join(host.repo, FEATURE, "programs/node/cmd2host-mcp.js"))).toBe(false);
    await host.run("setup", "--undo", "--yes");
    expect([...host.tree().keys()]).toEqual(["README.md"]);
    expect((await host.run("setup", "--yes", "--runtime=deno")).stderr).toContain('--runtime "deno" is not known');
  });
});

// Without a bridge there is nothing to write.
describe.runIf(carryBridge(projectRoot))("the local feature in a hostile checkout", () => {
  it.each([
    ["a link in the place of the directory", FEATURE],
    ["a link in the place of a directory in it", `${FEATURE}/programs`],
    ["a link in the place of a program", BRIDGE],
    ["a link in the place of the manifest", MANIFEST],
  ])("follows no link: %s", async (_what, place) => {
    const host = new Scene();
    const outside = join(host.root, "outside");
    mkdirSync(outside);
    mkdirSync(join(host.repo, place, ".."), { recursive: true });
    symlinkSync(outside, join(host.repo, place));
    const { exit, stdout, stderr } = await host.run("setup", "--yes");
    expect([exit, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^error: .+\nhint: .+\n$/);
    expect(readdirSync(outside)).toEqual([]);
  });

  it("does not read a program that is far too large", async () => {
    const host = new Scene();
    host.put(BRIDGE, "x".repeat(8_388_609));
    const { exit, stderr } = await host.run("setup", "--yes");
    expect([exit, stderr.split("\n")[0]]).toEqual([1, expect.stringContaining(`error: ${BRIDGE}: `)]);
  });

  it("removes nothing outside of its directory, whatever the manifest says", async () => {
    const host = new Scene();
    await host.run("setup", "--yes");
    const hash = sha256(host.bytes("README.md"));
    const manifest = JSON.parse(host.text(MANIFEST)) as { files: Record<string, string> };
    for (const path of ["../../README.md", "/etc/passwd", "programs/../../../README.md"]) {
      host.put(MANIFEST, JSON.stringify({ ...manifest, files: { ...manifest.files, [path]: hash } }));
      expect((await host.run("setup", "--yes")).exit).toBe(0);
      expect(existsSync(join(host.repo, "README.md"))).toBe(true);
    }
  });

  it("puts our programs back when a container changed them and what the manifest says of them", async () => {
    const host = new Scene();
    await host.run("setup", "--yes");
    const whole = host.tree();
    host.age(BRIDGE, "#!/bin/sh\nevil\n", "0.0.1");
    const { stdout } = await host.run("setup", "--yes");
    expect(stdout).toContain(`--- a/${BRIDGE}\n- (text, 1 KB, SHA-256 `);
    expect(host.tree()).toEqual(whole);
  });

  it("does not compare for hours what a container made as different as it can be", async () => {
    const host = new Scene();
    await host.run("setup", "--yes");
    const whole = host.tree();
    const lines = Array.from({ length: 150_000 }, (_, index) => `x${index % 7_919}\n`);
    host.age(`${FEATURE}/install.sh`, lines.join(""), "0.0.1");
    const { stdout } = await host.run("setup", "--yes");
    expect(stdout).toContain(`--- a/${FEATURE}/install.sh\n- (text, `);
    expect(host.tree()).toEqual(whole);
  });

  it("says nothing that steers a terminal when a manifest claims to be of a newer version", async () => {
    const host = new Scene();
    await host.run("setup", "--yes");
    host.put(MANIFEST, JSON.stringify({ version: "\u001b[2J9.0.0", files: {} }));
    expect((await host.run("setup", "--yes")).stderr).not.toContain("\u001b");
  });
});

describe("a manifest", () => {
  it.each([
    ["", undefined],
    ["[]", undefined],
    ['{"version":1,"files":{}}', undefined],
    ['{"version":"1","files":{"a":"b"}}', undefined],
    [`{"version":"1","files":{"../a":"${"0".repeat(64)}"}}`, undefined],
    [`{"version":"1","files":{"a/../b":"${"0".repeat(64)}"}}`, undefined],
    ['{"version":"1","files":{}}', { version: "1", files: new Map() }],
  ])("is read as it is: %s", (text, expected) => {
    expect(parseManifest(text)).toEqual(expected);
  });

  it.each([
    ["0.10.0", "0.9.0", true],
    ["1.0.0", "1.0.0", false],
    ["0.9.9", "1.0.0", false],
    ["dev", "1.0.0", false],
    ["2.0.0", "dev", false],
    ["99999999999999999999.0.0", "1.0.0", false],
  ])("%s is above %s: %s", (one, other, expected) => {
    expect(isNewerVersion(one, other)).toBe(expected);
  });
});
