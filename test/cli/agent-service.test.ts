import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { agentWish } from "../../host/cli/agent-install.ts";
import { installAgent, shownAgent, staleUnitNote, type AgentWish } from "../../host/cli/agent-service.ts";
import { policyFacts } from "../../host/cli/agent-needs.ts";
import { uninstallSystem } from "../../host/cli/system-uninstall.ts";
import { asAccount } from "../../host/service/as-account.ts";
import { Tools } from "../../host/service/tool.ts";
import { findAccount, ownAccount } from "../../host/util/account.ts";
import { baseDirectory } from "../../host/util/base-directory.ts";
import { requireTools } from "../fixtures/backends/present.ts";
import { isRoot, machineOf, SERVICE_USER, type Machine } from "./system-host.ts";

const NO_WORDS = { user: undefined, root: false, dir: undefined, strict: false, open: false, "by-policy": false };
const LOOK = { command: "df", args_template: [], annotations: { read_only: true } };
const PUSH = { transfer: { direction: "push", roots: ["/srv/www"] } };

/** A machine that is an agent already, and dials out only. */
function agentMachine(operations: Readonly<Record<string, object>> = { look: LOOK }): Machine {
  const machine = machineOf();
  const { host } = machine;
  writeFileSync(join(host.base, "daemon.json"), '{"agent":{"listen":false}}', { mode: 0o600 });
  host.daemon.found = { agent: { listen: undefined } };
  setPolicy(machine, operations);
  return machine;
}

function setPolicy({ host }: Machine, operations: Readonly<Record<string, object>>): void {
  const owner = statSync(host.base);
  const file = host.project("machine", { machine: {}, operations, allowed_operations: Object.keys(operations) });
  for (const path of [file, dirname(file), dirname(dirname(file))]) chownLike(path, owner);
}

function chownLike(path: string, { uid, gid }: { readonly uid: number; readonly gid: number }): void {
  if (isRoot) chownSync(path, uid, gid);
}

function wishOf({ host }: Machine, more: Partial<AgentWish> = {}): AgentWish {
  return { user: SERVICE_USER, directory: host.base, said: undefined, ...more };
}

async function install(machine: Machine, more: Partial<AgentWish> = {}) {
  const { human, json, stderr = "" } = await installAgent(wishOf(machine, more), machine.place, machine.host.context());
  return { human, json: json as { did: string; confined: boolean; notes: string[] }, stderr };
}

const unitOf = (machine: Machine): string => readFileSync(machine.unit("agent"), "utf8");

describe.runIf(requireTools(["python3"]) && process.platform === "linux")("an agent as a service of the system", () => {
  it("is installed, runs as its user, is left alone when nothing has changed, and is removed; its directory stays", async () => {
    const machine = agentMachine();
    const first = await install(machine);
    expect(first.human).toMatch(/^The agent is installed and runs\.\n/);
    expect(first.human).toContain("to reading (as its policy)");
    expect(statSync(machine.unit("agent")).mode & 0o777).toBe(0o644);
    const pid = Number(/process (\d+)/.exec(first.human)?.[1]);
    expect(statSync(`/proc/${pid}`).uid).toBe(statSync(machine.host.base).uid);
    expect(isRoot && statSync(machine.host.base).uid === 0).toBe(false);

    expect((await install(machine)).human).toContain("nothing was changed");
    expect(statSync(`/proc/${pid}`).isDirectory()).toBe(true);

    const removed = await uninstallSystem("agent", machine.place, "Kept.");
    expect(removed.human).toContain("is stopped");
    expect([existsSync(machine.unit("agent")), existsSync(`/proc/${pid}`)]).toEqual([false, false]);
    expect(existsSync(machine.host.projectFile("machine"))).toBe(true);
    expect((await uninstallSystem("agent", machine.place, "Kept.")).human).toContain("No agent is installed");
  });

  it("is confined as its policy lets it be, and made anew when that has changed", async () => {
    const machine = agentMachine();
    expect((await install(machine)).json).toMatchObject({ did: "installed", confined: true });
    const units = dirname(machine.unit("agent"));
    const base = baseDirectory({ CMD2HOST_CONFIG_DIR: machine.host.base });
    // As its user, whose files they are.
    const stale = async (of = base): Promise<string | undefined> =>
      asAccount(findAccount(SERVICE_USER) ?? ownAccount(), () => staleUnitNote(of, units));
    expect(await stale()).toBeUndefined();

    setPolicy(machine, { look: LOOK, push: PUSH });
    expect(await stale()).toContain("cmd2host agent install");
    const second = await install(machine);
    expect([second.json.did, second.human]).toEqual(["updated", expect.stringContaining("writing below /srv/www")]);
    expect(await stale()).toBeUndefined();

    setPolicy(machine, { look: LOOK, push: PUSH, restart: { command: "systemctl", args_template: ["restart", "x"] } });
    const third = await install(machine);
    expect([third.json.confined, third.human]).toEqual([
      false,
      expect.stringContaining("by nothing (its policy does more than read: restart)"),
    ]);
    expect(unitOf(machine)).not.toContain("\nNoNewPrivileges=");
    // Of another agent it says nothing, nor where it cannot look.
    if (isRoot) {
      chmodSync(units, 0o700);
      setPolicy(machine, { look: LOOK });
      expect(await stale()).toBeUndefined();
      chmodSync(units, 0o755);
    }
    expect(await stale(baseDirectory({ CMD2HOST_CONFIG_DIR: machine.host.root }))).toBeUndefined();
    // One that was changed by hand is its owner's.
    writeFileSync(machine.unit("agent"), unitOf(machine).replace("RestartSec=5", "RestartSec=6"));
    setPolicy(machine, { look: LOOK });
    expect(await stale()).toBeUndefined();
  });

  it("is confined against its policy when that is said, and says which operations that is against", async () => {
    const machine = agentMachine({ shell: { shell: "sh" } });
    const { json, stderr } = await install(machine, { said: "strict" });
    expect([json.confined, stderr]).toEqual([true, expect.stringContaining("do more than read: shell")]);
    expect(unitOf(machine)).toContain("\nNoNewPrivileges=yes\n");
  });

  it("remembers how it was installed, and what is said anew counts", async () => {
    const machine = agentMachine();
    await install(machine, { said: "open" });
    const wish = (more: object): AgentWish => agentWish({ ...NO_WORDS, ...more }, machine.place);
    expect(wish({})).toEqual(wishOf(machine, { said: "open" }));
    expect(wish({ strict: true }).said).toBe("strict");
    expect(wish({ "by-policy": true }).said).toBeUndefined();
    expect(wish({ user: "other" })).toEqual(wishOf(machine, { user: "other", said: "open" }));
    expect(wish({ root: true }).user).toBeUndefined();
    expect(wish({ dir: "/srv/x/" }).directory).toBe("/srv/x");
  });

  it("keeps a unit that was changed by hand beside its own, once", async () => {
    const machine = agentMachine();
    await install(machine);
    const edited = unitOf(machine).replace("RestartSec=5", "RestartSec=60");
    writeFileSync(machine.unit("agent"), edited);
    const { stderr } = await install(machine);
    const old = `${machine.unit("agent")}.old`;
    expect(stderr).toContain(`note: what was there was not as cmd2host wrote it, and is now ${old}\n`);
    expect(readFileSync(old, "utf8")).toBe(edited);
    expect(unitOf(machine)).toContain("\nRestartSec=5\n");
    setPolicy(machine, { push: PUSH });
    expect((await install(machine)).stderr).not.toContain(".old");
    expect(readFileSync(old, "utf8")).toBe(edited);
  });

  it("keeps a unit of somebody else beside its own, and takes nothing of it over", async () => {
    const machine = agentMachine();
    writeFileSync(machine.unit("agent"), "[Service]\nUser=root\nExecStart=/usr/bin/theirs\n");
    expect(agentWish({ ...NO_WORDS, dir: machine.host.base }, machine.place).user).toBe("cmd2host");
    expect((await install(machine)).stderr).toContain("unit");
    expect(readFileSync(`${machine.unit("agent")}.old`, "utf8")).toContain("theirs");
  });

  it("is not written through a link", async () => {
    const machine = agentMachine();
    const target = join(machine.host.root, "target");
    writeFileSync(target, "theirs");
    symlinkSync(target, machine.unit("agent"));
    await expect(install(machine)).rejects.toMatchObject({ code: "file_failed" });
    await expect(uninstallSystem("agent", machine.place, "")).rejects.toMatchObject({ code: "file_failed" });
    expect([readFileSync(target, "utf8"), lstatSync(machine.unit("agent")).isSymbolicLink()]).toEqual(["theirs", true]);
    rmSync(machine.unit("agent"));
  });

  it("needs a directory that is an agent's", async () => {
    const machine = agentMachine();
    rmSync(join(machine.host.base, "daemon.json"));
    await expect(install(machine)).rejects.toMatchObject({
      code: "agent_config_invalid",
      hint: expect.stringContaining("agent init") as string,
    });
    writeFileSync(join(machine.host.base, "daemon.json"), "{}", { mode: 0o600 });
    machine.host.daemon.found = {};
    await expect(install(machine)).rejects.toMatchObject({ code: "agent_config_invalid" });
    expect(existsSync(machine.unit("agent"))).toBe(false);
  });

  it("does not believe a directory that somebody else could have written to", async () => {
    const machine = agentMachine();
    chmodSync(machine.host.base, 0o777);
    await expect(install(machine)).rejects.toMatchObject({ code: "base_unusable" });
    expect([existsSync(machine.unit("agent")), statSync(machine.host.base).uid]).toEqual([false, process.geteuid?.()]);
  });

  it.runIf(isRoot)("gives nothing away that could be somebody else's, and changes nothing then", async () => {
    const machine = agentMachine();
    chownSync(machine.host.projectFile("machine"), 1, 1);
    await expect(install(machine)).rejects.toMatchObject({ code: "base_unusable" });
    expect([existsSync(machine.unit("agent")), statSync(machine.host.base).uid]).toEqual([false, 0]);
  });

  it("does not run a program that others could replace", async () => {
    const machine = agentMachine();
    const program = join(machine.host.root, "cmd2host");
    writeFileSync(program, "#!/bin/sh\n");
    chmodSync(program, 0o777);
    machine.host.installed = [program];
    await expect(install(machine)).rejects.toMatchObject({ code: "command_untrusted" });
    machine.host.installed = [join(machine.host.root, "nowhere")];
    await expect(install(machine)).rejects.toMatchObject({ code: "command_untrusted" });
    expect(existsSync(machine.unit("agent"))).toBe(false);
  });

  it("says what keeps the service from starting", async () => {
    const machine = agentMachine();
    machine.refuseStart("agent", 226);
    await expect(install(machine)).rejects.toMatchObject({
      code: "service_failed",
      message: "systemd cannot confine the service here (NAMESPACE)",
      hint: expect.stringContaining("docs/fleet-setup.md") as string,
    });
    machine.refuseStart("agent", 1);
    await expect(install(machine)).rejects.toMatchObject({
      code: "service_failed",
      message: expect.stringContaining("control process exited") as string,
      hint: expect.stringContaining("journalctl -u cmd2host-agent.service") as string,
    });
    // The unit is there, and systemd would go on trying.
    expect(existsSync(machine.unit("agent"))).toBe(true);
    machine.refuseStart("agent", 0);
    rmSync(join(machine.host.root, "runtime/system-cmd2host-agent.service/refuses"));
    expect((await install(machine)).json.did).toBe("restarted");
  });

  it("needs systemd, and says what to do without", async () => {
    const machine = agentMachine();
    const without = { ...machine.place, tools: new Tools({ PATH: machine.host.root }, []) };
    await expect(installAgent(wishOf(machine), without, machine.host.context())).rejects.toMatchObject({
      code: "service_unavailable",
      message: "this system has no systemd (no systemctl on PATH)",
      hint: expect.stringContaining("stays in the foreground") as string,
    });
    writeFileSync(join(machine.host.root, "runtime/no-manager"), "");
    await expect(install(machine)).rejects.toMatchObject({ code: "service_unavailable" });
    rmSync(join(machine.host.root, "runtime/no-manager"));
    expect(existsSync(machine.unit("agent"))).toBe(false);
  });

  it("does not start beside an agent that was started by hand", async () => {
    const machine = agentMachine();
    await install(machine);
    // As if systemd knew nothing of it.
    const pid = join(machine.host.root, "runtime/system-cmd2host-agent.service/pid");
    const number = readFileSync(pid, "utf8");
    rmSync(pid);
    await expect(install(machine)).rejects.toMatchObject({ code: "daemon_already_running" });
    writeFileSync(pid, number);
  });
});

describe("the user of an agent's service", () => {
  /** A useradd that makes a user in a file of its own, or nobody. */
  function withUseradd(machine: Machine, passwd: string, line: string): Machine {
    const tools = join(machine.host.root, "tools");
    mkdirSync(tools);
    const text = `#!/bin/sh\necho "$*" >>'${machine.host.root}/useradd.calls'\n${line === "" ? "" : `echo '${line}' >>'${passwd}'\n`}`;
    writeFileSync(join(tools, "useradd"), text, { mode: 0o755 });
    const PATH = `${tools}:${machine.host.environment["PATH"] ?? ""}`;
    return {
      ...machine,
      place: { ...machine.place, passwd, tools: new Tools({ ...machine.host.environment, PATH }, []) },
    };
  }

  function passwdOf({ host }: Machine, text = ""): string {
    const file = join(host.root, "passwd");
    writeFileSync(file, text);
    return file;
  }

  it.runIf(requireTools(["python3"]) && process.platform === "linux")("is made when it is missing", async () => {
    const machine = agentMachine();
    const file = passwdOf(machine);
    const { uid, gid } = isRoot ? { uid: 65_534, gid: 65_534 } : statSync(machine.host.base);
    const made = withUseradd(machine, file, `${SERVICE_USER}:x:${uid}:${gid}::/:/bin/false`);
    expect((await install(made)).human).toContain(`${SERVICE_USER} (made)`);
    const called = readFileSync(join(machine.host.root, "useradd.calls"), "utf8");
    expect(called).toMatch(/^--system --user-group --no-create-home --home-dir=\S+\/home --shell=\S+ \S+\n$/);
  });

  it.runIf(requireTools(["python3"]) && process.platform === "linux").each([
    ["", "ghost", "service_failed", /useradd made no user ghost/],
    ["ghost:x:0:0::/:/bin/sh", "ghost", "usage", /root by another name/],
  ])("is not believed when useradd made %j of it", async (line, user, code, message) => {
    const machine = agentMachine();
    const made = withUseradd(machine, passwdOf(machine), line);
    await expect(install(made, { user })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
    expect(existsSync(machine.unit("agent"))).toBe(false);
  });

  it.runIf(requireTools(["python3"]) && process.platform === "linux")("cannot be made without useradd", async () => {
    const machine = agentMachine();
    await expect(install(machine, { user: "ghost" })).rejects.toMatchObject({
      code: "service_failed",
      message: "there is no user ghost, and no useradd to make one",
    });
  });

  it("is never root by silence, or by another name", async () => {
    const machine = agentMachine();
    for (const user of ["root", "Root User", "-x", "a:b", ""])
      expect(() => agentWish({ ...NO_WORDS, user }, machine.place)).toThrow(/--user/);
    const passwd = passwdOf(machine, "toor:x:0:0::/root:/bin/sh\n");
    const place = { ...machine.place, passwd };
    await expect(installAgent(wishOf(machine, { user: "toor" }), place, machine.host.context())).rejects.toThrow(
      /root/,
    );
    expect(agentWish(NO_WORDS, machine.place).user).toBe("cmd2host");
  });
});

describe("agent install", () => {
  it.each([
    [{ root: true, user: "web" }, /exclude each other/],
    [{ strict: true, open: true }, /exclude each other/],
    [{ strict: true, "by-policy": true }, /exclude each other/],
    [{ dir: "relative" }, /no absolute path/],
  ])("does not understand %j", (words, message) => {
    expect(() => agentWish({ ...NO_WORDS, ...words }, machineOf().place)).toThrow(message);
  });

  it("is for Linux", async () => {
    const { host } = machineOf();
    host.system = "darwin";
    for (const verb of ["install", "uninstall"])
      expect(await host.run("agent", verb)).toMatchObject({
        exit: 1,
        stderr: expect.stringContaining("units of systemd, and this is darwin") as string,
      });
  });

  it("is for root", async () => {
    const { host } = machineOf();
    const rights = process.geteuid?.() ?? 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      for (const verb of ["install", "uninstall"])
        expect(await host.run("agent", verb)).toMatchObject({
          exit: 1,
          stderr: expect.stringContaining(`sudo cmd2host agent ${verb}`) as string,
        });
    } finally {
      if (isRoot) process.seteuid?.(rights);
    }
  });

  it("shows what it would do, and what is missing for it, and changes nothing", async () => {
    const machine = agentMachine();
    const shown = await shownAgent(wishOf(machine), machine.place, machine.host.context());
    expect(shown.human).toContain("\nNoNewPrivileges=yes\n");
    setPolicy(machine, { shell: { shell: "sh" } });
    const open = await shownAgent(wishOf(machine), machine.place, machine.host.context());
    expect(open.human).not.toContain("\nNoNewPrivileges=yes\n");
    machine.host.daemon.found = {};
    const missing = await shownAgent(wishOf(machine), machine.place, machine.host.context());
    expect(missing.stderr).toMatch(/^note: .*has no "agent".*agent init/);
    expect([existsSync(machine.unit("agent")), statSync(machine.host.base).uid]).toEqual([false, process.geteuid?.()]);
  });
});

describe("what a policy needs of the service", () => {
  const factsOf = (machine: Machine) => policyFacts(baseDirectory({ CMD2HOST_CONFIG_DIR: machine.host.base }), 4_711);

  it("is nothing where there is none, and that is said", () => {
    expect(factsOf(machineOf())).toEqual({
      doMore: [],
      writes: [],
      becomes: false,
      notes: ["there is no policy yet: nothing is allowed"],
    });
  });

  it("is what is allowed, not what is only declared", () => {
    const machine = agentMachine({ look: LOOK });
    machine.host.project("machine", {
      machine: {},
      operations: { look: LOOK, shell: { shell: "sh" }, push: PUSH },
      allowed_operations: ["look"],
    });
    expect(factsOf(machine)).toMatchObject({ doMore: [], writes: [] });
  });

  it.each<readonly [string, Readonly<Record<string, object>>, object]>([
    ["reading", { look: LOOK }, { doMore: [], writes: [], becomes: false }],
    ["no word about reading", { look: { ...LOOK, annotations: {} } }, { doMore: ["look"] }],
    ["a shell that is said to read", { look: { shell: "sh", annotations: { read_only: true } } }, { doMore: ["look"] }],
    ["files that come", { push: PUSH }, { doMore: [], writes: ["/srv/www"] }],
    ["files that go", { pull: { transfer: { direction: "pull", roots: ["/var"] } } }, { doMore: [], writes: [] }],
    ["another user", { look: { ...LOOK, run_as: "daemon" } }, { becomes: true }],
  ])("follows from %s", (_, operations, facts) => {
    expect(factsOf(agentMachine(operations))).toMatchObject(facts);
  });

  it("is what all policies need, each directory once, whether they are approved or not", () => {
    const machine = agentMachine({ push: PUSH });
    machine.host.project("other", {
      machine: {},
      operations: { push: { transfer: { direction: "push", roots: ["/srv/www", "/opt"] } }, shell: { shell: "sh" } },
      allowed_operations: ["push", "shell"],
    });
    expect(factsOf(machine)).toMatchObject({ doMore: ["shell"], writes: ["/opt", "/srv/www"] });
    expect(factsOf(machine).notes).toEqual([
      "the policy machine is not allowed yet: cmd2host config allow machine",
      "the policy other is not allowed yet: cmd2host config allow other",
    ]);
  });

  it("is nothing of a policy that does not load, and that is said", () => {
    const machine = agentMachine();
    writeFileSync(machine.host.projectFile("machine"), "{");
    const { doMore, notes } = factsOf(machine);
    expect([doMore, notes]).toEqual([[], [expect.stringContaining("the policy machine allows nothing as it is")]]);
  });
});
