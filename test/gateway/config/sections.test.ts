import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { fingerprintOf } from "../../../gateway/config/fingerprint.ts";
import { complaint, settingsOf, warningsOf } from "./files.ts";

const HASH = "ab".repeat(32);

describe("[server]", () => {
  it("takes both files of a certificate, or none", () => {
    const { tls } = settingsOf('[server]\ntls_cert = "/c.pem"\ntls_key = "/k.pem"\n').server;
    expect(tls).toEqual({ cert: "/c.pem", key: "/k.pem" });
    expect(complaint('[server]\ntls_cert = "/c"\n')).toBe("2: server.tls_cert: needs tls_key beside it");
    expect(complaint('[server]\ntls_key = "/k"\n')).toBe("2: server.tls_key: needs tls_cert beside it");
    expect(complaint('[server]\ntls_cert = "c"\ntls_key = "/k"\n')).toMatch(/^2: .*absolute path$/);
    expect(complaint('[server]\ntls_cert = "/c"\ntls_key = "k"\n')).toMatch(/^3: .*absolute path$/);
  });

  it("without allowed_hosts answers to its own names; with them to those only, and to none when they are empty", () => {
    const hosts = (text: string): readonly string[] => settingsOf(`[server]\n${text}`).server.allowedHosts;
    expect(hosts("")).toEqual(expect.arrayContaining(["localhost", "127.0.0.1", "::1", hostname().toLowerCase()]));
    expect(hosts('bind = "Gate.LAN"\npublic_url = "https://fleet.example.com/x/"')).toEqual([
      "localhost",
      "127.0.0.1",
      "::1",
      hostname().toLowerCase(),
      "gate.lan",
      "fleet.example.com",
    ]);
    expect(hosts('allowed_hosts = ["A.example", "[::1]", "10.0.0.1"]')).toEqual(["a.example", "::1", "10.0.0.1"]);
    expect(hosts("allowed_hosts = []")).toEqual([]);
    expect(complaint('[server]\nallowed_hosts = ["a", "b:80"]')).toMatch(
      /^2: server\.allowed_hosts\[1\]: expected a name/,
    );
  });

  it("without allowed_origins leaves them to the hosts; with them takes those only", () => {
    const origins = (text: string): readonly string[] | undefined =>
      settingsOf(`[server]\n${text}`).server.allowedOrigins;
    expect(origins("")).toBeUndefined();
    expect(origins("allowed_origins = []")).toEqual([]);
    expect(origins('allowed_origins = ["https://A.example:8443"]')).toEqual(["https://a.example:8443"]);
    for (const wrong of ["a.example", "https://a.example/", "https://u@a.example", "ftp://a.example", "https://a:443"])
      expect(complaint(`[server]\nallowed_origins = ["${wrong}"]`)).toMatch(/allowed_origins\[0\]: expected an origin/);
  });

  it("takes networks of proxies and a public URL", () => {
    const { server } = settingsOf('[server]\ntrust_proxy = ["10.0.0.0/8", "::1"]\npublic_url = "https://a.example/p/"');
    expect([server.trustProxy, server.publicUrl]).toEqual([["10.0.0.0/8", "::1"], "https://a.example/p"]);
    expect(settingsOf('[server]\npublic_url = ""').server.publicUrl).toBeUndefined();
    for (const wrong of ["10.0.0.0/33", "a.example", "10.0.0.0/8/8", "fe80::1%eth0", "10.0.0.0/x"])
      expect(complaint(`[server]\ntrust_proxy = ["${wrong}"]`)).toMatch(/trust_proxy\[0\]: expected an address or/);
    for (const wrong of ["a.example", "ftp://a.example", "https://u:p@a.example"])
      expect(complaint(`[server]\npublic_url = "${wrong}"`)).toMatch(/public_url: expected a URL/);
  });
});

describe("[[targets]] with members of ours", () => {
  const target = (more: string): string => `[agent.psk]\nold = "k"\n[[targets]]\nname = "old"\nhost = "h"\n${more}`;

  it("say how a target is spoken to", () => {
    const first = (more: string): unknown => settingsOf(target(more)).targets[0];
    expect(first(`node = "rack"\nway = "link"\nfingerprint = "sha256:${HASH}"`)).toMatchObject({
      way: "link",
      fingerprint: HASH,
      node: "rack",
    });
    expect(first('way = "capnp"\nnode = ""')).toMatchObject({ way: "capnp", fingerprint: undefined, node: undefined });
    expect(settingsOf(`[[targets]]\nname = "a"\nhost = "h"\nfingerprint = "${HASH}"`).targets[0]).toMatchObject({
      way: "link",
    });
  });

  it("do not contradict each other", () => {
    expect(complaint(target(`way = "capnp"\nfingerprint = "${HASH}"`))).toMatch(/^7: .*belongs to a link/);
    expect(complaint(target(`fingerprint = "${HASH}"`))).toMatch(/^6: .*there is a key in agent\.psk too/);
    expect(complaint(target('fingerprint = "abc"'))).toMatch(/^6: .*expected a SHA-256/);
    expect(complaint(target('way = "ssh"'))).toMatch(/^6: targets\[0\]\.way: expected one of link, capnp/);
    expect(warningsOf('[[targets]]\nname = "a"\nhost = "h"\nway = "capnp"')).toEqual([
      '4: targets[0].way: "a" has no key in agent.psk, and cannot be spoken to',
    ]);
  });

  it("warn of a key for nobody, and of an empty one", () => {
    const text = '[agent.psk]\ngone = "k"\n"pve/x" = "k"\na = ""\n[[targets]]\nname = "a"\nhost = "h"\n';
    const proxmox = '[proxmox]\nnodes = [{ name = "pve", host = "h" }]\nuser = "u"\ntoken_id = "t"\ntoken_secret = "s"';
    expect(warningsOf(text + proxmox)).toEqual([
      '2: agent.psk.gone: this file has no target "gone"; one that is added may use the key',
      "4: agent.psk.a: the key is empty: whoever is asked for it can give it",
    ]);
  });
});

describe("[[overrides]]", () => {
  it("are globs with what is laid over", () => {
    const text =
      '[[overrides]]\nmatch = "pve1/**"\ntags = ["a", "a"]\nshell = "bash"\nport = 1\n[[overrides]]\nmatch = "**"\n';
    expect(settingsOf(text).overrides).toEqual([
      { match: "pve1/**", tags: ["a"], shell: "bash", port: 1 },
      { match: "**", tags: [], shell: undefined, port: undefined },
    ]);
    expect(complaint('[[overrides]]\nmatch = "["\n')).toMatch(/^2: overrides\[0\]\.match: expected a glob, got "\["/);
    expect(complaint('[[overrides]]\nmatch = ""\n')).toMatch(/^2: .*expected a glob, got "": it is empty$/);
    expect(complaint('[[overrides]]\nmatch = "a"\nport = 0\n')).toMatch(/^3: overrides\[0\]\.port: expected a port/);
    expect(complaint('[[overrides]]\nmatch = "a"\ntags = [""]\n')).toMatch(
      /^3: overrides\[0\]\.tags\[0\]: expected a tag/,
    );
  });
});

describe("[proxmox]", () => {
  const proxmox = (node: string, more = ""): string =>
    `[proxmox]\nuser = "u@pam"\ntoken_id = "t"\ntoken_secret = "s"\n${more}\nnodes = [{ name = "pve", host = "h", ${node} }]\n`;

  it("checks certificates unless it is told how else a node proves who it is", () => {
    const trust = (node: string): unknown => settingsOf(proxmox(node)).proxmox?.nodes[0]?.trust;
    expect(trust("port = 1")).toEqual({ kind: "system" });
    expect(trust("insecure = false")).toEqual({ kind: "system" });
    expect(trust('ca_file = "/ca.pem"')).toEqual({ kind: "authority", caFile: "/ca.pem" });
    const colons = HASH.toUpperCase().replace(/..(?!$)/g, "$&:");
    expect(trust(`fingerprint = "${colons}", insecure = false`)).toEqual({ kind: "pinned", fingerprint: HASH });
    expect(trust("insecure = true")).toEqual({ kind: "insecure" });
    expect(warningsOf(proxmox("insecure = true"))).toEqual([
      expect.stringMatching(/^6: proxmox\.nodes\[0\]\.insecure: the certificate is not checked: whoever is between/),
    ]);
    expect(complaint(proxmox('insecure = true, ca_file = "/c"'))).toMatch(/nodes\[0\]\.insecure: contradicts ca_file/);
    expect(complaint(proxmox('ca_file = "c"'))).toMatch(/ca_file: expected an absolute path/);
    expect(complaint(proxmox('fingerprint = "c"'))).toMatch(/fingerprint: expected a SHA-256/);
  });

  it("takes virtual machines too when it is told to", () => {
    expect(settingsOf(proxmox("port = 1", "include_vms = true")).proxmox?.includeVms).toBe(true);
  });

  it("has names of nodes, hosts, and words that fit into a header", () => {
    expect(complaint(proxmox('port = 1 }, { name = "a/b", host = "h"'))).toMatch(/nodes\[1\]\.name: expected the name/);
    expect(complaint(proxmox('port = 1 }, { name = "a", host = "h:1"'))).toMatch(/nodes\[1\]\.host: expected a name/);
    expect(complaint(proxmox("port = 0"))).toMatch(/nodes\[0\]\.port: expected a port/);
    expect(complaint(proxmox("port = 1").replace("u@pam", "u pam"))).toMatch(/^2: proxmox\.user: expected printable/);
    expect(settingsOf(proxmox('port = 1 }, { name = "a", host = "[::1]"')).proxmox?.nodes[1]?.host).toBe("::1");
  });
});

describe("[link] and [nats]", () => {
  it("when missing are not there; when empty have their defaults", () => {
    expect(settingsOf("").link).toBeUndefined();
    expect(settingsOf("[link]").link).toEqual({ bind: "0.0.0.0", port: 9_878, leaseMs: 30_000 });
    expect(settingsOf('[link]\nbind = "[::]"\nport = 1\nlease_secs = 5').link).toEqual({
      bind: "::",
      port: 1,
      leaseMs: 5_000,
    });
    expect(settingsOf("").nats).toBeUndefined();
    expect(settingsOf('[nats]\nservers = ["nats://h:4222"]').nats).toEqual({
      servers: ["nats://h:4222"],
      creds: undefined,
      nkeySeed: undefined,
      caFile: undefined,
      name: undefined,
      prefix: "cmd2host",
      audit: false,
    });
    const all = '[nats]\nservers = ["tls://h"]\nnkey_seed = "/s"\nca_file = "/a"\nname = "gw"\nprefix = "x.y"';
    expect(settingsOf(all).nats).toEqual({
      servers: ["tls://h"],
      creds: undefined,
      nkeySeed: "/s",
      caFile: "/a",
      name: "gw",
      prefix: "x.y",
      audit: false,
    });
    expect(complaint('[nats]\nservers = ["tls://h"]\nnkey_seed = "s"')).toMatch(
      /^3: nats\.nkey_seed: expected an absolute/,
    );
    expect(complaint('[nats]\nservers = ["tls://h"]\nnkey_seed = "/s"\ncreds = "/c"')).toMatch(/hold a seed already/);
  });

  it("say what is wrong with them", () => {
    expect(complaint('[link]\nbind = "a b"')).toMatch(/^2: link\.bind: expected a name or an address/);
    expect(complaint("[server]\nport = 1\n[link]\nport = 1")).toMatch(
      /^4: link\.port: clients come to port 1 of 0\.0\.0\.0/,
    );
    expect(settingsOf('[server]\nport = 1\n[link]\nport = 1\nbind = "::1"').link?.port).toBe(1);
    expect(complaint("[link]\nlease_secs = 3601")).toMatch(/^2: link\.lease_secs: must be <= 3600/);
    expect(complaint("[nats]\nservers = []")).toMatch(/^2: nats\.servers: expected at least one server/);
    expect(complaint('[nats]\nservers = ["h:4222"]')).toMatch(/^2: nats\.servers\[0\]: expected nats:/);
    expect(complaint('[nats]\nservers = ["nats://h"]\ncreds = "c"')).toMatch(
      /^3: nats\.creds: expected an absolute path/,
    );
    expect(complaint('[nats]\nservers = ["nats://h"]\nprefix = "a.>"')).toMatch(/^3: nats\.prefix: expected tokens/);
    expect(complaint('[nats]\nservers = ["nats://h"]\nprefix = "a b"')).toMatch(/^3: nats\.prefix: expected tokens/);
  });
});

describe("a fingerprint", () => {
  it("is taken as people copy it", () => {
    const base64 = Buffer.from(HASH, "hex").toString("base64");
    for (const text of [
      HASH,
      HASH.toUpperCase(),
      `sha256:${HASH}`,
      ` SHA-256:${HASH} `,
      base64,
      `SHA256:${base64.slice(0, -1)}`,
      `sha256:${Buffer.from(HASH, "hex").toString("base64url")}`,
    ])
      expect(fingerprintOf(text)).toBe(HASH);
    for (const text of ["", "sha256:", HASH.slice(1), `${HASH}a`, "g".repeat(64), base64.slice(2)])
      expect(fingerprintOf(text)).toBeUndefined();
  });
});
