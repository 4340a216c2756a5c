import { type Static, Type } from "typebox";
import { AgentSchema } from "./agent-config.ts";
import { AuditSchema } from "./audit-config.ts";
import { FleetSchema } from "./fleet-operation.ts";

/** The configuration of the daemon. */

export const DaemonFile = Type.Object(
  {
    $schema: Type.Optional(Type.String({ description: "For editors; ignored." })),
    listen_mode: Type.Optional(
      Type.String({ description: 'Where to listen: "tcp", "unix" or "both". Default: both; unix for an agent.' }),
    ),
    listen_address: Type.Optional(Type.String({ description: "IP literal or localhost for TCP. Default: 127.0.0.1." })),
    listen_port: Type.Optional(Type.Integer({ description: "TCP port. Default (also for 0): 9876." })),
    allow_non_loopback: Type.Optional(
      Type.Boolean({
        description:
          "Permit an address that other machines can reach; tokens then travel in clear text. Default: false.",
      }),
    ),
    socket_path: Type.Optional(
      Type.String({
        description:
          "Unix socket. Default: cmd2host.sock in the base directory, and run/cmd2host.sock, whose directory holds nothing else and may be mounted into containers.",
      }),
    ),
    socket_mode: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: "Mode of the socket, as a decimal number. Default (also for 0): 432, which is 0660.",
      }),
    ),
    max_stdout_bytes: Type.Optional(
      Type.Integer({
        description:
          "Bytes of standard output kept per command. Default (also for 0): 1048576. Negative: 67108864, the hard bound.",
      }),
    ),
    max_stderr_bytes: Type.Optional(
      Type.Integer({
        description:
          "Bytes of standard error kept per command. Default (also for 0): 65536. Negative: 67108864, the hard bound.",
      }),
    ),
    default_timeout: Type.Optional(
      Type.Integer({
        description: "Seconds a command may run. Default (also for 0): 60. Negative: every command times out at once.",
      }),
    ),
    max_timeout: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: "Upper bound of an operation's own timeout, in seconds. Default (also for 0): 3600.",
      }),
    ),
    max_output_bytes: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          "Upper bound of an operation's own output limits, in bytes. Default (also for 0): 16777216; at most 67108864. Clients read at most 10485760 bytes of one reply, after its text was escaped.",
      }),
    ),
    max_stdin_bytes: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          "Bytes of standard input that an operation takes, unless it says less. Default (also for 0): 16777216.",
      }),
    ),
    runs: Type.Optional(
      Type.Object(
        {
          max_bytes: Type.Optional(
            Type.Integer({
              minimum: 0,
              description:
                "Disk space for the outputs of all runs, in bytes; the oldest go first. Default (also for 0): 1073741824.",
            }),
          ),
          max_run_bytes: Type.Optional(
            Type.Integer({
              minimum: 0,
              description:
                "Bytes kept of one stream of one run from its beginning; of longer ones the end is kept as well. Default (also for 0): 67108864.",
            }),
          ),
          max_age: Type.Optional(
            Type.Integer({
              minimum: 0,
              description:
                "Seconds that a finished run is kept, at most as long as its session. Default (also for 0): 86400.",
            }),
          ),
          max_background: Type.Optional(
            Type.Integer({
              minimum: 0,
              description: "Background runs at the same time, per session. Default (also for 0): 16.",
            }),
          ),
        },
        { description: "Outputs of recent runs, which clients can read again by run id." },
      ),
    ),
    audit: Type.Optional(AuditSchema),
    git_max_bytes: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          "Most that git on the host takes over from a workspace in one operation, in bytes; the first push of a repository takes its history. Default (also for 0): 4294967296.",
      }),
    ),
    max_in_flight: Type.Optional(
      Type.Integer({
        description:
          "Requests worked on at the same time; more are closed unanswered. Default (also for 0): 64. Negative: bounded by max_connections only.",
      }),
    ),
    max_connections: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          "Open connections; when one more comes, the one that has been idle longest is closed. Default (also for 0): 256.",
      }),
    ),
    max_connections_per_peer: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: "The same per TCP address, and for the Unix socket as a whole. Default (also for 0): 128.",
      }),
    ),
    approvals: Type.Optional(
      Type.Object(
        {
          timeout: Type.Optional(
            Type.Integer({
              minimum: 0,
              maximum: 86_400,
              description:
                "Seconds that a call waits for a person, unless its operation says otherwise; no answer is a denial. Default (also for 0): 300.",
            }),
          ),
          desktop: Type.Optional(
            Type.Boolean({
              description:
                "Show a notification on the owner's desktop, with the whole command, when a call waits (osascript, notify-send). Default: true where one of them is found.",
            }),
          ),
          webhooks: Type.Optional(
            Type.Record(
              Type.String(),
              Type.Object(
                {
                  url: Type.String({ description: "https, or http to this machine." }),
                  secret_file: Type.String({
                    description:
                      "Absolute path of a file that only you can read: the key of the signatures, at least 32 bytes.",
                  }),
                },
                { description: "Who is told, and may answer, by a signed message." },
              ),
              { description: "Webhooks by name, for phones and chat bots." },
            ),
          ),
        },
        { description: "How people are asked about operations with approval." },
      ),
    ),
    kill_grace: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: "Milliseconds between TERM and KILL when a command is ended. Default (also for 0): 2000.",
      }),
    ),
    drain_timeout: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: "Seconds that running commands get to finish when the daemon stops. Default (also for 0): 30.",
      }),
    ),
    agent: Type.Optional(AgentSchema),
    fleet: Type.Optional(FleetSchema),
    workspace_path_staging: Type.Optional(
      Type.Object(
        {
          mode: Type.Optional(
            Type.String({
              description:
                'Where output files are written before they are moved into place. Default: a directory of the daemon\'s own. "workspace": .cmd2host-staging in the workspace, which a container can reach while the program runs. "explicit": root.',
            }),
          ),
          root: Type.Optional(Type.String({ description: "Absolute directory for explicit mode." })),
        },
        { description: "Staging of output files." },
      ),
    ),
  },
  {
    $id: "daemon.json",
    title: "cmd2host daemon configuration",
    description: "daemon.json in the base directory. Every member is optional.",
  },
);

export type DaemonConfig = Static<typeof DaemonFile>;
