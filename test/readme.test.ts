import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Address } from "../wire/client.ts";
import { requireTools } from "./fixtures/backends/present.ts";
import { startSshd } from "./fixtures/backends/sshd.ts";
import { Base, TOKEN } from "./fixtures/base.ts";
import { startDaemon } from "./fixtures/daemon.ts";
import { run } from "./fixtures/exchange.ts";
import { git, makeRepo } from "./fixtures/repo.ts";
import { projectRoot, tempDirectory } from "./fixtures/temp.ts";

/** One command of a transcript, and what it printed. */
interface Step {
  readonly prompt: string;
  readonly command: string;
  readonly output: string;
}

/** The transcript in the README: the fenced text that begins in the container. */
function transcript(): readonly Step[] {
  const text = readFileSync(join(projectRoot, "README.md"), "utf8");
  const block = /```text\n(container\$[^]*?)```/.exec(text)?.[1] ?? "";
  return block
    .split(/^(?=(?:container\$|host\$|agent>) )/m)
    .map((part) => part.trimEnd())
    .filter((part) => part !== "")
    .map((part) => {
      const [, prompt = "", command = "", output = ""] = /^(\S+) (.*)(?:\n([^]*))?$/.exec(part) ?? [];
      return { prompt, command, output };
    });
}

describe.runIf(requireTools(["git", "ssh", "sshd"]))("the attack in the README", () => {
  it("comes out as it is shown, without us and with us [promise 5, 6]", async () => {
    const server = await startSshd();
    server.repository("owner/repo");
    server.repository("owner/repo", { host: "evil.example" });
    const home = tempDirectory();
    const [repo, marker] = [makeRepo(join(home, "repo")), join(home, "owned")];
    git(repo, "checkout", "-q", "-b", "ai/x");
    const env = {
      ...server.env,
      LC_ALL: "C",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_SSH_COMMAND: "ssh -o StrictHostKeyChecking=accept-new",
    };
    const shell = (command: string): string => {
      const { stdout, stderr } = spawnSync("/bin/sh", ["-c", `exec 2>&1; ${command}`], { cwd: repo, env });
      return stdout.toString() + stderr.toString();
    };
    const template = (name: string): { operations: Record<string, object> } =>
      JSON.parse(readFileSync(join(projectRoot, `templates/${name}.json`), "utf8")) as {
        operations: Record<string, object>;
      };
    const base = new Base().writeProject("owner_repo", {
      repos: ["owner/repo"],
      repo_paths: [repo],
      constraints: { branch_allow: ["ai/.+"] },
      allowed_operations: ["git_push", "git_status"],
      operations: {
        git_push: template("git_write").operations["git_push"] ?? {},
        git_status: template("local_demo").operations["git_status"] ?? {},
      },
    });
    base.writeToken(TOKEN, { repo: "owner/repo" });
    const { address } = await startDaemon(base, {}, env);

    // Hosts are known before, as they are to a person.
    for (const host of ["github.com", "evil.example"]) shell(`git ls-remote git@${host}:owner/repo.git`);
    const real = (text: string): string => text.replaceAll("/home/me/src/repo", repo).replaceAll("/tmp/owned", marker);
    const shown = (text: string): string => text.replaceAll(marker, "/tmp/owned").replaceAll(repo, "/home/me/src/repo");
    const steps = transcript();
    const seen: Step[] = [];
    for (const { prompt, command } of steps) {
      const output = prompt === "agent>" ? await ask(address, command) : shell(real(command));
      seen.push({ prompt, command, output: shown(output).trimEnd() });
    }
    expect(seen).toEqual(steps);
    expect(steps.filter(({ prompt }) => prompt === "agent>")).toHaveLength(2);
  });
});

/** What an agent reads: the reason and what to do, or what the program wrote. */
async function ask(address: Address, line: string): Promise<string> {
  const [, operation = "", params = "{}"] = /^(\S+) ?(.*)$/.exec(line) ?? [];
  const reply = await run(address, {
    operation,
    params: JSON.parse(params === "" ? "{}" : params) as Record<string, unknown>,
  });
  return reply.denied_reason === null ? reply.stdout + reply.stderr : `${reply.denied_reason}\n${reply.hint ?? ""}`;
}
