import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadGateway } from "../../../gateway/config/load.ts";
import { CodedError } from "../../../wire/errors.ts";
import { complaint, fileOf, KEY, load, plain, settingsOf, warningsOf } from "./files.ts";

/** A file as commando's own users have it, with every member of theirs. */
const THEIRS = `
cache_dir = "/var/cache/commando"

[server]
transport = "streamable-http"
bind = "127.0.0.1"
port = 9999
api_key = "0123456789abcdef0123"
execution_mode = "mcp"
audit_log_path = "/var/log/commando.jsonl"
audit_log_max_bytes = 1000

[agent]
default_port = 9000
default_timeout_secs = 60
connect_timeout_secs = 7
max_concurrent_per_target = 9

[agent.psk]
"node-1/my-app" = "c0ffee"
my-desktop = "schlüssel"

[[targets]]
name = "my-desktop"
host = "192.168.1.50"
port = 1234
shell = "fish"
tags = ["gpu", "desktop", "gpu"]

[[targets]]
name = "plain"
host = "[fd00::1]"

[proxmox]
nodes = [
    { name = "node-1", host = "192.168.1.10", port = 8007 },
    { name = "node-2", host = "pve.lan", insecure = true },
]
user = "root@pam"
token_id = "commando"
token_secret = "s3cret"
discovery_interval_secs = 30

[streaming]
page_timeout_secs = 2
page_max_bytes = 1000
session_idle_timeout_secs = 15
`;

describe("a gateway.toml of the original", () => {
  it("means what it means there, in every member", () => {
    const { settings, warnings, files } = load(THEIRS);
    expect(settings).toEqual({
      cacheDir: "/var/cache/commando",
      server: {
        transport: "streamable-http",
        bind: "127.0.0.1",
        port: 9_999,
        executionMode: "mcp",
        tls: undefined,
        allowedHosts: ["localhost", "127.0.0.1", "::1", hostname().toLowerCase()],
        allowedOrigins: undefined,
        trustProxy: [],
        publicUrl: undefined,
        auditCopy: { path: "/var/log/commando.jsonl", maxBytes: 1_000 },
      },
      agent: {
        defaultPort: 9_000,
        defaultTimeoutSeconds: 60,
        connectTimeoutMs: 7_000,
        maxConcurrentPerTarget: 9,
        // Hex is not decoded, and letters are bytes of UTF-8.
        psk: new Map([
          ["node-1/my-app", Buffer.from("c0ffee")],
          ["my-desktop", Buffer.from("schlüssel")],
        ]),
      },
      streaming: { pageTimeoutMs: 2_000, pageMaxBytes: 1_000, sessionIdleMs: 15_000 },
      targets: [
        {
          name: "my-desktop",
          host: "192.168.1.50",
          port: 1_234,
          shell: "fish",
          tags: ["gpu", "desktop"],
          way: undefined,
          fingerprint: undefined,
          node: undefined,
        },
        {
          name: "plain",
          host: "fd00::1",
          port: 9_876,
          shell: "sh",
          tags: [],
          way: undefined,
          fingerprint: undefined,
          node: undefined,
        },
      ],
      overrides: [],
      proxmox: {
        nodes: [
          { name: "node-1", host: "192.168.1.10", port: 8_007, trust: { kind: "system" } },
          { name: "node-2", host: "pve.lan", port: 8_006, trust: { kind: "insecure" } },
        ],
        token: "PVEAPIToken=root@pam!commando=s3cret",
        includeVms: false,
      },
      intervalMs: 30_000,
      link: undefined,
      callers: [
        {
          name: "default",
          keyHash: createHash("sha256").update("0123456789abcdef0123").digest("hex"),
          isAdmin: false,
          targets: ["**"],
          tags: [],
          operations: ["**"],
          approval: [],
          limits: { rate: undefined, concurrent: undefined, perDay: undefined },
          expiresAt: undefined,
        },
      ],
      nats: undefined,
      audit: undefined,
    });
    expect(warnings).toEqual([expect.stringMatching(/:\d+: proxmox\.nodes\[1\]\.insecure: the certificate is not/)]);
    expect(files).toHaveLength(1);
  });

  it("may be nearly empty: everything has its default, and [agent] may be missing with us", () => {
    for (const text of ["", "[agent]\n", "[server]\n[agent]\n[streaming]\n"]) {
      const settings = settingsOf(text);
      expect(settings).toMatchObject({
        cacheDir: "/var/lib/commando",
        server: {
          transport: "streamable-http",
          bind: "0.0.0.0",
          port: 9_877,
          executionMode: "cli",
          auditCopy: { path: "/var/lib/commando/audit.log", maxBytes: 10_485_760 },
        },
        agent: { defaultPort: 9_876, defaultTimeoutSeconds: 300, connectTimeoutMs: 5_000, maxConcurrentPerTarget: 4 },
        streaming: { pageTimeoutMs: 5_000, pageMaxBytes: 32_768, sessionIdleMs: 60_000 },
        targets: [],
        proxmox: undefined,
        intervalMs: 60_000,
      });
      expect(settings.agent.psk.size).toBe(0);
    }
  });

  it("takes its key from COMMANDO_API_KEY when that is not empty", () => {
    const hash = (text: string, env: string): string | undefined =>
      load(text, { env: { COMMANDO_API_KEY: env } }).settings.callers[0]?.keyHash;
    const of = (key: string): string => createHash("sha256").update(key).digest("hex");
    expect(hash('[server]\napi_key = "of the file"', "of the environment")).toBe(of("of the environment"));
    expect(hash('[server]\napi_key = "of the file"', "")).toBe(of("of the file"));
  });

  it("without a key does not start over HTTP, and does over standard input and output", () => {
    expect(complaint("[agent]\n", { env: {} })).toMatch(/ server: nobody could call: expected api_key/);
    // Whoever started it may use everything, but change nothing; nobody has a key.
    expect(load('[server]\ntransport = "stdio"\n').settings.callers).toMatchObject([
      { name: "default", keyHash: undefined, isAdmin: false, targets: ["**"], operations: ["**"] },
    ]);
    const own = '[[callers]]\nname = "default"\nkey = "0123456789abcdef"\ntags = ["x"]\n';
    expect(load(own, { given: { transport: "stdio" } }).settings.callers).toMatchObject([{ targets: [], tags: ["x"] }]);
  });

  it("with an empty key starts, and nobody can have the key", () => {
    const { settings, warnings } = load('[server]\napi_key = ""\n');
    expect(settings.callers).toMatchObject([{ name: "default", keyHash: undefined }]);
    expect(warnings).toEqual([expect.stringMatching(/:2: server\.api_key: it is empty, so nobody can have it$/)]);
  });

  it("may have a target twice: the last counts, and both lines are named", () => {
    const text = '[[targets]]\nname = "a"\nhost = "h1"\n[[targets]]\nname = "a"\nhost = "h2"\n';
    expect(settingsOf(text).targets).toMatchObject([{ name: "a", host: "h2" }]);
    expect(warningsOf(text)).toEqual(['5: targets[1].name: "a" stands in line 2 too; this one counts']);
  });

  it("takes numbers that stand for no limit, and 0 where that would stop it", () => {
    const text = `[server]
audit_log_max_bytes = 9223372036854775807
[agent]
connect_timeout_secs = 0
max_concurrent_per_target = 0
[streaming]
page_max_bytes = 0
page_timeout_secs = 99999999999
[proxmox]
nodes = []
user = "u@pam"
token_id = "t"
token_secret = "s"
discovery_interval_secs = 0
`;
    const settings = settingsOf(text);
    expect(settings.server.auditCopy?.maxBytes).toBe(Number.MAX_SAFE_INTEGER);
    expect(settings.agent).toMatchObject({ connectTimeoutMs: 5_000, maxConcurrentPerTarget: 0 });
    expect(settings.streaming).toMatchObject({ pageMaxBytes: 32_768, pageTimeoutMs: 2_147_483_647 });
    // No node is no discovery; the interval is also that of the pings.
    expect([settings.proxmox, settings.intervalMs]).toEqual([undefined, 60_000]);
    expect(
      warningsOf(text)
        .map((line) => line.split(": ")[1])
        .sort(),
    ).toEqual(["agent.connect_timeout_secs", "proxmox.discovery_interval_secs", "streaming.page_max_bytes"]);
  });

  it("writes no records in the original's form when their file is /dev/null", () => {
    expect(settingsOf('[server]\naudit_log_path = "/dev/null"').server.auditCopy).toBeUndefined();
  });

  it("takes any execution_mode; only mcp is not cli", () => {
    const text = '[server]\nexecution_mode = "MCP"\n';
    expect(settingsOf(text).server.executionMode).toBe("cli");
    expect(warningsOf(text)).toEqual(['2: server.execution_mode: "MCP" is neither "cli" nor "mcp", and means "cli"']);
  });

  it("stands below what the command line gives", () => {
    const given = { transport: "stdio", bind: "::1", port: 1, cacheDir: "/tmp/c" } as const;
    const { server, cacheDir } = settingsOf(THEIRS, { given });
    expect([server.transport, server.bind, server.port, cacheDir]).toEqual(["stdio", "::1", 1, "/tmp/c"]);
    expect(settingsOf("", { given }).server.auditCopy?.path).toBe("/tmp/c/audit.log");
    expect(complaint("", { given: { bind: "a b" } })).toBe('--bind: expected a name or an address, got "a b"');
  });
});

describe("what gateway.toml does not know", () => {
  it("is ignored, as in the original, with the line and what may have been meant", () => {
    const text = `
tagets = 1
[server]
prot = 1
Bind = "no"
cache_dir = "/x"
xyzzy = true
[agent.psk]
prot = "key"
[[targets]]
name = "prot"
host = "h"
tag = ["x"]
`;
    const { settings, warnings } = load(text, { env: { COMMANDO_API_KEY: KEY } });
    expect(warnings.map((line) => line.replace(/^.*gateway\.toml:/, ""))).toEqual([
      '2: tagets: is not known; it was ignored (did you mean "targets"?)',
      '4: server.prot: is not known; it was ignored (did you mean "port"?)',
      '5: server.Bind: is not known; it was ignored (did you mean "bind"?)',
      "6: server.cache_dir: is not known here; it must stand before the first table",
      "7: server.xyzzy: is not known; it was ignored",
      '13: targets[0].tag: is not known; it was ignored (did you mean "tags"?)',
    ]);
    expect(settings.server).toMatchObject({ bind: "0.0.0.0", port: 9_877 });
    expect(settings.cacheDir).toBe("/var/lib/commando");
  });

  it("may have any name and any value", () => {
    const text = '__proto__ = 1\n[agent.psk]\n__proto__ = "k"\n[x.y]\nz = [1, { a = 2026-01-01 }, 99999999999999999]\n';
    const settings = settingsOf(text);
    expect([...settings.agent.psk]).toEqual([["__proto__", Buffer.from("k")]]);
  });
});

describe("an error of gateway.toml", () => {
  it.each([
    ["of TOML", "[server]\nport = \n", /^2:\d+: \w/],
    ["a table twice", "[server]\n[agent]\n[server]\n", /^3:\d+: trying to redefine/],
    ["a type", '[server]\nbind = "x"\nport = "9877"\n', /^3: server\.port: expected integer, got string "9877"$/],
    ["a port that is none", "[server]\nport = 65536\n", /^2: server\.port: must be <= 65535, got number 65536$/],
    ["a table that is a list", "[[agent]]\n", /^1: agent: expected object, got array$/],
    ["a list that is a table", "[targets]\nname = 1\n", /^1: targets: expected array, got object$/],
    ["what is missing", '[[targets]]\nname = "a"\n', /^1: targets\[0\]\.host: is missing$/],
    [
      "what is missing inline",
      '[proxmox]\nuser="u"\ntoken_id="t"\ntoken_secret="s"\nnodes = [\n{ host = "h" }]\n',
      /^6: proxmox\.nodes\[0\]\.name: is missing$/,
    ],
    ["one of a list", '[server]\ntransport = "sse"\n', /^2: server\.transport: expected one of streamable-http, stdio/],
    ["no date", "[[targets]]\nname = 2026-01-01\nhost = 'h'\n", /^2: targets\[0\]\.name: expected string, got object$/],
    ["a quoted key", '[agent.psk]\n"n/a" = 5\n', /^2: agent\.psk\."n\/a": expected string$/],
    ["a port of 0", '[[targets]]\nname="a"\nhost="h"\nport=0\n', /^4: targets\[0\]\.port: expected a port from 1/],
    ["a default port of 0", "[agent]\ndefault_port = 0\n", /^2: agent\.default_port: expected a port from 1/],
    ["no host", '[[targets]]\nname="a"\nhost="http://h:1"\n', /^3: targets\[0\]\.host: expected a name or an address/],
    ["no name", '[[targets]]\nname=""\nhost="h"\n', /^2: targets\[0\]\.name: expected a name of 1 to 128/],
    ["a name that steers", '[[targets]]\nname="a\\u001b"\nhost="h"\n', /expected a name .*, got "a\\x1b"$/],
    [
      "a tag that is none",
      '[[targets]]\nname="a"\nhost="h"\ntags=["b", ""]\n',
      /^4: targets\[0\]\.tags\[1\]: expected a tag/,
    ],
    ["a bind that is none", '[server]\nbind = "a b"\n', /^2: server\.bind: expected a name or an address, got "a b"$/],
  ])("says file, line, key and what is expected: %s", (_, text, expected) => {
    expect(complaint(text)).toMatch(expected);
  });

  it("never shows what is secret", () => {
    const texts = [
      '[agent]\npsk = "hunter2"\n',
      "[server]\napi_key = 4711\n",
      "[agent.psk]\na = 4711\n",
      '[[callers]]\nname = "a"\nkey = 4711\n',
      '[[callers]]\nname = "a"\nkey = "hunter 2"\n',
      '[[callers]]\nname = "a"\nkey_sha256 = "hunter2"\n',
      '[proxmox]\nnodes = []\nuser = "u"\ntoken_id = "t"\ntoken_secret = "hunter 2"\n',
      '[server]\napi_key = "hunter2\n',
      "[audit.otlp.headers]\nauthorization = 4711\n",
      '[nats]\nservers = ["nats://hunter2@h:1"]\n',
    ];
    for (const text of texts) expect(complaint(text)).not.toMatch(/hunter|4711/);
  });

  it("is one too when the file is missing, is no UTF-8, or can be written by others", () => {
    const loading = (path: string) => () => loadGateway(path, plain());
    expect(loading("/nowhere/gateway.toml")).toThrow(/gateway\.toml: does not exist$/);
    const latin = fileOf("");
    writeFileSync(latin, Buffer.from([0x61, 0xe4]));
    expect(loading(latin)).toThrow(/: is not UTF-8$/);
    expect(loading(join(latin, "x"))).toThrow(CodedError);
    expect(loading(fileOf("", 0o622))).toThrow(/can be written by others/);
  });

  it("is made for other rooms' rules with the same line", () => {
    const loaded = load('[server]\napi_key = "0123456789abcdef"\n[audit]\nsyslog = "x"\n');
    expect(loaded.settings.audit).toEqual({ syslog: "x" });
    expect(loaded.wrong("/audit/syslog", "expected a place").message).toMatch(/:4: audit\.syslog: expected a place$/);
    expect(loaded.wrong("", "odd").message).toMatch(/gateway\.toml: odd$/);
  });
});

describe("a gateway.toml that others can read", () => {
  it("is a warning when it holds keys, and none when it does not", () => {
    const withKeys = [
      '[server]\napi_key = "0123456789abcdef"\n',
      '[agent.psk]\na = "k"\n[[targets]]\nname = "a"\nhost = "h"\n',
      '[[callers]]\nname = "a"\nkey = "0123456789abcdef"\ntags = ["x"]\n',
      '[proxmox]\nnodes = []\nuser = "u"\ntoken_id = "t"\ntoken_secret = "s"\n',
    ];
    const read = (text: string, mode: number): readonly string[] =>
      loadGateway(fileOf(text, mode), plain({ env: { COMMANDO_API_KEY: KEY } })).warnings.filter((line) =>
        line.includes("everybody"),
      );
    for (const text of withKeys) {
      expect(read(text, 0o644)).toEqual([expect.stringMatching(/gateway\.toml: holds keys, and everybody/)]);
      expect(read(text, 0o640)).toEqual([]);
    }
    expect(read("[agent]\n", 0o644)).toEqual([]);
  });
});
