import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { boxWords, type BoxPlan } from "../../host/box/box-words.ts";
import { BRIDGE_NAMES, bridgeFor, placeBridge } from "../../host/box/bridge-program.ts";
import type { Engine } from "../../host/box/engine.ts";
import { isAlive, thisProcess } from "../../host/box/owner.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const engine: Engine = { command: { file: "/usr/bin/podman", argv0: "podman" }, kind: "podman", rootless: false };
const plan: BoxPlan = {
  name: "cmd2host-0",
  image: "img",
  words: ["sh"],
  network: "none",
  workspace: "/w",
  inside: "",
  socketDirectory: "/b/run",
  sessionDirectory: "/b/boxes/x/session",
  programs: new Map(),
  variables: [],
  uid: 1,
  gid: 2,
  stdin: "terminal",
};

describe("the arguments for an engine", () => {
  it("put programs into the container, to be read only, and give it the terminal", () => {
    const programs = new Map([...BRIDGE_NAMES, "gh"].map((name) => [name, "/opt/bridge"]));
    const words = boxWords({ ...plan, programs }, engine);
    const mounts = words.filter((word) => word.startsWith("type=bind,source=/opt/bridge,"));
    expect(mounts).toEqual([
      "type=bind,source=/opt/bridge,target=/usr/local/bin/cmd2host-proxy,readonly",
      "type=bind,source=/opt/bridge,target=/usr/local/bin/cmd2host-mcp,readonly",
      "type=bind,source=/opt/bridge,target=/usr/local/bin/gh,readonly",
    ]);
    expect(words.slice(-4)).toEqual(["--interactive", "--tty", "img", "sh"]);
  });

  it.each(["/a,readonly=false", '/a"b', "/a\nb"])(
    "refuse a path that the engine would read differently: %j",
    (workspace) => {
      expect(() => boxWords({ ...plan, workspace }, engine)).toThrow(/cannot be mounted/);
    },
  );
});

describe("the bridge program", () => {
  it("is a file of the box, for everybody to run, and is missed in one sentence", () => {
    const directory = tempDirectory();
    const path = placeBridge(Buffer.from("bridge"), { name: "b", directory, session: join(directory, "session") });
    expect(path).toBe(join(directory, "bridge"));
    expect([readFileSync(path, "utf8"), statSync(path).mode & 0o777]).toEqual(["bridge", 0o755]);
    expect(() => bridgeFor("mips")).toThrow("this installation has no bridge program for linux mips");
  });
});

describe("the owner of a box", () => {
  it("is there as long as the same process is, and not when its number is used again", () => {
    const self = thisProcess();
    expect(isAlive(self)).toBe(true);
    expect(isAlive({ ...self, began: "0" })).toBe(false);
    expect(isAlive({ pid: 2 ** 22, began: "" })).toBe(false);
  });
});
