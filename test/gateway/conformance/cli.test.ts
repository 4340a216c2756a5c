import { beforeAll, describe, expect, it } from "vitest";
import { openRig, type Rig } from "../fixtures/rig.ts";
import { commando, type CliResult } from "./commando-cli.ts";

let rig: Rig;

beforeAll(async () => {
  rig = await openRig({ pages: { pageMaxBytes: 1_000 } });
});

async function run(...args: readonly string[]): Promise<CliResult> {
  return commando(args, { COMMANDO_URL: rig.url, COMMANDO_API_KEY: "k" });
}

describe("the original's command line against this gateway", () => {
  it("58: lists with tabs, pings, and passes output and exit code on", async () => {
    const { stdout } = await run("list");
    expect(stdout.split("\n").slice(0, 4)).toEqual([
      "a\treachable\t127.0.0.1",
      "bad\tunreachable\t127.0.0.1",
      "down\tunreachable\t127.0.0.1",
      "n/app\trunning\t127.0.0.1",
    ]);
    expect((await run("ping", "n/app")).stdout).toMatch(/^pong from n\/app in \d+ms \(v1\.0\.0\)\n$/);
    expect(await run("exec", "a", "echo o; echo e >&2; exit 5")).toEqual({ exit: 5, stdout: "o\n", stderr: "e\n" });
    expect(await run("exec", "a", "pwd", "--workdir", "/")).toEqual({ exit: 0, stdout: "/\n", stderr: "" });
    expect((await run("exec", "a", "seq 2000")).stdout.trim().split("\n")).toHaveLength(2_000);
  });

  it("58: a signal is 128 and its number, and no more 255; a time limit is 137", async () => {
    expect((await run("exec", "a", "kill -9 $$")).exit).toBe(137);
    expect((await run("exec", "a", "sleep 60", "--timeout", "1")).exit).toBe(137);
  });

  it("58: says what the gateway says is wrong, and exits with 1", async () => {
    expect(await run("exec", "unknown", "true")).toEqual({
      exit: 1,
      stdout: "",
      stderr: "error: unknown target 'unknown' (HTTP 400 Bad Request)\n",
    });
    expect(await run("exec", "down", "true")).toMatchObject({
      exit: 1,
      stderr: "error: target 'down': connection refused (HTTP 502 Bad Gateway)\n",
    });
    expect(await run("ping", "down")).toMatchObject({
      exit: 1,
      stderr: "error: ping failed: target 'down': connection refused\n",
    });
    const wrongKey = { COMMANDO_URL: rig.url, COMMANDO_API_KEY: "wrong" };
    expect(await commando(["exec", "a", "true"], wrongKey)).toMatchObject({
      exit: 1,
      stderr: "error: unauthorized (HTTP 401 Unauthorized)\n",
    });
    expect(await commando(["list"], wrongKey)).toMatchObject({ exit: 1, stderr: "error: unauthorized\n" });
    const slash = { COMMANDO_URL: `${rig.url}/`, COMMANDO_API_KEY: "k" };
    expect(await commando(["list"], slash)).toMatchObject({ exit: 1, stderr: "error: unknown error\n" });
  });

  it("58: wrong words are 2, a missing environment 1", async () => {
    for (const args of [
      ["exec", "a"],
      ["exec", "a", "true", "more"],
      ["exec", "a", "true", "--timeout", "x"],
      ["no"],
      [],
    ])
      expect([args, (await run(...args)).exit]).toEqual([args, 2]);
    expect((await commando(["list"], {})).exit).toBe(1);
    expect((await commando(["list"], { COMMANDO_URL: rig.url })).exit).toBe(1);
  });

  it("59: a profile of one page has every stage, in the alphabet's order", async () => {
    const { stderr } = await run("exec", "a", "true", "--profile");
    const names = stderr.split("\n").map((line) => line.trim().split(/ {2,}/)[0] ?? "");
    expect(names).toEqual([
      "",
      "──────── profile ────────",
      ...["client", "http_roundtrip", "parse_response", "total"],
      ...["gateway", "_total", "agent_drain_callbacks_ms", "agent_drain_count", "agent_execute_ms"],
      ...["agent_parse_params_ms", "agent_total_ms", "audit", "build_page", "registry_lookup", "rpc_auth", "rpc_exec"],
      ...["rpc_tcp_connect", "serialize", "setup", "spawn_rpc", "total"],
      "pages: 1",
      "─────────────────────────",
      "",
    ]);
    expect(stderr).toMatch(/ {2}build_page +\d+\.\d\dms\n/);
  });

  it("59: a profile of several pages counts them", async () => {
    const { stderr, stdout } = await run("exec", "a", "head -c 2500 /dev/zero | tr '\\0' x", "--profile");
    expect(stdout).toBe("x".repeat(2_500));
    expect(stderr).toMatch(/extra_pages \(2\) +\d+\.\d\dms\n/);
    expect(stderr).toMatch(/gateway\n(?: {2}\w+ +[\d.]+ms\n)+pages: 3\n/);
  });

  it("57: says of each call for the audit that it came by REST, and whom it came from", async () => {
    await run("exec", "a", "exit 7");
    expect(rig.fleet.asked.at(-1)).toMatchObject({ target: "a", command: "exit 7", source: "rest", peer: "127.0.0.1" });
  });
});
