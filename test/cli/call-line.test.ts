import { describe, expect, it } from "vitest";
import { ownSocket } from "../../host/cli/call-daemon.ts";
import { addressOf } from "../../wire/whereabouts.ts";
import { parseCallLine } from "../../host/cli/call-line.ts";
import { call } from "../../host/cli/call.ts";
import { Host } from "./harness.ts";

function parse(...argv: string[]): unknown {
  return parseCallLine(argv, undefined);
}

describe("the command line of call", () => {
  const nowhere = { host: undefined, port: undefined, socket: undefined, tokenFile: undefined };

  it("names an operation, with what it needs", () => {
    expect(parse("op")).toEqual({
      request: { operation: "op", params: {}, flags: undefined, targetRepo: undefined, timeoutSeconds: undefined },
      where: nowhere,
      noStdin: false,
      json: false,
    });
    expect(
      parse("--json", "-n", "op", "--host=h", "--port", "5", "--socket=s", "--token-file", "t", "--", "--json", "x"),
    ).toEqual({
      request: {
        operation: "op",
        params: {},
        flags: ["--json", "x"],
        targetRepo: undefined,
        timeoutSeconds: undefined,
      },
      where: { host: "h", port: 5, socket: "s", tokenFile: "t" },
      noStdin: true,
      json: true,
    });
  });

  it("takes the repository of the environment when it names none", () => {
    expect(parseCallLine(["op"], "e/r")).toMatchObject({ request: { targetRepo: "e/r" } });
    expect(parseCallLine(["op", "--repo=o/r"], "e/r")).toMatchObject({ request: { targetRepo: "o/r" } });
    expect(parseCallLine(["--argv", "--", "gh"], "e/r")).toMatchObject({
      request: { argv: ["gh"], targetRepo: "e/r" },
    });
  });

  it("keeps names of parameters that objects have a use for", () => {
    const line = parseCallLine(["op", "--param", "__proto__=x", "--param", "constructor=y"], undefined);
    expect(JSON.stringify(line)).toContain('"params":{"__proto__":"x","constructor":"y"}');
  });

  it("takes values literally, with equals signs, at signs and dashes", () => {
    expect(parse("op", "--param", "a=@file", "--param", "b=", "--param=c=-x=1")).toMatchObject({
      request: { params: { a: "@file", b: "", c: "-x=1" } },
    });
  });

  it.each([
    [["op", "--param-json", "a=5"], 5],
    [
      ["op", "--param-json", 'a=[1,"x"]'],
      [1, "x"],
    ],
    [["op", "--param-json", "a=null"], null],
    [
      ["op", "--param", "a=x", "--param", "a=y", "--param", "a=z"],
      ["x", "y", "z"],
    ],
  ])("of %j has the value %j", (argv, value) => {
    expect(parse(...argv)).toMatchObject({ request: { params: { a: value } } });
  });

  it.each([
    [[], "missing OPERATION"],
    [["--", "x"], "missing OPERATION"],
    [["op", "extra"], 'unexpected argument "extra"'],
    [["op", "--param"], "--param needs a value"],
    [["op", "--param", "a"], '--param "a" is not NAME=VALUE'],
    [["op", "--param", "=a"], '--param "=a" is not NAME=VALUE'],
    [["op", "--param-json", "a"], '--param-json "a" is not NAME=JSON'],
    [["op", "--param-json", "a=x"], '--param-json: the value of "a" is not JSON: Unexpected token'],
    [["op", "--param=a=1", "--param-json=a=1"], 'parameter "a" is given twice'],
    [["op", "--param-json=a=1", "--param-json=a=1"], 'parameter "a" is given twice'],
    [["op", "--repo=a/b", "--repo=a/b"], "--repo is given twice"],
    [["op", "--repo"], "--repo needs a value"],
    [["op", "--json=yes"], "--json takes no value"],
    [["op", "--timeout", "0"], '--timeout "0" is not a whole number from 1 to 2147483'],
    [["op", "--timeout", "1.5"], '--timeout "1.5" is not a whole number'],
    [["op", "--port", "70000"], '--port "70000" is not a whole number from 1 to 65535'],
    [["op", "--hots=x"], 'unknown option "--hots"'],
    [["op", "-x"], 'unknown option "-x"'],
    [["--argv"], "missing command line"],
    [["--argv", "--"], "missing command line"],
    [["--argv", "gh", "--", "gh"], 'unexpected argument "gh"'],
    [["--argv", "--param=a=b", "--", "gh"], "--argv takes no parameters"],
    [["--argv", "--param-json=a=1", "--", "gh"], "--argv takes no parameters"],
  ])("%j is refused", (argv, message) => {
    expect(() => parse(...argv)).toThrow(
      expect.objectContaining({ code: "usage", message: expect.stringContaining(message) as string }) as Error,
    );
  });

  it("asks for help with --help and -h, but not behind --", () => {
    expect([parse("--help"), parse("op", "-h"), parse("-nh")]).toEqual(["help", "help", "help"]);
    expect(parse("op", "--", "--help")).toMatchObject({ request: { flags: ["--help"] } });
  });

  it("has to begin with call", async () => {
    const { exit, stdout, stderr } = await new Host().run("call", "op", "--json");
    expect([exit, stderr]).toEqual([
      2,
      "error: call has to be the first word\nhint: Write cmd2host call …, with options behind it.\n",
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "usage" } });
    expect(call.path).toEqual(["call"]);
  });
});

describe("the address of the daemon", () => {
  const none = { host: undefined, port: undefined, socket: undefined, tokenFile: undefined };
  const environment = {
    CMD2HOST_CONFIG_DIR: "/nonexistent",
    HOST_CMD_PROXY_HOST: "eh",
    HOST_CMD_PROXY_PORT: "77",
    HOST_CMD_PROXY_SOCKET: "/es",
  };
  const tcp = (host: string, port: number) => ({ kind: "tcp", host, port });

  it.each([
    [{ socket: "/s", host: "h", port: 1 }, environment, { kind: "unix", path: "/s" }],
    [{ socket: "" }, environment, { kind: "unix", path: "/es" }],
    [{ host: "h" }, environment, tcp("h", 77)],
    [{ port: 5 }, environment, tcp("eh", 5)],
    [{}, { ...environment, HOST_CMD_PROXY_SOCKET: "" }, tcp("eh", 77)],
    [{}, { ...environment, HOST_CMD_PROXY_SOCKET: "", HOST_CMD_PROXY_PORT: "no number" }, tcp("eh", 9876)],
    [{}, { HOST_CMD_PROXY_PORT: "5" }, tcp("host.docker.internal", 5)],
    [{}, {}, tcp("host.docker.internal", 9876)],
    [{}, { CMD2HOST_CONFIG_DIR: "/nonexistent" }, tcp("host.docker.internal", 9876)],
  ])("with %j and %j is %j", (where, variables, address) => {
    expect(addressOf({ ...none, ...where }, variables, () => ownSocket(variables))).toEqual(address);
  });
});
