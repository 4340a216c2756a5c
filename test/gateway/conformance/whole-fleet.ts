import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GatewayConfigFile } from "../../../gateway/config/config-file.ts";
import { Gateway } from "../../../gateway/gateway.ts";
import type { Log } from "../../../host/util/log.ts";
import { Base } from "../../fixtures/base.ts";
import { startDaemon } from "../../fixtures/daemon.ts";
import { freePort } from "../../fixtures/fleet.ts";
import { atEnd, tempDirectory } from "../../fixtures/temp.ts";
import type { Fixture } from "./case.ts";
import type { Base as Place } from "./run-case.ts";

const PSK = "0123456789abcdef";
const silent: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Our agent, as commando's gateways find it: any command, by its protocol, with its key. */
async function startCommandoAgent(maxConcurrent: number): Promise<number> {
  const port = await freePort();
  const pskFile = join(tempDirectory(), "psk");
  writeFileSync(pskFile, `${PSK}\n`, { mode: 0o600 });
  const base = new Base().writeProject("machine", {
    machine: { work_dirs: ["/"] },
    allowed_operations: ["shell"],
    operations: { shell: { shell: "sh" } },
  });
  await startDaemon(base, {
    agent: {
      name: "a",
      listen_address: "127.0.0.1",
      listen_port: port,
      max_concurrent: maxConcurrent,
      commando: { psk_file: pskFile },
    },
  });
  return port;
}

/** What a gateway of commando has written of its Proxmox nodes. */
function cache(port: number): string {
  const entry = (name: string, host: string, status: string): object => ({
    name,
    host,
    port,
    shell: "sh",
    tags: [],
    source: "Discovered",
    status,
    reachable: "Unknown",
  });
  return JSON.stringify({ "n/app": entry("n/app", "127.0.0.1", "running"), "n/off": entry("n/off", "", "stopped") });
}

function toml(directory: string, fixture: Fixture, port: number, closed: number): string {
  // The file has whole seconds.
  const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1_000));
  return `cache_dir = ${JSON.stringify(directory)}
[server]
bind = "127.0.0.1"
port = 0
api_key = "k"
execution_mode = "${fixture.mode}"
[agent]
default_port = ${port}
max_concurrent_per_target = ${fixture.perTarget}
[agent.psk]
a = "${PSK}"
bad = "another key"
down = "${PSK}"
"n/app" = "${PSK}"
"n/off" = "${PSK}"
[[targets]]
name = "a"
host = "127.0.0.1"
port = ${port}
tags = ["Web", "prod"]
[[targets]]
name = "bad"
host = "127.0.0.1"
port = ${port}
[[targets]]
name = "down"
host = "127.0.0.1"
port = ${closed}
[[targets]]
name = "nopsk"
host = "127.0.0.1"
port = ${port}
[streaming]
page_timeout_secs = ${seconds(fixture.pageTimeoutMs)}
page_max_bytes = ${fixture.pageMaxBytes}
session_idle_timeout_secs = ${seconds(fixture.idleMs)}
[proxmox]
nodes = [{ name = "n", host = "127.0.0.1", port = ${closed}, insecure = true }]
user = "u@pam"
token_id = "t"
token_secret = "s"
[[callers]]
name = "second"
key = "k2"
targets = ["**"]
operations = ["shell"]
`;
}

/** A gateway with the gateway.toml of commando, and our agent behind it that speaks commando's protocol: nothing of it is made for tests. */
export async function wholeFleet(fixture: Fixture): Promise<Place> {
  const [port, closed] = [await startCommandoAgent(fixture.ofAgent), await freePort()];
  const directory = join(tempDirectory(), "state");
  mkdirSync(directory, { mode: 0o700 });
  writeFileSync(join(directory, "registry.json"), cache(port), { mode: 0o600 });
  const path = join(directory, "gateway.toml");
  writeFileSync(path, toml(directory, fixture, port, closed), { mode: 0o600 });
  const file = new GatewayConfigFile(path, { env: {}, given: {}, now: Date.now });
  const gateway = await Gateway.start(file, silent);
  atEnd(async () => gateway.stop());
  return { url: `http://127.0.0.1:${gateway.port ?? 0}`, key: "k" };
}
