import { once } from "node:events";
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Check } from "../../host/cli/doctor-check.ts";
import { DirectOutput } from "../../host/cli/direct-output.ts";
import { cli } from "../../host/cli/run.ts";
import { Pins } from "../../link/pins.ts";
import { CodedError } from "../../wire/errors.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { PLANTED } from "../git/inspection/planted.ts";
import { configure, git, shell } from "../git/inspection/repository.ts";
import { Host, smallConfig } from "./harness.ts";

const ID = "owner_repo";

/** A host on which everything is well, but that no daemon runs and no token was made. */
async function wellHost(): Promise<Host> {
  const host = new Host();
  rmSync(join(host.checkout, ".git"), { recursive: true });
  makeRepo(host.checkout);
  host.project(ID, smallConfig(host.checkout));
  chmodSync(host.base, 0o700);
  await host.run("config", "allow", ID);
  return host;
}

async function checks(host: Host): Promise<readonly Check[]> {
  return (await host.json("doctor", `--project=${ID}`)) as readonly Check[];
}

async function failures(host: Host): Promise<readonly Check[]> {
  return (await checks(host)).filter(({ level }) => level === "fail");
}

/** Something that listens, until the work is done. */
async function whileListening(server: Server, work: () => Promise<void>): Promise<void> {
  await once(server, "listening");
  try {
    await work();
  } finally {
    server.close();
  }
}

describe("doctor, when all is well", () => {
  it("says so line by line, warns of what is only missing, and exits with 0", async () => {
    const host = await wellHost();
    const { exit, stdout, stderr } = await host.run("doctor", "--project", ID);
    expect([exit, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n")).toEqual([
      "this host",
      `  ok    ${host.base} can be changed by its owner only`,
      `  ok    ${host.base}/projects can be changed by its owner only`,
      `  ok    ${host.base}/tokens is not there yet; the daemon makes it`,
      `  ok    ${host.base}/staging is not there yet; the daemon makes it`,
      `  ok    ${host.base}/git is not there yet; the daemon makes it`,
      `  ok    ${host.base}/empty is not there yet; the daemon makes it`,
      "  warn  the daemon does not run, and cannot be a service: this system has no systemd (no systemctl on PATH)",
      "          cmd2host serve",
      `  ok    ${host.base}/daemon.json is understood`,
      "  warn  reachable from outside",
      "          Change it in daemon.json if it is not meant.",
      `  warn  ${host.base}/daemon.json: unknown member /lisen_port: it does nothing`,
      "          Correct its name, or remove it.",
      `  warn  no daemon listens at ${host.base}/cmd2host.sock (ENOENT)`,
      "          cmd2host serve",
      ID,
      `  ok    ${host.base}/projects/${ID} can be changed by its owner only`,
      "  ok    the configuration is approved",
      `  ok    ${host.checkout} holds nothing that could run or redirect a program`,
      "  ok    its origin is owner/repo on github.com",
      `  ok    git is ${host.bin}/git`,
      "  warn  no live token",
      `          cmd2host token mint --project=${ID} --out=FILE`,
      "Nothing has to be repaired, 5 warnings.",
      "",
    ]);
  });

  it("looks at every project when none is named, and at none when there is none", async () => {
    const host = await wellHost();
    host.project("other", smallConfig(join(host.root, "nowhere")));
    const all = (await host.json("doctor")) as readonly Check[];
    expect(new Set(all.map(({ project }) => project))).toEqual(new Set([null, "other", ID]));
    expect(new Set((await checks(host)).map(({ project }) => project))).toEqual(new Set([null, ID]));
    const { exit, stdout } = await new Host().run("doctor");
    expect(exit).toBe(0);
    expect(stdout).toContain("  warn  no project is configured\n          cmd2host config init --repo=OWNER/NAME\n");
  });

  it("counts the live tokens of the project, and names token files that cannot be read", async () => {
    const host = await wellHost();
    for (const name of ["a", "b"]) await host.run("token", "mint", `--project=${ID}`, `--out=${join(host.root, name)}`);
    writeFileSync(join(host.base, "tokens", "0".repeat(64)), "?", { mode: 0o600 });
    const tokens = (await checks(host)).filter(({ about }) => about === "tokens");
    expect(tokens.map(({ level, message }) => [level, message])).toEqual([
      ["warn", "1 of the token files cannot be trusted or read"],
      ["ok", expect.stringMatching(/^live tokens: 2, the longest for 23h \d+m$/)],
    ]);
  });

  it("sees a daemon that listens on its socket", async () => {
    const host = await wellHost();
    await whileListening(createServer().listen(join(host.base, "cmd2host.sock")), async () => {
      expect((await host.run("doctor")).stdout).toContain(`  ok    a daemon listens at ${host.base}/cmd2host.sock\n`);
    });
  });

  it("sees a daemon that listens on TCP only", async () => {
    const host = await wellHost();
    const server = createServer().listen(0, "127.0.0.1");
    await whileListening(server, async () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      const settings = { listenMode: "tcp", listenAddress: "127.0.0.1", listenPort: port };
      const { stdout } = await cli(["doctor"], {
        environment: host.environment,
        cwd: host.root,
        stdin: async () => Promise.resolve(""),
        stdoutIsTerminal: false,
        stderrIsTerminal: false,
        direct: new DirectOutput(() => process),
        columns: 100,
        templates: host.root,
        questions: undefined,
        daemon: {
          gateway: async () => Promise.resolve(0),
          serve: async () => Promise.resolve(0),
          explain: async () => Promise.reject(new Error("nothing is explained here")),
          settings: async () => Promise.resolve({ settings, warnings: [], unknown: [] }),
        },
        system: "linux",
        containerRoot: host.root,
        program: () => [process.execPath],
      });
      expect(stdout).toContain(`  ok    a daemon listens at 127.0.0.1:${port}\n`);
    });
  });

  it("only warns of refs in a reftable and of a partial clone", async () => {
    const host = await wellHost();
    configure(host.checkout, '[extensions]\n refStorage = reftable\n[remote "origin"]\n promisor = true');
    const { exit, stdout } = await host.run("doctor");
    expect(exit).toBe(0);
    expect(stdout).toContain("warn  ".concat(host.checkout, " keeps its refs in a reftable"));
    expect(stdout).toContain("warn  ".concat(host.checkout, " is a partial clone"));
  });
});

describe("doctor on a workspace that cannot be trusted", () => {
  it.each(PLANTED)(
    "names %s with its line, and is content when the commands that it shows were run",
    async (key, text) => {
      const host = await wellHost();
      configure(host.checkout, text);
      const [first] = await failures(host);
      const file = join(host.checkout, ".git", "config");
      expect(first).toMatchObject({
        about: "workspace",
        file,
        key,
        message: expect.stringContaining(`${file}:`) as string,
      });
      const { exit, stdout } = await host.run("doctor", `--project=${ID}`);
      expect(exit).toBe(1);
      expect(stdout).toContain("To be repaired: 1 thing, ");
      const shown = [...stdout.matchAll(/^ {2}FAIL {2}.*\n {10}(git config .*)$/gm)].map(([, command = ""]) => command);
      expect(shown).toHaveLength(1);
      for (const command of shown) shell(command);
      expect(await failures(host)).toEqual([]);
      expect((await host.run("doctor", `--project=${ID}`)).exit).toBe(0);
    },
  );

  it("repairs all of them together, in config and in config.worktree, with the commands that it shows", async () => {
    const host = await wellHost();
    for (const [, text] of PLANTED) configure(host.checkout, text);
    configure(host.checkout, "[extensions]\n worktreeConfig = true");
    writeFileSync(
      join(host.checkout, ".git", "config.worktree"),
      '[include]\n path = x\n[remote "origin"]\n url = git@evil.example:x/y\n',
    );
    for (let round = 0; round < 4; round++) {
      // One command may answer several findings.
      for (const fix of new Set((await failures(host)).map((failure) => failure.fix ?? ""))) shell(fix);
    }
    expect(await failures(host)).toEqual([]);
  });

  it.each([
    ["another repository", "git@github.com:owner/other.git"],
    ["another host", "https://evil.example/owner/repo"],
    ["another dialect", "file:///srv/repo"],
  ])("shows the command that gives it back its origin when that is %s", async (_, url) => {
    const host = await wellHost();
    git(host.checkout, "remote", "set-url", "origin", url);
    const [failure, ...more] = await failures(host);
    expect(more).toEqual([]);
    expect(failure?.about).toBe("origin");
    expect(failure?.message).toContain("path-repo consistency check failed");
    shell(failure?.fix ?? "");
    expect(await failures(host)).toEqual([]);
    expect(git(host.checkout, "remote", "get-url", "origin").trim()).toBe("git@github.com:owner/repo.git");
  });

  it("shows the commands that leave one origin of several", async () => {
    const host = await wellHost();
    git(host.checkout, "remote", "set-url", "--add", "origin", "git@evil.example:x/y");
    for (let round = 0; round < 2; round++) for (const { fix } of await failures(host)) shell(fix ?? "");
    expect(await failures(host)).toEqual([]);
  });

  it("says what to do about its layout, and does not speak of an origin that it did not read", async () => {
    const host = await wellHost();
    const link = join(host.checkout, ".git", "refs", "heads", "evil");
    symlinkSync("/etc/hostname", link);
    expect(await failures(host)).toEqual([
      {
        project: ID,
        level: "fail",
        about: "workspace",
        message: `${link}: is a link, which git would follow when it reads or writes`,
        fix: "delete it inside the container",
        file: link,
        line: null,
        key: null,
      },
    ]);
    expect((await checks(host)).filter(({ about }) => about === "origin")).toEqual([]);
    rmSync(link);
    expect(await failures(host)).toEqual([]);
  });

  it("says when it is not there, no directory, or no repository", async () => {
    const host = await wellHost();
    rmSync(join(host.checkout, ".git"), { recursive: true });
    expect((await failures(host)).map(({ message }) => message)).toEqual([`"${host.checkout}/.git" does not exist`]);
    rmSync(host.checkout, { recursive: true });
    const gone = `${host.checkout} is not a directory that can be looked at`;
    expect((await failures(host)).map(({ message }) => message)).toEqual([gone]);
    writeFileSync(host.checkout, "");
    expect((await failures(host)).map(({ message }) => message)).toEqual([gone]);
  });

  it("shows names of the workspace that could steer a terminal as escapes", async () => {
    const host = await wellHost();
    symlinkSync("/x", join(host.checkout, ".git", "refs", "\u001b[2J\u202e"));
    const { stdout } = await host.run("doctor");
    expect(stdout).toContain("refs/\\x1b[2J\\u202e");
    expect(stdout).not.toMatch(/[\u001b\u202e]/);
  });
});

describe("doctor on a project", () => {
  it("says that its configuration is not approved, or was changed since, and how to approve it", async () => {
    const host = await wellHost();
    host.project(ID, smallConfig(host.checkout, { env: { A: "b" } }));
    const [changed] = await failures(host);
    expect(changed?.message).toContain("was changed since it was approved");
    expect(changed?.fix).toBe(`cmd2host config allow ${ID}`);
    await host.run("config", "disallow", ID);
    const [open] = await failures(host);
    expect(open?.message).toContain("is not approved");
    await host.run("config", "allow", ID);
    expect(await failures(host)).toEqual([]);
  });

  it("says that its approval cannot be trusted", async () => {
    const host = await wellHost();
    chmodSync(host.projectFile(ID, "allowed.sha256"), 0o666);
    expect((await failures(host)).map(({ message }) => message)).toEqual(["the approval cannot be trusted or read"]);
  });

  it.each([
    ["is no JSON", "{", 0o600, "invalid project config"],
    ["others can write", "{}", 0o666, "can be written by others"],
  ])("says that its configuration %s", async (_, text, mode, message) => {
    const host = await wellHost();
    writeFileSync(host.projectFile(ID), text);
    chmodSync(host.projectFile(ID), mode);
    const [failure, ...more] = await failures(host);
    expect(more).toEqual([]);
    expect(failure?.message).toContain(message);
    expect(failure?.fix).not.toBe("");
  });

  it("names the programs of allowed operations that are missing, in a workspace, or others' to change", async () => {
    const host = await wellHost();
    const inside = join(host.checkout, "tool");
    writeFileSync(inside, "#!/bin/sh\n", { mode: 0o755 });
    const open = host.program("open");
    chmodSync(open, 0o777);
    const operations = Object.fromEntries(
      [inside, open, "missing", "unused", "gh"].map((name, index) => [
        `op${index}`,
        { command: name, args_template: [] },
      ]),
    );
    host.project(ID, smallConfig(host.checkout, { operations, allowed_operations: ["op0", "op1", "op2", "op4"] }));
    await host.run("config", "allow", ID);
    const programs = (await checks(host)).filter(({ about }) => about === "program");
    expect(programs.map(({ level, message }) => [level, message])).toEqual([
      ["fail", `command ${inside} lies inside the workspace ${host.checkout}, which the container can write`],
      ["fail", `command ${open} can be written by others (mode 777)`],
      ["fail", "command not found: missing"],
      ["ok", `gh is ${host.bin}/gh`],
    ]);
  });

  it("that does not exist is an error", async () => {
    const host = await wellHost();
    const { exit, stdout, stderr } = await host.run("doctor", "--project=nobody");
    expect([exit, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("project config not found: nobody");
    expect((await host.run("doctor", "--project=../x")).exit).toBe(1);
  });
});

describe("doctor of a machine's policy", () => {
  const policy = (more: object = {}): object => ({
    machine: {},
    allowed_operations: ["list", "shell", "pull"],
    operations: {
      list: { command: "ls" },
      shell: { shell: "sh" },
      pull: { transfer: { direction: "pull", roots: ["/srv"] } },
    },
    ...more,
  });
  const said = (all: readonly Check[]): readonly (readonly string[])[] =>
    all
      .filter(({ about }) => ["program", "user", "gateway", "tokens", "workspace"].includes(about))
      .map(({ level, about, message, fix }) => [level, about, message, fix ?? ""]);

  it("looks for its programs where the machine does, at its users and at its gateways, and asks for no token", async () => {
    const host = await wellHost();
    host.project(ID, policy());
    await host.run("config", "allow", ID);
    const own = userInfo().username;
    expect(said(await checks(host))).toEqual([
      ["ok", "program", expect.stringMatching(/^ls is \/.*\/ls$/), ""],
      ["ok", "program", expect.stringMatching(/^sh is \/.*\/sh$/), ""],
      ["ok", "user", `programs can run as ${own}`, ""],
      ["warn", "gateway", "no gateway has this policy", `cmd2host agent enroll --project=${ID}`],
    ]);
    const pins = new Pins(join(host.base, "gateways"));
    const gateway = { fingerprints: [`sha256:${"a".repeat(42)}A`], enrolledAt: new Date(), addresses: [] };
    await pins.add({ ...gateway, name: "gate", about: { project: ID } });
    expect(said(await checks(host)).at(-1)).toEqual(["ok", "gateway", "gateways with this policy: gate", ""]);
  });

  it("says when it names users that there are not", async () => {
    const host = await wellHost();
    host.project(ID, policy({ machine: { run_as: "no-such-user-here" } }));
    await host.run("config", "allow", ID);
    expect((await failures(host)).map(({ about, message }) => [about, message])).toEqual([
      ["user", 'there is no user "no-such-user-here" here'],
    ]);
  });
});

describe("doctor on the host", () => {
  it("shows the command that takes the base directory back from others", async () => {
    const host = await wellHost();
    for (const path of [host.base, join(host.base, "projects"), join(host.base, "projects", ID)])
      chmodSync(path, 0o777);
    const found = await failures(host);
    expect(found.map(({ about, message }) => [about, message.includes("can be written by others (mode 777)")])).toEqual(
      [
        ["base", true],
        ["base", true],
        ["base", true],
      ],
    );
    for (const { fix } of found) shell(fix ?? "");
    expect(await failures(host)).toEqual([]);
  });

  it("refuses a link or a file in place of a directory of the base", async () => {
    const host = await wellHost();
    mkdirSync(join(host.root, "elsewhere"));
    symlinkSync(join(host.root, "elsewhere"), join(host.base, "staging"));
    expect((await failures(host)).map(({ message }) => message)).toEqual([`${host.base}/staging is not a directory`]);
  });

  it.skipIf(process.getuid?.() !== 0)("says when a directory of the base belongs to somebody else", async () => {
    const host = await wellHost();
    mkdirSync(join(host.base, "staging"), { mode: 0o700 });
    shell(`chown 12345 ${join(host.base, "staging")}`);
    const [failure] = await failures(host);
    expect(failure?.message).toBe(`${host.base}/staging belongs to user 12345`);
    expect(failure?.fix).toContain("Give it back to its owner");
  });

  it("says what is wrong with daemon.json", async () => {
    const host = await wellHost();
    host.daemon.failure = new CodedError("daemon_config_invalid", "Daemon config error: line 3");
    expect((await failures(host)).map(({ about, message }) => [about, message])).toEqual([
      ["daemon", "Daemon config error: line 3"],
    ]);
  });
});
