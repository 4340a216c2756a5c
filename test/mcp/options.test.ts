import { describe, expect, it } from "vitest";
import { parseOptions, USAGE } from "../../mcp/options.ts";

const TOKEN_FILE = undefined;

function served(...args: string[]) {
  const command = parseOptions(args);
  if (command.kind !== "serve") throw new Error(`not served: ${command.kind}`);
  return command.options;
}

function complaint(...args: string[]): unknown {
  try {
    return parseOptions(args);
  } catch (error) {
    return error;
  }
}

describe("the options of cmd2host-mcp", () => {
  it("have defaults that lead from a container to its host", () => {
    expect(served()).toEqual({
      address: { kind: "tcp", host: "host.docker.internal", port: 9876 },
      tokenFile: TOKEN_FILE,
      runTimeoutMs: 3_630_000,
      tools: "auto",
      maxTokens: 10_000,
    });
  });

  it.each([
    ["one dash and a space", "-", " "],
    ["one dash and an equals sign", "-", "="],
    ["two dashes and a space", "--", " "],
    ["two dashes and an equals sign", "--", "="],
  ])("are read with %s", (_, dashes, between) => {
    const given = { host: "h", port: "1", "token-file": "/t", timeout: "2", tools: "typed", "max-tokens": "5000" };
    const args = Object.entries(given).flatMap(([name, value]) => `${dashes}${name}${between}${value}`.split(" "));
    expect(served(...args)).toEqual({
      address: { kind: "tcp", host: "h", port: 1 },
      tokenFile: "/t",
      runTimeoutMs: 2_000,
      tools: "typed",
      maxTokens: 5_000,
    });
  });

  it.each(["auto", "typed", "generic", "both"])("choose the tools %s", (mode) => {
    expect(served(`-tools=${mode}`).tools).toBe(mode);
  });

  it.each([1_000, 200_000])("let a result have %d tokens", (tokens) => {
    expect(served(`-max-tokens=${tokens}`).maxTokens).toBe(tokens);
  });

  it("let a socket that is not empty beat host and port", () => {
    expect(served("-host", "h", "-socket", "/s").address).toEqual({ kind: "unix", path: "/s" });
    expect(served("-socket", "", "-host", "h").address).toEqual({ kind: "tcp", host: "h", port: 9876 });
  });

  it("take an empty host and port 0 for the defaults", () => {
    expect(served("-host=", "-port=0").address).toEqual({ kind: "tcp", host: "host.docker.internal", port: 9876 });
  });

  it("take an empty token file for none", () => {
    expect(served("-token-file=").tokenFile).toBeUndefined();
  });

  it("keep an equals sign and a space inside a value", () => {
    expect(served("-socket=/a b=c").address).toEqual({ kind: "unix", path: "/a b=c" });
  });

  it("use the last one when one is given twice", () => {
    expect(served("-port=1", "-port=2").address).toMatchObject({ port: 2 });
  });

  it.each([["word", "-port", "x"], ["--", "-port", "x"], ["-"]])(
    "end at %s, and what follows is ignored",
    (...args) => {
      expect(served("-host=h", ...args).address).toEqual({ kind: "tcp", host: "h", port: 9876 });
    },
  );

  it.each(["-help", "--help", "-h"])("ask for help with %s, whatever else is asked", (flag) => {
    expect(parseOptions(["-version", flag])).toEqual({ kind: "help" });
  });

  it.each(["-version", "--version"])("ask for the version with %s", (flag) => {
    expect(parseOptions([flag])).toEqual({ kind: "version" });
  });

  it.each([
    [["-bogus"], "Unknown option '--bogus'"],
    [["--bogus=1"], "Unknown option '--bogus'"],
    [["-x"], "Unknown option '-x'"],
    [["-token", "secret"], "Unknown option '--token'"],
    [["-host"], "Option '--host <value>' argument missing"],
    [["-port", "abc"], '-port "abc" is not a whole number from 0 to 65535'],
    [["-port=1.5"], '-port "1.5" is not a whole number from 0 to 65535'],
    [["-port="], '-port "" is not a whole number from 0 to 65535'],
    [["-port=-1"], '-port "-1" is not a whole number from 0 to 65535'],
    [["-port=65536"], '-port "65536" is not a whole number from 0 to 65535'],
    [["-timeout=0"], '-timeout "0" is not a whole number from 1 to 2147483'],
    [["-timeout=2147484"], '-timeout "2147484" is not a whole number from 1 to 2147483'],
    [["-tools=every"], '-tools "every" is none of auto, typed, generic, both'],
    [["-tools="], '-tools "" is none of auto, typed, generic, both'],
    [["-max-tokens=999"], '-max-tokens "999" is not a whole number from 1000 to 200000'],
    [["-max-tokens=200001"], '-max-tokens "200001" is not a whole number from 1000 to 200000'],
    [["-timeout=\u001b[31m"], '-timeout "\\x1b[31m" is not a whole number from 1 to 2147483'],
  ])("are refused for %j, saying %s", (args, message) => {
    expect(complaint(...args)).toMatchObject({ code: "usage", message });
  });

  it("do not take the next option for a value", () => {
    expect(complaint("-socket", "-port=1")).toMatchObject({ code: "usage" });
  });

  it("are all in the usage text", () => {
    for (const name of [
      "-host",
      "-port",
      "-socket",
      "-token-file",
      "-timeout",
      "-tools",
      "-max-tokens",
      "-version",
      "-help",
      "CMD2HOST_TOKEN",
    ]) {
      expect(USAGE).toContain(name);
    }
  });
});
