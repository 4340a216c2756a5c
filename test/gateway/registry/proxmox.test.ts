import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { NodeTrust, ProxmoxNode, ProxmoxSettings } from "../../../gateway/config/settings.ts";
import { ProxmoxDiscovery, type DiscoveryParts } from "../../../gateway/registry/discovery.ts";
import { RegistryCache } from "../../../gateway/registry/registry-cache.ts";
import { fingerprintOf } from "../../../gateway/config/fingerprint.ts";
import { atEnd, tempDirectory } from "../../fixtures/temp.ts";
import { authority, selfSigned, signed, type Certificate } from "./certificates.ts";
import { FakeProxmox, interfaces, json, row, text, TOKEN } from "./fake-proxmox.ts";
import { manual, Scene } from "./scene.ts";

let own: Certificate;
let other: Certificate;
let ca: Certificate;
let good: Certificate;
let misnamed: Certificate;

beforeAll(() => {
  own = selfSigned("pve1");
  other = selfSigned("other");
  ca = authority();
  good = signed("good", "IP:127.0.0.1");
  misnamed = signed("misnamed", "DNS:elsewhere.example");
});

const pinned = ({ fingerprint }: Certificate): NodeTrust => ({
  kind: "pinned",
  fingerprint: fingerprintOf(fingerprint) ?? "",
});

function nodeOf(fake: { readonly port: number }, trust: NodeTrust = pinned(own), name = "pve1"): ProxmoxNode {
  return { name, host: "127.0.0.1", port: fake.port, trust };
}

const BOUNDS = { requestMs: 5_000, listBytes: 100_000, answerBytes: 10_000, nodeMs: 10_000 };

/** A registry that discovers, with a cache of its own. */
class Finder {
  readonly scene = new Scene();
  readonly said: string[] = [];
  readonly cacheDir: string;
  readonly cache: RegistryCache;
  readonly discovery: ProxmoxDiscovery;
  now = 1_000;

  constructor(
    nodes: readonly ProxmoxNode[] | undefined,
    changes: Partial<DiscoveryParts> & { readonly cacheDir?: string; readonly includeVms?: boolean } = {},
  ) {
    this.cacheDir = changes.cacheDir ?? join(tempDirectory(), "cache");
    const warn = (message: string): void => {
      this.said.push(message);
    };
    this.cache = new RegistryCache(this.cacheDir, warn, () => this.now);
    this.discovery = new ProxmoxDiscovery({
      registry: this.scene.registry,
      cache: this.cache,
      settings: nodes === undefined ? undefined : this.settings(nodes, changes.includeVms),
      defaultPort: 9_876,
      intervalMs: () => 3_600_000,
      warn,
      now: () => this.now,
      bounds: BOUNDS,
      ...changes,
    });
    atEnd(async () => this.discovery.stop());
  }

  settings(nodes: readonly ProxmoxNode[], includeVms = false): ProxmoxSettings {
    return { nodes, token: TOKEN, includeVms };
  }

  get file(): string {
    return join(this.cacheDir, "registry.json");
  }

  async round(): Promise<this> {
    await this.discovery.discover();
    return this;
  }

  look(): readonly unknown[] {
    return this.scene.registry.states().map(({ name, host, status, listedAt }) => [name, host, status, listedAt]);
  }

  names(): readonly string[] {
    return this.scene.names();
  }

  trouble(index = 0): string | undefined {
    return this.discovery.nodes[index]?.trouble;
  }
}

/** The node of conformance case 53. */
async function case53(certificate = own): Promise<FakeProxmox> {
  const fake = new FakeProxmox(certificate)
    .on("lxc", json([row(100, "web"), row(101, "old", "stopped"), row(102, "booting"), row(103, "broken")]))
    .on("lxc/100/interfaces", interfaces("10.0.0.5/24"))
    .on("lxc/102/interfaces", interfaces(undefined))
    .on("lxc/103/interfaces", text("", 500));
  return fake.listen();
}

describe("discovery from Proxmox", () => {
  it("lists what runs with its address, what is stopped without, and nothing else (conformance case 53)", async () => {
    const fake = await case53();
    const finder = await new Finder([nodeOf(fake)]).round();
    expect(finder.scene.registry.states()).toMatchObject([
      {
        name: "pve1/old",
        host: "",
        status: "stopped",
        source: "discovered",
        node: "pve1",
        shell: "sh",
        tags: [],
        port: 9_876,
      },
      { name: "pve1/web", host: "10.0.0.5", status: "running", source: "discovered", listedAt: 1_000 },
    ]);
    expect(finder.said).toEqual([
      `Proxmox node pve1 (127.0.0.1:${fake.port}): pve1/booting: it has no address`,
      `Proxmox node pve1 (127.0.0.1:${fake.port}): pve1/broken: its address cannot be read: it answered with status 500`,
    ]);
    // As the original asks: no more, no less, and with the token in its own header.
    expect(fake.asked.map(({ path }) => path).sort()).toEqual([
      "/api2/json/nodes/pve1/lxc",
      "/api2/json/nodes/pve1/lxc/100/interfaces",
      "/api2/json/nodes/pve1/lxc/102/interfaces",
      "/api2/json/nodes/pve1/lxc/103/interfaces",
    ]);
    expect(new Set(fake.asked.map(({ authorization }) => authorization))).toEqual(new Set([TOKEN]));
    // What is wrong with it is said once, and again when it is something else.
    await finder.round();
    expect(finder.said).toHaveLength(2);
    fake.on("lxc/102/interfaces", interfaces("10.0.0.6/24"));
    await finder.round();
    expect([finder.said.length, finder.names()]).toEqual([3, ["pve1/booting", "pve1/old", "pve1/web"]]);
  });

  it("is hidden by a target of gateway.toml with the same name (conformance case 54)", async () => {
    const finder = await new Finder([nodeOf(await case53())]).round();
    finder.scene.registry.configure({
      targets: [manual("pve1/web", { host: "custom", port: 1_234, shell: "fish" })],
      overrides: [],
      agent: { psk: new Map(), defaultPort: 9_876 },
    });
    expect(finder.scene.target("pve1/web")).toMatchObject({
      host: "custom",
      port: 1_234,
      shell: "fish",
      source: "manual",
    });
  });

  it("keeps what was last listed, with its age, when the node is away (conformance case 55, better)", async () => {
    const fake = await case53();
    const finder = await new Finder([nodeOf(fake)]).round();
    const before = finder.look();
    const cached = readFileSync(finder.file, "utf8");
    await fake.close();
    finder.now = 99_000;
    await finder.round();
    expect(finder.look()).toEqual(before);
    expect(finder.discovery.nodes).toMatchObject([{ name: "pve1", listedAt: 1_000, targets: 2 }]);
    expect(finder.trouble()).toMatch(/ECONNREFUSED/);
    expect(finder.said.at(-1)).toMatch(/cannot be listed: .*; its targets are kept as they were last listed$/);
    expect(readFileSync(finder.file, "utf8")).toBe(cached);
  });

  it("drops what a node answers without, and what belongs to a node that is no longer asked", async () => {
    const [one, two] = [
      await case53(),
      await new FakeProxmox(own, "pve2").on("lxc", json([row(1, "x", "stopped")])).listen(),
    ];
    const nodes = [nodeOf(one), nodeOf(two, pinned(own), "pve2")];
    const finder = await new Finder(nodes).round();
    expect(finder.names()).toEqual(["pve1/old", "pve1/web", "pve2/x"]);
    one.on("lxc", json([row(101, "old", "stopped")]));
    await finder.round();
    expect(finder.names()).toEqual(["pve1/old", "pve2/x"]);
    finder.discovery.configure(finder.settings(nodes.slice(1)), 9_876);
    expect(finder.names()).toEqual(["pve2/x"]);
    finder.discovery.configure(undefined, 9_876);
    expect([finder.names(), readFileSync(finder.file, "utf8")]).toEqual([[], "{}"]);
    // Without [proxmox] nothing is asked and nothing written.
    const asked = one.asked.length + two.asked.length;
    finder.discovery.configure(undefined, 9_876);
    await finder.round();
    expect(one.asked.length + two.asked.length).toBe(asked);
  });

  it("keeps the address of a container whose interfaces cannot be read for once", async () => {
    const fake = await case53();
    const finder = await new Finder([nodeOf(fake)]).round();
    fake.on("lxc/100/interfaces", text("", 500));
    finder.now = 2_000;
    await finder.round();
    expect(finder.look()).toContainEqual(["pve1/web", "10.0.0.5", "running", 2_000]);
    expect(finder.said.join("\n")).toMatch(/pve1\/web: its address cannot be read: .*; its earlier address is kept$/m);
    // An answer without an address is one.
    fake.on("lxc/100/interfaces", interfaces(undefined));
    await finder.round();
    expect(finder.names()).toEqual(["pve1/old"]);
  });

  it("takes the first address that is not the loopback's, and IPv6 only when there is no other", async () => {
    const cases: readonly (readonly [string, readonly object[], string | undefined])[] = [
      [
        "first",
        [
          { name: "eth0", inet: "10.0.0.1/24" },
          { name: "eth1", inet: "10.0.0.2/24" },
        ],
        "10.0.0.1",
      ],
      [
        "four",
        [
          { name: "eth0", inet6: "fd00::1/64" },
          { name: "eth1", inet: "10.0.0.2" },
        ],
        "10.0.0.2",
      ],
      [
        "six",
        [
          { name: "eth0", inet6: "fe80::1/64" },
          { name: "eth1", inet6: "fd00::2/64" },
        ],
        "fd00::2",
      ],
      ["local", [{ name: "eth0", inet6: "FEBF::1/64" }], undefined],
      [
        "odd",
        [
          { name: "lo", inet: "127.0.0.1" },
          { name: "eth0", inet: "10.0.0.256" },
          { name: "e", inet: 5 },
        ],
        undefined,
      ],
      ["scope", [{ name: "eth0", inet: "-oProxyCommand=x", inet6: "fd00::1%eth0" }], undefined],
    ];
    const fake = new FakeProxmox(own).on("lxc", json(cases.map(([name], index) => row(index, name))));
    cases.forEach(([, rows], index) => fake.on(`lxc/${index}/interfaces`, json(rows)));
    const finder = await new Finder([nodeOf(await fake.listen())]).round();
    expect(finder.look()).toEqual(
      cases.flatMap(([name, , host]) => (host === undefined ? [] : [[`pve1/${name}`, host, "running", 1_000]])).sort(),
    );
  });

  it("asks for virtual machines when it is told to, and takes the address that their guest agent says", async () => {
    const agent = (address: string): unknown => ({
      result: [
        { name: "lo", "ip-addresses": [{ "ip-address-type": "ipv4", "ip-address": "127.0.0.1", prefix: 8 }] },
        { name: "ens18", "ip-addresses": [{ "ip-address": "fe80::1" }, { "ip-address": address, prefix: 24 }] },
      ],
    });
    const fake = new FakeProxmox(own)
      .on("lxc", json([row(1, "same", "stopped")]))
      .on("qemu", json([row(2, "vm"), row(3, "same"), row(4, "off", "stopped"), row(5, "no-agent"), row(6, "odd")]))
      .on("qemu/2/agent/network-get-interfaces", json(agent("10.0.0.9")))
      .on("qemu/3/agent/network-get-interfaces", json(agent("10.0.0.10")))
      .on("qemu/5/agent/network-get-interfaces", text('{"data":null}', 500))
      .on("qemu/6/agent/network-get-interfaces", json(null));
    const node = nodeOf(await fake.listen());
    expect((await new Finder([node]).round()).names()).toEqual(["pve1/same"]);
    const finder = await new Finder([node], { includeVms: true }).round();
    expect(finder.look()).toEqual([
      ["pve1/off", "", "stopped", 1_000],
      // Of two of one name the one that runs.
      ["pve1/same", "10.0.0.10", "running", 1_000],
      ["pve1/vm", "10.0.0.9", "running", 1_000],
    ]);
    expect(finder.said.some((line) => line.includes("pve1/same: another one has the same name"))).toBe(true);
  });
});

describe("a node's certificate", () => {
  const names = async (certificate: Certificate, trust: NodeTrust): Promise<[number, string]> => {
    const fake = await case53(certificate);
    const finder = await new Finder([nodeOf(fake, trust)]).round();
    // Without trust not a byte of a request is sent: the token stays here.
    if (finder.names().length === 0) expect(fake.asked).toEqual([]);
    return [finder.names().length, finder.trouble() ?? ""];
  };

  it("must be one that is trusted, by name too, unless it is pinned", async () => {
    const [count, trouble] = await names(own, { kind: "system" });
    expect(count).toBe(0);
    expect(trouble).toContain("its certificate is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)");
    // What has to be compared, and pinned.
    expect(trouble).toContain(own.fingerprint);
    expect(await names(own, pinned(own))).toEqual([2, ""]);
    const [none, pin] = await names(other, pinned(own));
    expect([none, pin]).toEqual([0, `its certificate has another fingerprint: ${other.fingerprint}`]);
  });

  it("may come from an authority of one's own, and must then be for this host", async () => {
    const trust: NodeTrust = { kind: "authority", caFile: ca.certFile };
    expect(await names(good, trust)).toEqual([2, ""]);
    const [wrongName, why] = await names(misnamed, trust);
    expect([wrongName, why]).toEqual([0, expect.stringContaining("IP: 127.0.0.1 is not in the cert's list")]);
    expect((await names(own, trust))[0]).toBe(0);
    expect(await names(good, { kind: "authority", caFile: "/nowhere/ca.pem" })).toEqual([
      0,
      "the ca_file /nowhere/ca.pem does not exist",
    ]);
    const broken = join(tempDirectory(), "ca.pem");
    writeFileSync(broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    expect((await names(good, { kind: "authority", caFile: broken }))[0]).toBe(0);
  });

  it("is any when the owner says that it is not to be checked", async () => {
    expect(await names(other, { kind: "insecure" })).toEqual([2, ""]);
  });

  it("is looked at once for a connection, and connections are used again", async () => {
    const fake = new FakeProxmox(own).on(
      "lxc",
      json(Array.from({ length: 40 }, (_, index) => row(index, `c${index}`))),
    );
    for (let index = 0; index < 40; index++) fake.on(`lxc/${index}/interfaces`, interfaces(`10.0.0.${index + 1}/24`));
    const finder = await new Finder([nodeOf(await fake.listen())]).round();
    expect([finder.names().length, fake.asked.length, fake.connections <= 8]).toEqual([40, 41, true]);
  });
});

describe("a node that answers something else", () => {
  it("keeps its targets, and says what is wrong", async () => {
    const fake = await case53();
    const finder = await new Finder([nodeOf(fake)]).round();
    const before = finder.look();
    const cases: readonly (readonly [Parameters<FakeProxmox["on"]>[1], RegExp])[] = [
      [text("", 500), /^it answered with status 500$/],
      [text("", 401), /^the token is refused \(status 401\)$/],
      [text("", 403), /^the token may not read this \(status 403\)$/],
      [(response) => response.writeHead(302, { location: "https://127.0.0.1:1/" }).end(), /status 302/],
      [text("<html>"), /^the answer is not JSON$/],
      [text('{"data":[]'), /^the answer is not JSON$/],
      [text('{"data":[],"data":[1]}'), /^the answer is not JSON$/],
      [text(`{"data":${"[".repeat(5_000)}${"]".repeat(5_000)}}`), /^the answer is not JSON$/],
      [text('{"data":[]} x'), /^the answer is not JSON$/],
      [text("[]"), /^its list of lxc is no list$/],
      [text("null"), /^its list of lxc is no list$/],
      [json(null), /^its list of lxc is no list$/],
      [json({ length: 3 }), /^its list of lxc is no list$/],
      [json("x".repeat(200_000)), /^the answer is longer than 100000 bytes$/],
      [
        (response) => response.writeHead(200, { "content-length": "10" }).write("{", () => response.destroy()),
        /aborted|cut short/,
      ],
      [(response) => response.socket?.destroy(), /socket hang up|ECONNRESET|closed/],
      [(response) => response.socket?.write("HTTP/9.9 no\r\n\r\n"), /Parse Error|parse|malformed/i],
      [(response) => response.writeHead(200, { "x-a": "a".repeat(60_000) }).end("{}"), /overflow|header/i],
    ];
    for (const [reply, trouble] of cases) {
      fake.on("lxc", reply);
      await finder.round();
      expect(finder.trouble()).toMatch(trouble);
      expect(finder.look()).toEqual(before);
    }
  });

  it("never stops: an endless answer is cut at its bound", async () => {
    const fake = new FakeProxmox(own).on("lxc", (response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(" ".repeat(65_536)));
        if (!response.destroyed) response.once("drain", more);
      };
      more();
    });
    const finder = await new Finder([nodeOf(await fake.listen())]).round();
    expect(finder.trouble()).toBe("the answer is longer than 100000 bytes");
  });

  it("has rows that are no containers, and names that are no names: those are left out, with why", async () => {
    const rows = [
      5,
      null,
      [],
      {},
      row(-1, "negative"),
      row(1.5, "fraction"),
      row("x/../..", "path"),
      row(1, 5),
      row(2, ""),
      row(3, "a\u001b[2J", "stopped"),
      row(4, "b".repeat(200), "stopped"),
      row("5", "text", 7),
      row(6, "fine", "stop\u0007ped"),
    ];
    const fake = new FakeProxmox(own).on("lxc", json(rows));
    const finder = await new Finder([nodeOf(await fake.listen())]).round();
    expect(finder.look()).toEqual([
      ["pve1/fine", "", "stop\\aped", 1_000],
      ["pve1/text", "", "unknown", 1_000],
    ]);
    expect(finder.said.join("\n")).toMatch(/: 3: expected a name of 1 to 128 .*\\x1b/);
    expect(finder.said.join("\n")).not.toMatch(/\u001b|\u0007/);
  });

  it("is said in few lines, however much is wrong with it", async () => {
    const rows = Array.from({ length: 50 }, (_, index) => row(index, `c${index}`));
    const fake = new FakeProxmox(own).on("lxc", json(rows));
    const finder = await new Finder([nodeOf(await fake.listen())]).round();
    expect(finder.said).toHaveLength(21);
    expect(finder.said.at(-1)).toMatch(/: and 30 more$/);
  });

  it("or nothing, holds up no other node, and not the start", async () => {
    const silent = createServer((socket) => socket.on("error", () => undefined));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    atEnd(() => {
      silent.close();
    });
    const port = (silent.address() as AddressInfo).port;
    const slow = new FakeProxmox(own, "pve3").on("lxc", (response) => response.writeHead(200).write("{"));
    const nodes = [
      nodeOf(await case53()),
      nodeOf({ port }, pinned(own), "pve2"),
      nodeOf(await slow.listen(), pinned(own), "pve3"),
    ];
    const finder = new Finder(nodes, { bounds: { ...BOUNDS, requestMs: 300 } });
    finder.discovery.start();
    await vi.waitFor(
      () => {
        expect(finder.names()).toEqual(["pve1/old", "pve1/web"]);
      },
      { timeout: 20_000 },
    );
    await finder.round();
    expect([0, 1, 2].map((index) => finder.trouble(index))).toEqual([
      undefined,
      "no whole answer within 300 ms",
      "no whole answer within 300 ms",
    ]);
  });

  it("or takes its time for each container, is given up as a whole", async () => {
    const fake = new FakeProxmox(own)
      .on("lxc", json([row(1, "a", "stopped"), row(2, "b")]))
      .on("lxc/2/interfaces", () => undefined);
    const finder = await new Finder([nodeOf(await fake.listen())], { bounds: { ...BOUNDS, nodeMs: 300 } }).round();
    expect([finder.names(), finder.trouble()]).toEqual([[], "it took too long to be listed"]);
  });

  it("is left when the gateway stops, and nothing is said of it", async () => {
    const fake = new FakeProxmox(own).on("lxc", () => undefined);
    const finder = new Finder([nodeOf(await fake.listen())]);
    finder.discovery.start();
    await vi.waitFor(() => {
      expect(fake.asked).toHaveLength(1);
    });
    await finder.discovery.stop();
    expect([finder.said, finder.trouble(), existsSync(finder.file)]).toEqual([[], undefined, false]);
  });
});

describe("registry.json", () => {
  /** As the original writes it. */
  const THEIRS = JSON.stringify({
    "pve1/web": {
      name: "pve1/web",
      host: "10.0.0.5",
      port: 9_876,
      shell: "sh",
      tags: [],
      source: "Discovered",
      status: "running",
      reachable: "Unknown",
    },
    "pve1/old": {
      name: "pve1/old",
      host: "",
      port: 9_876,
      shell: "sh",
      tags: [],
      source: "Discovered",
      status: "stopped",
      reachable: "Unknown",
    },
  });

  function cacheWith(content: string | undefined): string {
    const directory = join(tempDirectory(), "cache");
    mkdirSync(directory, { mode: 0o700 });
    if (content !== undefined) writeFileSync(join(directory, "registry.json"), content, { mode: 0o600 });
    return directory;
  }

  it("goes from the original to ours and back (conformance case 56)", async () => {
    const fake = await case53();
    const finder = new Finder([nodeOf(fake)], { cacheDir: cacheWith(THEIRS) });
    // At once, before any node is asked.
    expect(finder.scene.registry.states()).toMatchObject([
      { name: "pve1/old", host: "", status: "stopped", reachable: "unknown" },
      { name: "pve1/web", host: "10.0.0.5", status: "running", reachable: "unknown", port: 9_876 },
    ]);
    // Its age is that of the file.
    expect(Number(finder.scene.target("pve1/web").listedAt)).toBeGreaterThan(Date.parse("2020-01-01"));
    await finder.round();
    const written = JSON.parse(readFileSync(finder.file, "utf8")) as Record<string, Record<string, unknown>>;
    expect(Object.keys(written)).toEqual(["pve1/old", "pve1/web"]);
    const theirs = JSON.parse(THEIRS) as Record<string, object>;
    // Theirs, and one member that they do not look at.
    for (const [name, entry] of Object.entries(written)) expect(entry).toEqual({ ...theirs[name], listed_at: 1_000 });
    const again = new Finder([nodeOf(fake)], { cacheDir: finder.cacheDir });
    expect(again.look()).toEqual(finder.look());
  });

  it("has the port, the shell and the tags of the overrides, and of a hidden target those that it was discovered with", async () => {
    const finder = new Finder([nodeOf(await case53())]);
    finder.scene.registry.configure({
      targets: [manual("pve1/old", { host: "custom" })],
      overrides: [{ match: "**", tags: ["t"], shell: "fish", port: 5 }],
      agent: { psk: new Map(), defaultPort: 9_876 },
    });
    await finder.round();
    expect(JSON.parse(readFileSync(finder.file, "utf8"))).toMatchObject({
      "pve1/web": { port: 5, shell: "fish", tags: ["t"] },
      "pve1/old": { host: "", port: 9_876, shell: "sh", tags: [] },
    });
  });

  it("is written when something changed, and its times now and then", async () => {
    const finder = await new Finder([nodeOf(await case53())]).round();
    const first = readFileSync(finder.file, "utf8");
    finder.now = 300_000;
    await finder.round();
    expect(readFileSync(finder.file, "utf8")).toBe(first);
    finder.now = 700_000;
    await finder.round();
    expect(readFileSync(finder.file, "utf8")).toContain('"listed_at":700000');
  });

  it.each([
    ["cut short", THEIRS.slice(0, 50)],
    ["empty", ""],
    ["no object", "[]"],
    ["twice the same", '{"a":1,"a":2}'],
    ["not UTF-8", "\u0000\uFFFD"],
  ])("that is %s is not used, with a warning, and discovery makes a new one", async (_, content) => {
    const finder = new Finder([nodeOf(await case53())], { cacheDir: cacheWith(content) });
    expect([finder.names(), finder.said.length]).toEqual([[], 1]);
    expect(finder.said[0]).toMatch(/registry\.json: is not what a gateway writes; it is not used$/);
    await finder.round();
    expect(JSON.parse(readFileSync(finder.file, "utf8"))).toHaveProperty(["pve1/web"]);
  });

  it("is not trusted entry by entry either", () => {
    const entry = { name: "pve1/a", host: "10.0.0.1", port: 1, source: "Discovered", status: "running" };
    const odd = {
      "pve1/a": entry,
      "pve1/b": { ...entry, name: "pve1/b", status: "run\u001bning", listed_at: 7 },
      "pve1/c": entry,
      "pve1/d": { ...entry, name: "pve1/d", host: "evil.example" },
      "pve1/e": { ...entry, name: "pve1/e", source: "Manual" },
      "pve1/f": { ...entry, name: "pve1/f", status: 5 },
      "pve1/g\u0007": { ...entry, name: "pve1/g\u0007" },
      "pve1/h": 5,
      "gone/i": { ...entry, name: "gone/i" },
    };
    const finder = new Finder([nodeOf({ port: 1 })], { cacheDir: cacheWith(JSON.stringify(odd)) });
    expect(finder.scene.registry.states().map(({ name, status }) => [name, status])).toEqual([
      ["pve1/a", "running"],
      ["pve1/b", "run\\x1bning"],
    ]);
    expect(finder.scene.target("pve1/b").listedAt).toBe(7);
  });

  it("is not looked at when there is no [proxmox], and stays when no node could be listed", async () => {
    const directory = cacheWith(THEIRS);
    expect(new Finder(undefined, { cacheDir: directory }).names()).toEqual([]);
    const finder = await new Finder([nodeOf({ port: 1 })], { cacheDir: directory }).round();
    expect(finder.names()).toEqual(["pve1/old", "pve1/web"]);
    const away = await new Finder([nodeOf({ port: 1 })], { cacheDir: cacheWith(undefined) }).round();
    expect(existsSync(away.file)).toBe(false);
  });

  it("is a warning when it belongs to others, or cannot be written", async () => {
    const directory = cacheWith(THEIRS);
    chmodSync(join(directory, "registry.json"), 0o666);
    expect(new Finder([nodeOf({ port: 1 })], { cacheDir: directory }).said).toEqual([
      expect.stringMatching(/can be written by others .*; it is not used$/),
    ]);
    const file = join(tempDirectory(), "file");
    writeFileSync(file, "");
    const finder = await new Finder([nodeOf(await case53())], { cacheDir: join(file, "cache") }).round();
    expect(finder.names()).toEqual(["pve1/old", "pve1/web"]);
    expect(finder.said.at(-1)).toMatch(/cannot be made: ENOTDIR$/);
  });

  it("of two nodes with one name is divided between them, and each keeps its own", async () => {
    const [one, two] = [await case53(), await new FakeProxmox(own).on("lxc", json([row(1, "x", "stopped")])).listen()];
    const nodes = [nodeOf(one), nodeOf(two)];
    const finder = await new Finder(nodes).round();
    expect(finder.names()).toEqual(["pve1/old", "pve1/web", "pve1/x"]);
    await two.close();
    await finder.round();
    expect(finder.names()).toEqual(["pve1/old", "pve1/web", "pve1/x"]);
    const again = await new Finder(nodes, { cacheDir: finder.cacheDir }).round();
    // Whose they were is not in the file: what the first answers without is gone.
    expect(again.names()).toEqual(["pve1/old", "pve1/web"]);
  });
});
