import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { requireTools } from "../fixtures/backends/present.ts";
import {
  ASSET,
  BASICS,
  executable,
  INSTALL,
  INSTALL_AGENT,
  INSTALL_GATEWAY,
  machineOf as userOf,
  pathOf,
  release,
  run as runScript,
  shaOf,
  word,
  type Ended,
  type Machine,
} from "./machine.ts";

/** What `agent init`, `agent enroll CODE` and `gateway init` leave on a disk; with a file `fails` in the home directory, what it names fails. */
const LEAVES = `
case "$1 $2" in
"agent init") mkdir -p "$CMD2HOST_CONFIG_DIR/projects/machine" && echo '{}' >"$CMD2HOST_CONFIG_DIR/projects/machine/config.json" ;;
"agent enroll") [ $# -eq 2 ] && echo c2h1.CODE || { mkdir -p "$CMD2HOST_CONFIG_DIR/gateways" && echo '{}' >"$CMD2HOST_CONFIG_DIR/gateways/g.json"; } ;;
"gateway init") mkdir -p "\${3#--dir=}" && echo key-of-the-admin >"\${3#--dir=}/admin.key" && echo >"\${3#--dir=}/gateway.toml" ;;
esac
[ ! -f "$FAILS" ] || [ "$1 $2" != "$(cat "$FAILS")" ]
`;

interface Root extends Machine {
  /** A PATH on which there is nothing but what the scripts use; root is whoever runs them. */
  readonly path: string;
  readonly dir: string;
  /** Has a command of the program fail. */
  readonly failing: (command: string) => void;
}

function machineOf(options: { readonly uid?: number; readonly without?: string } = {}): Root {
  const user = userOf();
  const fails = join(user.home, "fails");
  release(
    user,
    "1.0.0",
    LEAVES.replaceAll("$FAILS", () => fails.replaceAll('"', '\\"').replaceAll("$", "\\$")),
  );
  const path = pathOf([...BASICS, "sha256sum", "stat", "env"]);
  // Whoever runs this test stands for root, and the owner of what it makes too.
  const fakes = {
    id: `echo ${options.uid ?? 0}`,
    systemctl: "true",
    runuser: 'shift 3; exec "$@"',
  };
  for (const [name, line] of Object.entries(fakes))
    if (name !== options.without) writeFileSync(join(path, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  return {
    ...user,
    path,
    bin: join(user.home, "usr/bin"),
    dir: join(user.home, "var"),
    failing: (command) => {
      writeFileSync(fails, command);
    },
  };
}

function run(script: string, machine: Root, more: readonly string[] = []): Ended {
  const own = ["--from", machine.release, "--prefix", join(machine.home, "usr"), "--dir", machine.dir];
  return runScript(script, machine, [...own, ...more], { path: machine.path });
}

const linux = process.platform === "linux" ? describe : describe.skip;

linux("install-agent.sh", () => {
  it("installs the program, a policy, the service, and prints a code; run again it keeps what there is", () => {
    const machine = machineOf();
    const first = run(INSTALL_AGENT, machine);
    expect([first.exit, first.stderr]).toEqual([0, ""]);
    expect(first.stdout).toContain(
      `${machine.bin}/cmd2host: cmd2host version 1.0.0\nPolicy: fleet_readonly, approved.`,
    );
    expect(first.stdout).toMatch(/\nc2h1\.CODE\n$/);
    expect(machine.calls()).toEqual([
      "agent init --template=fleet_readonly --allow",
      `agent install --dir=${machine.dir}`,
      "agent enroll",
    ]);
    writeFileSync(join(machine.dir, "projects/machine/config.json"), "the owner's");
    release(machine, "2.0.0");
    const before = statSync(join(machine.bin, "cmd2host"));
    expect(run(INSTALL_AGENT, machine).stdout).toContain("cmd2host version 2.0.0\nPolicy: kept as it is");
    // Renamed, not written: one that runs goes on with the old file.
    expect(statSync(join(machine.bin, "cmd2host")).ino).not.toBe(before.ino);
    expect(machine.calls().slice(3)).toEqual([`agent install --dir=${machine.dir}`, "agent enroll"]);
    expect(readFileSync(join(machine.dir, "projects/machine/config.json"), "utf8")).toBe("the owner's");
    expect(readdirSync(machine.bin)).toEqual(["cmd2host"]);
  });

  it("uses the code of a gateway: one line makes a machine and takes it in", () => {
    const machine = machineOf();
    const { exit, stdout } = run(INSTALL_AGENT, machine, ["--dial-only", "--name", "web1", "--enroll", "c2h1.THEIRS"]);
    expect([exit, stdout]).toEqual([0, expect.not.stringContaining("c2h1.")]);
    expect(machine.calls()).toEqual([
      "agent init --template=fleet_readonly --allow --name=web1 --dial-only",
      `agent install --dir=${machine.dir}`,
      "agent enroll c2h1.THEIRS",
    ]);
    expect(run(INSTALL_AGENT, machine).stdout).toContain("A gateway is let in already, so no code was made.");
  });

  it("passes on what is chosen, and says what counts only the first time", () => {
    const machine = machineOf();
    const chosen = ["--template", "fleet_ops", "--tag", "a", "--tag", "b", "--listen", "[::1]:9", "--root", "--strict"];
    const first = run(INSTALL_AGENT, machine, [...chosen, "--no-enroll"]);
    expect([first.exit, first.stdout]).toEqual([0, expect.stringContaining("No code was made.")]);
    expect(machine.calls()).toEqual([
      "agent init --template=fleet_ops --allow --listen=[::1]:9 --tag=a --tag=b",
      `agent install --dir=${machine.dir} --root --strict`,
    ]);
    const second = run(INSTALL_AGENT, machine, ["--tag", "c", "--user", "web", "--no-enroll"]);
    expect(second.stderr).toContain("note: --template, --name, --tag, --listen and --dial-only count only");
    expect(machine.calls().at(-1)).toBe(`agent install --dir=${machine.dir} --user=web`);
  });

  it("does everything as the user whose directory it is", () => {
    const machine = machineOf();
    run(INSTALL_AGENT, machine);
    const log = join(machine.home, "became");
    writeFileSync(join(machine.path, "runuser"), `#!/bin/sh\necho "$2" >>${word(log)}\nshift 3; exec "$@"\n`);
    writeFileSync(join(machine.path, "stat2"), "#!/bin/sh\necho web\n", { mode: 0o755 });
    // The directory is somebody else's now.
    execFileSync("mv", [join(machine.path, "stat2"), join(machine.path, "stat")]);
    run(INSTALL_AGENT, machine);
    expect(readFileSync(log, "utf8")).toBe("web\n");
  });

  it.each(["agent init", "agent install", "agent enroll"])("ends where %s fails", (command) => {
    const machine = machineOf();
    machine.failing(command);
    expect(run(INSTALL_AGENT, machine).exit).toBe(1);
    expect(machine.calls().at(-1)).toMatch(new RegExp(`^${command}`));
  });

  it.each([
    [["--root", "--user", "web"], "--user and --root exclude each other"],
    [["--strict", "--open"], "--strict and --open exclude each other"],
    [["--open", "--strict"], "--strict and --open exclude each other"],
    [["--enroll", "CODE", "--no-enroll"], "--enroll and --no-enroll exclude each other"],
    [["--dir", "relative"], "is no absolute path"],
    [["--template", "git_readonly"], "is for repositories"],
    [["--template", "fleet_x; id"], "holds something else"],
    [["--tag", "a b"], "holds something else"],
    [["--name", "$(id)"], "holds something else"],
    [["--enroll"], "--enroll needs a value"],
    [["--enroll", "--root"], "--enroll needs a value"],
    [["--quick"], "--quick is not understood"],
    [["--from", "x"], "exclude each other"],
  ])("refuses %j, and does nothing", (args, why) => {
    const machine = machineOf();
    const { exit, stdout, stderr } = run(INSTALL_AGENT, machine, args);
    expect([exit, stdout, stderr]).toEqual([2, "", expect.stringContaining(why)]);
    expect([existsSync(machine.bin), existsSync(machine.dir)]).toEqual([false, false]);
  });
});

linux("install-gateway.sh", () => {
  it("installs the program, a configuration and the service; run again it keeps what there is", () => {
    const machine = machineOf();
    const state = join(machine.home, "state");
    const first = run(INSTALL_GATEWAY, machine, ["--state-dir", state, "--bind", "::1", "--port", "80"]);
    expect([first.exit, first.stderr]).toEqual([0, ""]);
    expect(machine.calls()).toEqual([
      `gateway init --dir=${machine.dir} --state-dir=${state} --bind=::1 --port=80`,
      `gateway install --config=${machine.dir}/gateway.toml`,
    ]);
    // Where the key is, not what it is; and a URL that can be used.
    expect(first.stdout).toContain(`Key of the administrator: ${machine.dir}/admin.key`);
    expect(first.stdout).toContain("CMD2HOST_GATEWAY=http://[::1]:80 ");
    expect(first.stdout).not.toContain("key-of-the-admin");
    const again = run(INSTALL_GATEWAY, machine, ["--strict"]);
    expect(again.stdout).toContain(`Configuration: kept as it is, ${machine.dir}/gateway.toml`);
    expect(machine.calls().slice(2)).toEqual([`gateway install --config=${machine.dir}/gateway.toml --strict`]);
  });

  it.each(["gateway init", "gateway install"])("ends where %s fails", (command) => {
    const machine = machineOf();
    machine.failing(command);
    const { exit, stdout } = run(INSTALL_GATEWAY, machine);
    expect([exit, stdout]).toEqual([1, expect.not.stringContaining("Next:")]);
    expect(machine.calls().at(-1)).toMatch(new RegExp(`^${command}`));
  });

  it.each([
    [["--dir", "relative"], "is no absolute path"],
    [["--state-dir", "relative"], "is no absolute path"],
    [["--port"], "--port needs a value"],
    [["--quick"], "--quick is not understood"],
  ])("refuses %j, and does nothing", (args, why) => {
    const machine = machineOf();
    const { exit, stdout, stderr } = run(INSTALL_GATEWAY, machine, args);
    expect([exit, stdout, stderr]).toEqual([2, "", expect.stringContaining(why)]);
    expect([existsSync(machine.bin), existsSync(machine.dir)]).toEqual([false, false]);
  });
});

linux.each([
  ["install-agent.sh", INSTALL_AGENT],
  ["install-gateway.sh", INSTALL_GATEWAY],
])("%s", (name, script) => {
  it("is for root, and for machines with systemd", () => {
    const user = machineOf({ uid: 1_000 });
    const asUser = run(script, user);
    expect([asUser.exit, asUser.stderr]).toEqual([1, expect.stringMatching(/^error: only root/)]);
    const bare = machineOf({ without: "systemctl" });
    const without = run(script, bare);
    expect([without.exit, without.stderr]).toEqual([1, expect.stringContaining("error: this machine has no systemd")]);
    for (const machine of [user, bare])
      expect([existsSync(machine.bin), existsSync(machine.dir), machine.calls()]).toEqual([false, false, []]);
  });

  it("runs and installs nothing when the checksum is wrong", () => {
    const machine = machineOf();
    const program = executable("6.6.6", join(machine.home, "calls"));
    writeFileSync(join(machine.release, ASSET), program);
    const { exit, stderr } = run(script, machine);
    expect([exit, stderr]).toEqual([1, expect.stringContaining("has the wrong checksum")]);
    expect([readdirSync(machine.bin), existsSync(machine.dir), machine.calls()]).toEqual([[], false, []]);
    writeFileSync(join(machine.release, "checksums.txt"), `${shaOf(program)}  ${ASSET}\n`);
    expect(run(script, machine).stdout).toContain("cmd2host version 6.6.6");
  });

  it("takes an executable that is named itself, and says that nobody knows its checksum", () => {
    const machine = machineOf();
    const own = ["--from", join(machine.release, ASSET), "--prefix", join(machine.home, "usr"), "--dir", machine.dir];
    const { exit, stderr } = runScript(script, machine, own, { path: machine.path });
    expect([exit, stderr]).toEqual([0, expect.stringContaining("is taken as it is")]);
  });

  it("explains itself", () => {
    const { exit, stdout } = runScript(script, machineOf(), ["--help"]);
    expect([exit, stdout]).toEqual([0, expect.stringContaining(`Usage: ${name} [--repo OWNER/NAME`)]);
  });

  it("does nothing when it was cut short, wherever it ends", () => {
    const whole = readFileSync(script);
    const machine = machineOf();
    const last = whole.lastIndexOf("{ main");
    // Every byte of the last line, before and behind every line break, and some of everything else.
    const cuts = [...whole.keys()].filter((at) => {
      if (at > whole.lastIndexOf("}")) return false;
      return at >= last || whole[at] === 0x0a || whole[at - 1] === 0x0a || at % 97 === 0;
    });
    const cut = join(machine.home, "cut.sh");
    for (const at of cuts) {
      writeFileSync(cut, whole.subarray(0, at));
      run(cut, machine);
      expect([at, existsSync(machine.bin), existsSync(machine.dir), machine.calls()]).toEqual([at, false, false, []]);
    }
    writeFileSync(cut, whole);
    run(cut, machine);
    expect(existsSync(machine.bin)).toBe(true);
  }, 240_000);
});

describe("the scripts that install", () => {
  it("have the same part in common, byte for byte", () => {
    const parts = [INSTALL, INSTALL_AGENT, INSTALL_GATEWAY].map((script) => {
      const text = readFileSync(script, "utf8");
      return text.slice(text.indexOf("# What stands from here"), text.indexOf("# The same until here."));
    });
    expect(parts[0]?.length).toBeGreaterThan(4_000);
    expect([parts[1], parts[2]]).toEqual([parts[0], parts[0]]);
  });

  describe.runIf(requireTools(["shellcheck"]))("according to shellcheck", () => {
    it.each([INSTALL_AGENT, INSTALL_GATEWAY])("%s is right", (script) => {
      const words = ["--shell=sh", "--enable=all", "--exclude=SC2250,SC2310,SC2312,SC2249", script];
      expect(execFileSync("shellcheck", words, { encoding: "utf8" })).toBe("");
    });
  });
});
