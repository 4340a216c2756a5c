import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { ALL_ADDRESSES } from "../service/answer.ts";
import { makePrivateDirectory, writeAtomic } from "../util/write-atomic.ts";
import { command, JSON_SWITCH } from "./command.ts";

const PORT = 9_877;
const LINK_PORT = 9_878;

/** A configuration to begin with: one administrator, and nobody else. */
function configText(directory: string, state: string, bind: string, port: number, link: number): string {
  return `# A gateway of cmd2host. docs/gateway.md says what each key means; unknown ones are warned about.
cache_dir = ${JSON.stringify(state)}

[server]
bind = ${JSON.stringify(bind)}
port = ${port}

# Where agents that dial out come (\`cmd2host fleet invite\`).
[link]
bind = "0.0.0.0"
port = ${link}

# Whoever has the key in this file may use all targets and all operations, and change the fleet.
[[callers]]
name = "admin"
key_file = ${JSON.stringify(join(directory, "admin.key"))}
targets = ["**"]
operations = ["*"]
admin = true

# An agent that may look, at what is tagged "web":
# [[callers]]
# name = "agent"
# key_file = ${JSON.stringify(join(directory, "agent.key"))}
# tags = ["web"]
# operations = ["uptime", "disk_usage", "service_status"]
# rate = { runs = 60, per_secs = 60 }
`;
}

export const gatewayInit = command({
  path: ["gateway", "init"],
  about: "Write a first configuration of a gateway, with a key for its administrator.",
  options: {
    dir: { kind: "text", about: "Directory for it (made when it is missing)", placeholder: "DIR", required: true },
    "state-dir": {
      kind: "text",
      about: "Directory for its key, its audit and what it knows (default: state in DIR)",
      placeholder: "DIR",
    },
    bind: { kind: "text", about: "Address for callers", placeholder: "ADDRESS", default: "127.0.0.1" },
    port: { kind: "text", about: "Port for callers", placeholder: "PORT", default: String(PORT) },
    "link-port": {
      kind: "text",
      about: "Port for agents that dial out",
      placeholder: "PORT",
      default: String(LINK_PORT),
    },
    json: JSON_SWITCH,
  },
  examples: [
    ["gateway init --dir=/etc/cmd2host-gateway", "Write gateway.toml and admin.key there"],
    [
      "gateway init --dir=/etc/cmd2host-gateway --state-dir=/var/lib/cmd2host-gateway",
      "For a service of the system: cmd2host gateway install",
    ],
  ],
  run: ({ dir, "state-dir": stateDir, bind, port, "link-port": linkPort }, context) => {
    const directory = resolve(context.cwd, dir);
    const state = stateDir === undefined ? join(directory, "state") : resolve(context.cwd, stateDir);
    const [config, key] = [join(directory, "gateway.toml"), join(directory, "admin.key")];
    const [http, link] = [port, linkPort].map((text) => {
      const number = Number(text);
      if (/^\d{1,5}$/.test(text) && number <= 65_535) return number;
      throw new CodedError("usage", `${printable(text)} is no port`);
    });
    makePrivateDirectory(directory);
    for (const file of [config, key])
      if (existsSync(file))
        throw new CodedError("already_exists", `${printable(file)} already exists`, {
          hint: "Choose another directory, or remove the file.",
        });
    writeAtomic(key, `${randomBytes(32).toString("base64url")}\n`);
    writeAtomic(config, configText(directory, state, bind, http ?? PORT, link ?? LINK_PORT));
    const host = ALL_ADDRESSES.get(bind) ?? bind;
    const url = `http://${host.includes(":") ? `[${host}]` : host}:${http ?? PORT}`;
    return {
      exit: 0,
      human: `Created: ${printable(config)}\nKey of the administrator: ${printable(key)}\n
Next:
  1. Start it:           cmd2host gateway --config=${printable(config)}
  2. Tell your shell:    export CMD2HOST_GATEWAY=${url} CMD2HOST_GATEWAY_KEY_FILE=${printable(key)}
  3. On each machine:    cmd2host agent init && cmd2host config allow machine && cmd2host agent enroll
  4. Take it in:         cmd2host fleet add CODE
`,
      json: { config, key_file: key, url },
    };
  },
});
