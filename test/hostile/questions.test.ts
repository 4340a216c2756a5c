import { renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { asOwner } from "../../host/cli/owner-client.ts";
import type { DaemonConfig, PendingApproval } from "../../wire/schema.ts";
import { Base, defaultProject, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { connect, list, run } from "../fixtures/exchange.ts";
import { requestBytes } from "../fixtures/frame-talk.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const OTHER = "e".repeat(64);
/** As many as docs/approval.md says that a session may ask for what nobody allows, within a minute. */
const ASKS = 30;

async function daemonThatAsks(config: DaemonConfig, base = new Base(), repo = makeRepo(join(tempDirectory(), "repo"))) {
  const ask = { command: "/bin/true", args_template: [], approval: {} };
  base
    .writeProject("owner_repo", defaultProject(repo, { allowed_operations: ["ask"], operations: { ask } }))
    .writeToken(TOKEN, { repo: "owner/repo" })
    .writeToken(OTHER, { repo: "owner/repo" });
  const daemon = await startDaemon(base, config);
  const pending = async (): Promise<readonly PendingApproval[]> =>
    (await asOwner(base.directory, async (owner) => owner.approvals("", 0))).approvals;
  const until = async (count: number): Promise<readonly PendingApproval[]> => {
    for (;;) {
      const now = await pending();
      if (now.length === count) return now;
      await sleep(2);
    }
  };
  return { base, daemon, address: daemon.address, pending, until };
}

describe("questions to a person", () => {
  it("that are withdrawn at once, again and again, cease to reach anybody [promise 9]", async () => {
    const { base, address, pending, until } = await daemonThatAsks({ approvals: { desktop: false } });
    for (let asked = 0; asked < ASKS; asked++) {
      const socket = await connect(address);
      socket.write(requestBytes({ protocol: 2, operation: "ask", params: {}, token: TOKEN }));
      await until(1);
      socket.destroy();
      await until(0);
    }
    const refused = await run(address, { operation: "ask" });
    expect(refused).toMatchObject({ outcome: "denied", code: "rate_limited" });
    expect(refused.denied_reason).toMatch(/asked a person 30 times within 60 s .* it may ask again in \d+ s$/);
    expect(await pending()).toEqual([]);
    // Nobody else is held back.
    const other = run(address, { operation: "ask", token: OTHER });
    const [question] = await until(1);
    await asOwner(base.directory, async (owner) => owner.answer(question?.id ?? "", { answer: "once" }));
    expect((await other).exit_code).toBe(0);
  });

  it("are asked, and the daemon lives, when a container has made a loop of a checkout's path [promise 9]", async () => {
    const base = new Base();
    const outer = makeRepo(join(tempDirectory(), "outer"));
    const inner = join(outer, "inner");
    makeRepo(inner);
    base.writeProject("owner_inner", defaultProject(inner, { repos: ["owner/inner"] }));
    const { address, daemon, until } = await daemonThatAsks({ approvals: { desktop: true } }, base, outer);
    renameSync(inner, join(outer, "moved"));
    symlinkSync("inner", inner);
    const reply = run(address, { operation: "ask" });
    const [question] = await until(1);
    await asOwner(base.directory, async (owner) => owner.answer(question?.id ?? "", { answer: "once" }));
    expect((await reply).exit_code).toBe(0);
    expect((await list(address)).operations).toHaveLength(1);
    expect(daemon.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});
