import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GatewayConfigFile } from "../../gateway/config/config-file.ts";
import { CodedError } from "../../wire/errors.ts";
import { Host } from "./harness.ts";

const NOTHING_GIVEN = { transport: undefined, bind: undefined, port: undefined, cacheDir: undefined };

function configOf(path: string) {
  return new GatewayConfigFile(path, { env: {}, given: NOTHING_GIVEN, now: Date.now });
}

describe("gateway init", () => {
  it("writes a configuration with one administrator and nobody else, and says what comes next", async () => {
    const host = new Host();
    const directory = join(host.root, "gate");
    const { exit, stdout, stderr } = await host.run("gateway", "init", "--dir=gate");
    const [config, key] = [join(directory, "gateway.toml"), join(directory, "admin.key")];
    expect({ exit, stdout, stderr }).toEqual({
      exit: 0,
      stderr: "",
      stdout:
        `Created: ${config}\nKey of the administrator: ${key}\n\nNext:\n` +
        `  1. Start it:           cmd2host gateway --config=${config}\n` +
        `  2. Tell your shell:    export CMD2HOST_GATEWAY=http://127.0.0.1:9877 CMD2HOST_GATEWAY_KEY_FILE=${key}\n` +
        "  3. On each machine:    cmd2host agent init && cmd2host config allow machine && cmd2host agent enroll\n" +
        "  4. Take it in:         cmd2host fleet add CODE\n",
    });
    for (const file of [config, key]) expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(readFileSync(key, "utf8")).toMatch(/^[A-Za-z0-9_-]{43}\n$/);
    expect(readFileSync(config, "utf8")).not.toContain(readFileSync(key, "utf8").trim());
  });

  it("writes what the gateway reads, without a warning", async () => {
    const host = new Host();
    await host.run("gateway", "init", '--dir=a b "c"', "--bind=::1", "--port=1234", "--link-port=4321");
    const read = configOf(join(host.root, 'a b "c"', "gateway.toml"));
    expect(read.warnings).toEqual([]);
    expect(read.settings).toMatchObject({
      cacheDir: join(host.root, 'a b "c"', "state"),
      server: { bind: "::1", port: 1_234 },
      link: { port: 4_321 },
    });
  });

  it("makes another key each time, and says where it is as JSON, not what it is", async () => {
    const host = new Host();
    const said = (await host.json("gateway", "init", "--dir=one", "--bind=::1", "--port=80")) as object;
    expect(said).toEqual({
      config: join(host.root, "one/gateway.toml"),
      key_file: join(host.root, "one/admin.key"),
      url: "http://[::1]:80",
    });
    await host.run("gateway", "init", "--dir=two");
    const [one, two] = ["one", "two"].map((name) => readFileSync(join(host.root, name, "admin.key"), "utf8"));
    expect(one).not.toBe(two);
  });

  it.each(["gateway.toml", "admin.key"])("replaces nothing: %s", async (name) => {
    const host = new Host();
    const directory = join(host.root, "gate");
    await host.run("gateway", "init", "--dir=gate");
    const other = name === "admin.key" ? "gateway.toml" : "admin.key";
    writeFileSync(join(directory, name), "of the owner");
    const { exit, stderr } = await host.run("gateway", "init", "--dir", directory);
    expect([exit, stderr]).toEqual([1, expect.stringContaining("already exists") as unknown]);
    expect(readFileSync(join(directory, name), "utf8")).toBe("of the owner");
    expect(existsSync(join(directory, other))).toBe(true);
  });

  it.each(["--port=65536", "--port=x", "--link-port=-1", "--port=0x10", "--port="])(
    "does not take %s for a port, and writes nothing",
    async (option) => {
      const host = new Host();
      const { exit, stderr } = await host.run("gateway", "init", "--dir=gate", option);
      expect([exit, stderr]).toEqual([2, expect.stringMatching(/^error: .*is no port\n/) as unknown]);
      expect(existsSync(join(host.root, "gate"))).toBe(false);
    },
  );

  it("needs to be told where", async () => {
    expect(await new Host().run("gateway", "init")).toMatchObject({ exit: 2, stdout: "" });
  });
});

describe("gateway", () => {
  it("is started with commando's configuration unless it is said otherwise, and its exit code is passed on", async () => {
    const host = new Host();
    host.daemon.exit = 1;
    expect(await host.run("gateway")).toEqual({ exit: 1, stdout: "", stderr: "" });
    expect(host.daemon.gateways).toEqual([["/etc/commando/gateway.toml", NOTHING_GIVEN]]);
  });

  it("takes from the command line what commando's does", async () => {
    const host = new Host();
    await host.run("gateway", "--config=g.toml", "--transport=stdio", "--bind=::1", "--port=0", "--cache-dir=/c");
    await host.run("gateway", "--transport", "streamable-http", "--port", "65535");
    expect(host.daemon.gateways).toEqual([
      ["g.toml", { transport: "stdio", bind: "::1", port: 0, cacheDir: "/c" }],
      ["/etc/commando/gateway.toml", { ...NOTHING_GIVEN, transport: "streamable-http", port: 65_535 }],
    ]);
  });

  it.each<readonly [string, string]>([
    ["--transport=sse", '--transport "sse" is none of streamable-http, stdio'],
    ["--port=65536", '--port "65536" is no port'],
    ["--port=-1", '--port "-1" is no port'],
    ["--port=1e3", '--port "1e3" is no port'],
    ["--api-key=x", 'unknown option "--api-key"'],
  ])("does not understand %s, and starts nothing", async (option, message) => {
    const host = new Host();
    const { exit, stderr } = await host.run("gateway", option);
    expect([exit, stderr]).toEqual([2, expect.stringContaining(`error: ${message}`) as unknown]);
    expect(host.daemon.gateways).toEqual([]);
  });

  it("says what keeps it from starting", async () => {
    const host = new Host();
    host.daemon.failure = new CodedError("gateway_config_invalid", "g.toml:3:1: wrong");
    expect(await host.run("gateway")).toMatchObject({
      exit: 1,
      stdout: "",
      stderr: expect.stringContaining("g.toml:3:1: wrong") as unknown,
    });
  });
});
