import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { loadIdentity } from "../../../link/identity.ts";
import { Pins } from "../../../link/pins.ts";
import { redeem } from "../../../link/redeem.ts";
import { EnrolmentDesk } from "../../../link/enrolment.ts";
import { Base } from "../../fixtures/base.ts";
import { startDaemon } from "../../fixtures/daemon.ts";
import {
  freePort,
  machineProject,
  READER_KEY,
  startAgent,
  startFleet,
  untilReached,
  type Fleet,
} from "../../fixtures/fleet.ts";
import { fixturePrograms } from "../../fixtures/temp.ts";
import { Host } from "../harness.ts";

/** The commands about the fleet, in this process, against a real gateway with real agents. */
let fleet: Fleet;
let host: Host;

const AWAY = `
[[targets]]
name = "pve1/away"
host = "127.0.0.1"
port = 1
tags = ["gone"]
node = "pve1"
[agent.psk]
"pve1/away" = "a key of a machine that is away"
`;

beforeAll(async () => {
  fleet = await startFleet({ web1: { tags: ["web"] }, db1: { dials: true } }, { tables: AWAY });
});

beforeEach(() => {
  host = hostWith();
});

function hostWith(key?: string): Host {
  const made = new Host();
  made.environment = { ...made.environment, ...fleet.gateway.environment(key) };
  return made;
}

async function rows(...argv: string[]): Promise<readonly (readonly string[])[]> {
  const { stdout } = await host.run("targets", ...argv);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {2,}/));
}

describe("cmd2host targets", () => {
  it("is a table of what the key may use", async () => {
    await host.run("ping", "--all");
    const [head, ...lines] = await rows();
    expect(head).toEqual(["NAME", "HOST", "NODE", "TAGS", "SOURCE", "STATUS", "VERSION", "LAST SEEN"]);
    expect(lines.map((line) => line.map((cell) => cell.replace(/\d+s ago$/, "now")))).toEqual([
      ["db1", "-", "-", "-", "enrolled", "reachable", "dev", "now"],
      ["pve1/away", "127.0.0.1:1", "pve1", "gone", "manual", "unreachable", "-", "-"],
      ["web1", expect.stringMatching(/^127.0.0.1:\d+$/) as string, "-", "web", "enrolled", "reachable", "dev", "now"],
    ]);
    const reader = await hostWith(READER_KEY).json("targets");
    expect(reader).toMatchObject({ targets: [{ name: "web1", tags: ["web"], way: "link" }] });
  });

  it.each([
    [["--tag=web"], ["web1"]],
    [["--node=pve1"], ["pve1/away"]],
    [
      ["--match=*1", "--match=pve1/*"],
      ["db1", "pve1/away", "web1"],
    ],
    [
      ["--tag=web", "--tag=gone"],
      ["pve1/away", "web1"],
    ],
  ])("chooses by %j", async (argv, names) => {
    const { targets } = (await host.json("targets", ...argv)) as { targets: { name: string }[] };
    expect(targets.map(({ name }) => name)).toEqual(names);
  });

  it("says when there is none", async () => {
    expect(await host.run("targets", "--tag=nothing")).toMatchObject({ exit: 0, stdout: "No targets.\n" });
  });

  it("with --plain is the original's list", async () => {
    expect((await host.run("targets", "--plain")).stdout).toBe(
      "db1\treachable\t\npve1/away\tunreachable\t127.0.0.1\nweb1\treachable\t127.0.0.1\n",
    );
  });

  it("says of one what is known, and why it does not answer", async () => {
    const { stdout } = await host.run("targets", "pve1/away");
    expect(stdout).toContain("Name: pve1/away\nHost: 127.0.0.1:1\nNode: pve1\nTags: gone\nSource: manual\n");
    expect(stdout).toMatch(/^Trouble: .*ECONNREFUSED/m);
    expect(await host.run("targets", "nobody")).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining('error: there is no target "nobody"') as string,
    });
  });

  it("lists the operations of one", async () => {
    const { stdout } = await host.run("targets", "web1", "--operations");
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]?.split(/ {2,}/)).toEqual(["OPERATION", "PARAMETERS", "MARKS", "WHAT IT DOES"]);
    expect(lines.slice(1).map((line) => line.split(/ {2,}/).slice(0, 3))).toContainEqual(["shell", "command", "stdin"]);
    const reader = (await hostWith(READER_KEY).json("targets", "web1", "--operations")) as {
      operations: { id: string }[];
    };
    expect(reader.operations.map(({ id }) => id)).toEqual(["say", "uptime"]);
    expect(await host.run("targets", "--operations")).toMatchObject({ exit: 2 });
    expect(await host.run("targets", "nobody", "--operations")).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining("target_unknown") as string,
    });
  });
});

describe("cmd2host ping", () => {
  it("says it as the original does", async () => {
    expect(await host.run("ping", "web1")).toMatchObject({
      exit: 0,
      stdout: expect.stringMatching(/^pong from web1 in \d+ms \(vdev\)\n$/) as string,
      stderr: "",
    });
  });

  it("is 1 when one does not answer, and asks the others all the same", async () => {
    const { exit, stdout, stderr } = await host.run("ping", "--all");
    expect(exit).toBe(1);
    expect(stdout).toMatch(/^pong from db1 in .*\npong from web1 in .*\n$/);
    expect(stderr).toMatch(/^error: pve1\/away: .*ECONNREFUSED/);
    const unknown = await host.run("ping", "web1", "nobody", "web1");
    expect([unknown.exit, unknown.stdout.split("\n").length]).toEqual([1, 2]);
    expect(unknown.stderr).toBe('error: nobody: there is no target "nobody"\n');
  });

  it("may choose by tag, and be JSON", async () => {
    expect(await host.json("ping", "--tag=web", "--tag=gone")).toMatchObject({
      pings: [
        { target: "pve1/away", ok: false, error: { code: "target_unreachable" } },
        { target: "web1", ok: true, version: "dev", latency_ms: expect.any(Number) as number },
      ],
    });
  });

  it("of nothing is not understood", async () => {
    expect(await host.run("ping")).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining("missing TARGET") as string,
    });
  });
});

describe("cmd2host target", () => {
  it("adds, tags and removes", async () => {
    const added = await host.run("target", "add", "desk", "--host=::1", "--port=99", "--tag=gpu", "--way=capnp");
    expect(added).toMatchObject({ exit: 0, stdout: "Added: desk, at ::1:99, tags: gpu\n" });
    expect(await rows("--match=desk")).toContainEqual(expect.arrayContaining(["desk", "[::1]:99", "gpu", "added"]));
    const tagged = await host.run("target", "tag", "desk", "--add=new", "--remove=gpu");
    expect(tagged).toMatchObject({ exit: 0, stdout: "Tagged: desk, at ::1:99, tags: new\n" });
    expect(await host.run("target", "add", "desk", "--host=h")).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining("already") as string,
    });
    expect(await host.json("target", "remove", "desk")).toEqual({ removed: "desk" });
    expect(await host.run("target", "remove", "desk")).toMatchObject({ exit: 1 });
  });

  it.each([
    [["add", "x", "--host=h", "--way=x"], "--way"],
    [["add", "x", "--host=h", "--port=0"], "--port"],
    [["tag", "x"], "say which tag"],
  ])("does not understand %j", async (argv, said) => {
    expect(await host.run("target", ...argv)).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining(said) as string,
    });
  });

  it("is for administrators", async () => {
    const { exit, stderr } = await hostWith(READER_KEY).run("target", "add", "x", "--host=h");
    expect([exit, stderr]).toEqual([1, expect.stringContaining("reader may not change the fleet") as string]);
  });

  it("leaves alone what stands in gateway.toml", async () => {
    const { exit, stderr } = await host.run("target", "remove", "pve1/away");
    expect([exit, stderr]).toEqual([1, expect.stringContaining("gateway.toml") as string]);
  });
});

describe("cmd2host fleet", () => {
  it("adds the machine whose code it is given, and removes it", async () => {
    const base = new Base().writeProject("machine", machineProject(fixturePrograms()));
    const port = await freePort();
    await startDaemon(base, { agent: { name: "own-name", listen_address: "127.0.0.1", listen_port: port } });
    const { enrolment, link, gateways } = base.directory;
    const desk = new EnrolmentDesk({
      directory: enrolment,
      identity: await loadIdentity(link),
      pins: new Pins(gateways),
      self: () => ({ name: "own-name", about: { tags: ["said"] } }),
    });
    const { code } = await desk.make({ kind: "agent", addresses: [`127.0.0.1:${port}`] });
    const added = await host.run("fleet", "add", code, "--name=web9", "--tag=web");
    expect(added).toMatchObject({ exit: 0, stdout: `Enrolled: web9, at 127.0.0.1:${port}, tags: web\n` });
    await untilReached(fleet.gateway.client(), "web9");
    const again = await host.run("fleet", "add", code);
    expect([again.exit, again.stderr]).toEqual([1, expect.stringContaining("cmd2host fleet remove web9") as string]);
    expect(await host.run("fleet", "remove", "web9")).toMatchObject({ exit: 0, stdout: "Removed: web9\n" });
    expect((await host.run("ping", "web9")).stderr).toContain("there is no target");
  });

  it("does not take what is no code", async () => {
    expect(await host.run("fleet", "add", "nonsense")).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining("it does not begin with c2h1.") as string,
    });
  });

  it("invites a machine, which then dials in", async () => {
    const { linkPort = 0 } = fleet.gateway.gateway;
    const { stdout } = await host.run(
      ...["fleet", "invite", "--name=far", "--tag=t", `--address=127.0.0.1:${linkPort}`, "--minutes=5"],
    );
    const [code = ""] = stdout.split("\n");
    expect(stdout).toContain(`once:\n  cmd2host agent enroll ${code}\n`);
    const base = new Base().writeProject("machine", machineProject(fixturePrograms()));
    await startDaemon(base, { agent: { name: "other", listen: false } });
    const { link, gateways } = base.directory;
    const self = { name: "other", about: { tags: ["boasting"] } };
    await redeem(code, { identity: await loadIdentity(link), pins: new Pins(gateways), self, about: {} });
    await untilReached(fleet.gateway.client(), "far");
    expect((await rows("--match=far"))[1]?.slice(0, 5)).toEqual(["far", "-", "-", "t", "enrolled"]);
    await host.run("fleet", "remove", "far");
    expect(await host.run("fleet", "invite", "--minutes=0")).toMatchObject({ exit: 2 });
    expect(await host.json("fleet", "invite", "--address=h:1")).toMatchObject({
      code: expect.stringMatching(/^c2h1\./) as string,
    });
  });

  it("says which key the gateway has, and changes it once all machines know the next one", async () => {
    const { stdout } = await host.run("fleet", "key");
    expect(stdout).toMatch(/^Version: dev\nKey: sha256:.{43}\nTargets: \d+\nMachines dial in at port: \d+\n$/);
    expect(await host.run("fleet", "rotate", "--force")).toMatchObject({ exit: 2 });
    expect(await host.run("fleet", "rotate", "--promote")).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining("there is no next key") as string,
    });
    const rotated = await host.run("fleet", "rotate");
    const [, next = ""] = /^Next key: (sha256:.{43})\n/.exec(rotated.stdout) ?? [];
    expect(next).not.toBe("");
    const knows = async (): Promise<string> => (await host.run("fleet", "key")).stdout;
    while (!(await knows()).includes("Next key: all machines know it\n")) await new Promise((go) => setTimeout(go, 20));
    const promoted = await host.run("fleet", "rotate", "--promote");
    expect(promoted).toMatchObject({ exit: 0, stdout: `The gateway has its new key: ${next}\n`, stderr: "" });
    await untilReached(fleet.gateway.client(), "web1");
    await untilReached(fleet.gateway.client(), "db1");
    expect((await host.run("ping", "web1", "db1")).exit).toBe(0);
  });

  it("does not change the key under a machine that does not know it, unless it is told to", async () => {
    const gone = await startAgent(fleet.gateway, "gone");
    await gone.stop();
    const rotated = await host.run("fleet", "rotate");
    expect(rotated.stdout).toContain("not yet known by ");
    const refused = await host.run("fleet", "rotate", "--promote");
    expect([refused.exit, refused.stderr]).toEqual([1, expect.stringContaining("gone") as string]);
    const forced = await host.run("fleet", "rotate", "--promote", "--force");
    expect([forced.exit, forced.stderr]).toEqual([
      0,
      expect.stringContaining("warning: to be enrolled again: ") as string,
    ]);
  });
});
