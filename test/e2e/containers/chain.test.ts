import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ProjectConfig } from "../../../wire/schema.ts";
import { startGitHub } from "../../fixtures/backends/github.ts";
import { startSshd } from "../../fixtures/backends/sshd.ts";
import { echoOperation } from "../../fixtures/base.ts";
import { projectRoot } from "../../fixtures/temp.ts";
import { publishFeature } from "../rig/devcontainer.ts";
import type { Image } from "../rig/images.ts";
import { startRegistry } from "../rig/registry.ts";
import { Host, mcpIn, type Mode, type Runtime } from "../rig/scene.ts";
import {
  listsPullRequests,
  outlivesTheDaemon,
  pushes,
  runsAnOperation,
  SAY,
  saysWhatIsWrong,
  seesNothingOfAnother,
  sleepsAndWakes,
  takesANewToken,
  waitsForItsDaemon,
  type Scene,
} from "./scenarios.ts";

/** What runs in which image. The Node that is mounted is the machine's own, which needs the C library of Debian. */
const PAIRS: readonly (readonly [Runtime, Image])[] = [
  ["bridge", "debian:bookworm"],
  ["bridge", "alpine:3.23"],
  ["node", "debian:bookworm"],
];

/** Where commands typed in the container reach the daemon. */
const COMMANDS: readonly Runtime[] = ["bridge", "node"];

const feature = await publishFeature(await startRegistry());

const github = await startGitHub();
const sshd = await startSshd();
const template = JSON.parse(
  readFileSync(join(projectRoot, "templates/git_github_write.json"), "utf8"),
) as ProjectConfig;

/** A host that has gh's login and ssh's key, a project with the operations of a template, and a container. The daemon is not started. */
async function sceneOf(runtime: Runtime, image: Image, more: { user?: "dev"; mode?: Mode } = {}): Promise<Scene> {
  const host = new Host({ ...github.env, PATH: sshd.env.PATH });
  const operations = { ...template.operations, ...SAY };
  const { allowed_operations: allowed = [], constraints = {} } = template;
  const changes = { allowed_operations: [...allowed, "say"], constraints };
  const project = host.addProject("repo", operations, { ...more, changes });
  const container = await host.bringUp(project, { runtime, image, feature, ...more });
  return { runtime, host, project, container };
}

describe.each(PAIRS)("a container with the %s in %s, without network", async (runtime, image) => {
  const scene = await sceneOf(runtime, image);
  const { host, container } = scene;

  it("has no way out but the socket's directory", async () => {
    const { stdout } = await container.exec(["sh", "-c", "ls /sys/class/net; ls /run/cmd2host"]);
    expect(stdout).toBe("lo\n");
  });

  it("starts before its daemon, and finds it", async () => {
    await waitsForItsDaemon(scene);
  });

  it("runs operations through MCP, and is told of denials", async () => {
    await runsAnOperation(scene);
  });

  it("outlives its daemon, and finds the next one", async () => {
    await outlivesTheDaemon(scene);
  });

  it("is refused with an expired token, and goes on with a new one", async () => {
    await takesANewToken(scene);
  });

  it("sleeps and wakes", async () => {
    await sleepsAndWakes(scene);
  });

  it("shows nothing to a container of another project", async () => {
    const project = host.addProject("other", { other_say: echoOperation });
    await seesNothingOfAnother(scene, {
      ...scene,
      project,
      container: await host.bringUp(project, { runtime, image, feature }),
    });
  });

  describe.runIf(COMMANDS.includes(runtime))("and commands", () => {
    it("lists pull requests through gh", async () => {
      await listsPullRequests(scene, github);
    });

    it("pushes with git", async () => {
      await pushes(scene, sshd);
    });

    it("is told what is wrong in one line", async () => {
      await saysWhatIsWrong(scene);
    });
  });
});

describe.each(PAIRS)("a container with the %s in %s", (runtime, image) => {
  it("serves a user who is not root", async () => {
    const scene = await sceneOf(runtime, image, { user: "dev" });
    expect((await scene.container.exec(["id", "-un"])).stdout).toBe("dev\n");
    await runsAnOperation(scene);
    if (COMMANDS.includes(runtime)) await listsPullRequests(scene, github);
  });

  it("reaches a daemon on the host's TCP port", async () => {
    const scene = await sceneOf(runtime, image, { mode: "tcp" });
    const { host, container } = scene;
    expect((await container.exec(["ls", "/run/cmd2host"])).code).not.toBe(0);
    await host.start("tcp");
    const session = await mcpIn(container);
    const answer = await session.call("cmd2host_run_operation", {
      operation_id: "say",
      params: { message: "over TCP" },
    });
    expect([answer.isError, answer.text]).toEqual([false, expect.stringContaining("over TCP")]);
    if (COMMANDS.includes(runtime)) await listsPullRequests(scene, github);
    await host.stop();
  });
});
