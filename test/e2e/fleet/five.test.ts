import { beforeAll, describe, expect, it } from "vitest";
import { startFleet, type Fleet } from "./machines.ts";
import { makeNetwork } from "./net.ts";

let fleet: Fleet;

beforeAll(async () => {
  fleet = await startFleet(makeNetwork(5), {
    web1: { tags: ["web"] },
    web2: { tags: ["web"] },
    db1: { tags: ["db"], dials: true },
    db2: { tags: ["db"], dials: true },
  });
});

/** A line of what a fan-out says with --format=jsonl. */
interface Line {
  readonly target: string;
  readonly outcome: string;
  readonly exit_code: number;
  readonly stdout: string;
  readonly run_id: string;
}

describe("five machines: a gateway, two agents that listen, and two that dial out", () => {
  it("run a command each, byte for byte, recorded on both ends under one id", async () => {
    const { gateway, agents } = fleet;
    for (const [name, { audit, base }] of Object.entries(agents)) {
      const command = `printf '%s|' "a  b" '$HOME' "$PWD"; hostname >&2; exit 7`;
      const { exit, stdout, stderr, outcome } = await gateway.exec(name, command, `--workdir=${base}`).said();
      expect([name, exit, stdout]).toEqual([name, 7, `a  b|$HOME|${base}|`]);
      expect(stderr.split("\n")[0]).toBe(agents[name]?.host.name);
      const id = outcome.run_id ?? "";
      const common = { verdict: "permit", caller: "admin", target: name, operation: "shell" };
      expect(await gateway.audit.of(id)).toMatchObject({
        decision: { ...common, argv: ["shell", command] },
        outcome: { outcome: "completed", exit_code: 7, stdout_bytes: stdout.length },
      });
      expect(await audit.of(id)).toMatchObject({
        decision: { ...common, transport: "link", argv: ["bash", "-c", "--", command] },
        outcome: { outcome: "completed", exit_code: 7, stdout_bytes: stdout.length },
      });
      expect(await audit.isGood()).toBe(true);
    }
    expect(await gateway.audit.isGood()).toBe(true);
  });

  it("run one command all at once; the exit code says that one failed, and each line which", async () => {
    const { gateway, agents } = fleet;
    const command = 'echo "on $(hostname)"; [ "$(hostname)" != host3 ]';
    const { exit, stdout, stderr } = await gateway.ran("exec", "--all", "--format=jsonl", "--", command);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Line);
    expect(exit).toBe(1);
    expect(stderr).toContain("ok 3, exit≠0 1, denied 0, failed 0, not run 0");
    expect(lines.map(({ target }) => target).sort()).toEqual(["db1", "db2", "web1", "web2"]);
    for (const { target, outcome, exit_code: code, stdout: said, run_id: id } of lines) {
      const machine = agents[target];
      expect([outcome, code, said]).toEqual([
        "completed",
        target === "web2" ? 1 : 0,
        `on ${machine?.host.name ?? ""}\n`,
      ]);
      expect(await machine?.audit.of(id)).toMatchObject({ outcome: { exit_code: code } });
      expect(await gateway.audit.of(id)).toMatchObject({ outcome: { exit_code: code } });
    }
    const tagged = await gateway.ran("exec", "--tag=db", "--format=table", "true");
    expect([tagged.exit, tagged.stdout.match(/^db\d/gm)?.sort()]).toEqual([0, ["db1", "db2"]]);
    for (const machine of Object.values(agents)) await machine.untilNoCommands();
  });
});
