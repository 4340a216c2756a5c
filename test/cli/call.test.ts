import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { buildProgram } from "../contract/routes-process.ts";
import { FRAME } from "../../wire/frames.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { EXECUTABLE } from "../fixtures/tested-program.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { frameServer, type Peer } from "../wire/frame-server.ts";
import { environmentOf, startCall, startShell, type Ended } from "./call-program.ts";

/** `cmd2host call` as a process, against a daemon that says what a test tells it. */
let program = "";
beforeAll(async () => {
  program = await buildProgram();
}, 120_000);

type Request = Readonly<Record<string, unknown>>;

async function call(
  args: readonly string[],
  onRequest: (peer: Peer, request: Request) => void,
  more: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  return startCall(program, args, environmentOf(await frameServer(onRequest), more)).ended;
}

describe("output", () => {
  it("is the command's own, byte for byte, on both streams, and the exit code too", async () => {
    const bytes = Buffer.from([0x00, 0xff, 0x0a, 0xc3]);
    const { exit, stdout, stderr } = await call(["say"], (peer) => {
      peer.accept().data(FRAME.stdout, bytes).data(FRAME.stderr, "warning\n").end({ exit_code: 7 });
    });
    expect([exit, stdout, stderr]).toEqual([7, bytes, "warning\n"]);
  });

  it("comes while the command runs", async () => {
    let peer: Peer | undefined;
    const address = await frameServer((one) => {
      peer = one.accept().data(FRAME.stdout, "first\n");
    });
    const running = startCall(program, ["say"], environmentOf(address));
    await running.until("first");
    peer?.data(FRAME.stderr, "second");
    await running.until("second");
    peer?.end();
    expect(await running.ended).toMatchObject({ exit: 0, stderr: "second" });
  });

  it("into one pipe keeps its order", async () => {
    const address = await frameServer((peer) => {
      peer.accept();
      for (let line = 0; line < 2_000; line++) peer.data(line % 2 === 0 ? FRAME.stdout : FRAME.stderr, `${line}\n`);
      peer.end();
    });
    const { stdout } = await startShell(program, "$CALL say 2>&1 | { sleep 0.5; cat; }", environmentOf(address)).ended;
    expect(stdout.toString().trimEnd().split("\n").map(Number)).toEqual(Array.from({ length: 2_000 }, (_, n) => n));
  });

  it("reaches a slow reader whole, though the command has long ended", async () => {
    const block = Buffer.alloc(65_536, "x");
    const address = await frameServer((peer) => {
      peer.accept();
      for (let count = 0; count < 80; count++) peer.data(FRAME.stdout, block);
      peer.data(FRAME.stderr, "done\n").end({ exit_code: 3 });
    });
    const { stdout, stderr, exit } = await startShell(
      program,
      "$CALL say | { sleep 1; wc -c; }; exit ${PIPESTATUS[0]}",
      environmentOf(address),
    ).ended;
    expect([Number(stdout.toString()), stderr, exit]).toEqual([80 * 65_536, "done\n", 3]);
  });

  it("goes to files as it is", async () => {
    const directory = tempDirectory();
    const address = await frameServer((peer) => {
      peer.accept().data(FRAME.stdout, "out").data(FRAME.stderr, "err").data(FRAME.stdout, "put").end();
    });
    const script = `$CALL say > ${directory}/out 2> ${directory}/err; $CALL say > ${directory}/both 2>&1`;
    await startShell(program, script, environmentOf(address)).ended;
    const read = (name: string): string => readFileSync(join(directory, name), "utf8");
    expect([read("out"), read("err"), read("both")]).toEqual(["output", "err", "outerrput"]);
  });

  it("does not change the pipe for the programs beside it", async () => {
    const address = await frameServer((peer) => {
      peer.accept({ stdin: true });
      void peer.stdinEnded.then(() => {
        peer.data(FRAME.stdout, "x").end();
      });
    });
    // Of all marks only that of non-blocking writing (octal 4000) counts.
    const flags = "grep flags /proc/$BASHPID/fdinfo/";
    const script = `echo in | { $CALL say; ${flags}0; ${flags}1; ${flags}2 >&2; }`;
    const { stdout, stderr } = await startShell(program, `( ${script} ) 2> >(cat >&2) | cat`, environmentOf(address))
      .ended;
    const found = [...`${stdout.toString()}${stderr}`.matchAll(/flags:\s+(\d+)/g)].map(([, value = ""]) => value);
    expect(found).toHaveLength(3);
    for (const value of found) expect(Number.parseInt(value, 8) & 0o4000).toBe(0);
  });

  it("that is more than a reader takes stops the daemon, and no more than some megabytes are kept", async () => {
    const block = Buffer.alloc(65_536, "x");
    let written = 0;
    const address = await frameServer((peer) => {
      peer.accept();
      const go = (): void => {
        while (!peer.socket.destroyed && written < 200_000_000) {
          written += block.length;
          peer.data(FRAME.stdout, block);
          if (peer.socket.writableNeedDrain) {
            peer.socket.once("drain", go);
            return;
          }
        }
        peer.end();
      };
      go();
    });
    const running = startShell(program, "$CALL say | { sleep 2; wc -c; }", environmentOf(address));
    await sleep(1_700);
    expect(written).toBeGreaterThan(8_000_000);
    expect(written).toBeLessThan(30_000_000);
    expect(Number((await running.ended).stdout.toString())).toBe(written);
  });
});

describe("what cmd2host says itself", () => {
  it("of a denial is the reason, the code and what to do, and the exit code is 220", async () => {
    const { exit, stdout, stderr } = await call(["say"], (peer) => {
      const denial = { code: "param_invalid", message: "no\u001b[2J", hint: "ask" } as const;
      peer.greet().end({ outcome: "denied", exit_code: 1, ...denial });
    });
    expect([exit, stdout.length]).toEqual([220, 0]);
    expect(stderr).toBe("cmd2host: denied (param_invalid): no\\x1b[2J\ncmd2host: hint: ask\n");
  });

  it("of a command that was ended is why, behind its last line", async () => {
    const { exit, stderr } = await call(["say"], (peer) => {
      const failed = { code: "timed_out", message: "ran longer than 5 s", hint: "Ask for less." } as const;
      peer
        .accept()
        .data(FRAME.stderr, "half a line")
        .end({ outcome: "failed", exit_code: 124, ...failed });
    });
    expect(exit).toBe(124);
    expect(stderr).toBe(
      "half a line\ncmd2host: failed (timed_out): ran longer than 5 s\ncmd2host: hint: Ask for less.\n",
    );
  });

  it("are notices, each once, and what is missing of the output", async () => {
    const { stderr } = await call(["say"], (peer) => {
      peer.accept().json(FRAME.notice, { text: "note this" }).data(FRAME.stdout, "ab");
      const cut = { stdout_bytes: 9, stdout_truncated: true, stderr_bytes: 5, stderr_truncated: true };
      peer.end({ notice: "note this", ...cut });
    });
    expect(stderr.split("\n")).toEqual([
      "cmd2host: notice: note this",
      "cmd2host: stdout truncated: shown 2 of 9 bytes",
      "cmd2host: stderr truncated: shown 0 of 5 bytes",
      "",
    ]);
    const other = await call(["say"], (peer) => {
      peer.accept().end({ notice: "late" });
    });
    expect(other.stderr).toBe("cmd2host: notice: late\n");
  });

  it("of a command that ended itself is nothing, whatever its exit code", async () => {
    const killed = await call(["say"], (peer) => {
      peer.accept().end({ exit_code: 137, signal: "SIGKILL", hint: "not said" });
    });
    expect(killed).toMatchObject({ exit: 137, signal: null, stderr: "" });
    const original = await call(["say"], (peer) => {
      peer.accept().end({ exit_code: -1 });
    });
    expect(original.exit).toBe(255);
  });

  it("with --json is the outcome in one line on standard error, never on standard output", async () => {
    const outcome = { outcome: "denied", exit_code: 1, code: "param_invalid", message: "no \u202e" } as const;
    const denied = await call(["say", "--json"], (peer) => {
      peer.greet().end(outcome);
    });
    expect([denied.exit, denied.stdout.length]).toEqual([220, 0]);
    expect(denied.stderr).not.toContain("\u202e");
    expect(denied.stderr.endsWith("}\n")).toBe(true);
    expect(JSON.parse(denied.stderr)).toEqual({ ...outcome, stdout_bytes: 0, stderr_bytes: 0 });

    const ran = await call(["say", "--json"], (peer) => {
      peer.accept().data(FRAME.stderr, "x").end();
    });
    expect(ran.stderr).toBe('x\n{"outcome":"completed","exit_code":0,"stdout_bytes":0,"stderr_bytes":0}\n');

    const trouble = await startCall(program, ["say", "--json"], environmentOf({ kind: "unix", path: "/nonexistent/s" }))
      .ended;
    expect(trouble.exit).toBe(200);
    expect(JSON.parse(trouble.stderr)).toMatchObject({ error: { code: "daemon_unreachable" } });
  });

  it("of a daemon that is not there or breaks off exits with 200", async () => {
    const none = await startCall(program, ["say"], environmentOf({ kind: "unix", path: "/nonexistent/s" })).ended;
    expect(none.exit).toBe(200);
    expect(none.stderr).toMatch(
      /^cmd2host: error \(daemon_unreachable\): failed to connect to .*\/nonexistent\/s: ENOENT\ncmd2host: hint: /,
    );
    const broken = await call(["say"], (peer) => {
      peer.accept().data(FRAME.stdout, "part");
      peer.socket.end();
    });
    expect([broken.exit, broken.stdout.toString()]).toEqual([200, "part"]);
    expect(broken.stderr).toContain("closed the connection before the end of the command");
  });

  it("of a command line that is wrong exits with 2, and asks nobody", async () => {
    let requests = 0;
    const { exit, stdout, stderr } = await call(["say", "--parm", "a=b"], () => requests++);
    expect([exit, stdout.length, requests]).toEqual([2, 0, 0]);
    expect(stderr).toBe(
      'cmd2host: error (usage): unknown option "--parm"\ncmd2host: hint: Did you mean --param? See cmd2host call --help.\n',
    );
  });

  it("of its help goes to standard output", async () => {
    let requests = 0;
    for (const help of [["--help"], ["say", "-h"], ["--argv", "--help"]]) {
      const { exit, stdout, stderr } = await call(help, () => requests++);
      expect([exit, stderr]).toEqual([0, ""]);
      expect(stdout.toString()).toContain("Usage: cmd2host call ");
    }
    expect(requests).toBe(0);
  });
});

describe("the request", () => {
  it("holds what the command line says", async () => {
    const seen: string[] = [];
    const take = (peer: Peer, request: Request): void => {
      seen.push(JSON.stringify(request));
      peer.accept().end();
    };
    await call(
      [
        "op",
        "--param",
        "a=1=2",
        "--param=l=x",
        "--param",
        "l=y",
        "--param-json",
        'n={"k":[1]}',
        "--timeout=5",
        "--",
        "--f",
        "-x",
      ],
      take,
      { CMD2HOST_TOKEN: "t", HOST_CMD_PROXY_TARGET_REPO: "env/repo" },
    );
    await call(["--argv", "--repo", "o/r", "--", "gh", "pr", "--", "list"], take, {
      CMD2HOST_TOKEN: "t",
      HOST_CMD_PROXY_TARGET_REPO: "env/repo",
    });
    expect(seen).toEqual([
      '{"protocol":2,"operation":"op","params":{"a":"1=2","l":["x","y"],"n":{"k":[1]}},"flags":["--f","-x"],"target_repo":"env/repo","timeout_seconds":5,"token":"t"}',
      '{"protocol":2,"raw_argv":["gh","pr","--","list"],"target_repo":"o/r","token":"t"}',
    ]);
  });

  it("holds, with a command line, where it is typed: the checkout, as git's own files say it", async () => {
    const repo = makeRepo(join(tempDirectory(), "repo"));
    mkdirSync(join(repo, "deep"));
    const places: unknown[] = [];
    const address = await frameServer((peer, request) => {
      places.push(request["cwd_context"]);
      peer.accept().end();
    });
    const env = environmentOf(address);
    const gone = join(tempDirectory(), "gone");
    for (const argv of [["--argv", "--", "gh", "pr"], ["op"]])
      await startCall(program, argv, env, undefined, join(repo, "deep")).ended;
    expect(places).toEqual([
      expect.objectContaining({ toplevel: repo, origin_url: "git@github.com:owner/repo.git" }),
      undefined,
    ]);
    // The runtime of the executable does not start in a directory that is gone.
    if (EXECUTABLE !== undefined) return;
    mkdirSync(gone);
    const { exit, stderr } = await startShell(program, `cd ${gone} && rmdir ${gone} && $CALL --argv -- gh pr`, env)
      .ended;
    expect([exit, stderr]).toEqual([0, ""]);
    expect(places).toHaveLength(3);
    expect(places[2]).toBeUndefined();
  });

  it("carries the token of the file, else the one of the environment; without one the exit code is 201", async () => {
    const tokens: unknown[] = [];
    const directory = tempDirectory();
    const [file, blank] = [join(directory, "token"), join(directory, "blank")];
    writeFileSync(file, " from-file\n");
    writeFileSync(blank, "\n");
    const take = (peer: Peer, { token }: Request): void => {
      tokens.push(token);
      peer.accept().end();
    };
    const missing = join(directory, "missing");
    await call(["op", "--token-file", file], take, { CMD2HOST_TOKEN: "env" });
    await call(["op"], take, { HOST_CMD_PROXY_TOKEN_FILE: file, CMD2HOST_TOKEN: "env" });
    await call(["op", `--token-file=${blank}`], take, { HOST_CMD_PROXY_TOKEN_FILE: file, CMD2HOST_TOKEN: " env " });
    await call(["op"], take, { HOST_CMD_PROXY_TOKEN_FILE: missing, CMD2HOST_TOKEN: "env" });
    expect(tokens).toEqual(["from-file", "from-file", "env", "env"]);
    const none = await call(["op"], take, { HOST_CMD_PROXY_TOKEN_FILE: blank, CMD2HOST_TOKEN: "" });
    expect(none).toMatchObject({ exit: 201, stderr: expect.stringContaining("error (token_missing): ") as string });
    const named = await call(["op", "--token-file", missing], take, { CMD2HOST_TOKEN: "env" });
    expect(named).toMatchObject({ exit: 201, stderr: expect.stringContaining(`${missing}": ENOENT`) as string });
    const other = await call(["op"], take, { HOST_CMD_PROXY_TOKEN_FILE: missing, CMD2HOST_TOKEN: "" });
    expect(other).toMatchObject({ exit: 201, stderr: expect.stringContaining("ENOENT") as string });
    expect(tokens).toHaveLength(4);
  });

  it("goes to the base directory's socket when nothing else says where", async () => {
    const base = tempDirectory();
    const path = join(base, "cmd2host.sock");
    const server = createServer((socket) => socket.end('{"exit_code":5,"stdout":"old\\n","stderr":""}'));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    onTestFinished(() => {
      server.close();
    });
    const own = await startCall(program, ["op"], environmentOf(undefined, { CMD2HOST_CONFIG_DIR: base })).ended;
    expect([own.exit, own.stdout.toString()]).toEqual([5, "old\n"]);
    // Named by the environment or an option, it is another one.
    const elsewhere = environmentOf({ kind: "unix", path: "/nonexistent/s" }, { CMD2HOST_CONFIG_DIR: base });
    expect((await startCall(program, ["op"], elsewhere).ended).exit).toBe(200);
    expect((await startCall(program, ["op", "--socket", path], elsewhere).ended).exit).toBe(5);
    const port = await startCall(program, ["op", "--host=127.0.0.1", "--port=1"], environmentOf({ kind: "unix", path }))
      .ended;
    expect(port.stderr).toContain("127.0.0.1:1: ECONNREFUSED");
  });
});

describe("standard input", () => {
  const take = (taken: { text?: string; offered?: unknown }) => (peer: Peer, request: Request) => {
    taken.offered = request["stdin"];
    if (request["stdin"] !== true) {
      peer.accept().end();
      return;
    }
    peer.accept({ stdin: true });
    void peer.stdinEnded.then(() => {
      taken.text = Buffer.concat(peer.stdin).toString();
      peer.end();
    });
  };

  it.each([
    ["a pipe", "printf 'a\\nb' | $CALL op"],
    ["a file", "printf 'a\\nb' > $DIR/f; $CALL op < $DIR/f"],
    ["a here document", "$CALL op <<< 'a\nb'"],
  ])("is sent when it is %s", async (_what, script) => {
    const taken: { text?: string } = {};
    const env = environmentOf(await frameServer(take(taken)), { DIR: tempDirectory() });
    expect(await startShell(program, script, env).ended).toMatchObject({ exit: 0, stderr: "" });
    expect(taken.text?.trimEnd()).toBe("a\nb");
  });

  it.each([
    ["/dev/null", "$CALL op < /dev/null"],
    ["closed", "$CALL op <&-"],
    ["not wanted", "echo x | $CALL op -n"],
    ["not wanted, in full", "echo x | $CALL --no-stdin op"],
  ])("is not offered when it is %s", async (_what, script) => {
    const taken: { offered?: unknown } = {};
    const env = environmentOf(await frameServer(take(taken)));
    expect((await startShell(program, script, env).ended).exit).toBe(0);
    expect(taken.offered).toBeUndefined();
  });

  it("is left to the next reader by a command that takes none", async () => {
    let calls = 0;
    const address = await frameServer((peer, request) => {
      expect(request["stdin"]).toBe(true);
      calls++;
      peer.accept({ stdin: false }).data(FRAME.stdout, "called\n");
      setTimeout(() => {
        peer.end();
      }, 50);
    });
    const script = `printf '1\\n2\\n3\\n' | while read -r line; do echo "$line"; $CALL op; done`;
    const { stdout } = await startShell(program, script, environmentOf(address)).ended;
    expect([stdout.toString(), calls]).toEqual(["1\ncalled\n2\ncalled\n3\ncalled\n", 3]);
  });

  it("that never ends does not keep a command that has ended", async () => {
    const address = await frameServer((peer) => {
      peer.accept({ stdin: true });
      setTimeout(() => {
        peer.end({ exit_code: 4 });
      }, 100);
    });
    const running = startCall(program, ["op"], environmentOf(address), ["pipe", "pipe", "pipe"]);
    expect((await running.ended).exit).toBe(4);
    const yes = startShell(program, "yes | $CALL op; exit ${PIPESTATUS[1]}", environmentOf(address));
    expect((await yes.ended).exit).toBe(4);
  });
});

describe("a signal", () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("%s cancels the command, waits for its end, and exits with %i", async (signal, code) => {
    let cancelled = false;
    const address = await frameServer((peer) => {
      peer.accept().data(FRAME.stdout, "up\n");
      void peer.cancelled.then(() => {
        cancelled = true;
        peer.data(FRAME.stdout, "last\n").end({ outcome: "failed", code: "cancelled", exit_code: 143, message: "m" });
      });
    });
    const running = startCall(program, ["op"], environmentOf(address));
    await running.until("up");
    running.child.kill(signal);
    const { exit, stdout, stderr } = await running.ended;
    expect([exit, cancelled, stdout.toString(), stderr]).toEqual([code, true, "up\nlast\n", ""]);
  });

  it("a second time ends at once", async () => {
    let seen: () => void = () => undefined;
    const cancelled = new Promise<void>((resolve) => (seen = resolve));
    const address = await frameServer((peer) => {
      peer.accept().data(FRAME.stdout, "up\n");
      void peer.cancelled.then(seen);
    });
    const running = startCall(program, ["op"], environmentOf(address));
    await running.until("up");
    running.child.kill("SIGINT");
    await cancelled;
    const started = Date.now();
    running.child.kill("SIGTERM");
    expect((await running.ended).exit).toBe(143);
    expect(Date.now() - started).toBeLessThan(3_000);
  });

  it("is heard by a call whose output nobody reads, and does not wait for the reader", async () => {
    const block = Buffer.alloc(65_536, "x");
    const address = await frameServer((peer) => {
      peer.accept();
      const timer = setInterval(() => {
        if (!peer.socket.writableNeedDrain) for (let count = 0; count < 16; count++) peer.data(FRAME.stdout, block);
      }, 2);
      void peer.cancelled.then(() => {
        clearInterval(timer);
        peer.end();
      });
    });
    const running = startCall(program, ["op"], environmentOf(address));
    running.child.stdout?.pause();
    await sleep(1_500);
    const started = Date.now();
    running.child.kill("SIGINT");
    const exit = await new Promise((resolve) => running.child.once("exit", resolve));
    expect(exit).toBe(130);
    expect(Date.now() - started).toBeLessThan(4_000);
  });

  it("while the daemon does not answer ends the call", async () => {
    const address = await frameServer(() => undefined);
    const running = startCall(program, ["op"], environmentOf(address));
    await sleep(1_000);
    running.child.kill("SIGINT");
    const { exit, stderr } = await running.ended;
    expect([exit, stderr]).toEqual([130, "cmd2host: cancelled; the daemon has not said how the command ended\n"]);
  });
});

describe("a reader that goes away", () => {
  it("from standard output ends the command, and the exit code is 141 without a word", async () => {
    let cancelled = 0;
    const address = await frameServer((peer) => {
      peer.accept();
      const timer = setInterval(() => {
        peer.data(FRAME.stdout, "y\n".repeat(1_000));
      }, 5);
      void peer.cancelled.then(() => {
        cancelled++;
        clearInterval(timer);
        peer.end({ outcome: "failed", code: "cancelled" });
      });
    });
    const script = "$CALL op | head -n 1; exit ${PIPESTATUS[0]}";
    expect(await startShell(program, script, environmentOf(address)).ended).toMatchObject({
      exit: 141,
      stdout: Buffer.from("y\n"),
      stderr: "",
    });
    expect(cancelled).toBe(1);
  });

  it("from standard error is not missed", async () => {
    const address = await frameServer((peer) => {
      const lines = "e".repeat(60_000);
      peer.accept().data(FRAME.stderr, lines);
      setTimeout(() => {
        peer.data(FRAME.stderr, lines).data(FRAME.stderr, lines).data(FRAME.stdout, "all\n").end();
      }, 300);
    });
    const script = "{ $CALL op 2>&3 3>&-; } 3> >(head -c 10 > /dev/null)";
    const { exit, stdout } = await startShell(program, script, environmentOf(address)).ended;
    expect([exit, stdout.toString()]).toEqual([0, "all\n"]);
  });

  const full = existsSync("/dev/full") ? it : it.skip;
  full("because the disk is full is an error of ours", async () => {
    const address = await frameServer((peer) => {
      peer.accept().data(FRAME.stdout, "x");
      void peer.cancelled.then(() => {
        peer.end();
      });
    });
    const descriptor = openSync("/dev/full", "w");
    onTestFinished(() => {
      closeSync(descriptor);
    });
    const { exit, stderr } = await startCall(program, ["op"], environmentOf(address), ["ignore", descriptor, "pipe"])
      .ended;
    expect(exit).toBe(200);
    expect(stderr).toContain("cmd2host: error (file_failed): cannot write standard output: ENOSPC\n");
  });
});

describe("the line that shows that a command goes on", () => {
  // `script` gives its command a terminal; the inner shell takes standard output away from it.
  const hasTerminals = existsSync("/usr/bin/script");
  const terminal = hasTerminals ? it : it.skip;
  async function onTerminal(inner: string, more: NodeJS.ProcessEnv = {}): Promise<string> {
    const address = await frameServer((peer) => {
      peer.accept({ operation: "build" }).data(FRAME.stdout, "x".repeat(1_500));
      setTimeout(() => {
        peer.data(FRAME.stderr, "warning\n");
      }, 3_300);
      setTimeout(() => {
        peer.end();
      }, 3_600);
    });
    const directory = tempDirectory();
    mkdirSync(join(directory, "d"));
    const env = environmentOf(address, { TERM: "xterm", DIR: directory, ...more });
    const running = startShell(program, `script -qefc '${inner}' /dev/null`, env);
    return (await running.ended).stdout.toString();
  }

  terminal("is on a terminal when standard output goes elsewhere, and is taken away", async () => {
    const [shown, piped, plain, dumb] = await Promise.all([
      onTerminal("$CALL op > $DIR/out"),
      onTerminal("$CALL op"),
      onTerminal("$CALL op > $DIR/out", { NO_COLOR: "1" }),
      onTerminal("$CALL op > $DIR/out", { TERM: "dumb" }),
    ]);
    expect(shown).toMatch(
      /^\rcmd2host: build, 2 s, 1\.5 kB\u001b\[K(?:\rcmd2host: build, 3 s, 1\.5 kB\u001b\[K)?\r\u001b\[Kwarning\r\n(?:\rcmd2host: build, \d s, 1\.5 kB\u001b\[K\r\u001b\[K)?$/,
    );
    expect(piped).toBe(`${"x".repeat(1_500)}warning\r\n`);
    expect([plain, dumb]).toEqual(["warning\r\n", "warning\r\n"]);
  });
});
