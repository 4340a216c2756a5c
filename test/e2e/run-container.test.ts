import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { buildProgram } from "../contract/routes-process.ts";
import { requireTools, toolPath } from "../fixtures/backends/present.ts";
import { Base } from "../fixtures/base.ts";
import { podmanWithImage } from "../fixtures/container-image.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { fixturePrograms, projectRoot, tempDirectory } from "../fixtures/temp.ts";
import { EXECUTABLE, wordsOf } from "../fixtures/tested-program.ts";
import { CARRIED, carryBridge, sayMissing } from "../shim/bridges.ts";

/** Says to the daemon what its first argument is, with the session's token in place of TOKEN, and prints the answer. */
const TALK = `use Socket;
open(my $f, "<", $ENV{HOST_CMD_PROXY_TOKEN_FILE}) or die "no token: $!"; my $token = <$f>;
socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die; connect($s, pack_sockaddr_un($ENV{HOST_CMD_PROXY_SOCKET})) or die "no daemon: $!";
(my $said = $ARGV[0]) =~ s/TOKEN/$token/; syswrite($s, $said); shutdown($s, 1); print while <$s>;`;

/** An executable carries what was there when it was made. */
function hasBridge(program: string): boolean {
  if (EXECUTABLE === undefined) return carryBridge(join(dirname(program), ".."));
  if (existsSync(join(projectRoot, CARRIED))) return true;
  sayMissing("bridge in the executable");
  return false;
}

describe.runIf(requireTools(["podman", "runc", "busybox", "perl", "python3"]))(
  "cmd2host run with a real engine",
  async () => {
    const podman = podmanWithImage();
    const program = await buildProgram();
    const repo = makeRepo(join(tempDirectory(), "repo"));
    const base = new Base();
    base.writeProject("owner_repo", {
      repos: ["owner/repo"],
      repo_paths: [repo],
      allowed_operations: ["say"],
      operations: { say: { command: `${fixturePrograms()}/say`, args_template: ["hello from the host"] } },
    });
    await startDaemon(base);
    writeFileSync(join(repo, "talk.pl"), TALK);

    const start = (...argv: readonly string[]) => {
      const [file, ...first] = wordsOf(program);
      const child = spawn(file, [...first, "run", `--image=${podman.image}`, ...argv], {
        cwd: repo,
        env: { ...podman.environment, CMD2HOST_CONFIG_DIR: base.root },
        stdio: ["pipe", "pipe", "pipe"],
      });
      const exit = new Promise<number | null>((resolve) => child.once("close", resolve));
      const ended = Promise.all([exit, text(child.stdout), text(child.stderr)]);
      return { child, ended };
    };
    const run = async (...argv: readonly string[]) => {
      const { child, ended } = start(...argv);
      child.stdin.end();
      return ended;
    };
    const nothingLeft = (): void => {
      expect(podman.run("ps", "--all", "--format", "{{.Names}}").trim()).toBe("");
      expect(readdirSync(base.directory.boxes)).toEqual([]);
      expect(readdirSync(base.directory.tokens).filter((name) => name !== ".lock")).toEqual([]);
    };

    it("runs an operation of the host, with no network but loopback, and leaves nothing", async () => {
      const request = JSON.stringify({ operation: "say", params: {}, token: "TOKEN" });
      const [exit, stdout, stderr] = await run("--", "perl", "talk.pl", request);
      expect([exit, stderr]).toEqual([0, ""]);
      expect(JSON.parse(stdout)).toMatchObject({ exit_code: 0, stdout: "hello from the host", denied_reason: null });
      const [, links] = await run("--", "ip", "-o", "link");
      expect(links.trim().split("\n")).toHaveLength(1);
      nothingLeft();
    });

    it("lets the program write the checkout as its owner, and neither the session nor the socket's directory", async () => {
      const script =
        "touch made; id -u; for d in /run/cmd2host /run/cmd2host-session; do touch $d/x 2>&1; done; exit 3";
      const [exit, stdout] = await run("--", "sh", "-c", script);
      expect(exit).toBe(3);
      expect(stdout.split("\n")[0]).toBe(String(process.getuid?.()));
      expect(stdout.match(/Read-only file system/g)).toHaveLength(2);
      expect(statSync(join(repo, "made")).uid).toBe(process.getuid?.());
      nothingLeft();
    });

    it.runIf(hasBridge(program))(
      "puts the bridge in under the names of the commands, and nothing of it stays",
      async () => {
        const shell = async (script: string, ...more: readonly string[]) =>
          run("--mount-bridge", ...more, "--", "sh", "-c", script);
        const [exit, stdout, stderr] = await shell("say 'hello from the host'; echo; say other; echo $?");
        expect([exit, stdout]).toEqual([0, "hello from the host\n220\n"]);
        expect(stderr).toContain('no allowed operation matches argv "say other"');
        const script = "ls /usr/local/bin; for f in /usr/local/bin/*; do echo x 2>&1 >$f; done";
        const [, listed] = await shell(script, "--commands=gh, git");
        expect(listed.split("\n").slice(0, 4)).toEqual(["cmd2host-mcp", "cmd2host-proxy", "gh", "git"]);
        expect(listed.match(/Read-only file system/gi)).toHaveLength(4);
        nothingLeft();
      },
    );

    it.runIf(hasBridge(program))("gives an MCP client the tools of the session, over the mounted bridge", async () => {
      const { child, ended } = start("--mount-bridge", "--", "cmd2host-mcp");
      const say = (message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
      const clientInfo = { name: "test", version: "1" };
      say({ id: 1, method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo } });
      say({ method: "notifications/initialized" });
      say({ id: 2, method: "tools/call", params: { name: "say", arguments: {} } });
      let seen = "";
      child.stdout.on("data", (bytes: Buffer) => {
        seen += bytes.toString();
        // The end of the conversation comes when the answer is there.
        if (seen.includes('"id":2')) child.stdin.end();
      });
      const [exit, stdout] = await ended;
      expect([exit, stdout]).toEqual([0, expect.stringContaining("hello from the host")]);
      nothingLeft();
    });

    it("passes standard input and the place in the checkout", async () => {
      mkdirSync(join(repo, "deep"), { recursive: true });
      const { child, ended } = start("--", "sh", "-c", "cat; ls $CMD2HOST_MCP_CONFIG");
      child.stdin.end("through\n");
      expect(await ended).toEqual([0, "through\n/run/cmd2host-session/mcp.json\n", ""]);
    });

    it("gives the program a terminal when it is started on one", () => {
      const { status, stdout } = spawnSync(
        toolPath("python3"),
        [
          ...[join(projectRoot, "test/fixtures/terminal.py"), ...wordsOf(program)],
          ...["run", `--image=${podman.image}`, "--", "tty"],
        ],
        { cwd: repo, env: { ...podman.environment, CMD2HOST_CONFIG_DIR: base.root }, input: "", encoding: "utf8" },
      );
      expect([status, stdout.trim()]).toEqual([0, expect.stringMatching(/^\/dev\/(?:pts\/0|console)$/)]);
    });

    it("is over when it is ended, and its token with it", async () => {
      const { child, ended } = start(
        "--",
        "sh",
        "-c",
        "trap 'exit 9' TERM; read line; touch begun; while :; do sleep 1; done",
      );
      // The engine passes signals on a moment after the program has begun; by the time that it passes a line, it does.
      child.stdin.write("go\n");
      while (!readdirSync(repo).includes("begun")) await sleep(50);
      const [box = ""] = readdirSync(base.directory.boxes);
      const token = readFileSync(join(base.directory.boxes, box, "session/token"), "utf8");
      expect(token).toMatch(/^[0-9a-f]{64}$/);
      child.kill("SIGTERM");
      expect((await ended)[0]).toBe(9);
      nothingLeft();
    });

    it("removes the container of a run that was killed, when the next one starts", async () => {
      const { child } = start("--", "sh", "-c", "touch killed; sleep 600");
      while (!readdirSync(repo).includes("killed")) await sleep(50);
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("exit", resolve));
      expect(podman.run("ps", "--format", "{{.Names}}")).toMatch(/^cmd2host-/);
      expect((await run("--", "sh", "-c", "exit 0"))[0]).toBe(0);
      nothingLeft();
    });
  },
);
