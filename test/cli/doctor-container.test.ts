import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import type { Check } from "../../host/cli/doctor-check.ts";
import { defaultBase, TOKEN } from "../fixtures/base.ts";
import { bundledProgram } from "../fixtures/bundle.ts";
import { startDaemon, type RunningDaemon } from "../fixtures/daemon.ts";
import { atEnd } from "../fixtures/temp.ts";
import { Host } from "./harness.ts";

interface Inside {
  readonly host: Host;
  readonly daemon: RunningDaemon;
  readonly tokenFile: string;
  readonly socket: string;
  readonly bin: string;
}

/** A container on which everything is well: what is mounted there are links to the host's directories. */
async function container(): Promise<Inside> {
  const { base } = defaultBase();
  const daemon = await startDaemon(base);
  const host = new Host();
  const root = host.containerRoot;
  const place = (path: string, content: string, mode = 0o644): string => {
    const whole = join(root, path);
    mkdirSync(dirname(whole), { recursive: true });
    writeFileSync(whole, content, { mode });
    return whole;
  };
  mkdirSync(join(root, "run"), { recursive: true });
  symlinkSync(join(base.root, "run"), join(root, "run/cmd2host"));
  const tokenFile = place("run/cmd2host-session/token", TOKEN, 0o600);
  place("usr/local/lib/cmd2host/feature", 'commands="gh aws"\nconnection_mode=unix\nmcp=true\nruntime=bridge\n');
  place("usr/local/lib/cmd2host/cmd2host-bridge", "#!/bin/sh\n", 0o755);
  const bin = join(root, "usr/local/lib/cmd2host/bin");
  mkdirSync(bin);
  for (const name of ["gh", "aws", "cmd2host-mcp"]) symlinkSync("../cmd2host-bridge", join(bin, name));
  host.environment = { HOME: join(root, "home"), PATH: `${bin}:${host.bin}` };
  host.cwd = host.checkout;
  writeFileSync(join(host.checkout, ".mcp.json"), '{"mcpServers":{"cmd2host":{"command":"cmd2host-mcp"}}}');
  return { host, daemon, tokenFile, socket: join(root, "run/cmd2host/cmd2host.sock"), bin };
}

/** What is not well, as a line with the fix. */
async function faults({ host }: Inside): Promise<readonly string[]> {
  const checks = (await host.json("doctor")) as readonly Check[];
  return checks
    .filter(({ level }) => level !== "ok")
    .map(({ level, message, fix }) => `${level} ${message} -> ${fix ?? ""}`);
}

async function listening(server: Server): Promise<number> {
  await once(server, "listening");
  atEnd(() => {
    server.close();
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Puts something else in the place of the mounted directory. */
function remount({ host }: Inside): string {
  const path = join(host.containerRoot, "run/cmd2host");
  rmSync(path, { recursive: true });
  return path;
}

describe("doctor in a container", () => {
  it("says in the order of the chain that all is well", async () => {
    const inside = await container();
    const { exit, stdout, stderr } = await inside.host.run("doctor");
    expect([exit, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n")).toEqual([
      "this container",
      `  ok    a daemon listens at ${inside.socket} (from what is mounted)`,
      `  ok    the token is in ${inside.tokenFile}`,
      "  ok    the daemon takes the token; operations: 1",
      `  ok    gh goes to the host (${inside.bin}/gh)`,
      `  ok    aws goes to the host (${inside.bin}/aws)`,
      `  ok    cmd2host-mcp goes to the host (${inside.bin}/cmd2host-mcp)`,
      `  ok    ${inside.host.checkout}/.mcp.json names cmd2host`,
      "Nothing has to be repaired.",
      "",
    ]);
    expect((await inside.host.run("doctor", "--project=x")).exit).toBe(2);
  });

  it("is a host where there is a base directory, and where nothing says that it is a container", async () => {
    const inside = await container();
    mkdirSync(join(inside.host.containerRoot, "home/.cmd2host"), { recursive: true });
    expect((await inside.host.run("doctor")).stdout).toMatch(/^this host\n/);
    const bare = new Host();
    bare.environment = { HOME: join(bare.root, "nobody"), PATH: bare.bin };
    expect((await bare.run("doctor")).stdout).toMatch(/^this host\n/);
    bare.environment["HOST_CMD_PROXY_SOCKET"] = "/nowhere/x.sock";
    expect((await bare.run("doctor")).stdout).toMatch(/^this container\n/);
  });
});

describe("doctor in a container without a way to the daemon", () => {
  it("says that no directory is mounted", async () => {
    const inside = await container();
    remount(inside);
    inside.host.environment["HOST_CMD_PROXY_SOCKET"] = inside.socket;
    const [line] = await faults(inside);
    expect(line).toBe(
      `fail ${dirname(inside.socket)} is not there: no directory of the host is mounted -> On the host, in the workspace: cmd2host setup; then make the container anew`,
    );
    expect((await inside.host.run("doctor")).exit).toBe(1);
  });

  it.skipIf(process.getuid?.() !== 0)("knows the empty directory of root that Docker makes", async () => {
    const inside = await container();
    mkdirSync(remount(inside));
    const [line] = await faults(inside);
    expect(line).toMatch(
      /is empty and belongs to root: the container engine made it, because it was not on the host -> On the host: cmd2host service install, or cmd2host serve\. Then make/,
    );
  });

  it("says that the directory is empty, or a file, or that there is no socket in it", async () => {
    const inside = await container();
    const path = remount(inside);
    mkdirSync(path);
    if (process.getuid?.() === 0) chownSync(path, 12_345, 12_345);
    expect((await faults(inside))[0]).toContain("is empty: no daemon has been started since");
    writeFileSync(join(path, "other"), "");
    expect((await faults(inside))[0]).toContain("is not there: the daemon is down, or its socket has another name");
    writeFileSync(inside.socket, "");
    expect((await faults(inside))[0]).toContain("is no socket");
    remount(inside);
    writeFileSync(path, "");
    inside.host.environment["HOST_CMD_PROXY_SOCKET"] = inside.socket;
    expect((await faults(inside))[0]).toContain("is not a directory");
  });

  it("says that nobody listens any more", async () => {
    const inside = await container();
    const path = remount(inside);
    mkdirSync(path);
    const child = spawn(
      process.execPath,
      ["-e", `require("net").createServer().listen(process.argv[1], () => console.log("on"))`, inside.socket],
      { stdio: ["ignore", "pipe", "ignore"] },
    );
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "exit");
    expect((await faults(inside))[0]).toMatch(
      /nobody listens at .* \(ECONNREFUSED\): the daemon is down, or the socket itself is mounted/,
    );
  });

  it("tells TCP from a socket: nobody there, no such name, and a socket that is mounted but not used", async () => {
    const inside = await container();
    const server = createServer().listen(0, "127.0.0.1");
    const port = await listening(server);
    server.close();
    inside.host.environment["HOST_CMD_PROXY_HOST"] = "127.0.0.1";
    inside.host.environment["HOST_CMD_PROXY_PORT"] = String(port);
    const [mode, refused] = await faults(inside);
    expect(mode).toBe(
      `warn ${inside.socket} is mounted, but HOST_CMD_PROXY_HOST says TCP -> Set HOST_CMD_PROXY_SOCKET=${inside.socket}, or connectionMode to unix`,
    );
    expect(refused).toMatch(/^fail nobody answers at 127\.0\.0\.1:\d+ \(ECONNREFUSED\) -> .*use connectionMode unix$/);
    inside.host.environment["HOST_CMD_PROXY_HOST"] = "no such host";
    expect((await faults(inside))[1]).toMatch(
      /^fail no such host is not known in this container \(E\w+\) -> Add --add-host/,
    );
  });
});

describe("doctor in a container about who answers", () => {
  it.each([
    ['{"operations":[]}\n', "the daemon is the original's (protocol 1 only)"],
    ['{"operations":null,"error":"unauthorized"}\n', "the daemon is the original's (protocol 1 only)"],
    ["HTTP/1.1 400 Bad Request\r\n\r\n", "failed to parse response"],
    ["", "failed to parse response"],
  ])("knows %j", async (answer, what) => {
    const inside = await container();
    const path = remount(inside);
    mkdirSync(path);
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => socket.end(answer));
    }).listen(inside.socket);
    await listening(server);
    const [line = ""] = await faults(inside);
    expect(line.startsWith("fail ")).toBe(true);
    expect(line).toContain(what);
  });

  it("passes on what the daemon says of the project", async () => {
    const inside = await container();
    const { base } = defaultBase();
    writeFileSync(join(base.directory.projects, "owner_repo/allowed.sha256"), "0".repeat(64), { mode: 0o600 });
    const other = await startDaemon(base);
    rmSync(join(inside.host.containerRoot, "run/cmd2host"));
    symlinkSync(join(base.root, "run"), join(inside.host.containerRoot, "run/cmd2host"));
    const [line] = await faults(inside);
    expect(line).toMatch(/^fail .* -> On the host: .*cmd2host config (?:diff|allow)/);
    await other.stop();
  });
});

describe("doctor in a container about the token", () => {
  it.each<[string, (inside: Inside) => void, RegExp]>([
    [
      "is missing",
      ({ tokenFile }) => {
        rmSync(tokenFile);
      },
      /^fail the token file \S+ \(from HOST_CMD_PROXY_TOKEN_FILE\) is not there/,
    ],
    [
      "is blank",
      ({ tokenFile }) => {
        writeFileSync(tokenFile, " \n");
      },
      /is blank -> On the host, in the workspace: cmd2host session start/,
    ],
    [
      "is a directory",
      ({ tokenFile }) => {
        rmSync(tokenFile);
        mkdirSync(tokenFile);
      },
      /not a regular file/,
    ],
    [
      "is something else",
      ({ tokenFile }) => {
        writeFileSync(tokenFile, "secret-of-mine");
      },
      /^fail \S+ holds no token: it is not 64 hexadecimal digits/,
    ],
    [
      "is not known",
      ({ tokenFile }) => {
        writeFileSync(tokenFile, "a".repeat(64));
      },
      /^fail the daemon does not take the token: it has expired, was revoked, or is another daemon's/,
    ],
  ])("when it %s", async (what, spoil, line) => {
    const inside = await container();
    inside.host.environment["HOST_CMD_PROXY_TOKEN_FILE"] = inside.tokenFile;
    spoil(inside);
    const found = await faults(inside);
    expect(found).toEqual([expect.stringMatching(line)]);
    expect(found.join("")).not.toMatch(/secret-of-mine|aaaaaaaa/);
    // The variable stands in for a file that gives nothing, not for one that gives something wrong.
    inside.host.environment["CMD2HOST_TOKEN"] = TOKEN;
    const isUsed = ["is missing", "is blank", "is a directory"].includes(what);
    expect(await faults(inside)).toEqual(isUsed ? [] : found);
  });

  it("when it has expired", async () => {
    const inside = await container();
    const { base } = defaultBase();
    base.writeToken(TOKEN, { repo: "owner/repo" }, 25 * 3_600_000);
    await startDaemon(base);
    rmSync(join(inside.host.containerRoot, "run/cmd2host"));
    symlinkSync(join(base.root, "run"), join(inside.host.containerRoot, "run/cmd2host"));
    expect(await faults(inside)).toEqual([expect.stringContaining("it has expired")]);
  });
});

describe("doctor in a container about programs", () => {
  it("says which commands do not go to the host, and what to do", async () => {
    const inside = await container();
    inside.host.environment["PATH"] = `${inside.host.bin}:${inside.bin}`;
    rmSync(join(inside.bin, "cmd2host-mcp"));
    const prefix = `${inside.host.containerRoot}/usr/local/lib/cmd2host/bin`;
    const fix = `Put ${prefix} in front of PATH: export PATH=${prefix}:$PATH`;
    expect(await faults(inside)).toEqual([
      `fail gh is ${inside.host.bin}/gh, which does not go to the host -> ${fix}`,
      `fail aws is ${inside.host.bin}/aws, which does not go to the host -> ${fix}`,
      `fail cmd2host-mcp is not on PATH -> ${fix}`,
    ]);
    // A link from elsewhere on PATH is as good.
    for (const name of ["gh", "aws"]) rmSync(join(inside.host.bin, name));
    for (const name of ["gh", "aws", "cmd2host-mcp"])
      symlinkSync(join(dirname(inside.bin), "cmd2host-bridge"), join(inside.host.bin, name));
    expect(await faults(inside)).toEqual([]);
  });

  it("says that Node is missing where the feature needs it, that there is no feature, and knows the original's client", async () => {
    const inside = await container();
    const feature = join(dirname(inside.bin), "feature");
    writeFileSync(feature, 'commands=""\nmcp=false\nruntime=node\n');
    expect(await faults(inside)).toEqual([expect.stringContaining("run on Node, and there is none on PATH")]);
    rmSync(feature);
    expect(await faults(inside)).toEqual([expect.stringContaining("the feature cmd2host is not installed here")]);
    inside.host.program("cmd2host-proxy");
    expect(await faults(inside)).toEqual([
      expect.stringContaining(`${inside.host.bin}/cmd2host-proxy is of another installation`),
    ]);
  });

  it("says that MCP clients do not know of us", async () => {
    const inside = await container();
    writeFileSync(join(inside.host.checkout, ".mcp.json"), "{}");
    expect(await faults(inside)).toEqual([expect.stringContaining("does not name cmd2host")]);
    writeFileSync(join(inside.host.checkout, ".mcp.json"), "{");
    expect(await faults(inside)).toEqual([expect.stringMatching(/^warn .*\.mcp\.json:1:2: CloseBraceExpected/)]);
    rmSync(join(inside.host.checkout, ".mcp.json"));
    expect(await faults(inside)).toEqual([expect.stringContaining("has no .mcp.json")]);
  });
});

describe("doctor as a user who may not", () => {
  /** As root there is nothing that one may not, so it runs as somebody else then. */
  async function faultsOfStranger(inside: Inside): Promise<readonly string[]> {
    const program = bundledProgram();
    for (const path of [dirname(program), inside.host.root, inside.host.containerRoot]) chmodSync(path, 0o755);
    const child = spawn(process.execPath, [program, "doctor", "--json"], {
      cwd: inside.host.checkout,
      env: {
        ...inside.host.environment,
        HOST_CMD_PROXY_SOCKET: inside.socket,
        HOST_CMD_PROXY_TOKEN_FILE: inside.tokenFile,
      },
      ...(process.getuid?.() === 0 ? { uid: 12_345, gid: 12_345 } : {}),
      stdio: ["ignore", "pipe", "inherit"],
    });
    const checks = JSON.parse(await text(child.stdout)) as readonly Check[];
    return checks
      .filter(({ about, level }) => level === "fail" && (about === "connection" || about === "session"))
      .map(({ message }) => message);
  }

  it("connect, or read the token, or enter the directory", async () => {
    const inside = await container();
    const path = remount(inside);
    mkdirSync(path, { mode: 0o755 });
    await listening(createServer().listen(inside.socket));
    chmodSync(inside.socket, 0);
    chmodSync(inside.tokenFile, 0);
    expect(await faultsOfStranger(inside)).toEqual([
      expect.stringMatching(/^this user \(\d+\) may not connect to \S+ \(mode 0\)$/),
      expect.stringContaining("may not be read by this user"),
    ]);
    chmodSync(path, 0);
    expect((await faultsOfStranger(inside))[0]).toMatch(/lets this user \(\d+\) not in$/);
    chmodSync(path, 0o755);
  });
});
