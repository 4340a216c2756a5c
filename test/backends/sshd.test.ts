import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { requireTools, toolPath } from "../fixtures/backends/present.ts";
import { runProgram, type Ended } from "../fixtures/backends/program.ts";
import { startSshd, type SshServer } from "../fixtures/backends/sshd.ts";
import { git as localGit, makeRepo } from "../fixtures/repo.ts";
import { tempDirectory } from "../fixtures/temp.ts";

/** The real git with the ssh command that the daemon gives to it. */
async function git(server: SshServer, cwd: string, ...args: readonly string[]): Promise<Ended> {
  const env = {
    ...server.env,
    GIT_SSH_COMMAND: "ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
  };
  return runProgram(toolPath("git"), args, env, cwd);
}

describe.runIf(requireTools(["git", "ssh", "ssh-keygen", "sshd"]))("the real git over the real ssh", () => {
  it.each(["sha1", "sha256"] as const)("pushes to a %s repository, and clones it", async (objectFormat) => {
    const server = await startSshd();
    const name = `owner/${objectFormat}`;
    const url = `git@github.com:${name}.git`;
    server.repository(name, { objectFormat });
    const work = tempDirectory();
    localGit(work, "init", "-q", `--object-format=${objectFormat}`);
    writeFileSync(join(work, "README.md"), "hello\n");
    localGit(work, "add", "README.md");
    localGit(work, "commit", "-q", "-m", "first commit");
    expect((await git(server, work, "push", "-q", url, "main:refs/heads/main")).code).toBe(0);
    const id = localGit(work, "rev-parse", "HEAD").trim();
    expect(id).toHaveLength(objectFormat === "sha1" ? 40 : 64);
    expect(server.refs(name)).toEqual(
      new Map([
        ["HEAD", "refs/heads/main"],
        ["refs/heads/main", id],
      ]),
    );
    const copy = tempDirectory();
    expect((await git(server, copy, "clone", "-q", url, "copy")).code).toBe(0);
    expect(localGit(join(copy, "copy"), "rev-parse", "HEAD").trim()).toBe(id);
    expect(server.received()).toContain(`git-receive-pack '${name}.git'`);
    expect(server.received()).toContain(`git-upload-pack '${name}.git'`);
  });

  it("sees that reading changes nothing and that a push does", async () => {
    const server = await startSshd();
    const url = "git@github.com:owner/seen.git";
    server.repository("owner/seen");
    const work = makeRepo(join(tempDirectory(), "work"), url);
    const empty = server.snapshot();
    expect(empty.get("owner/seen.git/HEAD")).toBeDefined();
    expect((await git(server, work, "ls-remote", url)).code).toBe(0);
    expect(server.snapshot()).toEqual(empty);
    expect((await git(server, work, "push", "-q", url, "main:refs/heads/ai/x")).code).toBe(0);
    expect(server.snapshot()).not.toEqual(empty);
  });

  it("reaches the other host by its own name, and only there", async () => {
    const server = await startSshd();
    server.repository("owner/twice");
    server.repository("owner/twice", { host: "evil.example" });
    const before = server.snapshot();
    const arrived = server.received();
    const work = makeRepo(join(tempDirectory(), "work"));
    const url = "git@evil.example:owner/twice.git";
    expect((await git(server, work, "push", "-q", url, "main:refs/heads/stolen")).code).toBe(0);
    expect([...server.refs("owner/twice", "evil.example").keys()]).toContain("refs/heads/stolen");
    expect(server.received("evil.example")).toContain("git-receive-pack 'owner/twice.git'");
    expect(server.snapshot()).toEqual(before);
    expect(server.received()).toEqual(arrived);
  });

  it("reaches no host that it was not told about", async () => {
    const server = await startSshd();
    const ended = await git(server, tempDirectory(), "ls-remote", "git@other.example:owner/twice.git");
    expect(ended.code).toBe(128);
    expect(ended.stdout).toBe("");
  });

  it.each(["owner/none.git", "../repositories-github.com/owner/twice.git"])("is refused at %s", async (path) => {
    const server = await startSshd();
    server.repository("owner/twice");
    const ended = await git(server, tempDirectory(), "ls-remote", `git@github.com:${path}`);
    expect(ended.code).toBe(128);
  });

  it("serves nothing but git", async () => {
    const server = await startSshd();
    const { PATH } = server.env;
    const ssh = join(PATH.split(":")[0] ?? "", "ssh");
    const ended = await runProgram(
      ssh,
      ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new", "git@github.com", "id"],
      server.env,
      server.env.HOME,
    );
    expect(ended).toMatchObject({ code: 128, stdout: "" });
    expect(ended.stderr).toContain("only git is served here");
    expect(server.log()).toContain("Accepted publickey");
  });

  it("has no repository whose name leads out of the server", async () => {
    const server = await startSshd();
    expect(() => server.repository("../x")).toThrow("not owner/name");
  });

  it("is served by several servers at once", async () => {
    const server = await startSshd();
    const other = await startSshd();
    const path = other.repository("owner/mine");
    expect(path).not.toBe(server.repository("owner/mine"));
    const url = "git@github.com:owner/mine.git";
    const work = makeRepo(join(tempDirectory(), "work"));
    expect((await git(other, work, "push", "-q", url, "main:refs/heads/main")).code).toBe(0);
    expect(other.refs("owner/mine").has("refs/heads/main")).toBe(true);
    expect(server.refs("owner/mine").has("refs/heads/main")).toBe(false);
  });
});
