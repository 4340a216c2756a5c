import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { machineProject, startFleet, type Fleet } from "../../fixtures/fleet.ts";
import { fixturePrograms, tempDirectory } from "../../fixtures/temp.ts";
import { Host } from "../harness.ts";
import { Program } from "./program.ts";

let fleet: Fleet;
let host: Host;
/** What the machine's policy lets be written and read. */
const there = tempDirectory();

/** What every rule for secrets would like to mask, and the token of this fixture's own environment. */
const SECRETS = [
  "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  "ghp_0123456789abcdefghijABCDEFGHIJ012345",
  "-----BEGIN OPENSSH PRIVATE KEY-----",
  "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW",
  "-----END OPENSSH PRIVATE KEY-----",
  "password: correct-horse-battery-staple",
  "a".repeat(32),
].join("\n");

beforeAll(async () => {
  const transfer = (direction: "push" | "pull", more = {}) => ({ transfer: { direction, roots: [there], ...more } });
  const project = machineProject(fixturePrograms(), {
    operations: {
      push: transfer("push", { max_bytes: 100_000_000 }),
      pull: transfer("pull", { max_bytes: 100_000_000 }),
      push_little: transfer("push", { max_bytes: 1_000 }),
    },
  });
  fleet = await startFleet({ web1: { project } });
});

beforeEach(() => {
  host = new Host();
  host.environment = { ...host.environment, ...fleet.gateway.environment() };
});

/** A new directory on the machine. */
function place(): string {
  return realpathSync(mkdtempSync(join(there, "p-")));
}

function sha256(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

describe("a file", () => {
  it("full of what looks like secrets arrives exactly, with its mode and time", async () => {
    const [here, remote] = [join(host.root, "secrets"), place()];
    writeFileSync(here, SECRETS, { mode: 0o640 });
    const { exit, stdout, stderr } = await host.run("push", "web1", here, `${remote}/`);
    expect([exit, stderr]).toEqual([0, ""]);
    expect(stdout).toBe(`Pushed 1 file, ${Buffer.byteLength(SECRETS)} B: web1:${remote}/\n`);
    expect(readFileSync(join(remote, "secrets"), "utf8")).toBe(SECRETS);
    const [sent, came] = [statSync(here), statSync(join(remote, "secrets"))];
    expect([came.mode & 0o777, Math.floor(came.mtimeMs)]).toEqual([0o640, Math.floor(sent.mtimeMs)]);
  });

  it("comes back so, under the name that was asked for", async () => {
    const remote = place();
    writeFileSync(join(remote, "secrets"), SECRETS);
    const done = await host.json("pull", "web1", `${remote}/secrets`, join(host.root, "mine"));
    expect(done).toMatchObject({
      files: 1,
      bytes: Buffer.byteLength(SECRETS),
      file_sha256: sha256(SECRETS),
      notices: [],
    });
    expect(readFileSync(join(host.root, "mine"), "utf8")).toBe(SECRETS);
    host.cwd = host.root;
    expect((await host.run("pull", "web1", `${remote}/secrets`, ".")).exit).toBe(0);
    expect(readFileSync(join(host.root, "secrets"), "utf8")).toBe(SECRETS);
    // What was read is kept nowhere else on the machine.
    const kept = await host.run("runs", "list", "--target=web1");
    expect(kept.stdout).toMatch(/ pull .* 0 B {2,}\d/);
  });

  it("may be larger than standard input of other operations", async () => {
    const [here, remote] = [join(host.root, "large"), place()];
    const bytes = Buffer.alloc(40_000_000, Buffer.from("0123456789abcde\n"));
    writeFileSync(here, bytes);
    expect((await host.run("push", "web1", here, join(remote, "large"))).exit).toBe(0);
    expect(sha256(readFileSync(join(remote, "large")))).toBe(sha256(bytes));
    expect((await host.run("pull", "web1", join(remote, "large"), join(host.root, "back"))).exit).toBe(0);
    expect(sha256(readFileSync(join(host.root, "back")))).toBe(sha256(bytes));
  });
});

describe("a directory", () => {
  it("goes there with everything in it, and comes back", async () => {
    const [tree, remote] = [join(host.root, "tree"), place()];
    mkdirSync(join(tree, "sub/empty"), { recursive: true });
    writeFileSync(join(tree, "a"), "1");
    writeFileSync(join(tree, "sub/run.sh"), "#!/bin/sh\n", { mode: 0o755 });
    const pushed = await host.run("push", "web1", tree, `${remote}/tree`);
    expect(pushed.stdout).toBe(`Pushed 2 files, 3 directories, 11 B: web1:${remote}/tree\n`);
    expect(statSync(join(remote, "tree/sub/run.sh")).mode & 0o777).toBe(0o755);
    expect(readdirSync(join(remote, "tree/sub")).sort()).toEqual(["empty", "run.sh"]);
    expect((await host.run("pull", "web1", `${remote}/tree`, join(host.root, "back"))).exit).toBe(0);
    expect(readFileSync(join(host.root, "back/a"), "utf8")).toBe("1");
  });

  it("is put into another one with --merge only", async () => {
    const [tree, remote] = [join(host.root, "tree"), place()];
    mkdirSync(tree);
    writeFileSync(join(tree, "new"), "new");
    writeFileSync(join(remote, "old"), "old");
    const refused = await host.run("push", "web1", tree, remote);
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining("error: web1: ") as string]);
    expect(refused.stderr).toContain("a directory stands there");
    expect((await host.run("push", "web1", tree, remote, "--merge")).exit).toBe(0);
    expect(readdirSync(remote).sort()).toEqual(["new", "old"]);
    const back = await host.run("pull", "web1", remote, tree, "--merge");
    expect([back.exit, readdirSync(tree).sort()]).toEqual([0, ["new", "old"]]);
  });

  it("with links is refused, or goes without them", async () => {
    const [tree, remote] = [join(host.root, "tree"), place()];
    mkdirSync(tree);
    symlinkSync("/etc/passwd", join(tree, "link"));
    const refused = await host.run("push", "web1", tree, `${remote}/x`);
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining('"link"') as string]);
    const skipped = await host.run("push", "web1", tree, `${remote}/x`, "--skip-links");
    expect([skipped.exit, skipped.stderr]).toEqual([0, expect.stringContaining("notice: ") as string]);
    expect(readdirSync(join(remote, "x"))).toEqual([]);
  });
});

describe("what cannot be", () => {
  it.each([
    [["push", "web1", "FILE", "relative"], 2, "relative is no absolute path on the machine"],
    [["pull", "web1", "relative", "x"], 2, "relative is no absolute path on the machine"],
    [["push", "web1", "MISSING", "/x"], 1, "ENOENT"],
    [["pull", "web1", "/etc/passwd", "x"], 1, "is below none of the directories"],
    [["push", "web1", "FILE", "/etc/new"], 1, "is below none of the directories"],
    [["push", "nobody", "FILE", "/x"], 1, 'there is no target "nobody"'],
    [["push", "web1", "FILE", "/x", "--operation=none"], 1, "web1: "],
    [["push", "web1", "FILE", "/x", "--gateway=127.0.0.1:1"], 1, "does not answer"],
    [["pull", "web1", "/x", "MISSING/y"], 1, "ENOENT"],
  ])("is said: %j", async (argv, exit, said) => {
    writeFileSync(join(host.root, "file"), "x");
    const words = argv.map((word) =>
      word.replace("FILE", join(host.root, "file")).replace("MISSING", join(host.root, "missing")),
    );
    expect(await host.run(...words)).toMatchObject({ exit, stderr: expect.stringContaining(said) as string });
  });

  it("more than the policy lets through leaves nothing there", async () => {
    const [here, remote] = [join(host.root, "file"), place()];
    writeFileSync(here, Buffer.alloc(3_000_000));
    const { exit, stderr } = await host.run("push", "web1", here, join(remote, "x"), "--operation=push_little");
    expect([exit, stderr]).toEqual([1, expect.stringContaining("more than 1000 bytes") as string]);
    expect(readdirSync(remote)).toEqual([]);
  });

  it("a file that is not there is said by the machine, and nothing is left here", async () => {
    const { exit, stderr } = await host.run("pull", "web1", join(place(), "missing"), join(host.root, "x"));
    expect([exit, stderr]).toEqual([1, expect.stringContaining("does not exist") as string]);
    expect(readdirSync(host.root).filter((name) => name.startsWith(".cmd2host"))).toEqual([]);
    expect(existsSync(join(host.root, "x"))).toBe(false);
  });

  it("a place that may not be written here ends the transfer there as well", async () => {
    const remote = place();
    writeFileSync(join(remote, "x"), "1");
    mkdirSync(join(host.root, "x"));
    mkdirSync(join(host.root, "x/x"));
    const { exit, stderr } = await host.run("pull", "web1", join(remote, "x"), join(host.root, "x"));
    expect([exit, stderr]).toEqual([1, expect.stringContaining("a directory stands there") as string]);
  });

  it.skipIf(process.getuid?.() === 0)("a file that may not be read here leaves nothing there", async () => {
    const [tree, remote] = [join(host.root, "tree"), place()];
    mkdirSync(tree);
    writeFileSync(join(tree, "a"), "a");
    chmodSync(join(tree, "a"), 0);
    const { exit } = await host.run("push", "web1", tree, join(remote, "t"));
    expect([exit, readdirSync(remote)]).toEqual([1, []]);
  });
});

describe("Ctrl-C", () => {
  it("in the middle leaves nothing on either side", async () => {
    const program = await Program.build({ ...fleet.gateway.environment(), TMPDIR: tmpdir() });
    const [here, remote] = [join(host.root, "huge"), place()];
    // Nothing but holes: 90 MB that cost nothing to make.
    writeFileSync(here, "");
    truncateSync(here, 90_000_000);
    const pushing = await program.onTerminal([["pushing ", "\u0003"]], "push", "web1", here, join(remote, "x"));
    expect(pushing.exit).toBe(130);
    const until = async (): Promise<void> => {
      while (readdirSync(remote).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await until();
    writeFileSync(join(remote, "y"), "");
    truncateSync(join(remote, "y"), 90_000_000);
    const pulling = await program.onTerminal([["pulling ", "\u0003"]], "pull", "web1", join(remote, "y"), host.root);
    expect([pulling.exit, readdirSync(host.root).filter((name) => name !== "huge")]).toEqual([
      130,
      ["bin", "checkout"],
    ]);
  });
});
