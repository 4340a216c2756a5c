import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DaemonConfig, OperationTemplate, ProjectConfig } from "../../wire/schema.ts";
import { Base, defaultProject, TOKEN } from "../fixtures/base.ts";
import { startDaemon, type RunningDaemon } from "../fixtures/daemon.ts";
import { git, makeRepo } from "../fixtures/repo.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";

/** Where the scenarios of the routes take place: a daemon with several projects, a workspace, and the remote that it pushes to. */

/** Sessions besides the fixture's, each with one thing that is wrong or different. */
export const SESSIONS = {
  nobody: "0".repeat(64),
  unapproved: "1".repeat(64),
  unbound: "2".repeat(64),
  projectless: "3".repeat(64),
  several: "4".repeat(64),
  elsewhere: "5".repeat(64),
  broken: "6".repeat(64),
} as const;

/** Every byte, as printf writes it. */
const EVERY_BYTE = Array.from({ length: 256 }, (_, byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
/** 1,038,894 bytes in lines: a little less than protocol 1 gives by default. */
export const MANY_LINES = 150_000;

function say(out: string, err = "", rest: Partial<OperationTemplate> & { readonly code?: number } = {}) {
  const { code = 0, ...more } = rest;
  return (programs: string): OperationTemplate => ({
    command: `${programs}/say`,
    args_template: [out, err, String(code)],
    ...more,
  });
}

const SAID: Readonly<Record<string, (programs: string) => OperationTemplate>> = {
  both: say("to stdout\\n", "to stderr\\n"),
  nothing: say(""),
  no_line_end: say("no line end", "none here either"),
  every_byte: say(EVERY_BYTE),
  every_byte_err: say("", EVERY_BYTE, { code: 3 }),
  nuls: say("a\\000b\\000\\000\\n"),
  lone_bytes: say("caf\\351 \\377\\n", "\\300"),
  half_character: say("\\343\\201"),
  cut_stdout: say("0123456789", "kept", { max_stdout_bytes: 4 }),
  cut_stderr: say("kept", "0123456789\\nabc", { max_stderr_bytes: 4 }),
  cut_both: say("0123456789", "abcdefghij", { max_stdout_bytes: 1, max_stderr_bytes: 2, code: 9 }),
  cut_inside: say("\\343\\201\\202\\343\\201\\204", "", { max_stdout_bytes: 5 }),
  cut_nowhere: say("0123", "0123", { max_stdout_bytes: 4, max_stderr_bytes: 4 }),
  coloured: say("\\033[31mred\\033[0m\\nplain\\n", "\\033[1mraw\\033[0m", { filter: { strip_ansi: true } }),
  coloured_failure: say("\\033[31mred\\033[0m\\n", "", { filter: { strip_ansi: true }, code: 2 }),
  fields: say('\\173"keep":1,"drop":"x"\\175\\n', "", { output: "json", filter: { json_fields: ["keep"] } }),
  middle: say("1\\n2\\n3\\n4\\n5\\n6\\n", "", { filter: { max_lines: { head: 1, tail: 1 } } }),
};

function programOperations(programs: string, odd: string): Readonly<Record<string, OperationTemplate>> {
  const file = { file: { type: "workspace_path" as const } };
  const code = { code: { type: "string" } };
  return {
    exit_with: { command: `${programs}/exit-with`, args_template: ["{code}", "bye"], params: code },
    die: { command: `${programs}/say-and-die`, args_template: ["{name}"], params: { name: { type: "string" } } },
    lines: { command: "seq", args_template: [String(MANY_LINES)] },
    slow: { command: `${programs}/say-and-wait`, args_template: ["30"], timeout: 1 },
    patient: { command: `${programs}/say-and-wait`, args_template: ["30"], timeout: 60 },
    held: {
      command: `${programs}/say-and-wait`,
      args_template: ["60", "{file}"],
      params: { file: { type: "string" } },
    },
    word: {
      command: `${programs}/print-args`,
      args_template: ["{word}"],
      params: { word: { type: "string", pattern: "^[a-z]+$", maxLength: 9 } },
      allowed_flags: ["--fine"],
    },
    large: { command: `${programs}/print-args`, args_template: ["{text}"], params: { text: { type: "string" } } },
    path: { command: `${programs}/print-args`, args_template: ["{path}"], params: { path: { type: "path" } } },
    wants_stdin: { command: `${programs}/read-stdin`, stdin: "required" },
    takes_stdin: { command: `${programs}/read-stdin`, stdin: "optional" },
    missing: { command: "no-such-program-of-cmd2host" },
    plain_file: { command: join(odd, "plain") },
    lost_interpreter: { command: join(odd, "lost") },
    write: {
      command: `${programs}/write-file`,
      args_template: ["{file}", "content", "{code}"],
      params: { ...file, ...code },
    },
    write_folder: { command: "mkdir", args_template: ["{file}.d"], params: file },
    write_link: { command: "ln", args_template: ["-sf", "/etc/hostname", "{file}"], params: file },
    write_much: {
      command: `${programs}/write-file`,
      args_template: ["{file}", "content"],
      params: { file: { type: "workspace_path", max_bytes: 3 } },
    },
    ...Object.fromEntries(Object.entries(SAID).map(([id, made]) => [id, made(programs)])),
  };
}

const branch = { branch: { type: "git_branch" } };
const GIT_OPERATIONS: Readonly<Record<string, OperationTemplate>> = {
  git_status: { command: "git", args_template: ["status", "--short", "--branch"] },
  git_log: { command: "git", args_template: ["log", "--format=%s"] },
  git_add: { command: "git", args_template: ["add", "{name}"], params: { name: { type: "path" } } },
  git_commit: { command: "git", args_template: ["commit", "-m", "{text}"], params: { text: { type: "string" } } },
  git_show: { command: "git", args_template: ["show", "{branch}"], params: branch },
  git_push: {
    command: "git",
    args_template: ["push", "{expected_git_url}", "{branch}:refs/heads/{branch}"],
    params: branch,
  },
};

export class RouteScene {
  readonly root = tempDirectory();
  readonly base = new Base();
  readonly repo = makeRepo(join(this.root, "repo"));
  readonly remote = join(this.root, "remote.git");
  readonly #home = join(this.root, "home");
  readonly #bin = join(this.root, "bin");

  constructor() {
    const programs = fixturePrograms();
    const odd = this.#oddFiles();
    const inside = join(this.repo, "tool");
    writeFileSync(inside, "#!/bin/sh\necho inside\n", { mode: 0o755 });
    writeFileSync(join(this.repo, ".git/info/exclude"), "tool\nout\n");
    const operations = {
      ...programOperations(programs, odd),
      ...GIT_OPERATIONS,
      inside: { command: inside },
      forbidden: { command: "/bin/true" },
    };
    const project = defaultProject(this.repo, {
      operations,
      allowed_operations: Object.keys(operations).filter((id) => id !== "forbidden"),
      constraints: { branch_allow: ["ai/.+"], path_deny: ["secret/**"] },
    });
    this.#writeProjects(project);
    this.#makeRemote();
  }

  async start(config: DaemonConfig = {}): Promise<RunningDaemon> {
    const environment = { ...process.env, PATH: `${this.#bin}:${process.env["PATH"] ?? ""}`, HOME: this.#home };
    return startDaemon(this.base, config, environment);
  }

  /** Files that cannot be started, where nobody else can change them. */
  #oddFiles(): string {
    const odd = join(this.root, "odd");
    mkdirSync(odd);
    writeFileSync(join(odd, "plain"), "just text\n", { mode: 0o644 });
    writeFileSync(join(odd, "lost"), "#!/no/such/interpreter\n", { mode: 0o755 });
    return odd;
  }

  #writeProjects(project: ProjectConfig): void {
    const { base } = this;
    base.writeProject("owner_repo", project).writeToken(TOKEN, { repo: "owner/repo" });
    base.writeProject("unapproved", project, false).writeToken(SESSIONS.unapproved, { project_id: "unapproved" });
    base.writeToken(SESSIONS.unbound, {});
    base.writeToken(SESSIONS.projectless, { project_id: "gone" });
    const second = makeRepo(join(this.root, "second"), "git@github.com:owner/second.git");
    const both = { repos: ["owner/repo", "owner/second"], repo_paths: [this.repo, second] };
    base.writeProject("several", { ...project, ...both }).writeToken(SESSIONS.several, { project_id: "several" });
    const elsewhere = makeRepo(join(this.root, "elsewhere"), "git@github.com:evil/repo.git");
    base.writeProject("elsewhere", { ...project, repo_paths: [elsewhere] });
    base.writeToken(SESSIONS.elsewhere, { project_id: "elsewhere" });
    base.writeProject("broken", "{").writeToken(SESSIONS.broken, { project_id: "broken" });
  }

  /** A bare repository that git reaches through an `ssh` which starts the server's program at once. */
  #makeRemote(): void {
    for (const directory of [this.#home, this.#bin, this.remote]) mkdirSync(directory, { mode: 0o755 });
    git(this.remote, "init", "-q", "--bare");
    writeFileSync(join(this.#home, ".gitconfig"), "[user]\n\tname = Owner\n\temail = owner@example.org\n");
    const ssh = join(this.#bin, "ssh");
    const script = `#!/bin/sh\nfor last; do :; done\nset -- $last\nexec env -i PATH="$PATH" git "\${1#git-}" '${this.remote}'\n`;
    writeFileSync(ssh, script);
    chmodSync(ssh, 0o755);
  }
}
