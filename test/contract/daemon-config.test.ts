import { statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadDaemonSettings } from "../../host/daemon/settings.ts";
import { baseDirectory } from "../../host/util/base-directory.ts";
import type { DaemonConfig } from "../../wire/schema.ts";
import { Base, defaultBase } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { list } from "../fixtures/exchange.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { conforms } from "./conformance.ts";

function load(config: DaemonConfig | string): ReturnType<typeof loadDaemonSettings> {
  const base = new Base();
  base.writeDaemon(config);
  return loadDaemonSettings(base.directory);
}

function errorOf(config: DaemonConfig | string): string {
  try {
    load(config);
    return "";
  } catch (error) {
    return String(error);
  }
}

describe("daemon.json", () => {
  conforms(96, "is optional, has the original's defaults, and is found where the environment says", () => {
    const base = new Base();
    const { settings } = loadDaemonSettings(base.directory);
    expect(settings).toMatchObject({
      listenMode: "both",
      listenAddress: "127.0.0.1",
      listenPort: 9_876,
      socketPath: join(base.root, "cmd2host.sock"),
      socketMode: 0o660,
      maxStdoutBytes: 1_048_576,
      maxStderrBytes: 65_536,
      defaultTimeoutMs: 60_000,
      maxInFlight: 64,
    });
    const elsewhere = join(tempDirectory(), "d.json");
    writeFileSync(elsewhere, '{"listen_port": 1234}');
    const moved = baseDirectory({ HOME: "/nowhere", CMD2HOST_CONFIG_DIR: base.root, DAEMON_CONFIG: elsewhere });
    expect(loadDaemonSettings(moved).settings.listenPort).toBe(1_234);
    expect(moved.tokens).toBe(join(base.root, "tokens"));
    expect(baseDirectory({ HOME: "/home/x" }).root).toBe("/home/x/.cmd2host");
    expect(() => baseDirectory({ HOME: "" })).toThrow("HOME");
  });

  conforms(97, "listens beyond loopback only when it is told so twice", () => {
    for (const listen_address of ["127.0.0.5", "::1", "::ffff:127.0.0.1", "LocalHost"])
      expect(load({ listen_address }).warnings).toEqual([]);
    for (const listen_address of ["0.0.0.0", "::", "192.168.1.1", "fe80::1"]) {
      const text = errorOf({ listen_address });
      expect(text).toContain("must be a loopback address");
      expect(text).toContain("allow_non_loopback");
      expect(load({ listen_address, allow_non_loopback: true }).warnings).toHaveLength(1);
      expect(load({ listen_address, listen_mode: "unix" }).warnings).toEqual([]);
    }
    for (const listen_address of [
      "   ",
      "not-a-valid-host",
      "127.0.0.1.1",
      "127.1",
      "[::1]",
      "::1%lo",
      "example.com",
    ]) {
      expect(errorOf({ listen_address, allow_non_loopback: true })).toContain("invalid listen_address");
    }
  });

  conforms(98, "the socket has its mode; a stale one is replaced, a live one and anything else is not", async () => {
    const { base } = defaultBase();
    const path = join(base.root, "cmd2host.sock");
    const first = await startDaemon(base, { socket_mode: 432 });
    expect(statSync(path).mode & 0o777).toBe(0o660);
    await expect(startDaemon(base)).rejects.toThrow("another daemon serves");
    await first.stop();
    const other = new Base();
    const served = join(other.root, "cmd2host.sock");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(served, resolve));
    await expect(startDaemon(other)).rejects.toThrow("another daemon serves");
    await new Promise((resolve) => server.close(resolve));
    writeFileSync(served, "");
    await expect(startDaemon(other)).rejects.toThrow("exists but is not a socket");
  });

  conforms(99, "a listen mode is one of three words", () => {
    for (const listen_mode of ["TCP", "Unix", "none"])
      expect(errorOf({ listen_mode })).toContain("invalid listen_mode");
  });

  it("says file, line, column, pointer and what was expected", () => {
    expect(errorOf('{\n  "listen_port": "9876"\n}')).toMatch(
      /daemon\.json:2:18: at \/listen_port: expected integer, got string "9876"/,
    );
    expect(errorOf('{"a":1,}')).toMatch(/daemon\.json:1:8: /);
    expect(errorOf('{"listen_port":1} x')).toContain("something follows");
    expect(errorOf('{"listen_port":1,"listen_port":2}')).toContain("duplicate member");
    expect(errorOf("")).toContain("is empty");
    expect(load("null").settings.listenPort).toBe(9_876);
    expect(load('{"LISTEN_PORT": 5, "socket_mode": null, "other": 1}')).toMatchObject({
      settings: { listenPort: 5, socketMode: 0o660 },
      unknown: ["/other"],
    });
  });

  it("is read again on request, where that is safe", async () => {
    const { base } = defaultBase();
    const running = await startDaemon(base);
    base.writeDaemon({ listen_mode: "tcp", max_in_flight: 3, max_stdout_bytes: 7 });
    await running.reload();
    expect(running.lines.at(-1)).toMatchObject({
      event: "daemon.json reloaded",
      fields: { needs_restart: "listenMode" },
    });
    base.writeDaemon("{");
    await running.reload();
    expect(running.lines.at(-1)).toMatchObject({ level: "error", event: "daemon.json not reloaded" });
    expect((await list(running.address)).operations).toHaveLength(1);
  });
});
