import { Type } from "typebox";
import { strings } from "./common.ts";

/** Of daemon.json: how this machine is an agent of a fleet. */
export const AgentSchema = Type.Object(
  {
    name: Type.Optional(
      Type.String({ description: "What the machine calls itself to gateways. Default: its host name." }),
    ),
    tags: Type.Optional(strings("Tags that a gateway is told when the machine is enrolled. Missing or empty: none.")),
    listen: Type.Optional(
      Type.Boolean({ description: "Let gateways connect. Default: true. Otherwise the machine only dials out." }),
    ),
    listen_address: Type.Optional(
      Type.String({ description: "IP literal or localhost where gateways connect. Default: 0.0.0.0." }),
    ),
    listen_port: Type.Optional(Type.Integer({ description: "TCP port. Default (also for 0): 9876." })),
    addresses: Type.Optional(
      strings(
        "HOST:PORT by which gateways reach this machine, for enrolment codes. Missing or empty: its own addresses.",
      ),
    ),
    max_concurrent: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: "Requests of gateways that are worked on at the same time. Default (also for 0): 8.",
      }),
    ),
    lease: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          "Seconds, at most 3600, that a session outlives its connection: commands go on meanwhile. Default (also for 0): 30.",
      }),
    ),
    shared_callers: Type.Optional(
      Type.Boolean({
        description:
          "true: a caller is the same one at every gateway that uses the same project, so runs that it began through one are seen through the others. Default: false.",
      }),
    ),
    allow_root: Type.Optional(
      Type.Boolean({
        description:
          "Let `cmd2host agent` run as root, which operations that run as several users need. Default: false.",
      }),
    ),
    nats: Type.Optional(
      Type.Object(
        {
          servers: strings("nats://HOST:PORT or tls://HOST:PORT of one server or several of a cluster."),
          nkey_seed_file: Type.Optional(
            Type.String({ description: "Absolute path of the seed of the machine's nkey. Default: none." }),
          ),
          creds_file: Type.Optional(
            Type.String({
              description: "Absolute path of credentials (JWT and seed), instead of a seed. Default: none.",
            }),
          ),
          ca_file: Type.Optional(
            Type.String({
              description: "Absolute path of the authorities of the servers' certificates. Default: the system's.",
            }),
          ),
          prefix: Type.Optional(Type.String({ description: "First tokens of all subjects. Default: cmd2host." })),
          audit: Type.Optional(
            Type.Boolean({
              description:
                "true: the stream of audits in JetStream gets a copy of every record; it is made when it is missing and the key may. Default: false.",
            }),
          ),
        },
        { description: "Let gateways come over NATS: the machine dials out to the cluster, under its name." },
      ),
    ),
    commando: Type.Optional(
      Type.Object(
        {
          psk_file: Type.String({ description: "Absolute path of the file with the key." }),
          project: Type.Optional(
            Type.String({ description: "The project whose operation `shell` runs the commands. Default: machine." }),
          ),
        },
        {
          description:
            "Serve gateways of commando too, on the same port, by its protocol: in clear text, with a shared key.",
        },
      ),
    ),
  },
  { description: "Makes this machine an agent of a fleet. Missing: it is none." },
);
