import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { agentSettings, type AgentSettings } from "../../host/agent/settings.ts";
import type { DaemonConfig } from "../../wire/schema.ts";

type Fields = NonNullable<DaemonConfig["agent"]>;

function settings(fields: Fields | undefined): AgentSettings | undefined {
  return agentSettings(fields, (pointer, message) => {
    throw new Error(`${pointer}: ${message}`);
  });
}

function complaint(fields: Fields): string {
  try {
    settings(fields);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "taken";
}

describe("a machine's settings as an agent", () => {
  it("are none where daemon.json has no agent", () => {
    expect(settings(undefined)).toBeUndefined();
  });

  it("have defaults", () => {
    expect(settings({})).toEqual({
      name: hostname().replace(/[^A-Za-z0-9._-]/g, "-"),
      tags: [],
      listen: { host: "0.0.0.0", port: 9_876 },
      addresses: [],
      maxConcurrent: 8,
      leaseMs: 30_000,
      sharedCallers: false,
      allowRoot: false,
      nats: undefined,
      auditStream: false,
      commando: undefined,
    });
    expect(settings({ listen_port: 0, max_concurrent: 0, lease: 0 })).toEqual(settings({}));
  });

  it("are what daemon.json says", () => {
    const fields: Fields = {
      name: "web1",
      tags: ["web"],
      listen_address: "::1",
      listen_port: 9_999,
      addresses: ["web1.example:9999", "[2001:db8::1]:9999"],
      max_concurrent: 3,
      lease: 5,
      shared_callers: true,
      allow_root: true,
      commando: { psk_file: "/etc/psk" },
    };
    expect(settings(fields)).toEqual({
      name: "web1",
      tags: ["web"],
      listen: { host: "::1", port: 9_999 },
      addresses: ["web1.example:9999", "[2001:db8::1]:9999"],
      maxConcurrent: 3,
      leaseMs: 5_000,
      sharedCallers: true,
      allowRoot: true,
      nats: undefined,
      auditStream: false,
      commando: { pskFile: "/etc/psk", project: "machine" },
    });
    expect(settings({ commando: { psk_file: "/p", project: "shop" } })?.commando?.project).toBe("shop");
    expect(settings({ listen: false })?.listen).toBeUndefined();
    expect(settings({ listen_address: "localhost" })?.listen?.host).toBe("localhost");
  });

  it("may name servers of NATS", () => {
    const nats = { servers: ["tls://nats.example:4222"], nkey_seed_file: "/etc/seed", ca_file: "/etc/ca.pem" };
    expect(settings({ name: "web1", nats })?.nats).toMatchObject({
      servers: ["tls://nats.example:4222"],
      name: "web1",
      nkeySeedFile: "/etc/seed",
      tls: { caFile: "/etc/ca.pem" },
    });
  });

  it.each<readonly [Fields, string]>([
    [{ name: "" }, '/agent/name: expected letters, digits and . _ -, got ""'],
    [{ name: "node/web1" }, "/agent/name"],
    [{ name: "../web1" }, "/agent/name"],
    [{ name: "web 1" }, "/agent/name"],
    [{ name: "web1\u001b[2J" }, '/agent/name: expected letters, digits and . _ -, got "web1\\x1b[2J"'],
    [{ name: "x".repeat(129) }, "/agent/name"],
    [{ listen_address: "web1.example" }, "/agent/listen_address"],
    [{ listen_address: "" }, "/agent/listen_address"],
    [{ listen_address: "[::1]" }, "/agent/listen_address"],
    [{ listen_port: -1 }, "/agent/listen_port: expected a port from 1 to 65535, got -1"],
    [{ listen_port: 65_536 }, "/agent/listen_port"],
    [{ addresses: ["a:1", "web1"] }, '/agent/addresses/1: expected HOST:PORT, got "web1"'],
    [{ addresses: ["a:0"] }, "/agent/addresses/0"],
    [{ lease: 3_601 }, "/agent/lease: expected at most 3600 seconds, got 3601"],
    [{ commando: { psk_file: "psk" } }, "/agent/commando/psk_file: expected an absolute path"],
    [{ listen: false, commando: { psk_file: "/p" } }, "/agent/commando: gateways of commando connect by themselves"],
    [
      { nats: { servers: ["tls://n:4222"], nkey_seed_file: "seed" } },
      "/agent/nats/nkey_seed_file: expected an absolute",
    ],
    [{ nats: { servers: [] } }, "/agent/nats"],
  ])("cannot be %j", (fields, why) => {
    expect(complaint(fields)).toContain(why);
  });
});
