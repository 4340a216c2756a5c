import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import type { FakeGitHub } from "../../fixtures/backends/github.ts";
import type { SshServer } from "../../fixtures/backends/sshd.ts";
import { echoOperation } from "../../fixtures/base.ts";
import { git } from "../../fixtures/repo.ts";
import type { Answer, Session } from "../../mcp/clients.ts";
import type { Devcontainer } from "../rig/devcontainer.ts";
import { mcpIn, type Host, type Project, type Runtime } from "../rig/scene.ts";

/** What happens to a container that lives with cmd2host, whatever runs in it. Each scenario leaves the daemon running and the token valid. */

/** A host, a project of it, and the project's container. */
export interface Scene {
  readonly runtime: Runtime;
  readonly host: Host;
  readonly project: Project;
  readonly container: Devcontainer;
}

/** The operation of the scenarios' projects. */
export const SAY = { say: echoOperation } as const;

async function say(session: Session, message: string): Promise<Answer> {
  return session.call("cmd2host_run_operation", { operation_id: "say", params: { message } });
}

/** Holds that the operation ran on the host and its output came back. */
async function expectSaid(session: Session, message: string): Promise<void> {
  const answer = await say(session, message);
  expect([answer.isError, answer.text]).toEqual([false, expect.stringContaining(message)]);
}

export async function runsAnOperation({ host, container }: Scene): Promise<void> {
  await host.start();
  const session = await mcpIn(container);
  expect((await session.call("cmd2host_list_operations")).text).toContain("**say**");
  await expectSaid(session, "from the host");
  const denied = await session.call("cmd2host_run_operation", { operation_id: "gh_pr_merge" });
  expect([denied.isError, denied.text]).toEqual([true, expect.stringContaining("gh_pr_merge")]);
}

/** The directory of the socket is there, and nothing is in it: the daemon comes later. */
export async function waitsForItsDaemon({ runtime, host, container }: Scene): Promise<void> {
  await host.stop();
  if (runtime === "bridge") {
    const { code, stderr } = await container.exec(["cmd2host-mcp"]);
    expect([code, stderr]).toEqual([200, expect.stringMatching(/^cmd2host: [^\n]+\n$/)]);
    await host.start();
    await expectSaid(await mcpIn(container), "here it is");
    return;
  }
  const session = await mcpIn(container);
  const failed = await say(session, "too early");
  expect([failed.isError, failed.text]).toEqual([
    true,
    expect.stringContaining("failed to connect to cmd2host daemon"),
  ]);
  await host.start();
  await expectSaid(session, "here it is");
}

export async function outlivesTheDaemon({ host, container }: Scene): Promise<void> {
  await host.start();
  const session = await mcpIn(container);
  await expectSaid(session, "before");
  await host.stop();
  await host.start();
  await expectSaid(session, "after");
}

/** The daemon ends the sessions of tokens that have ended within seconds; the bridge comes again by itself, with the new one. */
async function untilTaken(session: Session): Promise<void> {
  for (;;) {
    const answer = await say(session, "again").catch(() => undefined);
    if (answer?.isError === false) return;
    await sleep(500);
  }
}

/** The token file is replaced in its directory, on the host, while the container lives. */
export async function takesANewToken({ runtime, host, project, container }: Scene): Promise<void> {
  await host.start();
  const session = await mcpIn(container);
  project.token.expire();
  const refused = await say(session, "too late");
  expect([refused.isError, refused.text]).toEqual([true, expect.stringContaining("uthentication failed")]);
  project.token.renew();
  if (runtime === "bridge") await untilTaken(session);
  await expectSaid(session, "in time");
}

/**
 * As on a laptop that sleeps; the daemon is another one when it wakes. A call may be on its way over the dead connection before that is noticed: then it
 * is said that its answer is lost, and the next one comes through.
 */
export async function sleepsAndWakes({ runtime, host, container }: Scene): Promise<void> {
  await host.start();
  const session = await mcpIn(container);
  await expectSaid(session, "awake");
  await container.pause();
  await host.stop();
  await host.start();
  const first = say(session, "awake again").catch(String);
  await container.resume();
  const came = await first;
  // Of a daemon that has gone meanwhile, the bridge says that the connection was lost, when it was asked before it knew.
  if (runtime === "node" || typeof came !== "string") expect(came).toMatchObject({ isError: false });
  else expect(came).toContain("lost");
  await expectSaid(session, "wide awake");
}

/** Nothing of one project's container can be seen from another's. */
export async function seesNothingOfAnother(one: Scene, other: Scene): Promise<void> {
  await one.host.start();
  const session = await mcpIn(one.container);
  const ran = await say(session, "a secret of the one");
  const runId = (ran.data as { readonly run_id?: string }).run_id ?? "";
  expect(runId).not.toBe("");
  expect((await session.call("cmd2host_read_output", { run_id: runId })).text).toContain("a secret of the one");

  const stranger = await mcpIn(other.container);
  const listed = await stranger.call("cmd2host_list_operations");
  expect(listed.text).toContain("other_say");
  expect(listed.text).not.toContain("**say**");
  for (const [name, args] of [
    ["cmd2host_run_operation", { operation_id: "say", params: { message: "x" } }],
    ["cmd2host_read_output", { run_id: runId }],
    ["cmd2host_run_status", { run_id: runId }],
    ["cmd2host_cancel_run", { run_id: runId }],
  ] as const) {
    const answer = await stranger.call(name, args);
    expect([name, answer.isError]).toEqual([name, true]);
    expect(answer.text).not.toContain("a secret of the one");
  }
}

/** The command's own name, typed in the container; the real gh on the host; GitHub's answer. */
export async function listsPullRequests({ host, container }: Scene, github: FakeGitHub): Promise<void> {
  await host.start();
  github.repository("owner/repo").addPull({ title: "Wanted" });
  const { code, stdout, stderr } = await container.exec(["gh", "pr", "list"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("Wanted");
  expect(await container.exec(["gh", "repo", "delete", "owner/repo"])).toMatchObject({ code: 220, stdout: "" });
  expect(stdout).not.toContain(github.token);
}

/** A commit that the container's own git made, through the stand-in of that name; the host's git pushes it over ssh. */
export async function pushes({ host, project, container }: Scene, server: SshServer): Promise<void> {
  await host.start();
  server.repository("owner/repo");
  // The server outlives the scene.
  const branch = `ai/fix-${container.id.slice(0, 8)}`;
  const steps = [
    ["switch", "--quiet", "--create", branch],
    ["commit", "--quiet", "--allow-empty", "--message", "A fix"],
  ];
  // Without git in the image somebody else has made the commit.
  const hasGit = (await container.exec(["test", "-x", "/usr/bin/git"])).code === 0;
  const author = ["-c", "user.name=Agent", "-c", "user.email=agent@example.com"];
  for (const step of steps) {
    if (hasGit) expect(await container.exec(["git", ...author, ...step])).toMatchObject({ code: 0 });
    else git(project.repo, ...step);
  }
  const words = ["push", "origin", "--no-verify", `${branch}:refs/heads/${branch}`];
  const pushed = await container.exec(["git", ...words]);
  expect([pushed.code, pushed.stderr]).toEqual([0, expect.stringContaining(branch)]);
  expect(server.refs("owner/repo").get(`refs/heads/${branch}`)).toBe(git(project.repo, "rev-parse", branch).trim());
}

/** Each thing that can be wrong with a command's way to the host: one line, and the exit code for it. */
export async function saysWhatIsWrong({ host, project, container }: Scene): Promise<void> {
  await host.start();
  const gh = async (): Promise<[number, string]> => {
    const { code, stdout, stderr } = await container.exec(["gh", "pr", "list"]);
    expect([stdout, stderr.startsWith("cmd2host: ")]).toEqual(["", true]);
    return [code, stderr];
  };
  project.token.expire();
  expect(await gh()).toEqual([220, expect.stringContaining("uthentication failed")]);
  project.token.remove();
  expect(await gh()).toEqual([201, expect.stringContaining("/run/cmd2host-session/token")]);
  project.token.renew();
  await host.stop();
  expect((await gh())[0]).toBe(200);
  await host.start();
}
