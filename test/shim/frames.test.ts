import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { emptyFrame, FRAME } from "../../wire/frames.ts";
import { toolPath } from "../fixtures/backends/present.ts";
import { TOKEN } from "../fixtures/base.ts";
import { argvBytes } from "../fixtures/bridge-bytes.ts";
import { CANCEL, STDIN_END, stdinBytes } from "../fixtures/frame-talk.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { packageVersion } from "../fixtures/tested-program.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { begin, runs, withBridges } from "./bridges.ts";
import { exit, HELLO, output, scripted, started } from "./scripted.ts";

/** The bridge against a daemon that says what the test wants, byte by byte. */

const CHUNK = Buffer.alloc(65_536, "0123456789abcdef");
const MEBIBYTES_100 = 1600;

/** Highest memory that a process has had, in KiB. */
function peak(pid: number | undefined): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"))?.[1]);
}

withBridges("the bridge and a scripted daemon", (bridge) => {
  const gh = bridge.as("gh");
  const proxy = bridge.as("cmd2host-proxy");

  describe.each(["unix", "tcp"] as const)("over %s", (kind) => {
    it("asks with exactly the bytes that the protocol has, and hands on both streams and the code", async () => {
      const daemon = await scripted(kind, async (peer) => {
        await peer.asked();
        const all = Buffer.concat([
          HELLO,
          started(0),
          output("a\0b\xff", FRAME.stdout),
          output("bad\n", FRAME.stderr),
          exit(7),
        ]);
        // Cut everywhere.
        for (const byte of all) {
          peer.send(Buffer.from([byte]));
          await sleep(0);
        }
        peer.socket.end();
      });
      const ended = await runs("/bin/sh", ["-c", '"$0" "$@" < /dev/null', gh, "pr", "", "ü\xff"], { env: daemon.env });
      expect(ended).toEqual({
        code: 7,
        signal: null,
        stdout: Buffer.from("a\0b\xff").toString("latin1"),
        stderr: "bad\n",
      });
      expect(daemon.peers[0]?.received).toEqual(argvBytes(TOKEN, ["gh", "pr", "", "ü\xff"]));
    });

    it("says where the checkout is, and which repository is meant", async () => {
      const repo = makeRepo(join(tempDirectory(), "a b"), "https://example.org/o/r.git");
      mkdirSync(join(repo, "deep/er"), { recursive: true });
      const daemon = await scripted(kind, async (peer) => {
        await peer.asked();
        peer.send(HELLO, started(0), exit(0));
        peer.socket.end();
      });
      const env = { ...daemon.env, HOST_CMD_PROXY_TARGET_REPO: "o/r" };
      expect((await runs(gh, ["x"], { env, cwd: join(repo, "deep/er") })).code).toBe(0);
      expect((await runs(proxy, ["-target-repo", "p/q", "--", "/bin/x", "-v"], { env, cwd: repo })).code).toBe(0);
      const mount = execFileSync(toolPath("findmnt"), ["-n", "-o", "TARGET", "--target", repo], {
        encoding: "utf8",
      }).trim();
      const fromMount = mount === "/" ? "" : relative(mount, repo);
      const place = [repo, fromMount, "https://example.org/o/r.git"];
      expect(daemon.peers[0]?.fields()).toEqual([TOKEN, "o/r", "s", ...place, "gh", "x"]);
      expect(daemon.peers[1]?.fields()).toEqual([TOKEN, "p/q", "s", ...place, "/bin/x", "-v"]);
    });

    it("sends standard input only to a program that reads it", async () => {
      const reads = await scripted(kind, async (peer) => {
        await peer.asked();
        peer.send(HELLO, started(1));
        await peer.follows(Buffer.concat([stdinBytes("hello"), STDIN_END]));
        peer.send(exit(0));
        peer.socket.end();
      });
      expect((await runs(gh, ["x"], { env: reads.env }, "hello")).code).toBe(0);
      expect(reads.peers[0]?.afterRequest()).toEqual(Buffer.concat([stdinBytes("hello"), STDIN_END]));
      const ignores = await scripted(kind, async (peer) => {
        await peer.asked();
        peer.send(HELLO, started(0), output("ran\n"), exit(0));
        peer.socket.end();
      });
      const loop = 'printf "1\\n2\\n3\\n" | while read -r line; do "$0" x; echo "$line"; done';
      const ended = await runs("/bin/sh", ["-c", loop, gh], { env: ignores.env });
      expect(ended.stdout).toBe("ran\n1\nran\n2\nran\n3\n");
      expect(ignores.peers.map((peer) => peer.afterRequest().length)).toEqual([0, 0, 0]);
    });

    it.each([
      ["SIGINT", 130],
      ["SIGTERM", 143],
      ["SIGHUP", 129],
    ] as const)("cancels on %s and ends with %i", async (signal, code) => {
      const daemon = await scripted(kind, async (peer) => {
        await peer.asked();
        peer.send(HELLO, started(0), output("on\n"));
        await peer.follows(CANCEL);
        peer.send(exit(99));
        peer.socket.end();
      });
      const { child, ended } = begin(gh, ["x"], { env: daemon.env });
      child.stdout.once("data", () => child.kill(signal));
      expect(await ended).toMatchObject({ code, stderr: "" });
      expect(daemon.peers[0]?.afterRequest()).toEqual(CANCEL);
    });

    it("goes at once when a daemon that does not read says that it is alive", async () => {
      const daemon = await scripted(kind, async (peer) => {
        await peer.asked();
        peer.send(HELLO, started(0), output("on\n"));
        await peer.follows(CANCEL);
        peer.send(emptyFrame(FRAME.alive));
      });
      const { child, ended } = begin(gh, ["x"], { env: daemon.env });
      child.stdout.once("data", () => child.kill("SIGINT"));
      expect(await ended).toMatchObject({ code: 130 });
    });

    it("ends with 141 when nobody reads", async () => {
      const daemon = await scripted(kind, async (peer) => {
        await peer.asked();
        peer.send(HELLO, started(0), output("first\n"));
      });
      const { child, ended } = begin(gh, ["x"], { env: daemon.env, leavesOutput: true });
      child.stdout.once("data", () => {
        child.stdout.destroy();
        child.stdout.once("close", () => daemon.peers[0]?.send(output("second\n")));
      });
      expect(await ended).toMatchObject({ code: 141, stderr: "" });
    });

    it("waits for a reader that stops, and loses nothing of 100 MiB", async () => {
      const daemon = await scripted(kind, async (peer) => {
        await peer.asked();
        peer.send(HELLO, started(0));
        const frame = output(CHUNK);
        for (let count = 0; count < MEBIBYTES_100; count++)
          if (!peer.socket.write(frame)) await new Promise((resolve) => peer.socket.once("drain", resolve));
        peer.send(exit(3));
        peer.socket.end();
      });
      const { child, ended } = begin(gh, ["x"], { env: daemon.env, leavesOutput: true });
      let before = -1;
      // As long as nobody reads, what the daemon has sent comes to a standstill.
      for (;;) {
        const sent = daemon.peers[0]?.socket.bytesWritten ?? 0;
        if (sent > 65_536 && sent === before) break;
        before = sent;
        await sleep(200);
      }
      expect(before).toBeLessThan(20_000_000);
      const [got, wanted] = [createHash("sha256"), createHash("sha256")];
      let memory = 0;
      let bytes = 0;
      for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
        got.update(chunk);
        bytes += chunk.length;
        if (bytes > 1500 * CHUNK.length && memory === 0) memory = peak(child.pid);
      }
      for (let count = 0; count < MEBIBYTES_100; count++) wanted.update(CHUNK);
      expect(got.digest("hex")).toBe(wanted.digest("hex"));
      expect((await ended).code).toBe(3);
      if (bridge.name === "release") expect(memory).toBeLessThan(2048);
    });

    it("hands on output while the program does not read its input, and loses nothing of that", async () => {
      const input = Buffer.concat(Array.from({ length: 160 }, () => CHUNK));
      let goOn: () => void = () => undefined;
      const seen = new Promise<void>((resolve) => (goOn = resolve));
      const daemon = await scripted(kind, async (peer) => {
        await peer.asked();
        peer.send(HELLO, started(1));
        peer.socket.pause();
        peer.send(output("meanwhile\n"));
        await seen;
        peer.socket.resume();
        while (!peer.received.subarray(-5).equals(STDIN_END)) await sleep(5);
        peer.send(exit(0));
        peer.socket.end();
      });
      const { child, ended } = begin(gh, ["x"], { env: daemon.env });
      child.stdout.once("data", goOn);
      child.stdin.end(input);
      expect(await ended).toMatchObject({ code: 0, stdout: "meanwhile\n" });
      const sent = daemon.peers[0]?.afterRequest() ?? Buffer.alloc(0);
      let total = 0;
      for (let at = 0; at < sent.length; at += 5 + sent.readUInt32BE(at + 1)) total += sent.readUInt32BE(at + 1);
      expect(total).toBe(input.length);
    });

    it.each([
      ["closes too early", Buffer.concat([HELLO, started(0)]), /the daemon closed the connection/],
      ["closes at once", Buffer.alloc(0), /the daemon closed the connection/],
      ["is the original's", Buffer.from('{"exit_code":1}'), /the daemon is older than this bridge/],
      ["is something else", Buffer.from("HTTP/1.1 400 Bad Request\r\n"), /no cmd2host daemon/],
      ["sends a frame of no type", Buffer.concat([HELLO, Buffer.from([0x55, 0, 0, 0, 0])]), /no cmd2host daemon/],
      ["sends a frame that is too long", Buffer.concat([HELLO, Buffer.from([0x12, 0, 1, 0, 1])]), /no cmd2host daemon/],
    ])("ends with 200 and one line when the daemon %s", async (_what, bytes, line) => {
      const daemon = await scripted(kind, async (peer) => {
        await peer.asked();
        peer.send(bytes);
        peer.socket.end();
      });
      const ended = await runs(gh, ["x"], { env: daemon.env });
      expect(ended).toMatchObject({ code: 200, stdout: "" });
      expect(ended.stderr).toMatch(/^cmd2host: [^\n]+\n$/);
      expect(ended.stderr).toMatch(line);
    });
  });

  it("reads the token from its file, else from the environment, else ends with 201", async () => {
    const daemon = await scripted("unix", async (peer) => {
      await peer.asked();
      peer.send(HELLO, exit(0));
      peer.socket.end();
    });
    const directory = tempDirectory();
    const file = join(directory, "token");
    const env = { ...daemon.env, HOST_CMD_PROXY_TOKEN_FILE: file };
    const without = { ...env, CMD2HOST_TOKEN: "" };
    writeFileSync(file, `  ${"a".repeat(64)}\r\n`);
    await runs(gh, ["x"], { env });
    writeFileSync(file, " \n");
    await runs(gh, ["x"], { env });
    expect(daemon.peers.map((peer) => peer.fields()[0])).toEqual(["a".repeat(64), TOKEN]);
    const blank = await runs(gh, ["x"], { env: without });
    expect(blank).toMatchObject({ code: 201 });
    expect(blank.stderr).toMatch(
      /^cmd2host: token file "[^"]+" is empty or holds no token, [^\n]+ token mint [^\n]+\n$/,
    );
    const missing = await runs(proxy, ["-token-file", join(directory, "none"), "x"], { env: without });
    expect(missing).toMatchObject({ code: 201 });
    expect(missing.stderr).toMatch(/No such file or directory/);
    const mounted = await runs(proxy, ["-token-file", directory, "x"], { env: without });
    expect(mounted).toMatchObject({ code: 201 });
    expect(mounted.stderr).toMatch(/an empty directory was mounted/);
    chmodSync(directory, 0o755);
    writeFileSync(file, TOKEN, { mode: 0o600 });
    chmodSync(file, 0o000);
    const refused = await runs(gh, ["x"], { env: without, ...(process.getuid?.() === 0 ? { uid: 65_534 } : {}) });
    expect(refused.code).toBe(201);
    expect(refused.stderr).toMatch(/Permission denied[^\n]+give this user the right to read it/);
    expect(daemon.peers).toHaveLength(2);
  });

  it("ends with 200 and what to do when the socket is not there, is none, or nobody listens", async () => {
    const directory = tempDirectory();
    const at = async (path: string, uid?: number): Promise<string> => {
      const env = { HOST_CMD_PROXY_SOCKET: path, CMD2HOST_TOKEN: TOKEN };
      const ended = await runs(gh, ["x"], { env, ...(uid === undefined ? {} : { uid }) });
      expect(ended.code).toBe(200);
      expect(ended.stderr).toMatch(/^cmd2host: [^\n]+\n$/);
      return ended.stderr;
    };
    expect(await at(join(directory, "none"))).toMatch(/No such file or directory; start the daemon/);
    expect(await at(directory)).toMatch(/is a directory, not a socket/);
    writeFileSync(join(directory, "file"), "");
    expect(await at(join(directory, "file"))).toMatch(/this is no socket/);
    expect(await at(`/${"x".repeat(200)}`)).toMatch(/longer than 107 bytes/);
    const stale = join(directory, "stale");
    execFileSync(toolPath("python3"), [
      "-c",
      "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])",
      stale,
    ]);
    expect(await at(stale)).toMatch(/Connection refused; start the daemon on the host/);
    if (process.getuid?.() === 0) {
      chmodSync(directory, 0o755);
      chmodSync(stale, 0o600);
      expect(await at(stale, 65_534)).toMatch(/Permission denied; this user may not use the socket/);
    }
    const tcp = await scripted("tcp", () => undefined);
    await tcp.close();
    const refused = await runs(gh, ["x"], { env: tcp.env });
    expect(refused).toMatchObject({ code: 200 });
    expect(refused.stderr).toMatch(/at 127\.0\.0\.1:\d+: Connection refused; start the daemon/);
    const unknown = await runs(gh, ["x"], {
      env: { CMD2HOST_TOKEN: TOKEN, HOST_CMD_PROXY_HOST: "no.such.host.invalid" },
    });
    expect(unknown).toMatchObject({ code: 200 });
  });

  it("answers about itself, and refuses a wrong command line, without any daemon", async () => {
    const version = packageVersion();
    expect(await runs(proxy, ["--version"])).toMatchObject({ code: 0, stdout: `cmd2host-proxy version ${version}\n` });
    const mcp = bridge.as("cmd2host-mcp");
    expect(await runs(mcp, ["-version"])).toMatchObject({ code: 0, stdout: `cmd2host-mcp version ${version}\n` });
    expect((await runs(proxy, ["-h"])).stdout).toMatch(/^Usage: cmd2host-proxy [^]+HOST_CMD_PROXY_SOCKET/);
    expect((await runs(mcp, ["--help"])).stdout).toMatch(/^Usage: cmd2host-mcp /);
    for (const [words, said] of [
      [[], /missing host command/],
      [["-nonsense", "x"], /option "-nonsense" is not known/],
      [["-host"], /option "-host" needs a value/],
      [["-port=70000", "x"], /-port "70000" is not a whole number/],
    ] as const) {
      const ended = await runs(proxy, words);
      expect(ended).toMatchObject({ code: 200, stdout: "" });
      expect(ended.stderr).toMatch(said);
    }
    const long = await runs(
      gh,
      Array.from({ length: 20 }, () => "x".repeat(60_000)),
      { env: { CMD2HOST_TOKEN: TOKEN } },
    );
    expect(long).toMatchObject({ code: 200, stderr: expect.stringContaining("longer than 1,048,576 bytes") as string });
  });
});
