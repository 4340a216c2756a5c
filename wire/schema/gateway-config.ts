import { type Static, Type } from "typebox";
import { EXECUTION_MODES, TARGET_WAYS, TRANSPORTS } from "../names.ts";
import { AuditSchema } from "./audit-config.ts";
import { oneOf, strings } from "./common.ts";

/** The configuration of a gateway: the members of commando's gateway.toml, with their defaults, and ours. */

const MAX_U32 = 4_294_967_295;

const port = (description: string) => Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535, description }));
const count = (description: string, limits: { readonly minimum?: number; readonly maximum?: number } = {}) =>
  Type.Optional(Type.Integer({ minimum: 0, ...limits, description }));
const text = (description: string) => Type.Optional(Type.String({ description }));
const list = (description: string) => Type.Optional(strings(description));

const ServerSchema = Type.Object(
  {
    transport: Type.Optional(
      oneOf(TRANSPORTS, "How clients come: over HTTP, or over standard input and output. Default: streamable-http."),
    ),
    bind: text("Address to listen on. Default: 0.0.0.0."),
    port: port("Port to listen on. 0: any that is free. Default: 9877."),
    api_key: text(
      "Key of the caller `default`, who may use every target and every operation. The environment's COMMANDO_API_KEY, when it is not empty, stands for it.",
    ),
    execution_mode: text(
      `\`mcp\`: clients of MCP are offered tools that run commands. Everything else: they are told to use the command line. Default: ${EXECUTION_MODES[0]}.`,
    ),
    audit_log_path: text(
      "Where records in the original's form are written, besides our own audit. /dev/null: nowhere. Default: audit.log in cache_dir.",
    ),
    audit_log_max_bytes: count("Bytes after which that file is put aside. Default: 10485760."),
    tls_cert: text(
      "Absolute path of the certificate chain, PEM. With tls_key, HTTP is encrypted. Default: plain HTTP.",
    ),
    tls_key: text("Absolute path of the certificate's key, PEM."),
    allowed_hosts: list(
      "Names that clients may call this gateway by (the Host header), besides localhost and any address. Missing: the name of this machine, and public_url's. Empty: none.",
    ),
    allowed_origins: list("Origins whose pages may call this gateway (the Origin header). Missing or empty: none."),
    trust_proxy: list(
      "Addresses and networks of reverse proxies whose X-Forwarded headers are believed. Missing or empty: none.",
    ),
    public_url: text("The URL that clients use, when a proxy is in front."),
  },
  { description: "How clients reach the gateway." },
);

const AgentSchema = Type.Object(
  {
    default_port: port("Port of the targets that were discovered. Default: 9876."),
    default_timeout_secs: count("Seconds that a command may run when its call does not say. Default: 300.", {
      maximum: MAX_U32,
    }),
    connect_timeout_secs: count("Seconds until an agent must have answered a connection. Default (also for 0): 5."),
    max_concurrent_per_target: count("Commands at the same time on one target. 0: none. Default: 4."),
    psk: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description: "Key of each commando agent, by the target's name. Its bytes are the key; hex is not decoded.",
      }),
    ),
  },
  { description: "What holds for all agents, and the keys of commando's." },
);

const TargetSchema = Type.Object(
  {
    name: Type.String({ description: "Unique; 1 to 128 characters. When two have the same, the last counts." }),
    host: Type.String({ description: "Name or address of the machine." }),
    port: port("Port of its agent. Default: 9876."),
    shell: text("Only shown. Default: sh."),
    tags: list("Words that callers and commands choose targets by. Missing or empty: none."),
    way: Type.Optional(
      oneOf(
        TARGET_WAYS,
        "How it is spoken to: our link, or the Cap'n Proto of commando's agents. Default: link for a machine that is enrolled or has a fingerprint, capnp with a key in [agent.psk]. A link needs a machine that is enrolled.",
      ),
    ),
    fingerprint: text("SHA-256 of the public key that the machine must have been enrolled with. Missing: any."),
    node: text("The machine that it runs on, for choosing by node. Missing: none."),
  },
  { description: "A machine that this file names." },
);

const OverrideSchema = Type.Object(
  {
    match: Type.String({ description: "Glob over names of discovered targets; ** is all of them." }),
    tags: list("Tags that they get. Those of all overrides that match add up."),
    shell: text("Shell that is shown. Of several that match, the last counts."),
    port: port("Port of their agents. Of several that match, the last counts."),
  },
  { description: "What discovered targets get that Proxmox does not know." },
);

const NodeSchema = Type.Object(
  {
    name: Type.String({ description: "Its name in Proxmox; the first part of its targets' names." }),
    host: Type.String({ description: "Name or address of its API." }),
    port: port("Port of its API. Default: 8006."),
    fingerprint: text(
      "SHA-256 of its certificate, as `pvenode cert info` shows it. Then it needs no authority and no name.",
    ),
    ca_file: text("Absolute path of the authority that its certificate must come from, PEM. Default: the system's."),
    insecure: Type.Optional(
      Type.Boolean({
        description:
          "true: its certificate is not checked, as in the original, and whoever is in between gets the token. Default: false.",
      }),
    ),
  },
  { description: "One node whose containers are targets." },
);

const ProxmoxSchema = Type.Object(
  {
    nodes: Type.Array(NodeSchema, { maxItems: 100, description: "Nodes that are asked. Empty: none." }),
    user: Type.String({ description: "User of the token, with its realm: root@pam." }),
    token_id: Type.String({ description: "Name of the token." }),
    token_secret: Type.String({ description: "Secret of the token. It needs the privilege VM.Audit." }),
    discovery_interval_secs: count(
      "Seconds between two discoveries; without [proxmox] and with it also between pings. Default (also for 0): 60.",
    ),
    include_vms: Type.Optional(
      Type.Boolean({
        description:
          "true: virtual machines too, with the address that their guest agent says (VM.Monitor, or VM.GuestAgent.Audit). Default: containers only.",
      }),
    ),
  },
  { description: "Targets from Proxmox: its containers. Missing: none." },
);

const StreamingSchema = Type.Object(
  {
    page_timeout_secs: count("Longest that a request waits for one page. Default: 5."),
    page_max_bytes: count("Bytes of one page, both streams together. Default (also for 0): 32768."),
    session_idle_timeout_secs: count(
      "Seconds until the pages of a command that nobody asks for are gone. Default: 60.",
    ),
  },
  { description: "How output is handed out in pages." },
);

const LinkSchema = Type.Object(
  {
    bind: text("Address where agents that dial out come. Default: 0.0.0.0."),
    port: port("Port for them. 0: any that is free. Default: 9878."),
    lease_secs: count(
      "Seconds without a sign of life after which a link counts as lost. Default (also for 0): 30; at most 3600.",
      { maximum: 3_600 },
    ),
  },
  { description: "Where agents that dial out come. Missing: nowhere." },
);

const CallerSchema = Type.Object(
  {
    name: Type.String({ description: "Unique; a small letter, then at most 31 of a-z 0-9 _ -." }),
    key_file: text("Absolute path of a file that holds the key, and that others cannot write."),
    key_sha256: text("SHA-256 of the key, in hex: then the key is on this machine nowhere."),
    key: text("The key itself; a file or a hash is better."),
    targets: list("Globs over names of targets that it may use; ** is all. Missing or empty: none by name."),
    tags: list("It may also use the targets that have one of these tags. Missing or empty: none by tag."),
    operations: list(
      "Globs over operations that it may call; ** is all, shell takes command strings. Missing or empty: none.",
    ),
    admin: Type.Optional(
      Type.Boolean({
        description: "true: it may add, remove and tag targets, and so widen rights by tag. Default: false.",
      }),
    ),
    rate: Type.Optional(
      Type.Object(
        {
          runs: Type.Integer({ minimum: 1, maximum: 10_000, description: "So many runs" }),
          per_secs: Type.Integer({ minimum: 1, maximum: 86_400, description: "within any such time, in seconds." }),
        },
        { description: "How often it may run something. Missing: as often as it likes." },
      ),
    ),
    concurrent: count("Runs at the same time. Missing: no limit.", { minimum: 1 }),
    per_day: count("Runs a day (UTC). Missing: no limit.", { minimum: 1 }),
    approval: list("Globs over operations that a person must allow each time. Missing or empty: none."),
    expires: text("When the key ends: a date (its beginning, UTC), or a time with an offset. Missing: never."),
  },
  { description: "Somebody who may use the gateway." },
);

const NatsSchema = Type.Object(
  {
    servers: strings("Addresses of NATS servers: nats://HOST:PORT or tls://HOST:PORT."),
    creds: text("Absolute path of the credentials (JWT and seed). Missing: none."),
    nkey_seed: text("Absolute path of the seed of an nkey, instead of credentials. Missing: none."),
    ca_file: text(
      "Absolute path of the authorities that the servers' certificates are of. Missing: those of the system, where TLS is asked for.",
    ),
    name: text("Name of this gateway there, which its permissions are for. Default: the host name."),
    prefix: text("First tokens of all subjects. Default: cmd2host."),
    audit: Type.Optional(
      Type.Boolean({
        description:
          "true: the stream of audits in JetStream gets a copy of every record; it is made when it is missing and the key may. Default: false.",
      }),
    ),
  },
  { description: "A NATS cluster that agents and gateways meet on. Missing: none." },
);

export const GatewayFile = Type.Object(
  {
    cache_dir: text(
      "Directory for registry.json and the copy of the audit; stands before the first table. Default: /var/lib/commando.",
    ),
    server: Type.Optional(ServerSchema),
    agent: Type.Optional(AgentSchema),
    streaming: Type.Optional(StreamingSchema),
    targets: Type.Optional(Type.Array(TargetSchema, { maxItems: 10_000 })),
    overrides: Type.Optional(Type.Array(OverrideSchema, { maxItems: 1_000 })),
    proxmox: Type.Optional(ProxmoxSchema),
    link: Type.Optional(LinkSchema),
    callers: Type.Optional(Type.Array(CallerSchema, { maxItems: 1_000 })),
    nats: Type.Optional(NatsSchema),
    audit: Type.Optional(AuditSchema),
  },
  {
    $id: "gateway.toml",
    title: "cmd2host gateway configuration",
    description: "gateway.toml: the original's, with members of ours. Every member is optional.",
  },
);

export type GatewayConfig = Static<typeof GatewayFile>;
