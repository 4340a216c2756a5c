import { describe, expect, it } from "vitest";
import { Attempts } from "../../capnp/commando/attempts.ts";
import { agent, client, command, Kept, NEVER } from "./agents.ts";
import { ShellHost } from "./shell-host.ts";
import { until } from "./sockets.ts";

/** The cases of commando's description that concern its RPC, by their numbers; the words of the protocol of 42 to 44 are in the transcripts. */

async function connected(host = new ShellHost()) {
  const { port, served, bugs } = await agent(host);
  return { host, port, served, bugs, gateway: await client(port) };
}

function isAlive(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}

describe("commando's conformance cases, our gateway with our agent", () => {
  it("42: everything in one connection", async () => {
    const { gateway, served } = await connected();
    await expect(gateway.ping(NEVER)).resolves.toMatchObject({ version: "0.5.13" });
    const result = await gateway.exec(command("echo hello; echo err >&2; exit 3", { requestId: "r" }), NEVER);
    expect([String(result.stdout), String(result.stderr), result.exitCode, result.requestId]).toEqual([
      "hello\n",
      "err\n",
      3,
      "r",
    ]);
    const kept = new Kept();
    await expect(gateway.execStream(command("echo a; echo b >&2; exit 4"), kept, NEVER)).resolves.toMatchObject({
      exitCode: 4,
      stdout: Buffer.of(),
    });
    expect([kept.of("stdout"), kept.of("stderr")]).toEqual(["a\n", "b\n"]);
    await until(() => served[0]?.sizes.imports === 0, "the receiver was given back");
    expect(served).toHaveLength(1);
  });

  it("45: three wrong keys are answered at once, further ones after a second; the right one is not delayed", async () => {
    // The same with a shorter second.
    const host = new ShellHost({ attempts: new Attempts({ delayMs: 300 }) });
    const { port } = await agent(host);
    const wrong = { psk: Buffer.from("wrong") };
    const began = performance.now();
    for (let time = 0; time < 4; time++)
      await expect(client(port, wrong)).rejects.toMatchObject({ code: "target_key_mismatch" });
    expect(performance.now() - began).toBeGreaterThanOrEqual(295);
    await client(port);
    expect(host.attempts.size).toBe(0);
  });

  it("46: results of 120,000 and 100,000 bytes arrive whole; of 400,000 the host keeps the tail", async () => {
    const { gateway } = await connected();
    const whole = await gateway.exec(command("head -c 120000 /dev/zero; head -c 100000 /dev/zero >&2"), NEVER);
    expect([whole.stdout.length, whole.stderr.length, whole.truncated]).toEqual([120_000, 100_000, false]);
    const tail = await gateway.exec(command("head -c 399999 /dev/zero; echo"), NEVER);
    expect([tail.stdout.length, tail.stdout.at(-1), tail.truncated]).toEqual([131_072, 0x0a, true]);
  });

  it("47: much output arrives in order, and only then the result", async () => {
    const { gateway } = await connected();
    const kept = new Kept();
    const lines = 400_000;
    await gateway.execStream(command(`seq ${lines}; echo end >&2`), kept, NEVER);
    const expected = Array.from({ length: lines }, (_, index) => `${index + 1}\n`).join("");
    expect(kept.of("stdout") === expected).toBe(true);
    expect(kept.of("stderr")).toBe("end\n");
  });

  it("48 and 51: the environment is what the host gives and the request adds, 500 variables and 110 KB of them", async () => {
    const { gateway } = await connected();
    const variables = Array.from({ length: 500 }, (_, index) => [`K${index}`, `v ${index}`] as const);
    const extraEnv = new Map<string, string>([
      ...variables,
      ["LONG", "x".repeat(110_000)] as const,
      ["TERM", "xterm"] as const,
    ]);
    const { stdout } = await gateway.exec(command("env", { extraEnv }), NEVER);
    const seen = new Map(
      String(stdout)
        .trimEnd()
        .split("\n")
        .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)] as const),
    );
    for (const [name, value] of extraEnv) expect([name, seen.get(name)]).toEqual([name, value]);
    const rest = [...seen.keys()].filter((name) => !extraEnv.has(name)).sort();
    expect(rest.filter((name) => name !== "_" && name !== "OLDPWD")).toEqual([
      "HOME",
      "LANG",
      "NO_COLOR",
      "PATH",
      "PWD",
      "SHELL",
      "USER",
    ]);
    const long = "y".repeat(60_000);
    expect(String((await gateway.exec(command(`echo ${long}`), NEVER)).stdout)).toBe(`${long}\n`);
  });

  it("49: the process group is the shell's, and standard input is empty", async () => {
    const { gateway, host } = await connected();
    const { stdout } = await gateway.exec(command("ps -o pgid=,sid= -p $$ ; cat | wc -c"), NEVER);
    const [group, session, bytes] = String(stdout).trim().split(/\s+/);
    expect([group, session, bytes]).toEqual([String(host.groups[0]), String(host.groups[0]), "0"]);
  });

  it("50: a command that its gateway finishes is ended with its whole process group", async () => {
    const { gateway, host } = await connected();
    const cancel = new AbortController();
    const kept = new Kept();
    const running = gateway.execStream(command("sleep 600 & echo started; wait"), kept, cancel.signal);
    await until(() => kept.of("stdout") !== "", "it runs");
    const group = host.groups[0] ?? 0;
    expect(isAlive(group)).toBe(true);
    cancel.abort();
    await expect(running).rejects.toMatchObject({ code: "cancelled" });
    await until(() => !isAlive(group), "the group is gone");
    await until(() => host.active === 0, "its place is free");
  });

  it("25: a host that is full says so at once", async () => {
    const { gateway, host } = await connected(new ShellHost({ maxConcurrent: 1 }));
    const cancel = new AbortController();
    const running = gateway.exec(command("sleep 600"), cancel.signal);
    await until(() => host.active === 1, "one runs");
    await expect(gateway.exec(command("true"), NEVER)).rejects.toMatchObject({ code: "agent_full" });
    await expect(gateway.ping(NEVER)).resolves.toBeDefined();
    cancel.abort();
    await expect(running).rejects.toMatchObject({ code: "cancelled" });
  });
});
