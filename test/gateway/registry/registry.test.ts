import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { byBytes } from "../../../gateway/registry/byte-order.ts";
import type { AddedTarget } from "../../../gateway/registry/known-target.ts";
import { TargetsStore } from "../../../gateway/registry/targets-store.ts";
import { CodedError } from "../../../wire/errors.ts";
import { discovered, HASH, manual, Scene, settings } from "./scene.ts";

const PONG = { hostname: "h", uptimeSeconds: 1, shell: "sh", version: "0.5.13" };

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "nothing",
    (error: unknown) => (error instanceof CodedError ? `${error.code}: ${error.message}` : String(error)),
  );
}

function said(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof CodedError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "nothing";
}

describe("the registry", () => {
  it("has each target of gateway.toml with its way: that of its key", () => {
    const { registry } = new Scene({
      psk: ["old", "both", "wrong"],
      targets: [
        manual("old", { tags: ["a"], shell: "fish", port: 1, node: "rack" }),
        manual("new", { way: "link", fingerprint: HASH }),
        manual("both", { way: "link", fingerprint: HASH }),
        manual("nothing"),
        manual("no key", { way: "capnp" }),
        manual("no pin", { way: "link" }),
        // Whose key it is says the fingerprint; but that machine does not know this gateway.
        manual("stranger", { way: "link", fingerprint: HASH }),
        manual("wrong", { way: "link" }),
      ],
    });
    registry.setEnrolled(["new", "both"].map((name) => ({ name, host: "e", port: 1, tags: [] })));
    expect(registry.states().map(({ name, way }) => [name, way])).toEqual([
      ["both", "link"],
      ["new", "link"],
      ["no key", undefined],
      ["no pin", undefined],
      ["nothing", undefined],
      ["old", "capnp"],
      ["stranger", undefined],
      ["wrong", undefined],
    ]);
    expect(registry.get("old")).toEqual({
      name: "old",
      host: "10.0.0.1",
      port: 1,
      shell: "fish",
      tags: ["a"],
      source: "manual",
      status: "unknown",
      way: "capnp",
      node: "rack",
      fingerprint: undefined,
      listedAt: undefined,
      reachable: "unknown",
      seenAt: undefined,
      latencyMs: undefined,
      version: undefined,
      trouble: undefined,
    });
    expect([registry.size, registry.get("OLD"), registry.get("ol")]).toEqual([8, undefined, undefined]);
  });

  it("takes of one name the whole entry of the strongest source: gateway.toml, added, enrolled, discovered", async () => {
    const scene = new Scene({ targets: [manual("pve1/app")] });
    const { registry } = scene;
    registry.setDiscovered([
      discovered("pve1/app"),
      discovered("pve1/web"),
      discovered("pve1/db"),
      discovered("pve1/x"),
    ]);
    expect(scene.target("pve1/app")).toMatchObject({
      host: "10.0.0.1",
      source: "manual",
      node: undefined,
      status: "unknown",
    });
    registry.setEnrolled([
      { name: "pve1/app", host: "e", port: 1, tags: ["e"] },
      { name: "pve1/web", host: undefined, port: 2, tags: ["e"] },
      { name: "pve1/db", host: "e", port: 3, tags: ["e"] },
    ]);
    // Keys were exchanged with it, so there is a way.
    expect(scene.target("pve1/app")).toMatchObject({ source: "manual", way: "link", tags: [] });
    expect(scene.target("pve1/web")).toMatchObject({ source: "enrolled", host: "", port: 2, way: "link", tags: ["e"] });
    await registry.add({ name: "pve1/x", host: "added" });
    expect(scene.target("pve1/x")).toMatchObject({ source: "added", host: "added", status: "unknown", way: undefined });
    await registry.remove("pve1/x");
    expect(scene.target("pve1/x")).toMatchObject({ source: "discovered", node: "pve1" });
    registry.configure(settings());
    expect(scene.target("pve1/app")).toMatchObject({ source: "enrolled", host: "e" });
    registry.setEnrolled([]);
    expect(scene.target("pve1/app")).toMatchObject({
      source: "discovered",
      host: "10.0.1.1",
      status: "running",
      listedAt: 5,
    });
    registry.setDiscovered([]);
    expect(scene.names()).toEqual([]);
  });

  it("lays overrides over what was discovered: tags add up, of shells and ports the last counts", () => {
    const { registry } = new Scene({
      targets: [manual("pve1/own")],
      psk: ["pve1/web"],
      defaultPort: 9_000,
      overrides: [
        { match: "**", tags: ["all"], shell: "bash", port: 1 },
        { match: "pve1/web", tags: ["web", "all"], shell: undefined, port: 2 },
        { match: "pve2/*", tags: ["two"], shell: "fish", port: undefined },
      ],
    });
    registry.setDiscovered(["pve1/web", "pve2/a", "pve1/own"].map((name) => discovered(name)));
    const look = registry.states().map(({ name, tags, shell, port, way }) => [name, tags, shell, port, way]);
    expect(look).toEqual([
      ["pve1/own", [], "sh", 9_876, undefined],
      ["pve1/web", ["all", "web"], "bash", 2, "capnp"],
      ["pve2/a", ["all", "two"], "fish", 1, undefined],
    ]);
    registry.configure(settings({ defaultPort: 9_001 }));
    expect(registry.get("pve2/a")).toMatchObject({ tags: [], shell: "sh", port: 9_001 });
  });

  it("sorts by the bytes of the names, as the original does", () => {
    const names = ["b", "a", "B", "a/b", "a-b", "é", "\u{1F600}", "\uFF5E", "aa", "Z"];
    const scene = new Scene({ targets: names.map((name) => manual(name)) });
    expect(scene.names()).toEqual([...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
        expect(Math.sign(byBytes(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it("keeps what pings said of a target for as long as it is the same machine in the same way", () => {
    const scene = new Scene({ targets: [manual("a")], psk: ["a"] });
    const { registry } = scene;
    const asked = scene.target("a");
    registry.answered(asked, { ...PONG, version: `1\u001b[2J${"x".repeat(200)}` }, 7);
    expect(scene.target("a")).toMatchObject({
      reachable: "reachable",
      seenAt: 1_000,
      latencyMs: 7,
      trouble: undefined,
    });
    expect(scene.target("a").version).toMatch(/^1\\x1b\[2Jx+…/);
    registry.configure(settings({ targets: [manual("a", { tags: ["new"] })], psk: ["a"] }));
    expect(scene.target("a")).toMatchObject({ reachable: "reachable", tags: ["new"] });
    scene.now = 2_000;
    registry.silent(scene.target("a"), `refused\n${"y".repeat(500)}`);
    expect(scene.target("a")).toMatchObject({ reachable: "unreachable", seenAt: 1_000, latencyMs: 7 });
    expect(scene.target("a").trouble).toMatch(/^refused\\ny{250,300}…/);
    for (const changes of [{ host: "10.0.0.2" }, { port: 1 }]) {
      registry.configure(settings({ targets: [manual("a", changes)], psk: ["a"] }));
      expect(scene.target("a")).toMatchObject({ reachable: "unknown", seenAt: undefined, trouble: undefined });
      // The answer to a ping that was sent before comes too late.
      registry.answered(asked, PONG, 1);
      expect(scene.target("a").reachable).toBe("unknown");
    }
    registry.configure(settings());
    registry.answered(asked, PONG, 1);
    registry.silent(asked, "gone");
    expect(registry.get("a")).toBeUndefined();
  });

  it("hands out what does not change any more, and tells that there is something new", () => {
    const scene = new Scene({ targets: [manual("a")] });
    let told = 0;
    const deaf = scene.registry.onChange(() => told++);
    const before = scene.registry.states();
    scene.registry.silent(scene.target("a"), "x");
    expect([before[0]?.reachable, told]).toEqual(["unknown", 0]);
    scene.registry.setDiscovered([discovered("n/a")]);
    deaf();
    scene.registry.setDiscovered([]);
    expect(told).toBe(1);
  });
});

describe("targets that are added while the gateway runs", () => {
  it("are there at once, and after a restart", async () => {
    const scene = new Scene({ psk: ["n/b"] });
    const whole: AddedTarget = {
      name: "a",
      host: "h",
      port: 1,
      tags: ["t", "t"],
      shell: "fish",
      way: "link",
      fingerprint: `sha256:${HASH}`,
    };
    const expected = {
      host: "h",
      port: 1,
      tags: ["t"],
      shell: "fish",
      // It is not enrolled.
      way: undefined,
      fingerprint: HASH,
      source: "added",
    };
    expect(await scene.registry.add(whole)).toMatchObject(expected);
    expect(await scene.registry.add({ name: "n/b", host: "" })).toMatchObject({
      host: "",
      port: 9_876,
      way: "capnp",
      tags: [],
    });
    const again = scene.another({ psk: ["n/b"] });
    expect(again.states()).toEqual(scene.registry.states());
    await again.remove("a");
    expect(again.states().map(({ name }) => name)).toEqual(["n/b"]);
    // The other gateway has not looked yet.
    expect(scene.names()).toEqual(["a", "n/b"]);
    scene.registry.refresh();
    expect(scene.names()).toEqual(["n/b"]);
    scene.registry.refresh();
  });

  it("may not have a name that there is, but may hide what was discovered", async () => {
    const scene = new Scene({ targets: [manual("m")] });
    const { registry } = scene;
    registry.setEnrolled([{ name: "e", host: "h", port: 1, tags: [] }]);
    registry.setDiscovered([discovered("n/d")]);
    const add = async (name: string): Promise<string> => codeOf(registry.add({ name, host: "h" }));
    expect(await add("m")).toBe('target_exists: "m" stands in gateway.toml already');
    expect(await add("e")).toBe('target_exists: "e" is enrolled already');
    expect(await add("n/d")).toBe("nothing");
    expect(await add("n/d")).toBe('target_exists: "n/d" was added already');
    // Of two at the same time one wins.
    const both = await Promise.all([add("x"), add("x")]);
    expect(both.sort()).toEqual(["nothing", 'target_exists: "x" was added already']);
  });

  it("are refused when name, host, port, tag or fingerprint cannot be", async () => {
    const { registry, file } = new Scene();
    const wrong: readonly Partial<AddedTarget>[] = [
      { name: "" },
      { name: "a".repeat(129) },
      { name: "a\nb" },
      { name: "\u202e" },
      { name: "\ud800" },
      { name: "__proto__" },
      { host: "h:1" },
      { host: "-oProxyCommand=x" },
      { host: "a b" },
      { port: 0 },
      { port: 65_536 },
      { port: 1.5 },
      { tags: ["", "a"] },
      { tags: ["a\u0000"] },
      { tags: ["a".repeat(65)] },
      { fingerprint: "abc" },
      { way: "capnp", fingerprint: HASH },
    ];
    for (const changes of wrong)
      expect(await codeOf(registry.add({ name: "a", host: "h", ...changes }))).toMatch(/^target_invalid: /);
    expect(() => readFileSync(file)).toThrow(/ENOENT/);
    for (const name of ["a".repeat(128), "pve1/a b", "ü", "a//b", "/a"]) await registry.add({ name, host: "fd00::1" });
  });

  it("are the only ones that can be removed", async () => {
    const { registry } = new Scene({ targets: [manual("m")] });
    registry.setEnrolled([{ name: "e", host: "h", port: 1, tags: [] }]);
    registry.setDiscovered([discovered("n/d")]);
    expect(await codeOf(registry.remove("x"))).toBe('target_unknown: there is no target "x"');
    expect(await codeOf(registry.remove("m"))).toBe('target_fixed: "m" stands in gateway.toml');
    expect(await codeOf(registry.remove("e"))).toBe('target_fixed: "e" is enrolled');
    expect(await codeOf(registry.remove("n/d"))).toBe('target_fixed: "n/d" was discovered');
  });

  it("get and lose tags, and so do enrolled and discovered ones, but not those of gateway.toml", async () => {
    const scene = new Scene({
      targets: [manual("m")],
      overrides: [{ match: "n/d", tags: ["o"], shell: undefined, port: undefined }],
    });
    const { registry } = scene;
    const enrolled = [{ name: "e", host: "h", port: 1, tags: ["own"] }];
    registry.setEnrolled(enrolled);
    registry.setDiscovered([discovered("n/d")]);
    await registry.add({ name: "a", host: "h", tags: ["t"] });
    expect((await registry.tag("a", ["u", "v"], ["t", "v"])).tags).toEqual(["u"]);
    expect((await registry.tag("e", ["u"], ["own"])).tags).toEqual(["u"]);
    expect((await registry.tag("e", ["own"], ["u"])).tags).toEqual(["own"]);
    expect((await registry.tag("n/d", ["u"], [])).tags).toEqual(["o", "u"]);
    expect((await registry.tag("n/d", [], ["o", "o"])).tags).toEqual(["u"]);
    expect(await codeOf(registry.tag("m", ["u"], []))).toBe('target_fixed: "m" stands in gateway.toml');
    expect(await codeOf(registry.tag("x", ["u"], []))).toMatch(/^target_unknown/);
    expect(await codeOf(registry.tag("a", ["\u0007"], []))).toMatch(/^target_invalid: expected a tag/);
    // It is kept beside a discovered one, and holds when that comes back, and after a restart.
    registry.setDiscovered([]);
    registry.setDiscovered([discovered("n/d")]);
    const again = scene.another();
    again.setEnrolled(enrolled);
    again.setDiscovered([discovered("n/d")]);
    expect(["a", "e", "n/d"].map((name) => again.get(name)?.tags)).toEqual([["u"], ["own"], ["u"]]);
  });

  it("are not silently missing when their file cannot be read: the gateway does not start", async () => {
    const scene = new Scene();
    await scene.registry.add({ name: "a", host: "h" });
    const good = readFileSync(scene.file, "utf8");
    const bad: readonly (readonly [string, RegExp])[] = [
      ["", /is empty/],
      [good.slice(0, -5), /unexpected EOF/],
      ["{}", /is missing/],
      [good.replace('"version": 1', '"version": 2'), /\/version: must be <= 1/],
      [good.replace('"port": 9876', '"port": "x"'), /\/targets\/0\/port: expected integer/],
      [good.replace('"name": "a"', '"name": "\\u0007"'), /expected a name of 1 to 128/],
      [good.replace('"host": "h"', '"host": "h:1"'), /expected a name or an address/],
      [good.replace('"tags": {}', '"tags": {"\\u0007": {"add": [], "remove": []}}'), /expected a name/],
      [good.replace('"tags": {}', '"tags": {"b": {"add": [""], "remove": []}}'), /expected a tag/],
      [good.replace('"shell": "sh"', '"fingerprint": "x", "shell": "sh"'), /fingerprint of a/],
    ];
    for (const [text, message] of bad) {
      writeFileSync(scene.file, text);
      const start = said(() => scene.another());
      expect(start).toMatch(message);
      expect(start.startsWith(`gateway_config_invalid: ${scene.file}`)).toBe(true);
    }
    // What ran goes on as it was.
    expect(
      said(() => {
        scene.registry.refresh();
      }),
    ).toMatch(/^gateway_config_invalid/);
    expect(await codeOf(scene.registry.add({ name: "b", host: "h" }))).toMatch(/^gateway_config_invalid/);
    expect(scene.names()).toEqual(["a"]);
    writeFileSync(scene.file, good);
    chmodSync(scene.file, 0o666);
    expect(said(() => scene.another())).toMatch(/^config_untrusted/);
    const entry = JSON.stringify((JSON.parse(good) as { targets: unknown[] }).targets[0]);
    chmodSync(scene.file, 0o600);
    writeFileSync(scene.file, `{"version":1,"targets":[${entry},${entry}],"tags":{}}`);
    expect(said(() => scene.another())).toMatch(/two targets a$/);
    const many = Object.fromEntries(
      Array.from({ length: 10_001 }, (_, index) => [`n${index}`, { add: [], remove: [] }]),
    );
    writeFileSync(scene.file, JSON.stringify({ version: 1, targets: [], tags: many }));
    expect(said(() => scene.another())).toMatch(/more than 10000 names under tags/);
  });

  it("go when their file is taken away, and cannot be added where none can be kept", async () => {
    const scene = new Scene();
    await scene.registry.add({ name: "a", host: "h" });
    writeFileSync(scene.file, "");
    rmSync(scene.file);
    scene.registry.refresh();
    expect(scene.names()).toEqual([]);
    scene.registry.refresh();
    mkdirSync(scene.file);
    expect(await codeOf(scene.registry.add({ name: "b", host: "h" }))).toMatch(/^file_failed/);
    expect(said(() => new TargetsStore(`${scene.file}/../targets.json/\0`))).toMatch(/^file_failed/);
  });
});
