import { chmodSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { GatewayConfigFile, type ConfigChange, type Reload } from "../../../gateway/config/config-file.ts";
import type { CodedError } from "../../../wire/errors.ts";
import { atEnd } from "../../fixtures/temp.ts";
import { fileOf, KEY, NOW } from "./files.ts";

const START = `[server]\napi_key = "${KEY}"\nport = 1\n`;

/** A file, the gateway's hold on it, and what listeners were told. */
class Held {
  readonly path: string;
  readonly file: GatewayConfigFile;
  readonly changes: ConfigChange[] = [];
  readonly errors: CodedError[] = [];
  /** Ends the listening. */
  readonly deaf: () => void;

  constructor(text = START) {
    this.path = fileOf(text);
    this.file = new GatewayConfigFile(this.path, { env: {}, given: {}, now: () => NOW });
    this.deaf = this.file.listen({
      changed: (change) => this.changes.push(change),
      kept: (error) => this.errors.push(error),
    });
  }

  /** As an editor does it: another file in its place, left alone for some time. */
  write(text: string, path = this.path): void {
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  /** Looks until there is something to see: the file system's clock is coarse. */
  async look(): Promise<Reload> {
    return vi.waitFor(
      () => {
        const reload = this.file.look();
        if (reload.kind === "unchanged") throw new Error("nothing yet");
        return reload;
      },
      { timeout: 20_000, interval: 20 },
    );
  }
}

describe("gateway.toml of a running gateway", () => {
  it("is read again when it has changed, and listeners are told which parts did", async () => {
    const held = new Held();
    const before = held.file.callers;
    held.write(`${START}[[targets]]\nname = "a"\nhost = "h"\n`);
    expect(await held.look()).toMatchObject({ kind: "changed" });
    expect(held.changes).toMatchObject([{ parts: ["targets"], needsRestart: [], warnings: [] }]);
    expect(held.file.settings.targets).toMatchObject([{ name: "a" }]);
    expect(held.file.callers).toBe(before);
    expect(held.file.look()).toEqual({ kind: "unchanged" });
  });

  it.each([
    ["targets", '[agent.psk]\na = "k"\n'],
    ["targets", '[[overrides]]\nmatch = "a"\n'],
    ["callers", '[[callers]]\nname = "a"\nkey = "0123456789abcdef"\ntags = ["x"]\n'],
    ["limits", "[agent]\nmax_concurrent_per_target = 1\n"],
    ["limits", "[streaming]\npage_max_bytes = 1\n"],
    ["discovery", '[proxmox]\nnodes = [{ name = "n", host = "h" }]\nuser = "u"\ntoken_id = "t"\ntoken_secret = "s"\n'],
    ["server", 'execution_mode = "mcp"\n'],
    ["server", 'trust_proxy = ["::1"]\n'],
  ])("changes %s at once", (part, text) => {
    const held = new Held();
    held.write(START + text);
    expect(held.file.reload()).toMatchObject({ kind: "changed", change: { parts: [part], needsRestart: [] } });
  });

  it("names what holds only after a restart, for as long as it differs from how the gateway was started", () => {
    const held = new Held();
    const all = `cache_dir = "/x"\n${START.replace("port = 1", 'port = 2\nbind = "::1"\ntls_cert = "/c"\ntls_key = "/k"\naudit_log_path = "/l"\naudit_log_max_bytes = 1')}
[link]\n[nats]\nservers = ["nats://h"]\n[audit]\nsync = "each"\n`;
    held.write(all);
    held.file.reload();
    held.write(all.replace("port = 2", "port = 3"));
    held.file.reload();
    held.write(START);
    held.file.reload();
    expect(held.file.reload()).toEqual({ kind: "unchanged" });
    const keys = [
      "cache_dir",
      "server.bind",
      "server.port",
      "server.tls_cert",
      "server.tls_key",
      "server.audit_log_path",
    ];
    const more = ["server.audit_log_max_bytes", "link.bind", "link.port", "link.lease_secs", "nats", "audit"];
    expect(held.changes.map(({ needsRestart }) => needsRestart)).toEqual([[...keys, ...more], [...keys, ...more], []]);
  });

  it("gives new keys and takes old ones away at once, also those in files of their own", async () => {
    const path = fileOf("the-first-key-of-ada", 0o600, "key");
    const held = new Held(`[[callers]]\nname = "ada"\nkey_file = "${path}"\ntags = ["x"]\n`);
    expect(held.file.callers.authenticate("the-first-key-of-ada")?.name).toBe("ada");
    // It was not known when the file was read; the first look reads it once more.
    held.file.look();
    expect(held.changes).toEqual([]);
    held.write("the-second-key-of-ada", path);
    expect(await held.look()).toMatchObject({ kind: "changed", change: { parts: ["callers"] } });
    expect(held.file.callers.authenticate("the-first-key-of-ada")).toBeUndefined();
    expect(held.file.callers.authenticate("the-second-key-of-ada")?.name).toBe("ada");
  });

  it("keeps the old settings when the new file is bad, says why once, and takes the next good one", async () => {
    const held = new Held();
    held.write(`${START}bind = 5\n`);
    expect(await held.look()).toMatchObject({ kind: "kept", error: { code: "gateway_config_invalid" } });
    held.file.look();
    held.file.look();
    expect(held.errors.map(({ message }) => message)).toEqual([
      `${held.path}:4: server.bind: expected string, got number 5`,
    ]);
    expect(held.file.settings.server).toMatchObject({ port: 1, bind: "0.0.0.0" });
    expect(held.file.callers.authenticate(KEY)?.name).toBe("default");
    held.file.reload();
    expect(held.errors).toHaveLength(2);
    held.write(START.replace("port = 1", 'execution_mode = "mcp"'));
    expect(await held.look()).toMatchObject({ kind: "changed" });
  });

  it("keeps the old settings when the file is gone, or could have been written by others", async () => {
    const held = new Held();
    rmSync(held.path);
    expect(await held.look()).toMatchObject({ kind: "kept", error: { message: `${held.path}: does not exist` } });
    held.write(START.replace("port = 1", "port = 2"));
    chmodSync(held.path, 0o666);
    expect(held.file.reload()).toMatchObject({ kind: "kept", error: { code: "config_untrusted" } });
    expect(held.file.settings.server.port).toBe(1);
  });

  it("sees when the file of a new caller's key comes after it", async () => {
    const held = new Held();
    const key = join(dirname(held.path), "key");
    held.write(`${START}[[callers]]\nname = "ada"\nkey_file = "${key}"\ntags = ["x"]\n`);
    expect(await held.look()).toMatchObject({ kind: "kept" });
    writeFileSync(key, "the-key-of-ada-which-is-long", { mode: 0o600 });
    await vi.waitFor(
      () => {
        held.file.look();
        expect(held.changes).toHaveLength(1);
      },
      { timeout: 20_000 },
    );
    expect(held.changes).toMatchObject([{ parts: ["callers"] }]);
  });

  it("is not read while it is being written, and is in the end, whatever its time stamp says", () => {
    const held = new Held();
    held.write(START.replace("port = 1", 'execution_mode = "mcp"'));
    const future = new Date(Date.now() + 3_600_000);
    utimesSync(held.path, future, future);
    expect(held.file.look()).toEqual({ kind: "unchanged" });
    expect(held.file.look()).toMatchObject({ kind: "changed" });
  });

  it("is looked at by itself, without keeping the process alive", async () => {
    const held = new Held();
    atEnd(() => {
      held.file.stop();
    });
    held.file.watch();
    held.file.watch();
    held.write(START.replace("port = 1", 'execution_mode = "mcp"'));
    await vi.waitFor(
      () => {
        expect(held.changes).toHaveLength(1);
      },
      { timeout: 30_000 },
    );
    held.deaf();
    held.write(START);
    held.file.reload();
    expect(held.changes).toHaveLength(1);
  });

  it("says at the start what is odd, and makes errors for other rooms", () => {
    const held = new Held(`${START}odd = 1\n`);
    expect(held.file.warnings).toEqual([`${held.path}:4: server.odd: is not known; it was ignored`]);
    expect(held.file.wrong("/server/port", "is taken").message).toBe(`${held.path}:3: server.port: is taken`);
  });
});
