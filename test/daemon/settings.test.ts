import { chmodSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadDaemonSettings, type DaemonSettings, type LoadedSettings } from "../../host/daemon/settings.ts";
import { baseDirectory } from "../../host/util/base-directory.ts";
import { CodedError } from "../../wire/errors.ts";
import { Base } from "../fixtures/base.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const room = tempDirectory();

function newBase(): Base {
  return new Base(mkdtempSync(join(room, "b")));
}

function load(content: object | string): LoadedSettings {
  return loadDaemonSettings(
    newBase().writeDaemon(typeof content === "string" ? content : JSON.stringify(content)).directory,
  );
}

function settings(content: object | string): DaemonSettings {
  return load(content).settings;
}

/** The complaint about a file, without the name of the file. */
function complaint(content: object | string): string {
  const base = newBase().writeDaemon(typeof content === "string" ? content : JSON.stringify(content));
  try {
    loadDaemonSettings(base.directory);
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== "daemon_config_invalid") throw error;
    expect(error.message.startsWith(`Daemon config error: ${base.directory.daemonFile}:`)).toBe(true);
    return error.message.slice(`Daemon config error: ${base.directory.daemonFile}:`.length);
  }
  throw new Error("was accepted");
}

const AUDIT = ({ directory }: Base): DaemonSettings["audit"] => ({
  enabled: true,
  argv: "full",
  sync: "batch",
  maxFileBytes: 33_554_432,
  maxBytes: 1_073_741_824,
  maxFiles: 1_000,
  keyFile: join(directory.keys, "audit-ed25519"),
  headFile: join(directory.keys, "audit-head"),
  syslog: undefined,
  telemetry: undefined,
});

function defaults(base: Base): DaemonSettings {
  return {
    listenMode: "both",
    listenAddress: "127.0.0.1",
    listenPort: 9_876,
    socketPath: base.directory.socket,
    socketMode: 0o660,
    maxStdoutBytes: 1_048_576,
    maxStderrBytes: 65_536,
    maxOutputBytes: 16_777_216,
    maxStdinBytes: 16_777_216,
    runs: { maxBytes: 1_073_741_824, maxRunBytes: 67_108_864, maxAgeMs: 86_400_000, maxBackground: 16 },
    audit: AUDIT(base),
    gitMaxBytes: 4_294_967_296,
    defaultTimeoutMs: 60_000,
    maxTimeoutMs: 3_600_000,
    approvals: { timeoutMs: 300_000, desktop: true, webhooks: new Map() },
    graceMs: 2_000,
    drainMs: 30_000,
    maxInFlight: 64,
    maxConnections: 256,
    maxConnectionsPerPeer: 128,
    agent: undefined,
    fleet: undefined,
    staging: { mode: "explicit", root: base.directory.staging },
  };
}

const ZEROES = {
  listen_mode: "",
  listen_address: "",
  listen_port: 0,
  socket_path: "",
  socket_mode: 0,
  max_stdout_bytes: 0,
  max_stderr_bytes: 0,
  max_output_bytes: 0,
  audit: { file_bytes: 0, max_bytes: 0, max_files: 0, key_file: "", head_file: "", syslog: "", otlp: {} },
  git_max_bytes: 0,
  max_stdin_bytes: 0,
  runs: { max_bytes: 0, max_run_bytes: 0, max_age: 0, max_background: 0 },
  approvals: { timeout: 0 },
  default_timeout: 0,
  max_timeout: 0,
  max_in_flight: 0,
  max_connections: 0,
  max_connections_per_peer: 0,
  kill_grace: 0,
  drain_timeout: 0,
  allow_non_loopback: false,
  workspace_path_staging: {},
};

describe("daemon.json", () => {
  it("may be missing: then everything has its default", () => {
    const base = newBase();
    expect(loadDaemonSettings(base.directory)).toEqual({ settings: defaults(base), warnings: [], unknown: [] });
  });

  it.each([
    ["an empty object", {}],
    ["null", "null"],
    ["null with white space", " \n null\t"],
    ["zero and empty everywhere", ZEROES],
    ["null everywhere", Object.fromEntries(Object.keys(ZEROES).map((name) => [name, null]))],
  ])("that holds %s gives the defaults", (_, content) => {
    const base = newBase().writeDaemon(typeof content === "string" ? content : JSON.stringify(content));
    expect(loadDaemonSettings(base.directory)).toEqual({ settings: defaults(base), warnings: [], unknown: [] });
  });

  it("sets everything, with times in seconds but for the grace", () => {
    const content = {
      $schema: "https://example.com/daemon.schema.json",
      listen_mode: "tcp",
      listen_address: "127.0.0.5",
      listen_port: 1,
      allow_non_loopback: true,
      socket_path: "/run/x.sock",
      socket_mode: 0o600,
      max_stdout_bytes: 1,
      max_stderr_bytes: 2,
      default_timeout: 3,
      max_timeout: 4,
      max_output_bytes: 5,
      audit: {
        enabled: false,
        argv: "digest",
        sync: "each",
        file_bytes: 17,
        max_bytes: 18,
        max_files: 19,
        key_file: "/k",
        head_file: "/h",
        syslog: "tcp://[::1]:601",
        otlp: { endpoint: "https://collector.example/v1/logs", headers: { "x-key": "1" } },
      },
      git_max_bytes: 11,
      max_stdin_bytes: 12,
      runs: { max_bytes: 13, max_run_bytes: 14, max_age: 15, max_background: 16 },
      approvals: {
        timeout: 17,
        desktop: false,
        webhooks: { phone: { url: "https://bot.example/x", secret_file: "/k" } },
      },
      max_in_flight: 6,
      max_connections: 7,
      max_connections_per_peer: 8,
      kill_grace: 9,
      drain_timeout: 10,
      workspace_path_staging: { mode: "explicit", root: "/var/staging" },
    };
    expect(load(content)).toEqual({
      settings: {
        listenMode: "tcp",
        listenAddress: "127.0.0.5",
        listenPort: 1,
        socketPath: "/run/x.sock",
        socketMode: 0o600,
        maxStdoutBytes: 1,
        maxStderrBytes: 2,
        maxOutputBytes: 5,
        maxStdinBytes: 12,
        runs: { maxBytes: 13, maxRunBytes: 14, maxAgeMs: 15_000, maxBackground: 16 },
        audit: {
          enabled: false,
          argv: "digest",
          sync: "each",
          maxFileBytes: 17,
          maxBytes: 18,
          maxFiles: 19,
          keyFile: "/k",
          headFile: "/h",
          syslog: { transport: "tcp", place: "::1", port: 601 },
          telemetry: { endpoint: "https://collector.example/v1/logs", headers: { "x-key": "1" } },
        },
        gitMaxBytes: 11,
        approvals: {
          timeoutMs: 17_000,
          desktop: false,
          webhooks: new Map([["phone", { url: "https://bot.example/x", secretFile: "/k" }]]),
        },
        defaultTimeoutMs: 3_000,
        maxTimeoutMs: 4_000,
        graceMs: 9,
        drainMs: 10_000,
        maxInFlight: 6,
        maxConnections: 7,
        maxConnectionsPerPeer: 8,
        staging: { mode: "explicit", root: "/var/staging" },
      },
      warnings: [],
      unknown: [],
    });
  });

  it("takes no webhook that could be read on the way, or that has the name of another way to answer", () => {
    const hook = (name: string, url: string, file = "/k"): string =>
      complaint({ approvals: { webhooks: { [name]: { url, secret_file: file } } } });
    for (const url of ["http://bot.example/", "ftp://x/", "https://me:secret@bot.example/", "bot.example", ""])
      expect(hook("phone", url)).toContain("expected https");
    for (const name of ["desktop", "page", "terminal", "Phone", "x y", ""])
      expect(hook(name, "https://bot.example/")).toContain("approvals: ");
    expect(hook("phone", "https://bot.example/", "key")).toContain("absolute path");
    expect(
      load({ approvals: { webhooks: { phone: { url: "http://127.0.0.1:1/", secret_file: "/k" } } } }),
    ).toBeTruthy();
  });

  it("has names in any case, and reports those that it does not know", () => {
    const loaded = load({
      Listen_Port: 5,
      MAX_IN_FLIGHT: 6,
      workspace_path_staging: { Mode: "workspace", depth: 1 },
      tls: true,
    });
    expect(loaded.settings).toMatchObject({ listenPort: 5, maxInFlight: 6 });
    expect(loaded.unknown).toEqual(["/workspace_path_staging/depth", "/tls"]);
  });

  it("reads negative limits as the original does, but never without a bound on memory", () => {
    expect(
      settings({ max_in_flight: -1, max_stdout_bytes: -1, max_stderr_bytes: -5, default_timeout: -1 }),
    ).toMatchObject({
      maxInFlight: Number.POSITIVE_INFINITY,
      maxStdoutBytes: 67_108_864,
      maxStderrBytes: 67_108_864,
      defaultTimeoutMs: -1_000,
    });
    expect(settings({ max_stdout_bytes: 100_000_000, max_output_bytes: 100_000_000 })).toMatchObject({
      maxStdoutBytes: 67_108_864,
      maxOutputBytes: 67_108_864,
    });
  });

  it("bounds time limits by what a timer can hold, so that a very long one is not a very short one", () => {
    expect(settings({ default_timeout: 3_000_000, max_timeout: 1e300 })).toMatchObject({
      defaultTimeoutMs: 2_147_483_647,
      maxTimeoutMs: 2_147_483_647,
    });
  });

  it("takes only the permission bits of a mode", () => {
    expect(settings({ socket_mode: 0o100_666 }).socketMode).toBe(0o666);
  });

  it("lies where DAEMON_CONFIG says", () => {
    const other = newBase().writeDaemon({ listen_port: 77 });
    const directory = baseDirectory({ CMD2HOST_CONFIG_DIR: newBase().root, DAEMON_CONFIG: other.directory.daemonFile });
    expect(loadDaemonSettings(directory).settings.listenPort).toBe(77);
  });

  it("must be the owner's own", () => {
    const base = newBase().writeDaemon({});
    chmodSync(base.directory.daemonFile, 0o666);
    expect(() => loadDaemonSettings(base.directory)).toThrow(
      expect.objectContaining({ code: "config_untrusted" }) as Error,
    );
  });

  it.each([
    ["", "1:1: is empty; expected a JSON object"],
    ["[]", "1:1: expected object, got array"],
    ["{} x", "1:3: something follows the JSON object"],
    ["\ufeffnull", "1:1: byte 0xef where a value is expected"],
    ["{ // comment\n}", "1:3: '/' where a member name is expected"],
    ['{\n  "listen_port": "80"\n}', '2:18: at /listen_port: expected integer, got string "80"'],
    ['{"socket_mode":"0660"}', '1:16: at /socket_mode: expected integer, got string "0660"'],
    ['{"socket_mode":-1}', "1:16: at /socket_mode: must be >= 0, got number -1"],
    ['{"max_connections":-1}', "1:20: at /max_connections: must be >= 0, got number -1"],
    ['{"max_timeout":-1}', "1:16: at /max_timeout: must be >= 0, got number -1"],
    ['{"default_timeout":1.5}', "1:20: at /default_timeout: expected integer, got number 1.5"],
    ['{\n "listen_port": 65536\n}', "2:17: at /listen_port: expected a port from 1 to 65535, got 65536"],
    ['{"listen_port": -1}', "1:17: at /listen_port: expected a port from 1 to 65535, got -1"],
    ['{"listen_mode":"TCP"}', "1:16: at /listen_mode: invalid listen_mode: TCP (expected tcp, unix, both)"],
    [
      '{"listen_mode":"\\u202e\\n"}',
      "1:16: at /listen_mode: invalid listen_mode: \\u202e\\n (expected tcp, unix, both)",
    ],
  ])("with %j is refused with line, column and pointer", (content, message) => {
    expect(complaint(content)).toBe(message);
  });
});

describe("the address to listen on", () => {
  it.each([
    "127.0.0.1",
    "127.0.0.5",
    "127.255.255.255",
    "::1",
    "::ffff:127.0.0.1",
    "::FFFF:127.1.2.3",
    "LocalHost",
    "localhost",
    "0:0:0:0:0:0:0:1",
    "::ffff:7f00:1",
  ])("may be %s", (address) => {
    expect(load({ listen_address: address })).toMatchObject({ settings: { listenAddress: address }, warnings: [] });
  });

  it.each(["0.0.0.0", "::", "192.168.1.1", "fe80::1", "128.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1"])(
    "may be %s only with leave, which gives one warning",
    (address) => {
      expect(complaint({ listen_address: address })).toBe(
        `1:19: at /listen_address: listen_address ${address} must be a loopback address (or set allow_non_loopback to true)`,
      );
      const { warnings } = load({ listen_address: address, allow_non_loopback: true });
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toMatch(/^cmd2host: TCP listen_address .* \(allow_non_loopback=true\)/);
      expect(warnings[0]).toContain(address);
    },
  );

  it.each([
    "   ",
    "not-a-valid-host",
    "example.com",
    "127.0.0.1.1",
    "127.1",
    "[::1]",
    "::1%lo",
    "127.0.0.01",
    "1",
    "127.0.0.1 ",
    "localhost.",
  ])("may never be %j", (address) => {
    for (const leave of [false, true]) {
      expect(complaint({ listen_address: address, allow_non_loopback: leave })).toContain(
        `at /listen_address: invalid listen_address ${JSON.stringify(address)}: expected localhost`,
      );
    }
  });

  it("is not looked at where TCP is not used", () => {
    expect(load({ listen_mode: "unix", listen_address: "example.com" }).warnings).toEqual([]);
    expect(complaint({ listen_mode: "tcp", listen_address: "0.0.0.0" })).toContain("loopback");
  });
});

describe("the staging section", () => {
  it.each([{}, { mode: "" }, { mode: null, root: null }, { root: "" }])(
    "%j stages in a directory of the daemon's own",
    (section) => {
      const base = newBase().writeDaemon(JSON.stringify({ workspace_path_staging: section }));
      expect(loadDaemonSettings(base.directory).settings.staging).toEqual({
        mode: "explicit",
        root: base.directory.staging,
      });
    },
  );

  it.each([{ mode: "workspace" }, { mode: "workspace", root: "" }])("%j stages in the workspace", (section) => {
    expect(settings({ workspace_path_staging: section }).staging).toEqual({ mode: "workspace" });
  });

  it.each([
    [{ root: "/x" }, '/root: workspace_path_staging: root belongs to mode "explicit"'],
    [{ mode: "workspace", root: "/x" }, '/root: workspace_path_staging: root belongs to mode "explicit"'],
    [{ mode: "explicit" }, ": workspace_path_staging: explicit mode needs an absolute root"],
    [{ mode: "explicit", root: "relative" }, "/root: workspace_path_staging: explicit mode needs an absolute root"],
    [
      { mode: "Explicit", root: "/x" },
      '/mode: workspace_path_staging: mode "Explicit" must be "workspace" or "explicit"',
    ],
  ])("%j is refused", (section, message) => {
    expect(complaint({ workspace_path_staging: section })).toContain(message);
  });
});
