import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CodedError } from "../../../wire/errors.ts";
import { printable } from "../../../wire/text.ts";
import { inspectWorkspace, WorkspaceInspector, type WorkspaceFacts } from "../../../host/git/inspection/inspect.ts";
import { describeFinding } from "../../../host/git/inspection/finding.ts";
import { attempt, demand, isSampled, type Target } from "../engine/target.ts";
import { linesOf, Tree } from "./tree.ts";

const SECRET = "planted-secret-value";

/** A repository outside of the workspace; whether one of its files was read shows in the file's times. */
class Plant {
  readonly #files: readonly string[];
  /** Some systems keep no times of reading. */
  readonly #tells: boolean;

  constructor(directory: string) {
    const git = join(directory, "outside", ".git");
    for (const name of ["objects/info", "refs/heads", "modules/m"]) mkdirSync(join(git, name), { recursive: true });
    const texts = new Map([
      ["HEAD", `ref: refs/heads/${SECRET}\n`],
      ["config", `[remote "origin"]\n\turl = ${SECRET}\n[core]\n\tsshCommand = ${SECRET}\n`],
      ["config.worktree", `[core]\n\tpager = ${SECRET}\n`],
      ["commondir", `${SECRET}\n`],
      ["packed-refs", `# ${SECRET}\n`],
      ["objects/info/alternates", `/${SECRET}\n`],
    ]);
    this.#files = [...texts.keys()].map((name) => join(git, name));
    for (const [name, text] of texts) writeFileSync(join(git, name), text);
    this.#tells = this.#isRead(() => {
      for (const file of this.#files) readFileSync(file);
    });
  }

  /** Whether `work` reads a planted file; false where that cannot be told. */
  wasRead(work: () => void): boolean {
    return this.#isRead(work) && this.#tells;
  }

  #isRead(work: () => void): boolean {
    const past = new Date(1_000_000_000_000);
    for (const file of this.#files) utimesSync(file, past, new Date());
    work();
    return this.#files.some((file) => statSync(file).atimeMs !== past.getTime());
  }
}

const ENVIRONMENT = {
  PATH: process.env["PATH"] ?? "",
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CEILING_DIRECTORIES: "",
};

function git(repo: string, ...args: readonly string[]): string | undefined {
  const env = { ...ENVIRONMENT, GIT_CEILING_DIRECTORIES: join(repo, "..") };
  const run = spawnSync("git", ["-C", repo, ...args], { env, encoding: "utf8" });
  if (run.error !== undefined) throw run.error;
  return run.status === 0 ? run.stdout : undefined;
}

/** Of a workspace without findings, git has to see the same: the same repository, and the same configuration. */
function compareWithGit(repo: string, facts: WorkspaceFacts): void {
  const theirs = git(repo, "rev-parse", "--absolute-git-dir");
  if (theirs === undefined) return;
  demand(theirs === `${facts.gitDir}\n`, "git takes another repository", { theirs, facts });
  const list = git(repo, "config", "-z", "--list");
  const records = (list ?? "").split("\0").slice(0, -1);
  const ours = facts.config.map(({ section, subsection, key, value }) => {
    const name = [section, ...(subsection === undefined ? [] : [subsection]), key].join(".");
    return value === undefined ? name : `${name}\n${value}`;
  });
  const comparable = (texts: readonly string[]): string => JSON.stringify(texts).replaceAll(/\\[tr]/g, " ");
  demand(comparable(records) === comparable(ours), "git reads another configuration", { records, ours });
  const origin = records
    .findLast((record) => record.startsWith("remote.origin.url\n"))
    ?.slice("remote.origin.url\n".length);
  demand(origin === facts.originUrl, "git has another origin", { origin, facts });
}

function plain(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    member instanceof CodedError ? `${member.code} ${member.message}` : member,
  );
}

const GOOD = [
  "d .git/objects",
  "d .git/refs/heads",
  "f .git/HEAD ref: refs/heads/main\\n",
  'f .git/config [core]\\n\trepositoryformatversion = 0\\n\tbare = false\\n[remote "origin"]\\n\turl = git@github.com:o/r.git\\n',
].join("\n");

/**
 * A work tree: facts or a coded error, the same from the inspector that remembers; nothing is read or waited for outside of it, and git sees no
 * more in it than we do.
 */
export const workspace: Target = {
  name: "workspace",
  modules: ["host/git/inspection/", "host/util/folder.ts", "host/util/dir-handle.ts", "host/util/regular-file.ts"],
  tokens: [
    ...[
      "\nf .git/",
      "\nl .git/",
      "\np .git/",
      "\nd .git/",
      "f .git gitdir: ",
      "@/outside/.git",
      "../outside/.git",
      "@/fifo",
      "@/tree/.git",
    ],
    ...[
      "HEAD",
      "config",
      "config.worktree",
      "commondir",
      "refs",
      "objects",
      "objects/info/alternates",
      "hooks/pre-push",
    ],
    ...[
      "info/attributes",
      "info/grafts",
      "modules/m",
      "worktrees/w",
      "packed-refs",
      "shallow",
      "index",
      "objects/pack",
    ],
    ...[
      "[extensions]\\n\tworktreeConfig = true\\n",
      "[include]\\n\tpath = x\\n",
      "[core]\\n\tfsmonitor = x\\n",
      "core.worktree",
    ],
    ...[
      "[extensions]\\n\tobjectFormat = sha256\\n",
      "[core]\\n\tworktree = ..\\n",
      "ref: refs/heads/x\\n",
      "\\r\\n",
      "\\0",
    ],
  ],
  separator: "\n",
  seeds: [
    GOOD,
    `${GOOD}\nf .git/config.worktree [core]\\n\tbare = false\\n\nl .git/hooks @/outside/.git\np .git/index`,
    "f .git gitdir: .git/modules/m\\n",
    "l .git @/outside/.git",
    "f .git gitdir: ../outside/.git\\n",
    "f .git gitdir: ../outside/.git/modules/m\\n",
    `${GOOD}\nf .git/commondir ../../outside/.git\\n`,
    `f .git gitdir: .git/worktrees/w\\n\nf .git/worktrees/w/commondir ../../../../outside/.git\\n`,
    `${GOOD}\nf .gitmodules [submodule "m"]\\n\tpath = m\\n\nf m/.git gitdir: ../.git/modules/m\\n\nf .git/modules/m/HEAD x\\n`,
  ],
  maxBytes: 1_500,
  start: (directory) => {
    const tree = new Tree(directory);
    const plant = new Plant(directory);
    const inspector = new WorkspaceInspector();
    const look = (input: Buffer, withGit: boolean): void => {
      tree.build(linesOf(input));
      const inspect = (): unknown => {
        const result = attempt(() => inspectWorkspace(tree.root, [tree.root]));
        if (result.ok) return result.value;
        if (!(result.error instanceof CodedError)) throw result.error;
        return result.error;
      };
      let found: unknown;
      const wasRead = plant.wasRead(() => {
        found = inspect();
      });
      demand(!wasRead, "reads outside of the workspace", found);
      demand(!plain(found).includes(SECRET), "knows what stands outside of the workspace", found);
      if (found instanceof CodedError) {
        demand(found.code === "workspace_unreadable", "has another code", found);
        demand(printable(found.message) === found.message, "a message that cannot be shown", found.message);
        return;
      }
      const facts = found as WorkspaceFacts;
      const texts = facts.findings.map(describeFinding);
      demand(
        texts.every((text) => printable(text) === text),
        "a finding that cannot be shown",
        texts,
      );
      for (let time = 0; time < 2; time++)
        demand(
          plain(inspector.inspect(tree.root, [tree.root])) === plain(facts),
          "the inspector that remembers says something else",
          facts,
        );
      if (facts.findings.length === 0 && withGit) compareWithGit(tree.root, facts);
    };
    return {
      check: (input) => {
        look(input, isSampled(input, 8));
      },
      verify: (input) => {
        look(input, true);
      },
    };
  },
};
