import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { startAws, type FakeAws } from "../fixtures/backends/aws.ts";
import { startGitHub, type FakeGitHub } from "../fixtures/backends/github.ts";
import { startSshd, type SshServer } from "../fixtures/backends/sshd.ts";
import { git, makeRepo } from "../fixtures/repo.ts";
import { tempDirectory } from "../fixtures/temp.ts";

/** The address of the project's repository, and of the one that attacks lead to. */
export const PROJECT_URL = "git@github.com:owner/repo.git";
export const OTHER_URL = "git@evil.example:owner/repo.git";

/** A secret of each kind that a host has. None may be seen by a container. */
const SECRETS = {
  environment: "env-secret-4f1c9a7d20",
  file: "file-secret-8be07713aa",
  sshKey: "key-secret-c2d95e1b64",
  privateCommit: "commit-secret-71aa03ef58",
} as const;

/** Names under which the daemon's environment holds the secret. */
const SECRET_VARIABLES = [
  "GH_TOKEN",
  "GITHUB_TOKEN",
  "GH_ENTERPRISE_TOKEN",
  "NPM_TOKEN",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "DATABASE_URL",
  "OPENAI_API_KEY",
];

export interface SceneOptions {
  /** A real ssh for every connection; otherwise the server's own program is called without a connection, which is much faster. */
  readonly realSsh?: boolean;
}

/**
 * A host with secrets, a workspace on it that a container writes, and servers that play GitHub, AWS and the hosts of git. The servers are reached by the
 * real programs.
 */
export class Scene {
  readonly root: string;
  readonly ssh: SshServer;
  readonly github: FakeGitHub;
  readonly aws: FakeAws;
  /** Paths that are not as they were at first. */
  readonly #soiled = new Set<string>();

  private constructor(root: string, ssh: SshServer, github: FakeGitHub, aws: FakeAws) {
    this.root = root;
    this.ssh = ssh;
    this.github = github;
    this.aws = aws;
  }

  static async open({ realSsh = false }: SceneOptions = {}): Promise<Scene> {
    const [ssh, github, aws] = await Promise.all([startSshd(), startGitHub(), startAws()]);
    const scene = new Scene(tempDirectory(), ssh, github, aws);
    scene.#makeHost();
    if (!realSsh) scene.#makeShortSsh();
    scene.#makeWorkspace();
    scene.#fillServers();
    return scene;
  }

  /** Files of the host that no operation may touch. */
  get host(): string {
    return join(this.root, "host");
  }

  get home(): string {
    return join(this.host, "home");
  }

  get workspace(): string {
    return join(this.root, "work/repo");
  }

  /** The second repository of the project `two`. */
  get secondWorkspace(): string {
    return join(this.root, "work/second");
  }

  /** A directory whose name begins like the workspace's. */
  get neighbour(): string {
    return join(this.root, "work/repo-evil");
  }

  get marker(): string {
    return join(this.root, "marker");
  }

  get privateRepository(): string {
    return join(this.host, "private");
  }

  get secretFile(): string {
    return join(this.host, "secret.txt");
  }

  get remote(): string {
    return this.ssh.repository("owner/repo");
  }

  /** Texts that must never be seen. */
  get secrets(): readonly string[] {
    return [...Object.values(SECRETS), this.github.token, this.aws.secret];
  }

  /** The environment of the daemon. Its PATH begins with what a careless owner may have: a directory of the workspace, nothing, and here. */
  get environment(): Readonly<Record<string, string>> {
    const tools = `${join(this.root, "bin")}:${dirname(this.#programOf(this.aws.env.PATH))}:${this.ssh.env.PATH}`;
    return {
      ...Object.fromEntries(SECRET_VARIABLES.map((name) => [name, SECRETS.environment])),
      PATH: `${join(this.workspace, "bin")}::.:${tools}`,
      HOME: this.home,
      USER: "owner",
      LANG: "C.UTF-8",
      TMPDIR: join(this.root, "tmp"),
    };
  }

  /** The environment of a person who runs a program by hand: no protection, and no entry of the workspace in PATH. */
  get plainEnvironment(): Readonly<Record<string, string>> {
    const { PATH = "", HOME = "", TMPDIR = "" } = this.environment;
    return { PATH: PATH.slice(PATH.indexOf("::.:") + 4), HOME, TMPDIR, LANG: "C.UTF-8", TERM: "dumb" };
  }

  /** The workspace and the project's repository as they were at first, and no marker. */
  renew(): void {
    rmSync(this.marker, { force: true });
    for (const [place, kept] of this.#kept) {
      if (!this.#soiled.delete(place)) continue;
      // A git that was started by hand may still be tidying up.
      rmSync(place, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
      cpSync(kept, place, { recursive: true, verbatimSymlinks: true });
    }
  }

  /** The host's files as they were at first, after something changed them. */
  restoreHost(): void {
    rmSync(this.host, { recursive: true });
    cpSync(join(this.root, "kept/host"), this.host, { recursive: true, verbatimSymlinks: true });
  }

  /** Says that something below the workspace or the project's repository was changed, so that the next `renew` has work to do. */
  soil(...places: readonly string[]): void {
    for (const place of places) this.#soiled.add(place);
  }

  get #kept(): readonly (readonly [string, string])[] {
    return [
      [this.workspace, join(this.root, "kept/workspace")],
      [this.remote, join(this.root, "kept/remote")],
    ];
  }

  #programOf(path: string): string {
    return join(path.split(":")[0] ?? "", "program");
  }

  #makeHost(): void {
    for (const directory of ["bin", "tmp", "host/home/.ssh"]) {
      mkdirSync(join(this.root, directory), { recursive: true, mode: 0o700 });
    }
    for (const home of [this.github.home, this.aws.home]) cpSync(home, this.home, { recursive: true });
    writeFileSync(join(this.home, ".ssh/id_ed25519"), `${SECRETS.sshKey}\n`, { mode: 0o600 });
    writeFileSync(join(this.home, ".gitconfig"), "[user]\n\tname = Owner\n\temail = owner@example.com\n");
    writeFileSync(this.secretFile, `${SECRETS.file}\n`);
    makeRepo(this.privateRepository);
    rmSync(join(this.privateRepository, ".git/hooks"), { recursive: true });
    writeFileSync(join(this.privateRepository, "plan.txt"), `${SECRETS.privateCommit}\n`);
    git(this.privateRepository, "add", "plan.txt");
    git(this.privateRepository, "commit", "-q", "-m", SECRETS.privateCommit);
  }

  /** An `ssh` that hands the connection to the server's own program: the same repositories, and the same notes of what arrived. */
  #makeShortSsh(): void {
    const server = dirname(this.#programOf(this.ssh.env.PATH));
    const files = dirname(server);
    const script = [
      "#!/bin/sh",
      "while [ $# -gt 0 ]; do case $1 in -o | -p | -F | -i | -l) shift 2 ;; -*) shift ;; *) break ;; esac; done",
      "host=${1#*@}; shift",
      "case $host in github.com | evil.example) ;; *) exit 255 ;; esac",
      `exec env -i PATH="$PATH" SSH_ORIGINAL_COMMAND="$*" ${server}/serve-git ${files}/repositories-$host ${files}/requests-$host`,
      "",
    ].join("\n");
    writeFileSync(join(this.root, "bin/ssh"), script, { mode: 0o755 });
  }

  #makeWorkspace(): void {
    for (const [path, url] of [
      [this.workspace, PROJECT_URL],
      [this.secondWorkspace, "git@github.com:owner/second.git"],
    ] as const) {
      makeRepo(path, url);
      rmSync(join(path, ".git/hooks"), { recursive: true });
    }
    const { workspace } = this;
    mkdirSync(join(workspace, "tools"));
    mkdirSync(join(workspace, "src"));
    writeFileSync(join(workspace, "tools/attack"), `#!/bin/sh\necho "$0 $*" >> ${this.marker}\n`);
    chmodSync(join(workspace, "tools/attack"), 0o755);
    writeFileSync(join(workspace, "src/app.txt"), "one\n");
    git(workspace, "add", ".");
    git(workspace, "commit", "-q", "-m", "second commit");
    git(workspace, "tag", "-a", "v1", "-m", "a tag");
    git(workspace, "checkout", "-q", "-b", "ai/work");
    writeFileSync(join(workspace, "src/app.txt"), "two\n");
    git(workspace, "commit", "-q", "-a", "-m", "work of the agent");
    // A branch whose objects the daemon has not seen, as long as nobody pushes it.
    writeFileSync(join(workspace, "src/app.txt"), "three\n");
    git(workspace, "commit", "-q", "-a", "-m", "fresh work");
    git(workspace, "branch", "ai/fresh");
    git(workspace, "reset", "-q", "--hard", "HEAD~1");
    writeFileSync(join(workspace, "README.md"), "changed\n");
    writeFileSync(join(workspace, "new.txt"), "new\n");
    mkdirSync(this.neighbour);
    writeFileSync(join(this.neighbour, "secret.txt"), `${SECRETS.file}\n`);
    cpSync(workspace, join(this.root, "kept/workspace"), { recursive: true });
  }

  #fillServers(): void {
    const url = this.remote;
    rmSync(join(url, "hooks"), { recursive: true });
    const taken = "refs/heads/ai/taken";
    git(this.workspace, "push", "-q", url, "main:refs/heads/main");
    const tree = git(this.workspace, "rev-parse", "main^{tree}").trim();
    const other = git(this.workspace, "commit-tree", "-p", "main~1", "-m", "somebody else's", tree).trim();
    git(this.workspace, "push", "-q", url, `${other}:${taken}`);
    rmSync(this.workspace, { recursive: true });
    cpSync(join(this.root, "kept/workspace"), this.workspace, { recursive: true });
    cpSync(url, join(this.root, "kept/remote"), { recursive: true });
    cpSync(this.host, join(this.root, "kept/host"), { recursive: true, verbatimSymlinks: true });
    for (const [name, host] of [
      ["owner/repo", "evil.example"],
      ["owner/other", "github.com"],
      ["owner/second", "github.com"],
    ] as const) {
      this.ssh.repository(name, { host });
    }
  }

  /** What arrived at another repository than the project's. */
  strayRequests(): readonly string[] {
    const here = this.ssh.received().filter((line) => !line.endsWith(" 'owner/repo.git'"));
    return [...here, ...this.ssh.received("evil.example").map((line) => `evil.example: ${line}`)];
  }

  /** Every request that reached GitHub or AWS so far. */
  get requestCount(): number {
    return this.github.requests.length + this.aws.requests.length;
  }

  /** Refs of the project's repository. */
  remoteRefs(): ReadonlyMap<string, string> {
    return this.ssh.refs("owner/repo");
  }

  readMarker(): string | undefined {
    try {
      return readFileSync(this.marker, "utf8");
    } catch {
      return undefined;
    }
  }
}
