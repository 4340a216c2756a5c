import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EnrolmentDesk, readEnrolmentCode } from "../../link/enrolment.ts";
import { loadIdentity } from "../../link/identity.ts";
import { LinkListener } from "../../link/listen.ts";
import { Pins } from "../../link/pins.ts";
import { redeem } from "../../link/redeem.ts";
import { listTemplates, templatesDirectory } from "../../host/project/templates.ts";
import { CodedError } from "../../wire/errors.ts";
import { hearing, listening, machine } from "../link/machines.ts";
import { atEnd } from "../fixtures/temp.ts";
import { Host } from "./harness.ts";

const isRoot = process.getuid?.() === 0;

function json(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}

function daemonFile(host: Host): string {
  return join(host.base, "daemon.json");
}

/** What daemon.json comes to for a machine that is an agent. */
function agentSettings(more: object = {}): object {
  return {
    agent: {
      name: "web1",
      tags: ["web"],
      listen: { host: "10.0.0.7", port: 9_876 },
      addresses: [],
      allowRoot: false,
      nats: undefined,
      ...more,
    },
  };
}

describe("agent init", () => {
  it("writes a policy that lets gateways look, what daemon.json needs, and says what comes next", async () => {
    const host = new Host();
    const { exit, stdout, stderr } = await host.run("agent", "init");
    expect([exit, stderr]).toEqual([0, expect.not.stringContaining("error") as unknown]);
    expect(stdout).toBe(
      `Created policy: ${host.projectFile("machine")}\n` +
        `Cases: ${host.projectFile("machine", "cases.json")} (cmd2host config test machine)\n` +
        `Agent: ${daemonFile(host)}\n` +
        "Not allowed yet: cmd2host config allow machine\n" +
        "\nNext:\n" +
        "  1. Read and approve it:   cmd2host config show machine && cmd2host config allow machine\n" +
        "  2. Start it:              cmd2host agent\n" +
        "  3. Make a code for it:    cmd2host agent enroll\n",
    );
    expect(json(host.projectFile("machine"))).toMatchObject({
      machine: {},
      allowed_operations: expect.anything() as unknown,
    });
    expect(json(daemonFile(host))).toEqual({ agent: {} });
    expect(statSync(daemonFile(host)).mode & 0o777).toBe(0o600);
  });

  it("says what it did as JSON, too", async () => {
    const host = new Host();
    const { stdout } = await host.run("agent", "init", "--allow", "--json");
    expect(JSON.parse(stdout)).toEqual({
      project: "machine",
      config: host.projectFile("machine"),
      cases: expect.any(Number) as number,
      allowed: true,
      hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
  });

  it("takes everything that an agent needs to know", async () => {
    const host = new Host();
    await host.run(
      ...["agent", "init", "--template=fleet_ops", "--project=shop", "--run-as=nobody", "--name=web1"],
      ...["--tag=web", "--tag=eu", "--listen=[::1]:9999", "--allow-root"],
    );
    expect(json(host.projectFile("shop"))).toMatchObject({ machine: { run_as: "nobody" } });
    expect(json(daemonFile(host))).toEqual({
      agent: { name: "web1", tags: ["web", "eu"], listen_address: "::1", listen_port: 9_999, allow_root: true },
    });
    expect((await new Host().run("agent", "init", "--dial-only")).exit).toBe(0);
  });

  it.each(listTemplates(templatesDirectory()).filter((name) => name.startsWith("fleet_")))(
    "writes %s so that its cases hold, and config check finds no more than it must",
    async (template) => {
      const host = new Host();
      await host.run("agent", "init", `--template=${template}`, "--allow");
      const tested = await host.run("config", "test", "machine");
      expect([tested.exit, tested.stdout]).toEqual([
        0,
        expect.stringMatching(/^machine: (\d+) of \1 cases hold\n/) as unknown,
      ]);
      const { checked } = (await host.json("config", "check", "machine")) as {
        readonly checked: readonly { readonly findings: readonly { readonly rule: string }[] }[];
      };
      const rules = checked.flatMap(({ findings }) => findings.map(({ rule }) => rule));
      // What the machine of the test has is not for the test to say.
      expect(rules.filter((rule) => rule !== "command_not_found")).toEqual(
        template === "fleet_shell" ? ["shell_unasked"] : [],
      );
    },
  );

  it("warns of programs and of a user that the machine does not have", async () => {
    const host = new Host();
    const templates = join(host.root, "templates");
    mkdirSync(templates);
    const operations = { x: { command: "no-such-program-here" }, y: { command: "ls" } };
    writeFileSync(
      join(templates, "small.json"),
      JSON.stringify({ machine: {}, operations, allowed_operations: ["x", "y"] }),
    );
    const { stderr, exit } = await host.runWith({ templates }, "agent", "init", "--template=small", "--run-as=ghost");
    expect([exit, stderr]).toEqual([
      0,
      "warning: there is no no-such-program-here on this machine; its operations fail until there is\n" +
        "warning: there is no user ghost on this machine; nothing runs until there is\n",
    ]);
    expect(existsSync(host.projectFile("machine", "cases.json"))).toBe(false);
  });

  it("leaves alone what is there", async () => {
    const host = new Host();
    await host.run("agent", "init", "--name=one");
    const [policy, daemon] = [host.projectFile("machine"), daemonFile(host)];
    const before = readFileSync(policy);
    const again = await host.run("agent", "init", "--template=fleet_ops", "--name=two");
    expect([again.exit, again.stderr]).toEqual([
      1,
      `error: ${policy} already exists\nhint: Replace it with --force, or name another policy with --project.\n`,
    ]);
    expect(readFileSync(policy)).toEqual(before);
    const forced = await host.run("agent", "init", "--template=fleet_ops", "--name=two", "--force");
    expect(forced.stderr).toContain(`warning: ${daemon} has "agent" already; it was not changed\n`);
    expect(forced.stdout).not.toContain("Agent: ");
    expect(readFileSync(policy)).not.toEqual(before);
    expect(json(daemon)).toEqual({ agent: { name: "one" } });
  });

  it("keeps what daemon.json has besides", async () => {
    const host = new Host();
    mkdirSync(host.base, { recursive: true, mode: 0o700 });
    writeFileSync(daemonFile(host), '{ "kill_grace": 5, "of_the_owner": "x" }', { mode: 0o600 });
    await host.run("agent", "init");
    expect(json(daemonFile(host))).toEqual({ kill_grace: 5, of_the_owner: "x", agent: {} });
  });

  it.each<readonly [readonly string[], string, string]>([
    [
      ["--template=readonly"],
      "template readonly is for repositories, not for a machine",
      "Use fleet_ops, fleet_readonly",
    ],
    [["--listen=nowhere"], "--listen nowhere is not ADDRESS:PORT", ""],
    [["--listen=web1.example:9876"], 'listen_address: expected localhost, an IPv4 or an IPv6 address, got "web1', ""],
    [["--listen=0.0.0.0:99999"], "listen_port: expected a port from 1 to 65535, got 99999", ""],
    [
      ["--listen=0.0.0.0:1", "--dial-only"],
      "--listen and --dial-only: an agent that only dials out listens nowhere",
      "",
    ],
    [["--name=a b"], 'name: expected letters, digits and . _ -, got "a b"', ""],
  ])("does not understand %j, and writes nothing", async (more, message, hint) => {
    const host = new Host();
    const { exit, stderr } = await host.run("agent", "init", ...more);
    expect([exit, stderr]).toEqual([2, expect.stringContaining(`error: ${message}`) as unknown]);
    expect(stderr).toContain(hint);
    expect(existsSync(host.base)).toBe(false);
  });

  it.each<readonly [readonly string[], string]>([
    [["--template=nope"], 'failed to read template "nope"'],
    [["--run-as=a b"], 'expected the name of a user, got "a b"'],
    [["--project=../x"], "is not a project id"],
  ])("fails for %j, and writes nothing", async (more, message) => {
    const host = new Host();
    const { exit, stderr } = await host.run("agent", "init", ...more);
    expect([exit, stderr]).toEqual([1, expect.stringContaining(message) as unknown]);
    expect(existsSync(host.base)).toBe(false);
  });

  it("changes nothing when daemon.json cannot be read", async () => {
    const host = new Host();
    mkdirSync(host.base, { recursive: true, mode: 0o700 });
    writeFileSync(daemonFile(host), "{", { mode: 0o600 });
    const { exit, stderr } = await host.run("agent", "init");
    expect([exit, stderr]).toEqual([1, expect.stringContaining("Daemon config error: ") as unknown]);
    expect(existsSync(host.projectFile("machine"))).toBe(false);
  });
});

describe("agent", () => {
  it("serves, and passes the exit code on", async () => {
    const host = new Host();
    host.daemon.found = agentSettings({ allowRoot: true });
    host.daemon.exit = 3;
    expect(await host.run("agent")).toEqual({ exit: 3, stdout: "", stderr: "" });
    expect(host.daemon.served).toBe(1);
  });

  it("is none where daemon.json does not say so", async () => {
    const host = new Host();
    const { exit, stderr } = await host.run("agent");
    expect([exit, stderr]).toEqual([
      1,
      'error: daemon.json has no "agent", so this machine is none\nhint: Run `cmd2host agent init`.\n',
    ]);
    expect(host.daemon.served).toBe(0);
  });

  it.runIf(isRoot)("runs as root only when somebody says so (SKIPPED unless root)", async () => {
    const host = new Host();
    host.daemon.found = agentSettings();
    const { exit, stderr } = await host.run("agent");
    expect([exit, stderr]).toEqual([
      1,
      "error: the agent is started as root, and nobody said that it may\n" +
        'hint: Start it as a user that may do what the policy needs, or say so: --allow-root, or "allow_root": true in agent of daemon.json.\n',
    ]);
    expect(host.daemon.served).toBe(0);
    expect((await host.run("agent", "--allow-root")).exit).toBe(0);
    expect(host.daemon.served).toBe(1);
  });

  it("says in the daemon's words what keeps it from starting", async () => {
    const host = new Host();
    host.daemon.failure = new CodedError("daemon_config_invalid", "Daemon config error: daemon.json:1:2: wrong");
    expect(await host.run("agent")).toMatchObject({ exit: 1, stdout: "" });
  });
});

describe("agent enroll", () => {
  const enrolled = async (host: Host, ...argv: string[]) => host.run("agent", "enroll", ...argv);

  it("makes a code that a gateway can use once, for the policy that is said here", async () => {
    const host = new Host();
    host.daemon.found = agentSettings();
    const { exit, stdout, stderr } = await enrolled(host);
    const [code = "", ...rest] = stdout.split("\n");
    expect([exit, stderr]).toEqual([
      0,
      "warning: there is no policy machine yet: cmd2host agent init --project=machine\n",
    ]);
    expect(rest.join("\n")).toBe(
      "\nOn the gateway's side, within 15 minutes, once:\n  cmd2host fleet add CODE\n" +
        "The agent must be running (cmd2host agent), and reachable at 10.0.0.7:9876.\n",
    );
    expect(readEnrolmentCode(code)).toMatchObject({ kind: "agent", addresses: ["10.0.0.7:9876"] });
  });

  it("lets the gateway that uses the code in, whatever that gateway says of itself", async () => {
    const host = new Host();
    host.daemon.found = agentSettings();
    await host.run("agent", "init", "--project=shop", "--allow");
    const link = join(host.base, "link");
    const identity = await loadIdentity(link);
    const pins = new Pins(join(host.base, "gateways"));
    const desk = new EnrolmentDesk({
      directory: join(host.base, "enrolment"),
      identity,
      pins,
      self: () => ({ name: "web1", about: {} }),
    });
    const listener = new LinkListener({ name: "web1", identity, pins, events: {}, enrolment: desk });
    const { port } = await listener.listen({ host: "127.0.0.1", port: 0 });
    atEnd(async () => listener.close());
    const made = (await host.json("agent", "enroll", "--project=shop", `--address=127.0.0.1:${port}`)) as {
      readonly code: string;
    };
    expect(made).toMatchObject({
      addresses: [`127.0.0.1:${port}`],
      project: "shop",
      expires_at: expect.any(String) as string,
    });
    const gate = await machine("gate");
    const self = { name: "gate", about: { project: "machine", tags: ["x"] } };
    const pin = await redeem(made.code, { identity: gate.identity, pins: gate.pins, self });
    expect(pin.name).toBe("web1");
    expect(pins.get("gate")).toMatchObject({ name: "gate", about: { project: "shop", tags: ["x"] } });
    await expect(
      redeem(made.code, { identity: (await machine("other")).identity, pins: gate.pins, self }),
    ).rejects.toThrow();
  });

  it("uses the code of a gateway, to which the machine dials out from then on", async () => {
    const gate = await machine("gate");
    const desk = new EnrolmentDesk({
      directory: join(gate.directory, "codes"),
      identity: gate.identity,
      pins: gate.pins,
      self: () => ({ name: "gate", about: { project: "of the gateway" } }),
    });
    const { address } = await listening(gate, hearing(), { enrolment: desk });
    const { code } = await desk.make({ kind: "gateway", addresses: [address] });
    const host = new Host();
    host.daemon.found = agentSettings({ listen: undefined });
    await host.run("agent", "init");
    expect(await enrolled(host, code)).toEqual({
      exit: 0,
      stdout: `Enrolled at gateway gate; the agent dials ${address}.\n`,
      stderr: "warning: the policy machine is not allowed yet: cmd2host config allow machine\n",
    });
    const pins = new Pins(join(host.base, "gateways"));
    // Which policy it gets is not the gateway's to say.
    expect(pins.get("gate")).toMatchObject({ addresses: [address], about: { project: "machine" } });
    expect(gate.pins.get("web1")).toMatchObject({ about: { tags: ["web"] } });
  });

  it.each<readonly [string, object, readonly string[]]>([
    ["those of daemon.json", { addresses: ["web1.example:1"] }, ["web1.example:1"]],
    ["where it listens, if that is one place", { listen: { host: "::1", port: 5 } }, ["[::1]:5"]],
    ["NATS, when it only dials out", { listen: undefined, nats: { name: "web1" } }, ["web1.nats:4222"]],
  ])("says where the machine can be reached: %s", async (_, more, addresses) => {
    const host = new Host();
    host.daemon.found = agentSettings(more);
    expect(await host.json("agent", "enroll")).toMatchObject({
      addresses,
    });
  });

  it("says addresses of the machine itself when it listens on all, and never one of this machine's alone", async () => {
    const host = new Host();
    host.daemon.found = agentSettings({ listen: { host: "0.0.0.0", port: 7 } });
    const { addresses } = (await host.json("agent", "enroll")) as { readonly addresses: readonly string[] };
    expect(addresses.length).toBeGreaterThan(0);
    expect(addresses.length).toBeLessThan(5);
    for (const address of addresses) expect(address).toMatch(/:7$/);
    if (addresses.length > 1) expect(addresses.join(" ")).not.toContain("127.0.0.1");
  });

  it.each<readonly [readonly string[], number, string]>([
    [["--minutes=0"], 2, "error: --minutes 0 is no number of minutes"],
    [["--minutes=soon"], 2, "error: --minutes soon is no number of minutes"],
    [["--minutes=10000"], 2, "error: --minutes 10000 is no number of minutes"],
    [["--project=../x"], 1, "is not a project id"],
    [["--address=web1"], 1, "web1: is not HOST:PORT"],
    [["c2h1.mistyped"], 1, "mistyped"],
  ])("does not take %j", async (argv, exit, message) => {
    const host = new Host();
    host.daemon.found = agentSettings();
    expect(await enrolled(host, ...argv)).toMatchObject({ exit, stderr: expect.stringContaining(message) as unknown });
  });

  it("makes no code on a machine that nobody can reach", async () => {
    const host = new Host();
    host.daemon.found = agentSettings({ listen: undefined });
    const { exit, stderr } = await enrolled(host);
    expect([exit, stderr]).toEqual([
      1,
      "error: this machine only dials out (agent.listen is false)\n" +
        "hint: Use a code of the gateway: `cmd2host fleet invite` there, `cmd2host agent enroll CODE` here.\n",
    ]);
  });

  it("needs a machine that is an agent", async () => {
    expect((await enrolled(new Host())).stderr).toContain('daemon.json has no "agent"');
  });
});
