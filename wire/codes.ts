/**
 * Every code that a person or an agent can meet. `denied`: policy said no, nothing ran. `failed`: the machinery could not.
 * `client`: said by our own clients and CLI, never by a daemon. docs/codes.md is generated from this table.
 */
export type CodeKind = "denied" | "failed" | "client";

interface CodeEntry {
  readonly kind: CodeKind;
  /** What it means, one sentence. */
  readonly means: string;
  /** What to do, one sentence. */
  readonly hint: string;
  /** Who could allow what was refused, when that is not for the caller to put right. Said behind every hint. */
  readonly allowedBy?: keyof typeof ALLOWED_BY;
}

/**
 * What stands behind the hint of a denial that a caller cannot put right: who can allow it, with which command, and that it is no riddle to be solved.
 * The one place that says so; agents, bridges and people read it with the hint.
 */
export const ALLOWED_BY = Object.freeze({
  owner: "Only the owner of the host can allow more (`cmd2host config allow ID`); do not look for a way around it.",
  gateway: "Only whoever runs the gateway can allow more (gateway.toml); do not look for a way around it.",
  nobody: "No configuration can allow it; do not look for a way around it.",
});

function entries<K extends string>(table: Record<K, CodeEntry>): Readonly<Record<K, CodeEntry>> {
  return Object.freeze(table);
}

export const CODES = entries({
  // framing and parsing
  frame_too_large: {
    kind: "denied",
    means: "The request is larger than this client may send.",
    hint: 'Send less, or announce the newer protocol by making "protocol": 2 the first member (1 MiB).',
  },
  frame_malformed: {
    kind: "denied",
    means: "A frame of the streaming protocol has an unknown type, or comes when it may not.",
    hint: "See docs/protocol.md for the frames and their order.",
  },
  protocol_unsupported: {
    kind: "denied",
    means: "The client speaks a version of the streaming protocol that this daemon does not know.",
    hint: "Use a client of the daemon's version, or the JSON protocol.",
  },
  frame_timeout: {
    kind: "denied",
    means: "No complete request arrived within 5 seconds of connecting.",
    hint: "Send the whole JSON object at once.",
  },
  json_invalid: {
    kind: "denied",
    means: "The bytes are not one JSON object in UTF-8.",
    hint: "Send exactly one JSON object.",
  },
  json_duplicate_key: {
    kind: "denied",
    means: "An object has the same member twice, or the member `__proto__`.",
    hint: "Name each member once.",
  },
  json_trailing_data: {
    kind: "denied",
    means: "Something other than white space follows the request.",
    hint: "One request per connection.",
  },
  request_unknown_type: {
    kind: "denied",
    means: "The object has none of the members that say what is asked for.",
    hint: "Include one of these members.",
  },
  request_invalid: {
    kind: "denied",
    means: "A member of the request has the wrong type or shape.",
    hint: "See docs/protocol.md for the members and their types.",
  },
  // the fleet
  target_unknown: {
    kind: "denied",
    means: "There is no target of this name, or it is none that this caller may use.",
    hint: "List the targets with `cmd2host targets`.",
  },
  target_no_address: {
    kind: "denied",
    means: "The target has no address: it is stopped, or has not dialled in.",
    hint: "Start the machine, or its agent.",
  },
  target_no_key: {
    kind: "denied",
    means: "The gateway has no key for the target.",
    hint: "Enrol the machine with `cmd2host fleet enroll`, or give a commando agent's key in [agent.psk].",
  },
  target_busy: {
    kind: "denied",
    means: "As many calls as are allowed at the same time run on the target already.",
    hint: "Wait for one of them to end, or cancel one.",
  },
  target_exists: {
    kind: "denied",
    means: "There is a target of this name already.",
    hint: "Choose another name, or remove the old target first.",
  },
  target_fixed: {
    kind: "denied",
    means: "The target was not added while the gateway ran, so it cannot be changed or removed there.",
    hint: "Change it where it comes from: gateway.toml, its enrolment, or Proxmox.",
  },
  target_invalid: {
    kind: "denied",
    means: "A target cannot have this name, address, port or tag.",
    hint: "The message says what is expected.",
  },
  too_many_targets: {
    kind: "denied",
    means: "The call names more targets than one call may.",
    hint: "Name fewer, or use a tag and several calls.",
  },
  caller_not_allowed: {
    kind: "denied",
    means: "The caller may not use this target or this operation.",
    hint: "Ask whoever runs the gateway.",
    allowedBy: "gateway",
  },
  work_dir_denied: {
    kind: "denied",
    means: "The working directory is outside of those that the machine's policy allows.",
    hint: "Use one below the directories in machine.work_dirs.",
    allowedBy: "owner",
  },
  env_denied: {
    kind: "denied",
    means: "The machine's policy does not let callers set this environment variable.",
    hint: "Leave it out.",
    allowedBy: "owner",
  },
  file_denied: {
    kind: "denied",
    means: "The path is outside of the directories whose files may be read or written.",
    hint: "Use one below the directories that the operation's transfer names in roots.",
    allowedBy: "owner",
  },
  page_unknown: {
    kind: "denied",
    means: "The page token is unknown, used, expired, or of another caller.",
    hint: "Run the command again; a page is kept for a limited time and given once.",
  },
  target_unreachable: {
    kind: "failed",
    means: "The target does not answer.",
    hint: "Look whether the machine, its agent and the network are up: `cmd2host ping NAME`.",
  },
  target_key_mismatch: {
    kind: "failed",
    means:
      "Whoever answered at the target's address does not have the key that was pinned at enrolment, or does not accept ours.",
    hint: "If the machine was installed anew, remove the target and enrol it again; otherwise somebody is in between.",
  },
  link_version: {
    kind: "failed",
    means: "The two ends of a link speak versions that do not fit.",
    hint: "Bring both to the same version: `cmd2host fleet upgrade`.",
  },
  link_refused: {
    kind: "failed",
    means: "The other end of a link does not know this machine, or does not want it any more.",
    hint: "Enrol it again.",
  },
  link_lost: {
    kind: "failed",
    means: "The link broke while the command ran, and did not come back in time; how the command ended is not known.",
    hint: "Ask for the run by its id when the target is back.",
  },
  agent_full: {
    kind: "failed",
    means: "The agent runs as many commands as it may at the same time.",
    hint: "Try again when some have ended.",
  },
  run_as_unavailable: {
    kind: "failed",
    means: "The agent cannot run programs as the user that the operation names.",
    hint: "Run the agent as root, with setpriv (util-linux) installed, and check that the user exists.",
  },
  enrolment_invalid: {
    kind: "failed",
    means: "The enrolment code is mistyped, used, expired, or for another machine.",
    hint: "Make a new one with `cmd2host agent enroll` or `cmd2host fleet invite`.",
  },
  nats_unusable: {
    kind: "failed",
    means: "NATS is not set up as this needs, or does not let this machine do it.",
    hint: "See docs/nats.md for the settings, and for the permissions that each machine needs.",
  },
  rpc_failed: {
    kind: "failed",
    means: "A commando agent or gateway answered with an error, or not by its protocol.",
    hint: "See the message; the agent's own log has more.",
  },
  transfer_invalid: {
    kind: "failed",
    means: "A stream of files is not of our form, was cut short, or does not have the checksum that it names.",
    hint: "Transfer it again; if it stays so, the other end does not run the same program.",
  },
  // runs
  run_unknown: {
    kind: "denied",
    means: "There is no such run of this session, or it is so old that it was removed.",
    hint: "List the runs; they are kept for a limited time, and belong to the session that started them.",
  },
  too_many_runs: {
    kind: "denied",
    means: "The session has as many background runs as it may have at the same time.",
    hint: "Wait for one of them to end, or cancel one.",
  },
  too_many_waiting: {
    kind: "denied",
    means: "Too many requests are waiting for something to happen.",
    hint: "Ask again without waiting.",
  },
  too_many_sessions: {
    kind: "denied",
    means: "As many MCP sessions are open as may be at the same time, in all or with this token.",
    hint: "Close one that is no longer needed.",
  },
  output_lost: {
    kind: "failed",
    means: "The output of the run could not be kept, or its file cannot be read.",
    hint: "Run the operation again; the owner of the host finds the cause in the daemon's log.",
  },
  // authentication and project
  unauthenticated: {
    kind: "denied",
    means: "The session token is unknown, malformed, revoked or expired.",
    hint: "The owner of the host mints a new one with `cmd2host token mint`; tokens live 24 hours at most.",
  },
  token_unbound: {
    kind: "denied",
    means: "The token names no project and no repository.",
    hint: "The owner of the host mints a bound one with `cmd2host token mint --project ID`.",
  },
  project_unknown: {
    kind: "denied",
    means: "There is no configuration for the project of this token.",
    hint: "The owner of the host creates it with `cmd2host config init`.",
  },
  project_mismatch: {
    kind: "denied",
    means: "The token was minted for another repository than the project's first one.",
    hint: "The owner of the host mints a new token with `cmd2host token mint --project ID`.",
  },
  config_invalid: {
    kind: "denied",
    means: "The project configuration does not load.",
    hint: "The owner of the host runs `cmd2host config check ID`.",
  },
  config_untrusted: {
    kind: "denied",
    means: "A configuration file belongs to somebody else or can be written by others.",
    hint: "The owner of the host fixes owner and mode: `chmod go-w FILE`.",
  },
  config_not_allowed: {
    kind: "denied",
    means: "The bytes of the project configuration are not the ones that the owner approved.",
    hint: "The owner of the host reads what changed and approves it with `cmd2host config allow ID`.",
  },
  // target
  target_required: {
    kind: "denied",
    means: "The project has several repositories and the request does not say which one.",
    hint: "Pass target_repo.",
  },
  target_not_allowed: {
    kind: "denied",
    means: "target_repo is not one of the project's repositories.",
    hint: "Use a repository that the project lists.",
    allowedBy: "owner",
  },
  host_invalid: {
    kind: "denied",
    means: "An entry of remote_hosts_allow is not a bare host name.",
    hint: "The owner of the host corrects it; `cmd2host config check ID` says where.",
  },
  // operation
  operation_unknown: {
    kind: "denied",
    means: "The project defines no operation of this name.",
    hint: "Call one of the operations that the list gives.",
    allowedBy: "owner",
  },
  operation_not_allowed: {
    kind: "denied",
    means: "The operation exists, but is not in allowed_operations.",
    hint: "Call one of the operations that the list gives.",
    allowedBy: "owner",
  },
  argv_empty: {
    kind: "denied",
    means: "raw_argv is empty.",
    hint: "Send the command and its arguments.",
  },
  argv_no_match: {
    kind: "denied",
    means: "No allowed operation produces this command line.",
    hint: "List the operations and use one of their forms.",
    allowedBy: "owner",
  },
  argv_ambiguous: {
    kind: "denied",
    means: "More than one allowed operation produces this command line.",
    hint: "Call the operation by name instead.",
  },
  file_url_refused: {
    kind: "denied",
    means: "A word is `file://…` or `fileb://…`, which aws and its like replace by the content of a file of the host.",
    hint: "Write the content itself, or send it as standard input to an operation that takes it.",
    allowedBy: "nobody",
  },
  interactive_command: {
    kind: "denied",
    means: "The command would ask somebody at a terminal, or open a browser; on the host nobody sits there for it.",
    hint: "Use a form that asks nothing and opens nothing.",
    allowedBy: "nobody",
  },
  template_defect: {
    kind: "denied",
    means: "A template of the project cannot be matched against a command line.",
    hint: "The owner of the host corrects the template; `cmd2host config check ID` says where.",
  },
  // values
  param_unknown: {
    kind: "denied",
    means: "The operation has no parameter of this name.",
    hint: "Describe the operation to see its parameters.",
  },
  param_invalid: {
    kind: "denied",
    means: "A parameter's value has the wrong type or breaks a rule of its schema.",
    hint: "Describe the operation to see what the parameter accepts.",
    allowedBy: "owner",
  },
  param_missing: {
    kind: "denied",
    means: "A required parameter is absent.",
    hint: "Describe the operation to see its parameters.",
  },
  flag_not_allowed: {
    kind: "denied",
    means: "The flag is not among the operation's allowed flags.",
    hint: "Describe the operation to see its flags.",
    allowedBy: "owner",
  },
  flag_invalid: {
    kind: "denied",
    means: "A flag or its value has the wrong form.",
    hint: "Write --flag=value; describe the operation to see what a flag accepts.",
    allowedBy: "owner",
  },
  stdin_not_allowed: {
    kind: "denied",
    means: "Standard input was sent to an operation that takes none.",
    hint: "Leave it out.",
    allowedBy: "owner",
  },
  stdin_required: {
    kind: "denied",
    means: "The operation needs standard input, and none was sent.",
    hint: "Send it, with a client that streams: `echo TEXT | cmd2host call OPERATION`, or the argument stdin of the MCP tool.",
  },
  path_denied: {
    kind: "denied",
    means: "A path leaves the workspace or is denied by the project.",
    hint: "Use a plain relative path inside the workspace that path_deny does not cover.",
    allowedBy: "owner",
  },
  branch_denied: {
    kind: "denied",
    means: "The destination branch of the push is not one that branch_allow matches as a whole.",
    hint: "Push to a branch whose whole name a pattern of branch_allow matches.",
    allowedBy: "owner",
  },
  branch_allow_missing: {
    kind: "denied",
    means: "The operation pushes, and the project has no branch_allow.",
    hint: "The owner of the host adds constraints.branch_allow, and approves it with `cmd2host config allow ID`.",
  },
  // workspace
  origin_mismatch: {
    kind: "denied",
    means: "The workspace's origin is not the repository that the project names.",
    hint: "Point origin at the project's repository, or ask the owner of the host to correct repo_paths.",
  },
  workspace_unreadable: {
    kind: "denied",
    means: "The workspace is not a git work tree whose configuration can be read.",
    hint: "The owner of the host finds the cause with `cmd2host doctor --project ID`.",
  },
  workspace_untrusted: {
    kind: "denied",
    means: "The workspace's git configuration could run programs or redirect git on the host.",
    hint: "Remove the named key.",
  },
  workspace_path_invalid: {
    kind: "denied",
    means: "An output path is not a plain path inside the workspace.",
    hint: "Use a relative path that stays inside the workspace.",
  },
  output_scope: {
    kind: "denied",
    means: "The operation writes one file, but a flag or literal widens it to many.",
    hint: "Drop the recursive flag.",
    allowedBy: "nobody",
  },
  staging_unavailable: {
    kind: "denied",
    means: "The staging directory for output files cannot be used.",
    hint: "The owner of the host finds the cause with `cmd2host doctor --project ID`.",
  },
  git_unsupported: {
    kind: "denied",
    means: "The git command line asks for something that git on the host does not do for a container.",
    hint: "Use push SOURCE:refs/heads/BRANCH, fetch into refs/remotes/NAME/, ls-remote, or a command on the work tree; do the rest inside the container.",
    allowedBy: "nobody",
  },
  git_ref_invalid: {
    kind: "denied",
    means: "The workspace has no such branch, or what stands at its name is not a ref.",
    hint: "Push HEAD, a branch that exists, or a full object name.",
  },
  git_layout_unsupported: {
    kind: "denied",
    means: "The workspace keeps its repository in a form that the daemon does not read.",
    hint: "The message names the form and what to do.",
  },
  git_in_progress: {
    kind: "denied",
    means:
      "The workspace is in the middle of a merge, rebase, cherry-pick or revert, which the host does not take part in.",
    hint: "Finish or abort it inside the container.",
  },
  template_incomplete: {
    kind: "denied",
    means: "The argument list cannot be built from the template and these values.",
    hint: "Describe the operation to see its parameters.",
  },
  // limits
  project_stopped: {
    kind: "denied",
    means: "The owner of the host stopped this project, or everything.",
    hint: "Wait until the owner of the host goes on with `cmd2host resume`.",
  },
  rate_limited: {
    kind: "denied",
    means:
      "The session or the operation has run, or the session has asked a person, as often as it may within some time.",
    hint: "Call again when there is room; only the owner of the host can allow more.",
  },
  too_many_at_once: {
    kind: "denied",
    means: "The session or the operation runs as often at the same time as it may.",
    hint: "Wait for a run to end, or cancel one.",
  },
  budget_spent: {
    kind: "denied",
    means: "The session or the operation has run as often as it may in a day.",
    hint: "Call again on the next day (UTC); only the owner of the host can allow more.",
  },
  // approval
  approval_denied: {
    kind: "denied",
    means: "A person was asked whether this call may run, and said no.",
    hint: "Follow the person's note; ask them before trying anything like it again.",
  },
  approval_timeout: {
    kind: "denied",
    means: "The operation needs a person's approval, and nobody answered in time.",
    hint: "Ask the owner of the host to be there (`cmd2host approvals watch`), then call again.",
  },
  approval_stale: {
    kind: "denied",
    means:
      "What would run changed while a person was asked: a file, a branch, the standard input or the configuration.",
    hint: "Leave it unchanged and call again, so that what is approved is what runs.",
  },
  approval_input_refused: {
    kind: "denied",
    means: "Standard input that a person is to allow is too large, or did not come whole.",
    hint: "Send less, at most 1 MiB, and end it.",
  },
  too_many_pending: {
    kind: "denied",
    means: "As many calls wait for a person's approval as may at the same time.",
    hint: "Wait for the answers, or cancel calls that are no longer needed.",
  },
  approval_unknown: {
    kind: "denied",
    means: "No call waits for approval under this id; it was answered, withdrawn, or nobody answered in time.",
    hint: "See `cmd2host approvals`.",
  },
  answer_not_offered: {
    kind: "denied",
    means: "The project does not offer this way of allowing the operation.",
    hint: "See `cmd2host approvals show ID` for the ways it offers.",
  },
  // execution
  command_not_found: {
    kind: "failed",
    means: "The operation's program is not on the host.",
    hint: "The owner of the host installs it or corrects `command`.",
  },
  command_untrusted: {
    kind: "failed",
    means: "The operation's program lies in a workspace or can be replaced by other users.",
    hint: "The owner of the host names a program outside every workspace that only the owner and root can write.",
  },
  git_url_contract: {
    kind: "failed",
    means: "A remote git operation does not name the project's own URL right after the subcommand.",
    hint: "The owner of the host writes the template as `SUBCOMMAND {expected_git_url} …`.",
  },
  git_objects_missing: {
    kind: "failed",
    means: "The workspace lacks objects that the commit needs, or holds damaged ones.",
    hint: "Run `git fsck` inside the container; fetch what is missing, or clone again without --filter.",
  },
  git_object_invalid: {
    kind: "failed",
    means: "The object that is to be pushed is not a commit, or not what its name says.",
    hint: "Push a branch; run `git fsck` inside the container.",
  },
  git_too_large: {
    kind: "failed",
    means: "The repository holds more than the daemon takes from a workspace.",
    hint: "Push less at a time, or ask the owner of the host to raise git_max_bytes in daemon.json.",
  },
  git_write_back_failed: {
    kind: "failed",
    means: "Git succeeded on the host, but its result could not be put into the workspace.",
    hint: "Remove what stands in the way; the message names it.",
  },
  git_failed: {
    kind: "failed",
    means: "Git failed in the daemon's own repository.",
    hint: "See the daemon's log on the host.",
  },
  input_invalid: {
    kind: "denied",
    means: "An input file is not a plain file of the workspace, changes while it is read, or is too large.",
    hint: "Name a regular file inside the workspace that is not larger than the limit.",
  },
  output_too_large: {
    kind: "failed",
    means: "The program wrote a larger output file than the operation allows.",
    hint: "Ask for less, or ask the owner of the host to raise max_bytes of the parameter.",
  },
  spawn_failed: {
    kind: "failed",
    means: "The host could not start the program.",
    hint: "See the daemon's log on the host.",
  },
  stdin_too_large: {
    kind: "failed",
    means: "More standard input came than the operation takes; the program was ended.",
    hint: "Send less; the owner of the host sets the limit with max_stdin_bytes.",
  },
  timed_out: {
    kind: "failed",
    means: "The program ran longer than its time limit and was ended.",
    hint: "Ask for less, or ask the owner of the host to raise the operation's timeout.",
  },
  cancelled: {
    kind: "failed",
    means: "The client went away or cancelled; the program was ended.",
    hint: "Call again.",
  },
  shutting_down: {
    kind: "failed",
    means: "The daemon stopped while the program was running; the program was ended.",
    hint: "Call again when the daemon is back.",
  },
  output_finalize_failed: {
    kind: "failed",
    means: "The program succeeded, but its output file could not be put in place.",
    hint: "Check the destination in the workspace.",
  },
  audit_unavailable: {
    kind: "failed",
    means: "The audit cannot be written, so nothing runs.",
    hint: "Ask the owner of the host to look at the daemon's log: the disk is full, or the audit's directory was changed. It goes on by itself when the audit can be written again.",
  },
  internal: {
    kind: "failed",
    means: "A bug in the daemon; the whole error is in its log.",
    hint: "Report it with the log line.",
  },
  // said on the host or by our clients
  audit_unreadable: {
    kind: "client",
    means: "The audit's files cannot be read.",
    hint: "Run it as the user whose daemon writes them, with the same CMD2HOST_CONFIG_DIR.",
  },
  daemon_config_invalid: {
    kind: "client",
    means: "daemon.json does not load.",
    hint: "Correct the named member; `cmd2host check` tests it without starting.",
  },
  daemon_already_running: {
    kind: "client",
    means: "Another daemon serves this base directory or this address.",
    hint: "Stop it first, or use another CMD2HOST_CONFIG_DIR.",
  },
  listen_failed: {
    kind: "client",
    means: "The daemon could not listen on its address or socket.",
    hint: "Change listen_port or socket_path in daemon.json, or stop what holds it.",
  },
  base_unusable: {
    kind: "client",
    means: "The base directory is missing, belongs to somebody else or can be written by others.",
    hint: "Set CMD2HOST_CONFIG_DIR or HOME; `chmod go-w DIR`.",
  },
  daemon_unreachable: {
    kind: "client",
    means: "No daemon answers at the address.",
    hint: "Start it on the host with `cmd2host serve`, and check the address or the mounted socket.",
  },
  daemon_too_old: {
    kind: "client",
    means: "The daemon is of a version that does not know this request.",
    hint: "The owner of the host updates cmd2host.",
  },
  reply_timeout: {
    kind: "client",
    means: "The daemon accepted the request but did not answer in time.",
    hint: "The command may be slow; raise --timeout or ask for less.",
  },
  reply_invalid: {
    kind: "client",
    means: "What came back is not a reply of a cmd2host daemon.",
    hint: "Check that the address is the daemon's.",
  },
  token_missing: {
    kind: "client",
    means: "No session token was given.",
    hint: "Mint one on the host with `cmd2host token mint` and pass --token-file or CMD2HOST_TOKEN.",
  },
  cases_invalid: {
    kind: "client",
    means: "The cases beside a project's configuration cannot be read.",
    hint: "See docs/policy-tests.md for their form.",
  },
  usage: {
    kind: "client",
    means: "The command line is not understood.",
    hint: "See --help.",
  },
  not_found: {
    kind: "client",
    means: "The named thing does not exist.",
    hint: "List what exists.",
  },
  already_exists: {
    kind: "client",
    means: "The file is there already.",
    hint: "Use --force to replace it.",
  },
  service_unavailable: {
    kind: "client",
    means: "There is no service manager here that could run the daemon for this user.",
    hint: "Start it by hand with `cmd2host serve`.",
  },
  service_failed: {
    kind: "client",
    means: "The service manager refused, or the service did not start.",
    hint: "See `cmd2host service logs`.",
  },
  checkout_unusable: {
    kind: "client",
    means: "The directory is in no git checkout, or the checkout's origin does not name a repository on a git host.",
    hint: "Run it in a checkout, or name the repository with --repo OWNER/NAME.",
  },
  devcontainer_unsupported: {
    kind: "client",
    means: "The devcontainer.json cannot be read, or is written in a way that setup does not change.",
    hint: "See docs/devcontainer.md for what to write by hand.",
  },
  feature_unavailable: {
    kind: "client",
    means: "This installation does not carry what the devcontainer feature consists of.",
    hint: "Build it whole (npm run build:shim), install a release, or name a published feature with --feature.",
  },
  setup_conflict: {
    kind: "client",
    means: "A file was changed since setup looked at it or wrote it, in the same place.",
    hint: "Run the command again, or take the change back by hand.",
  },
  not_confirmed: {
    kind: "client",
    means: "The question was not answered with yes, so nothing was changed.",
    hint: "Add --yes where nobody can be asked.",
  },
  container_failed: {
    kind: "client",
    means: "There is no container engine, or it cannot do what is asked.",
    hint: "Install podman or docker, or name one with --engine.",
  },
  page_login_refused: {
    kind: "client",
    means: "The page was opened with a login that is not known, is older than a minute, or was used before.",
    hint: "Run `cmd2host ui` for a new one.",
  },
  page_login_needed: {
    kind: "client",
    means: "The page is not logged in, or not any more.",
    hint: "Run `cmd2host ui` to open it again.",
  },
  page_unavailable: {
    kind: "client",
    means: "This installation was built without the page.",
    hint: "Install cmd2host again, or run `npm run build` in its source.",
  },
  gateway_config_invalid: {
    kind: "client",
    means: "gateway.toml cannot be used.",
    hint: "See docs/gateway.md for its members.",
  },
  gateway_missing: {
    kind: "client",
    means: "It is not said where the gateway is, or the key for it is missing.",
    hint: "Set CMD2HOST_GATEWAY (or COMMANDO_URL) and CMD2HOST_GATEWAY_KEY (or COMMANDO_API_KEY), or use --gateway and --key-file.",
  },
  gateway_unreachable: {
    kind: "client",
    means: "The gateway does not answer, or what answers is no gateway.",
    hint: "Check the address, and that `cmd2host gateway` runs there.",
  },
  ssh_failed: {
    kind: "client",
    means: "ssh does not reach the machine, or a step there failed.",
    hint: "Try ssh by hand; then correct what the machine says, and run the command again: steps that are done are not done twice.",
  },
  gateway_refused: {
    kind: "client",
    means: "The gateway does not accept the key.",
    hint: "Ask whoever runs the gateway for a key.",
  },
  agent_config_invalid: {
    kind: "client",
    means: "The agent's configuration cannot be used.",
    hint: "See docs/agent.md for its members.",
  },
  proxmox_failed: {
    kind: "client",
    means: "A Proxmox node does not answer, refuses the token, or answers something else.",
    hint: "Check address, token and certificate in [proxmox].",
  },
  file_failed: {
    kind: "client",
    means: "A file could not be read or written.",
    hint: "Check the path, the owner and the free space.",
  },
});

export type Code = keyof typeof CODES;

/** The row of a code, with all the members that a row may have. */
export function entryOf(code: Code): CodeEntry {
  return CODES[code];
}
