import { execFileSync } from "node:child_process";
import { existsSync, linkSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TokenStore } from "../../host/auth/token-store.ts";
import { initializeWords } from "../../host/setup/initialize.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { Host, smallConfig } from "./harness.ts";

class Scene extends Host {
  readonly repo = makeRepo(join(this.root, "repo"));

  constructor() {
    super();
    this.cwd = this.repo;
  }

  /** A project for the checkout, approved. */
  async approved(id = "owner_repo", config = smallConfig(this.repo)): Promise<void> {
    this.project(id, config);
    await this.run("config", "allow", id);
  }

  session(name: string): string {
    return join(this.base, "sessions", name, "token");
  }

  projectOf(file: string): string {
    return new TokenStore(join(this.base, "tokens")).authenticate(readFileSync(file, "utf8")).projectId;
  }
}

describe("cmd2host session start", () => {
  it("puts a token of 24 hours for the checkout's project where the container finds it", async () => {
    const host = new Scene();
    await host.approved();
    host.cwd = join(host.repo, "deep/down");
    mkdirSync(host.cwd, { recursive: true });
    const { exit, stdout, stderr } = await host.run("session", "start", "--name=abc");
    expect([exit, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(
      /^cmd2host: session token [0-9a-f]{12} of owner_repo until .+Z, in .+\/sessions\/abc\/token\n$/,
    );
    expect(stdout).not.toContain(readFileSync(host.session("abc"), "utf8"));
    expect(host.projectOf(host.session("abc"))).toBe("owner_repo");
    expect(statSync(host.session("abc")).mode & 0o777).toBe(0o600);
    expect(statSync(join(host.base, "sessions/abc")).mode & 0o777).toBe(0o700);
    expect(existsSync(join(host.base, "run"))).toBe(true);
    const [token] = new TokenStore(join(host.base, "tokens")).list();
    expect((token?.expiresAt.getTime() ?? 0) - Date.now()).toBeGreaterThan(23 * 3_600_000);
  });

  it("renews in place: who has the directory sees the new token, and the old one goes on until it expires", async () => {
    const host = new Scene();
    await host.approved();
    await host.run("session", "start", "--name=abc");
    const old = readFileSync(host.session("abc"), "utf8");
    const directory = statSync(join(host.base, "sessions/abc")).ino;
    await host.run("session", "start", "--name=abc");
    expect(readFileSync(host.session("abc"), "utf8")).not.toBe(old);
    expect(statSync(join(host.base, "sessions/abc")).ino).toBe(directory);
    expect(new TokenStore(join(host.base, "tokens")).authenticate(old).projectId).toBe("owner_repo");
  });

  it("gives two containers a token each, and two projects tokens in different directories", async () => {
    const host = new Scene();
    await host.approved();
    await host.run("session", "start", "--name=one");
    await host.run("session", "start", "--name=two");
    expect(readFileSync(host.session("one"), "utf8")).not.toBe(readFileSync(host.session("two"), "utf8"));
    const other = makeRepo(join(host.root, "other"), "git@github.com:owner/other.git");
    await host.approved("owner_other", smallConfig(other, { repos: ["owner/other"] }));
    host.cwd = other;
    await host.run("session", "start");
    expect(host.projectOf(host.session("owner_other"))).toBe("owner_other");
    expect(host.projectOf(host.session("one"))).toBe("owner_repo");
  });

  it("warns of a policy that is not approved", async () => {
    const host = new Scene();
    host.project("owner_repo", smallConfig(host.repo));
    const { exit, stderr } = await host.run("session", "start");
    expect([exit, stderr]).toEqual([
      0,
      "cmd2host: warning: the configuration of owner_repo is not approved, so the session can do nothing yet: cmd2host config allow owner_repo\n",
    ]);
  });

  it.each<[what: string, arrange: (host: Scene) => Promise<void> | void, message: string, argument: string]>([
    ["no project", () => undefined, "no project names ", "--ttl=1h"],
    [
      "another repository at the same path",
      async (host: Scene) => {
        await host.approved();
        execFileSync("git", ["-C", host.repo, "remote", "set-url", "origin", "git@github.com:evil/repo.git"]);
      },
      'origin is "evil/repo", the project names owner/repo',
      "--ttl=1h",
    ],
    [
      "a name that leads elsewhere",
      async (host: Scene) => {
        await host.approved();
      },
      "is no name of a session",
      "--name=../../tokens",
    ],
    [
      "no checkout",
      (host: Scene) => {
        host.cwd = host.root;
      },
      "is in no git checkout",
      "--ttl=1h",
    ],
    [
      "no such lifetime",
      async (host: Scene) => {
        await host.approved();
      },
      "is no lifetime",
      "--ttl=48h",
    ],
  ])(
    "does not keep a container from starting for %s, unless it is to be strict",
    async (_what, arrange, message, argument) => {
      const host = new Scene();
      await arrange(host);
      const { exit, stdout, stderr } = await host.run("session", "start", argument);
      expect([exit, stdout]).toEqual([0, ""]);
      expect(stderr).toMatch(/^cmd2host: warning: no session token: .+\n$/);
      expect(stderr).toContain(message);
      const strict = await host.run("session", "start", "--strict", argument);
      expect(strict.exit).toBeGreaterThan(0);
      expect(new TokenStore(join(host.base, "tokens")).list()).toEqual([]);
    },
  );

  it("makes what is mounted also when there can be no token", async () => {
    const host = new Scene();
    expect((await host.run("session", "start", "--name=abc")).exit).toBe(0);
    expect(existsSync(join(host.base, "sessions/abc"))).toBe(true);
    expect(existsSync(join(host.base, "run"))).toBe(true);
  });

  it("asks which of several projects of one checkout, and passes over what does not load", async () => {
    const host = new Scene();
    await host.approved();
    await host.approved("second");
    host.project("broken", { repos: 7 });
    const unclear = await host.run("session", "start");
    expect(unclear.stderr).toContain("warning: project broken was passed over: ");
    expect(unclear.stderr).toContain("several projects name ");
    await host.run("session", "start", "--project=second");
    expect(host.projectOf(host.session("second"))).toBe("second");
  });

  it("takes the project of which the checkout is the first repository before one that has it as a submodule", async () => {
    const host = new Scene();
    const above = makeRepo(join(host.root, "above"), "git@github.com:owner/above.git");
    await host.approved(
      "above",
      smallConfig(above, { repos: ["owner/above", "owner/repo"], repo_paths: [above, host.repo] }),
    );
    await host.run("session", "start", "--name=a");
    expect(host.projectOf(host.session("a"))).toBe("above");
    await host.approved();
    await host.run("session", "start", "--name=a");
    expect(host.projectOf(host.session("a"))).toBe("owner_repo");
  });

  it("writes to the original's place when told so, and follows no link that the container put there", async () => {
    const host = new Scene();
    await host.approved();
    const place = join(host.repo, ".devcontainer/.session");
    mkdirSync(place, { recursive: true });
    expect((await host.run("session", "start", "--out=.devcontainer/.session/token")).exit).toBe(0);
    expect(host.projectOf(join(place, "token"))).toBe("owner_repo");
    const secret = join(host.root, "secret");
    writeFileSync(secret, "mine");
    execFileSync("rm", [join(place, "token")]);
    symlinkSync(secret, join(place, "token"));
    const refused = await host.run("session", "start", "--out=.devcontainer/.session/token");
    expect(refused.stderr).toContain("is there already and is no regular file");
    execFileSync("rm", [join(place, "token")]);
    linkSync(secret, join(place, "token"));
    await host.run("session", "start", "--out=.devcontainer/.session/token");
    expect(readFileSync(secret, "utf8")).toBe("mine");
  });
});

describe("what a container's start runs", () => {
  const start = (host: Host, home: string, path = "/usr/bin:/bin"): { stdout: string; status: number } => {
    const [program = "", ...words] = initializeWords(join(home, ".cmd2host"));
    const named = words.map((word) => (word === "${devcontainerId}" ? "abc" : word));
    try {
      const stdout = execFileSync(program, [...named], {
        cwd: host.checkout,
        env: { HOME: home, PATH: path },
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      });
      return { stdout, status: 0 };
    } catch (error) {
      return { stdout: "", status: (error as { status: number }).status };
    }
  };

  const install = (home: string, body: string): void => {
    mkdirSync(join(home, ".cmd2host/bin"), { recursive: true });
    writeFileSync(join(home, ".cmd2host/bin/cmd2host"), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  };

  it("is the installed program, with the base directory and the container's name", () => {
    const host = new Host();
    install(host.root, 'echo "$CMD2HOST_CONFIG_DIR $*"');
    expect(start(host, host.root)).toEqual({ stdout: `${host.root}/.cmd2host session start --name=abc\n`, status: 0 });
  });

  it("makes the directories where cmd2host is not installed, or cannot start, and says that all is well", () => {
    for (const body of [undefined, "exit 127"]) {
      const host = new Host();
      if (body !== undefined) install(host.root, body);
      expect(start(host, host.root).status).toBe(0);
      expect(statSync(join(host.root, ".cmd2host/sessions/abc")).mode & 0o777).toBe(0o700);
      expect(statSync(join(host.root, ".cmd2host/run")).mode & 0o777).toBe(0o755);
    }
  });

  it("is never a program of the workspace, whatever PATH says", () => {
    const host = new Host();
    writeFileSync(join(host.checkout, "cmd2host"), `#!/bin/sh\ntouch ${host.root}/MARK\n`, { mode: 0o755 });
    expect(start(host, host.root, `.:${host.checkout}::/usr/bin:/bin`).status).toBe(0);
    expect(existsSync(join(host.root, "MARK"))).toBe(false);
  });
});
