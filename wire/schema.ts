import { type Static, type TSchema, Type } from "typebox";
import {
  ALLOWANCES,
  ANSWERS,
  ASKS,
  AUDIT_ARGV,
  AUDIT_SYNC,
  FLAG_TYPES,
  GRANT_KINDS,
  OUTCOMES,
  OUTPUT_FORMS,
  PARAM_TYPES,
  PROFILES,
  RUN_PLACES,
  RUN_STATES,
  STDIN_MODES,
  STREAMS,
  TOOL_MODES,
  STEPS,
  VERDICTS,
} from "./names.ts";

/**
 * The one place for schemas. Types are derived from them, `schema/*.json` and docs/config.md are generated from them, and
 * the validators in `wire/generated` are compiled from them. Lengths are bytes of UTF-8, times are seconds, unless said.
 *
 * For every list: *missing* and *empty* mean the same, "none", and none is never "all".
 */

const strings = (description: string) => Type.Array(Type.String(), { description });
const oneOf = <const T extends readonly string[]>(values: T, description?: string) =>
  Type.Unsafe<T[number]>({ enum: [...values], ...(description === undefined ? {} : { description }) });

/** Rules that parameters and flags share. */
const shared = () => ({
  schemes: Type.Optional(strings("url only: the schemes that are accepted. Missing or empty: https.")),
  hosts: Type.Optional(
    strings(
      "url only: the hosts that are accepted, each with :port when that is not the scheme's own. Missing or empty: any host, also one of the host's own network.",
    ),
  ),
});
const leadingDash = () =>
  Type.Optional(
    Type.Boolean({
      description:
        "Accept a value that begins with '-', which most programs take for an option. Default: false. Does nothing for enum, git_ref, git_branch, url and owner_repo.",
    }),
  );

export const ParamSchema = Type.Object(
  {
    type: Type.Optional(
      Type.Union([oneOf(PARAM_TYPES), Type.String()], {
        description:
          "What the value is: string; integer; number; enum; array (one argument per element); path and paths (relative, inside the workspace, checked against path_deny); workspace_path (a file that is copied out of or into the workspace, see direction); git_ref; git_branch; url; owner_repo.",
      }),
    ),
    optional: Type.Optional(Type.Boolean({ description: "May be left out. Default: false, it must be given." })),
    description: Type.Optional(Type.String({ description: "What the parameter is for; shown to the agent." })),
    pattern: Type.Optional(
      Type.String({
        description:
          "RE2 pattern that must be found in the value; anchor it with ^ and $ to match the whole. For array and paths: in every element.",
      }),
    ),
    minLength: Type.Optional(
      Type.Integer({ description: "Least length in bytes; 0 or less is off. For array and paths: of every element." }),
    ),
    maxLength: Type.Optional(
      Type.Integer({
        description: "Greatest length in bytes; 0 or less is off. For array and paths: of every element.",
      }),
    ),
    min: Type.Optional(Type.Number({ description: "Least integer or number." })),
    max: Type.Optional(Type.Number({ description: "Greatest integer or number." })),
    enum: Type.Optional(
      strings("The only values that are accepted; type enum needs it. For array and paths: for every element."),
    ),
    items: Type.Optional(
      Type.Object(
        { type: Type.Optional(Type.String()) },
        { description: 'What the elements of an array are; "string".' },
      ),
    ),
    direction: Type.Optional(
      Type.String({
        description:
          'workspace_path only. "output": the program writes a file, which is moved into the workspace; at most one per operation. "input": the program reads a copy of a file of the workspace; at most 8. Default: output.',
      }),
    ),
    max_bytes: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          "workspace_path only: greatest size of the file. Default: 67108864 (64 MiB) for an input, none for an output.",
      }),
    ),
    ...shared(),
    allow_leading_dash: leadingDash(),
  },
  { description: "What a parameter accepts." },
);

export const FlagObject = Type.Object(
  {
    flag: Type.String({ description: "The flag with its dashes, for example --limit." }),
    type: Type.Optional(oneOf(FLAG_TYPES, "What its value is. Default: string.")),
    pattern: Type.Optional(Type.String({ description: "RE2 pattern that must be found in the value." })),
    min: Type.Optional(Type.Number({ description: "Least integer or number." })),
    max: Type.Optional(Type.Number({ description: "Greatest integer or number." })),
    enum: Type.Optional(strings("The only values that are accepted; type enum needs it.")),
    ...shared(),
    allow_leading_dash: leadingDash(),
    repeat: Type.Optional(
      Type.Boolean({ description: "May stand several times, each time with a value that is checked. Default: false." }),
    ),
    description: Type.Optional(Type.String({ description: "What the flag is for; shown to the agent." })),
  },
  { description: "A flag whose value is checked." },
);

export const FilterSchema = Type.Object(
  {
    strip_ansi: Type.Optional(
      Type.Boolean({ description: "Leave out terminal escapes (colours, cursor movements). Default: false." }),
    ),
    collapse_progress: Type.Optional(
      Type.Boolean({
        description:
          "Of a line that was overwritten by carriage returns, as progress bars do, keep the last state only; of several equal lines in a row, keep one and say how many there were. Default: false.",
      }),
    ),
    max_lines: Type.Optional(
      Type.Object(
        {
          head: Type.Optional(Type.Integer({ minimum: 0, description: "Lines that are kept at the beginning." })),
          tail: Type.Optional(Type.Integer({ minimum: 0, description: "Lines that are kept at the end." })),
        },
        { description: "Keep some lines at the beginning and some at the end. Both missing or 0: all." },
      ),
    ),
    json_fields: Type.Optional(
      strings(
        'Needs output "json": keep these members only, as paths with dots (a.b); of an array, of each of its elements. Missing or empty: all.',
      ),
    ),
  },
  { description: "What a model need not see of standard output." },
);

export const AnnotationsSchema = Type.Object(
  {
    read_only: Type.Optional(Type.Boolean({ description: "It changes nothing anywhere. Default: false." })),
    destructive: Type.Optional(
      Type.Boolean({
        description: "It may delete or overwrite. Default: true, unless it is read_only.",
      }),
    ),
    idempotent: Type.Optional(
      Type.Boolean({
        description: "Doing it twice is the same as doing it once. Default: false, unless it is read_only.",
      }),
    ),
    open_world: Type.Optional(
      Type.Boolean({
        description: "It speaks with something outside the host, or returns what third parties wrote. Default: true.",
      }),
    ),
  },
  { description: "What a client may show to its user. Hints: they allow nothing and forbid nothing." },
);

/** What must hold of a call for a person to be asked: a flag is there, or a parameter is; with a pattern, its value besides. */
const ApprovalCondition = Type.Object(
  {
    flag: Type.Optional(Type.String({ description: "One of allowed_flags." })),
    param: Type.Optional(Type.String({ description: "One of params." })),
    pattern: Type.Optional(
      Type.String({ description: "RE2; holds when it is found in the value. Missing: any value will do." }),
    ),
    unless: Type.Optional(
      Type.String({ description: "RE2; holds when it does not match the whole of the value, or there is none." }),
    ),
  },
  { additionalProperties: false },
);

export const ApprovalSchema = Type.Union(
  [
    Type.Object(
      {
        when: Type.Optional(
          Type.Array(ApprovalCondition, {
            description: "A person is asked when one of these holds. With neither when nor after: always.",
          }),
        ),
        after: Type.Optional(
          Type.Object(
            {
              runs: Type.Integer({ minimum: 1, maximum: 1_000 }),
              per_seconds: Type.Integer({ minimum: 1, maximum: 604_800 }),
            },
            {
              additionalProperties: false,
              description: "A person is asked when the operation has run so often within that time, whoever asked.",
            },
          ),
        ),
        timeout: Type.Optional(
          Type.Integer({
            minimum: 1,
            maximum: 86_400,
            description: "Seconds until no answer is a denial. Default: daemon.json's approvals.timeout.",
          }),
        ),
        via: Type.Optional(
          strings(
            "Who is told: desktop, or names of daemon.json's approvals.webhooks. Missing: all of them. The terminal and the page always can answer.",
          ),
        ),
        answers: Type.Optional(
          Type.Array(oneOf(ALLOWANCES), {
            description: "What may be allowed, besides denying. Missing: once, call and operation.",
          }),
        ),
        says: Type.Optional(
          Type.String({
            description: "What the call would do, for the person who is asked; {name} stands for a parameter's value.",
          }),
        ),
      },
      { additionalProperties: false },
    ),
    oneOf(["ask"]),
  ],
  { description: "Whether a person is asked before it runs. Missing: nobody is." },
);

export const LimitsSchema = Type.Object(
  {
    rate: Type.Optional(
      Type.Object(
        {
          runs: Type.Integer({ minimum: 1, maximum: 10_000 }),
          per_seconds: Type.Integer({ minimum: 1, maximum: 86_400 }),
        },
        { additionalProperties: false, description: "So many runs within any such time." },
      ),
    ),
    concurrent: Type.Optional(Type.Integer({ minimum: 1, description: "Runs at the same time." })),
    per_day: Type.Optional(Type.Integer({ minimum: 1, description: "Runs a day (UTC)." })),
  },
  { additionalProperties: false, description: "How often something may run. Missing: as often as it likes." },
);

export const RedactSchema = Type.Object(
  {
    enabled: Type.Optional(
      Type.Boolean({
        description:
          "False: the output leaves as it is. What the daemon itself says is masked all the same. Default: true.",
      }),
    ),
    off: Type.Optional(strings("Rules that are switched off, by name. Missing or empty: none.")),
    patterns: Type.Optional(
      Type.Array(
        Type.Object({
          name: Type.String({ description: "Stands in the mask: small letters, digits and dashes." }),
          pattern: Type.String({ description: "RE2 pattern; what it matches in a line is masked." }),
        }),
        { description: "More that is masked. Output then leaves line by line." },
      ),
    ),
    env: Type.Optional(
      strings(
        "Variables of the daemon, or of env, whose values are secrets, whatever they are called. 4 bytes or more.",
      ),
    ),
  },
  {
    description:
      "How secrets in the output are masked. Of the project and of the operation together: lists are joined, and the operation's enabled wins.",
  },
);

export const OperationSchema = Type.Object(
  {
    command: Type.Optional(
      Type.String({ description: "The program: an absolute path, or a name found on the daemon's PATH." }),
    ),
    args_template: Type.Optional(
      strings(
        "The arguments, one element each. {name} stands for a parameter, an env entry, or {repo}, {repo_path}, {expected_git_url}; a whole element {name} may become several arguments or none.",
      ),
    ),
    params: Type.Optional(Type.Record(Type.String(), ParamSchema, { description: "Parameters by name." })),
    allowed_flags: Type.Optional(
      Type.Array(Type.Union([Type.String(), FlagObject]), {
        description:
          "Flags that the agent may add, as text or as an object with rules for the value. Missing or empty: none.",
      }),
    ),
    bool_flags: Type.Optional(strings("Those of allowed_flags that take no value.")),
    multi_value_flags: Type.Optional(strings("Those of allowed_flags that take several values: --flag a b c.")),
    description: Type.Optional(Type.String({ description: "What the operation does; shown to the agent." })),
    profile: Type.Optional(
      oneOf(PROFILES, "The environment recipe. Default: chosen by the program's name (git, gh, aws), else minimal."),
    ),
    timeout: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: "Seconds until the program is ended; at most daemon.json's max_timeout.",
      }),
    ),
    max_stdout_bytes: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          "Bytes of standard output that leave the host, whatever the client; at most daemon.json's max_output_bytes. Missing: clients that stream get all, the others daemon.json's max_stdout_bytes.",
      }),
    ),
    max_stderr_bytes: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: "The same for standard error.",
      }),
    ),
    stdin: Type.Optional(
      oneOf(
        STDIN_MODES,
        "Whether the caller may, or must, send standard input. Default: none. Programs only, not git; only clients that stream can send it.",
      ),
    ),
    max_stdin_bytes: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          "Bytes of standard input that are taken; with more the program is ended. Default and upper bound: daemon.json's max_stdin_bytes.",
      }),
    ),
    output: Type.Optional(
      oneOf(OUTPUT_FORMS, 'What standard output is. "json": typed tools give it to the agent as data. Default: text.'),
    ),
    filter: Type.Optional(FilterSchema),
    rtk: Type.Optional(
      Type.Boolean({
        description:
          "When the host has the program rtk, which shortens the output of many programs, run the command through it. Default: false.",
      }),
    ),
    redact: Type.Optional(RedactSchema),
    title: Type.Optional(Type.String({ description: "A short name for people; clients show it." })),
    annotations: Type.Optional(AnnotationsSchema),
    on_disconnect: Type.Optional(
      oneOf(["cancel", "finish"], "What happens when the client goes away while it runs. Default: cancel."),
    ),
    approval: Type.Optional(ApprovalSchema),
    limits: Type.Optional(LimitsSchema),
    run_in: Type.Optional(
      oneOf(
        RUN_PLACES,
        "Where the program runs: in the target's checkout, or in an empty directory of the daemon's own. Default: aws and gh in an empty directory, other programs in the checkout. gh never runs in the checkout, and git, which always runs in directories of the daemon's own, does not take run_in.",
      ),
    ),
  },
  { description: "One operation: a program, its argument template, and what the agent may fill in." },
);

export const ConstraintsSchema = Type.Object(
  {
    remote_hosts_allow: Type.Optional(
      strings(
        "Git hosts of the project's repositories; the first is the one of repositories that repo_hosts does not name. Missing or empty: github.com.",
      ),
    ),
    path_deny: Type.Optional(
      strings(
        "Globs of paths, relative to the repository, that no parameter or flag of a path type may name. ** crosses directories. .git/** is always denied.",
      ),
    ),
    branch_allow: Type.Optional(
      strings(
        "RE2 patterns; a push is allowed only to a branch whose whole name one of them matches. Missing or empty: operations that push are refused.",
      ),
    ),
  },
  { description: "Rules that hold for every operation of the project." },
);

export const ProjectFile = Type.Object(
  {
    $schema: Type.Optional(Type.String({ description: "For editors; ignored." })),
    repos: Type.Optional(strings("owner/name of each repository; the first is the primary one.")),
    repo_paths: Type.Optional(strings("The local checkout of each repository, in the same order.")),
    repo_hosts: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description:
          "Host of a repository that is not on the first host of remote_hosts_allow; must be one of remote_hosts_allow.",
      }),
    ),
    repo: Type.Optional(Type.String({ description: "Older form of repos with one entry." })),
    repo_path: Type.Optional(Type.String({ description: "Older form of repo_paths with one entry." })),
    allowed_operations: Type.Optional(
      strings("The operations that may run, in the order in which they are listed. Missing or empty: none."),
    ),
    constraints: Type.Optional(ConstraintsSchema),
    operations: Type.Optional(Type.Record(Type.String(), OperationSchema, { description: "Operations by name." })),
    env: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description:
          "Environment of the programs, and placeholders of the templates. Variables that choose programs, libraries or hosts need env_unsafe.",
      }),
    ),
    env_unsafe: Type.Optional(
      strings("Names in env that are accepted although they can change which program or host is used."),
    ),
    session_limits: Type.Optional(LimitsSchema),
    redact: Type.Optional(RedactSchema),
    git_config: Type.Optional(
      Type.Record(Type.String(), Type.String(), { description: "Git configuration for git commands, key to value." }),
    ),
  },
  {
    $id: "project.json",
    title: "cmd2host project configuration",
    description: "projects/ID/config.json: what an agent may run for this project.",
  },
);

const AuditSchema = Type.Object(
  {
    enabled: Type.Optional(
      Type.Boolean({
        description:
          "false: no audit is kept, only the lines of the daemon's log, and operations run even when those are lost. Default: true.",
      }),
    ),
    argv: Type.Optional(
      oneOf(
        AUDIT_ARGV,
        "The command lines of operations in the audit. full: as they are, cut at 16 KB. digest: their SHA-256. none: nothing of them. Default: full.",
      ),
    ),
    sync: Type.Optional(
      oneOf(
        AUDIT_SYNC,
        "When records are forced to the disk. each: before the operation starts. batch: they are written before it starts, and forced within a second, so a power cut can lose the last second. never: when the system does it. Default: batch.",
      ),
    ),
    file_bytes: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: "Bytes of one file; then another one is begun. Default (also for 0): 33554432.",
      }),
    ),
    max_bytes: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: "Disk space for all files, in bytes; the oldest go first. Default (also for 0): 1073741824.",
      }),
    ),
    max_files: Type.Optional(
      Type.Integer({ minimum: 0, description: "Most files; the oldest go first. Default (also for 0): 1000." }),
    ),
    key_file: Type.Optional(
      Type.String({
        description:
          "Absolute path of the Ed25519 key that signs the head, made at the first start. Default: keys/audit-ed25519 in the base directory.",
      }),
    ),
    head_file: Type.Optional(
      Type.String({
        description: "Absolute path of the signed head. Default: keys/audit-head in the base directory.",
      }),
    ),
    syslog: Type.Optional(
      Type.String({
        description:
          "Where a copy of each record goes as syslog (RFC 5424): udp://HOST:PORT, tcp://HOST:PORT, or unix:/PATH for a stream socket. Default: nowhere.",
      }),
    ),
    otlp: Type.Optional(
      Type.Object(
        {
          endpoint: Type.Optional(
            Type.String({ description: "http or https URL that takes OTLP logs as JSON, usually ending in /v1/logs." }),
          ),
          headers: Type.Optional(
            Type.Record(Type.String(), Type.String(), { description: "Headers of each request, for example a key." }),
          ),
        },
        { description: "Where a copy of each record goes as an OpenTelemetry log. Default: nowhere." },
      ),
    ),
  },
  { description: "The tamper-evident record of decisions and endings." },
);

export const DaemonFile = Type.Object(
  {
    $schema: Type.Optional(Type.String({ description: "For editors; ignored." })),
    listen_mode: Type.Optional(
      Type.String({ description: 'Where to listen: "tcp", "unix" or "both". Default: both.' }),
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

/** What a token file holds. Written by `cmd2host token mint`; the original's files have only the first three. */
export const TokenFile = Type.Object({
  project_id: Type.Optional(Type.String()),
  repo: Type.Optional(Type.String()),
  profile: Type.Optional(Type.String()),
  created_at: Type.Optional(Type.String()),
  expires_at: Type.Optional(Type.String()),
  label: Type.Optional(Type.String()),
});

// --- requests ---

const CwdContext = Type.Object({
  toplevel: Type.Optional(Type.String()),
  origin_url: Type.Optional(Type.String()),
  relative: Type.Optional(Type.String()),
});

export const OperationRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  request_id: Type.Optional(Type.String()),
  operation: Type.Optional(Type.String()),
  source: Type.Optional(Type.String()),
  raw_argv: Type.Optional(Type.Array(Type.Union([Type.String(), Type.Null()]))),
  params: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  flags: Type.Optional(Type.Array(Type.String())),
  token: Type.Optional(Type.String()),
  target_repo: Type.Optional(Type.String()),
  cwd_context: Type.Optional(CwdContext),
  // from here on ours
  stdin: Type.Optional(Type.Boolean()),
  stdin_required: Type.Optional(Type.Boolean()),
  background: Type.Optional(Type.Boolean()),
  filtered: Type.Optional(Type.Boolean()),
  timeout_seconds: Type.Optional(Type.Integer({ minimum: 1 })),
});

export const CasesFile = Type.Object(
  {
    cases: Type.Array(
      Type.Object({
        name: Type.String({ description: "What it shows, for people." }),
        request: Type.Unsafe<Static<typeof OperationRequestFile>>({
          ...OperationRequestFile,
          description:
            "What is asked for, as on the wire, without a token: operation with params and flags, or raw_argv; target_repo when the project has several repositories.",
        }),
        argv: Type.Optional(strings("It may run, with exactly these arguments, without the program's name.")),
        ask: Type.Optional(Type.Boolean({ description: "A person is asked first. With argv, about these arguments." })),
        denied: Type.Optional(Type.String({ description: "It is denied, with this code." })),
      }),
    ),
  },
  { description: "cases.json in ~/.cmd2host/projects/ID: what the project must allow, ask and deny." },
);

export const ListRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  list_operations: Type.Optional(Type.Boolean()),
  prefix: Type.Optional(Type.String()),
  token: Type.Optional(Type.String()),
});

export const DescribeRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  describe_operation: Type.Optional(Type.String()),
  token: Type.Optional(Type.String()),
});

/** Longest wait that a request may ask for, in seconds. */
const waitSeconds = () => Type.Optional(Type.Integer({ minimum: 0, maximum: 300 }));

export const RunStatusRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  run_status: Type.Optional(Type.String()),
  wait_seconds: waitSeconds(),
  token: Type.Optional(Type.String()),
});

export const ReadOutputRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  read_output: Type.Optional(Type.String()),
  stream: Type.Optional(oneOf(STREAMS)),
  offset: Type.Optional(Type.Integer()),
  max_bytes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_048_576 })),
  line: Type.Optional(Type.Integer()),
  max_lines: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
  grep: Type.Optional(Type.String({ maxLength: 1_000 })),
  context_lines: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
  wait_seconds: waitSeconds(),
  token: Type.Optional(Type.String()),
});

export const CancelRunRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  cancel_run: Type.Optional(Type.String()),
  token: Type.Optional(Type.String()),
});

export const ListRunsRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  list_runs: Type.Optional(Type.Boolean()),
  token: Type.Optional(Type.String()),
});

export const WatchRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  watch_operations: Type.Optional(Type.String()),
  wait_seconds: waitSeconds(),
  token: Type.Optional(Type.String()),
});

/** What would become of an operation. `explain_operation` is its request, without a token. */
export const ExplainOperationRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  explain_operation: OperationRequestFile,
  token: Type.Optional(Type.String()),
});

// --- requests of the owner of the host: on the daemon's own socket only ---

/** The same for any project, with what only its owner may see. */
export const ExplainRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  explain: Type.Object({ project: Type.String(), request: OperationRequestFile }),
});

/** Calls that wait for a person, at once or as soon as they are not those of `list_approvals` any more. */
export const ListApprovalsRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  /** The revision that is known; empty for none. */
  list_approvals: Type.Optional(Type.String()),
  wait_seconds: waitSeconds(),
});

export const AnswerApprovalRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  answer_approval: Type.Optional(Type.String()),
  answer: oneOf(ANSWERS),
  /** How long a grant holds; missing: until its session ends. */
  seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 604_800 })),
  /** On a denial; reaches the agent. */
  note: Type.Optional(Type.String()),
});

export const ListGrantsRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  list_grants: Type.Optional(Type.Boolean()),
});

/** By ids, or all of a project, or of a session, or all. */
export const RevokeGrantsRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  revoke_grants: Type.Optional(Type.Array(Type.String())),
  project: Type.Optional(Type.String()),
  session: Type.Optional(Type.String()),
  all: Type.Optional(Type.Boolean()),
});

/** What was counted since the daemon started. */
export const StatsRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  stats: Type.Optional(Type.Object({ project: Type.Optional(Type.String()) })),
});

/** A session with the MCP server that the daemon starts: its standard input and output are the connection's. Frames only. */
export const McpSessionRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  mcp_session: Type.Optional(
    Type.Object({
      tools: Type.Optional(oneOf(TOOL_MODES)),
      max_tokens: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 200_000 })),
      /** Longest wait for the result of an operation, in seconds. */
      timeout: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_147_483 })),
    }),
  ),
  stdin: Type.Optional(Type.Boolean()),
  token: Type.Optional(Type.String()),
});

/** For the owner of the host only: serves the page, or ends it. */
export const PageRequestFile = Type.Object({
  protocol: Type.Optional(Type.Integer()),
  page: Type.Optional(
    Type.Object({
      /** An absolute path for a Unix socket, instead of a port of this machine. */
      socket: Type.Optional(Type.String({ maxLength: 4_096 })),
      stop: Type.Optional(Type.Boolean()),
    }),
  ),
  token: Type.Optional(Type.String()),
});

// --- replies of protocol 1 ---

export const OperationReplyFile = Type.Object({
  request_id: Type.Optional(Type.String()),
  exit_code: Type.Integer(),
  stdout: Type.String(),
  stderr: Type.String(),
  denied_reason: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  stdout_truncated: Type.Optional(Type.Boolean()),
  stderr_truncated: Type.Optional(Type.Boolean()),
  stdout_original_bytes: Type.Optional(Type.Integer()),
  stderr_original_bytes: Type.Optional(Type.Integer()),
  // from here on ours; old clients ignore them
  stdout_encoding: Type.Optional(Type.String()),
  stderr_encoding: Type.Optional(Type.String()),
  signal: Type.Optional(Type.String()),
  outcome: Type.Optional(oneOf(OUTCOMES)),
  code: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String()),
  notice: Type.Optional(Type.String()),
  run_id: Type.Optional(Type.String()),
  redacted: Type.Optional(Type.Integer({ minimum: 0 })),
  stdout_filtered: Type.Optional(Type.Array(Type.String())),
});

export const FlagInfo = Type.Object({
  flag: Type.String(),
  type: Type.Optional(Type.String()),
  pattern: Type.Optional(Type.String()),
  min: Type.Optional(Type.Number()),
  max: Type.Optional(Type.Number()),
  enum: Type.Optional(Type.Array(Type.String())),
  schemes: Type.Optional(Type.Array(Type.String())),
  hosts: Type.Optional(Type.Array(Type.String())),
  allow_leading_dash: Type.Optional(Type.Boolean()),
  repeat: Type.Optional(Type.Boolean()),
  description: Type.Optional(Type.String()),
  takes: oneOf(["none", "one", "several"]),
});

export const OperationInfoFile = Type.Object({
  id: Type.String(),
  command: Type.Optional(Type.String()),
  description: Type.Optional(Type.String()),
  params: Type.Optional(Type.Record(Type.String(), ParamSchema)),
  allowed_flags: Type.Optional(Type.Array(Type.String())),
  flag_rules: Type.Optional(Type.Array(FlagInfo)),
  title: Type.Optional(Type.String()),
  stdin: Type.Optional(oneOf(STDIN_MODES)),
  output: Type.Optional(oneOf(OUTPUT_FORMS)),
  annotations: Type.Optional(AnnotationsSchema),
  timeout: Type.Optional(Type.Integer()),
  /** Whether a person is asked before it runs; missing: nobody is. */
  approval: Type.Optional(oneOf(ASKS)),
});

export const ListReplyFile = Type.Object({
  operations: Type.Optional(Type.Union([Type.Array(OperationInfoFile), Type.Null()])),
  error: Type.Optional(Type.String()),
  code: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String()),
  revision: Type.Optional(Type.String()),
});

export const DescribeReplyFile = Type.Object({
  operation: Type.Optional(Type.Union([OperationInfoFile, Type.Null()])),
  error: Type.Optional(Type.String()),
  code: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String()),
});

// --- runs: replies that only clients who ask get ---

/** A gap in what is kept of a stream: bytes from `from` up to and without `to`. */
const Gap = Type.Object({ from: Type.Integer(), to: Type.Integer() });
const KeptStream = Type.Object({
  /** Bytes and line breaks that the program wrote. */
  bytes: Type.Integer(),
  lines: Type.Integer(),
  missing: Type.Optional(Gap),
});

export const RunInfoFile = Type.Object({
  run_id: Type.String(),
  operation: Type.String(),
  project: Type.Optional(Type.String()),
  /** For the owner of the host only. */
  session: Type.Optional(Type.String()),
  state: oneOf(RUN_STATES),
  background: Type.Boolean(),
  started_at: Type.String(),
  duration_ms: Type.Integer(),
  exit_code: Type.Optional(Type.Integer()),
  signal: Type.Optional(Type.String()),
  code: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String()),
  notice: Type.Optional(Type.String()),
  redacted: Type.Optional(Type.Integer()),
  stdout: KeptStream,
  stderr: KeptStream,
  last_line: Type.Optional(Type.String()),
});

export const OutputPageFile = Type.Object({
  run_id: Type.String(),
  stream: oneOf(STREAMS),
  state: oneOf(RUN_STATES),
  /** With grep: `LINE:text` for matches, `LINE-text` for lines around them, `--` between groups. */
  text: Type.String(),
  encoding: Type.Optional(Type.String()),
  /** Of the first byte of the page, and of the first byte behind it; with grep, behind what was searched. */
  offset: Type.Integer(),
  next_offset: Type.Integer(),
  /** The same in lines, counted from 1, when the page was asked for by lines or grep. */
  line: Type.Optional(Type.Integer()),
  next_line: Type.Optional(Type.Integer()),
  matches: Type.Optional(Type.Integer()),
  /** True when something is kept behind the page, or the run goes on. */
  more: Type.Boolean(),
  total_bytes: Type.Integer(),
  total_lines: Type.Integer(),
  missing: Type.Optional(Gap),
});

const trouble = () => ({
  error: Type.Optional(Type.String()),
  code: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String()),
});

export const RunReplyFile = Type.Object({ run: Type.Optional(Type.Union([RunInfoFile, Type.Null()])), ...trouble() });
export const OutputReplyFile = Type.Object({
  page: Type.Optional(Type.Union([OutputPageFile, Type.Null()])),
  ...trouble(),
});
export const RunsReplyFile = Type.Object({
  runs: Type.Optional(Type.Union([Type.Array(RunInfoFile), Type.Null()])),
  ...trouble(),
});

/** A call that waits for a person. Texts are as the agent sent them: whoever shows them escapes them. */
export const PendingApprovalFile = Type.Object({
  /** Id of the decision in the record, and of the run. */
  id: Type.String(),
  asked_at: Type.String(),
  expires_at: Type.String(),
  project: Type.String(),
  /** SHA-256 of the approved configuration. */
  config: Type.String(),
  operation: Type.String(),
  title: Type.Optional(Type.String()),
  /** What the call would do, in the operation's own words. */
  says: Type.String(),
  /** Why a person is asked. */
  why: Type.String(),
  /** Real path of the program, then its name and arguments. */
  program: Type.String(),
  argv: Type.Array(Type.String()),
  cwd: Type.String(),
  repo: Type.String(),
  url: Type.String(),
  inputs: Type.Array(
    Type.Object({ param: Type.String(), path: Type.String(), bytes: Type.Integer(), sha256: Type.String() }),
  ),
  output: Type.Optional(Type.String()),
  stdin: Type.Optional(Type.Object({ bytes: Type.Integer(), sha256: Type.String() })),
  commit: Type.Optional(Type.String()),
  timeout_seconds: Type.Number(),
  /** Of all of this; what an answer is bound to. */
  digest: Type.String(),
  session: Type.String(),
  peer: Type.String(),
  route: Type.String(),
  answers: Type.Array(oneOf(ALLOWANCES)),
  via: Type.Optional(Type.Array(Type.String())),
  /** What was allowed of this operation last, since the daemon started. */
  last_allowed: Type.Optional(Type.Object({ argv: Type.Array(Type.String()), at: Type.String() })),
});

export const GrantFile = Type.Object({
  id: Type.String(),
  kind: oneOf(GRANT_KINDS),
  project: Type.String(),
  config: Type.String(),
  operation: Type.String(),
  session: Type.String(),
  argv: Type.Optional(Type.Array(Type.String())),
  granted_at: Type.String(),
  /** Missing: until the session ends. */
  expires_at: Type.Optional(Type.String()),
  by: Type.String(),
  uses: Type.Integer(),
});

export const ApprovalsReplyFile = Type.Object({
  approvals: Type.Optional(Type.Union([Type.Array(PendingApprovalFile), Type.Null()])),
  revision: Type.Optional(Type.String()),
  ...trouble(),
});

export const GrantsReplyFile = Type.Object({
  grants: Type.Optional(Type.Union([Type.Array(GrantFile), Type.Null()])),
  ...trouble(),
});

/** Of one kind of event: how many took at most so many seconds. */
const HistogramFile = Type.Object({
  count: Type.Integer(),
  sum: Type.Number(),
  buckets: Type.Array(Type.Object({ le: Type.Number(), count: Type.Integer() })),
});
export const StatsFile = Type.Object({
  uptime_seconds: Type.Number(),
  operations: Type.Array(
    Type.Object({ project: Type.String(), operation: Type.String(), outcome: Type.String(), count: Type.Integer() }),
  ),
  denials: Type.Array(Type.Object({ code: Type.String(), count: Type.Integer() })),
  decision_seconds: HistogramFile,
  run_seconds: HistogramFile,
  running: Type.Integer(),
  sessions: Type.Integer(),
  pending_approvals: Type.Integer(),
  redactions: Type.Integer(),
  audit_errors: Type.Integer(),
});
export const StatsReplyFile = Type.Object({ stats: Type.Optional(Type.Union([StatsFile, Type.Null()])), ...trouble() });

/** A person's word, as a webhook's receiver sends it. */
export const WebhookAnswerFile = Type.Object({
  id: Type.String(),
  /** Of what was asked: the answer is for exactly this. */
  digest: Type.String(),
  answer: oneOf(ANSWERS),
  seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 604_800 })),
  note: Type.Optional(Type.String()),
});

/** What would become of a request. What the owner of the host alone may see is missing for everybody else. */
export const ExplanationFile = Type.Object({
  /** Always true: nothing was run, written or counted. */
  dry_run: Type.Boolean(),
  verdict: oneOf(VERDICTS),
  /** Why not, as the request itself would be told. */
  code: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String()),
  project: Type.Optional(Type.String()),
  operation: Type.Optional(Type.String()),
  target: Type.Optional(Type.String()),
  /** How it went, in the order of the steps. */
  steps: Type.Array(
    Type.Object({
      step: oneOf(STEPS),
      result: oneOf(["passed", "stopped", "not_reached"]),
      /** What decided: a member of the configuration, or the code of what stopped it. */
      rule: Type.Optional(Type.String()),
      /** What was found. For the owner of the host only. */
      says: Type.Optional(Type.String()),
    }),
  ),
  /** Operations that a command line comes close to, the nearest first. */
  near: Type.Optional(Type.Array(Type.Object({ operation: Type.String(), why: Type.String(), form: Type.String() }))),
  /** What would run. */
  plan: Type.Optional(
    Type.Object({
      /** The program's name and its arguments; files are named as in the workspace. */
      argv: Type.Array(Type.String()),
      runs_in: oneOf(["workspace", "empty_directory", "own_repository"]),
      timeout_seconds: Type.Number(),
      stdin: oneOf(STDIN_MODES),
      max_stdin_bytes: Type.Optional(Type.Integer()),
      max_stdout_bytes: Type.Optional(Type.Integer()),
      max_stderr_bytes: Type.Optional(Type.Integer()),
      inputs: Type.Optional(
        Type.Array(Type.Object({ param: Type.String(), path: Type.String(), bytes: Type.Integer() })),
      ),
      output: Type.Optional(Type.String()),
      notice: Type.Optional(Type.String()),
      // for the owner of the host only
      program: Type.Optional(Type.String()),
      cwd: Type.Optional(Type.String()),
      profile: Type.Optional(Type.String()),
      /** Names; values are never shown. */
      env: Type.Optional(Type.Array(Type.String())),
      commit: Type.Optional(Type.String()),
    }),
  ),
  /** Whether a person would be asked; missing when nothing would run. */
  asks: Type.Optional(
    Type.Object({
      person: Type.Boolean(),
      why: Type.Optional(Type.String()),
      answers: Type.Optional(Type.Array(oneOf(ALLOWANCES))),
      via: Type.Optional(Type.Array(Type.String())),
    }),
  ),
});

export const ExplanationReplyFile = Type.Object({
  explanation: Type.Optional(Type.Union([ExplanationFile, Type.Null()])),
  ...trouble(),
});

/** For the owner of the host only: where the page is served. */
export const ServedPageFile = Type.Object({
  /** Logs in once. Absent when the page was ended. */
  url: Type.Optional(Type.String()),
  /** A file that leads there, for whoever must not name the address in a command line. */
  file: Type.Optional(Type.String()),
  address: Type.Optional(Type.String()),
  login_seconds: Type.Optional(Type.Integer()),
  /** Whether there was a page to end. */
  stopped: Type.Optional(Type.Boolean()),
});
export const PageReplyFile = Type.Object({
  page: Type.Optional(Type.Union([ServedPageFile, Type.Null()])),
  ...trouble(),
});

// --- frames of protocol 2 ---

export const HelloFile = Type.Object({ protocol: Type.Integer(), capabilities: Type.Array(Type.String()) });

export const AcceptedFile = Type.Object({
  run_id: Type.String(),
  operation: Type.String(),
  /** True when the program reads what the client sends. */
  stdin: Type.Boolean(),
  timeout_seconds: Type.Number(),
});

export const NoticeFile = Type.Object({ text: Type.String(), code: Type.Optional(Type.String()) });

export const OutcomeFile = Type.Object({
  request_id: Type.Optional(Type.String()),
  run_id: Type.Optional(Type.String()),
  outcome: oneOf(OUTCOMES),
  exit_code: Type.Integer(),
  signal: Type.Optional(Type.String()),
  code: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String()),
  notice: Type.Optional(Type.String()),
  /** Bytes that the program wrote; with `truncated`, more than were sent. */
  stdout_bytes: Type.Integer(),
  stderr_bytes: Type.Integer(),
  stdout_truncated: Type.Optional(Type.Boolean()),
  stderr_truncated: Type.Optional(Type.Boolean()),
  /** Places of the output, or of the message, that held a secret and were masked; absent for 0. */
  redacted: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Standard output after the operation's filters, for clients that asked, and what they left out. */
  filtered: Type.Optional(Type.Object({ stdout: Type.String(), dropped: Type.Array(Type.String()) })),
});

export type Param = Static<typeof ParamSchema>;
export type FlagRule = Static<typeof FlagObject>;
export type LimitFields = Static<typeof LimitsSchema>;
export type ApprovalFields = Static<typeof ApprovalSchema>;
export type OperationTemplate = Static<typeof OperationSchema>;
export type RedactConfig = Static<typeof RedactSchema>;
export type Constraints = Static<typeof ConstraintsSchema>;
export type ProjectConfig = Static<typeof ProjectFile>;
export type DaemonConfig = Static<typeof DaemonFile>;
export type TokenBinding = Static<typeof TokenFile>;
export type OperationRequestFields = Static<typeof OperationRequestFile>;
export type PolicyCases = Static<typeof CasesFile>;
export type ListRequestFields = Static<typeof ListRequestFile>;
export type DescribeRequestFields = Static<typeof DescribeRequestFile>;
export type OperationReply = Static<typeof OperationReplyFile>;
export type ListReply = Static<typeof ListReplyFile>;
export type DescribeReply = Static<typeof DescribeReplyFile>;
export type OperationInfo = Static<typeof OperationInfoFile>;
export type FlagInfo = Static<typeof FlagInfo>;
export type RunStatusRequestFields = Static<typeof RunStatusRequestFile>;
export type ReadOutputRequestFields = Static<typeof ReadOutputRequestFile>;
export type CancelRunRequestFields = Static<typeof CancelRunRequestFile>;
export type ListRunsRequestFields = Static<typeof ListRunsRequestFile>;
export type WatchRequestFields = Static<typeof WatchRequestFile>;
export type McpSessionRequestFields = Static<typeof McpSessionRequestFile>;
export type Explanation = Static<typeof ExplanationFile>;
export type ExplanationReply = Static<typeof ExplanationReplyFile>;
export type ExplainOperationRequestFields = Static<typeof ExplainOperationRequestFile>;
export type ExplainRequestFields = Static<typeof ExplainRequestFile>;
export type ListApprovalsRequestFields = Static<typeof ListApprovalsRequestFile>;
export type AnswerApprovalRequestFields = Static<typeof AnswerApprovalRequestFile>;
export type ListGrantsRequestFields = Static<typeof ListGrantsRequestFile>;
export type RevokeGrantsRequestFields = Static<typeof RevokeGrantsRequestFile>;
export type Stats = Static<typeof StatsFile>;
export type HistogramFields = Static<typeof HistogramFile>;
export type StatsReply = Static<typeof StatsReplyFile>;
export type StatsRequestFields = Static<typeof StatsRequestFile>;
export type WebhookAnswer = Static<typeof WebhookAnswerFile>;
export type PendingApproval = Static<typeof PendingApprovalFile>;
export type GrantFields = Static<typeof GrantFile>;
export type ApprovalsReply = Static<typeof ApprovalsReplyFile>;
export type GrantsReply = Static<typeof GrantsReplyFile>;
export type PageRequestFields = Static<typeof PageRequestFile>;
export type ServedPage = Static<typeof ServedPageFile>;
export type PageReply = Static<typeof PageReplyFile>;
export type RunInfo = Static<typeof RunInfoFile>;
export type OutputPage = Static<typeof OutputPageFile>;
export type RunReply = Static<typeof RunReplyFile>;
export type OutputReply = Static<typeof OutputReplyFile>;
export type RunsReply = Static<typeof RunsReplyFile>;
export type Hello = Static<typeof HelloFile>;
export type Accepted = Static<typeof AcceptedFile>;
export type Notice = Static<typeof NoticeFile>;
export type OutcomeFields = Static<typeof OutcomeFile>;

/** Schemas that get a compiled validator, by the name of what they describe. */
export const VALIDATED = {
  daemon_config: DaemonFile,
  project_config: ProjectFile,
  token_binding: TokenFile,
  cases_file: CasesFile,
  operation_request: OperationRequestFile,
  list_request: ListRequestFile,
  describe_request: DescribeRequestFile,
  operation_reply: OperationReplyFile,
  list_reply: ListReplyFile,
  describe_reply: DescribeReplyFile,
  run_status_request: RunStatusRequestFile,
  read_output_request: ReadOutputRequestFile,
  cancel_run_request: CancelRunRequestFile,
  list_runs_request: ListRunsRequestFile,
  watch_request: WatchRequestFile,
  mcp_session_request: McpSessionRequestFile,
  explain_operation_request: ExplainOperationRequestFile,
  explain_request: ExplainRequestFile,
  explanation_reply: ExplanationReplyFile,
  list_approvals_request: ListApprovalsRequestFile,
  answer_approval_request: AnswerApprovalRequestFile,
  list_grants_request: ListGrantsRequestFile,
  revoke_grants_request: RevokeGrantsRequestFile,
  stats_request: StatsRequestFile,
  stats_reply: StatsReplyFile,
  webhook_answer: WebhookAnswerFile,
  approvals_reply: ApprovalsReplyFile,
  grants_reply: GrantsReplyFile,
  page_request: PageRequestFile,
  page_reply: PageReplyFile,
  run_reply: RunReplyFile,
  output_reply: OutputReplyFile,
  runs_reply: RunsReplyFile,
  hello: HelloFile,
  accepted: AcceptedFile,
  notice: NoticeFile,
  outcome: OutcomeFile,
} as const satisfies Record<string, TSchema>;
export type ValidatedName = keyof typeof VALIDATED;
