import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { addressOf, tokenOf } from "../../wire/whereabouts.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const nothing = { socket: undefined, host: undefined, port: undefined };

function file(text: string): string {
  const path = join(tempDirectory(), "token");
  writeFileSync(path, text);
  return path;
}

describe("where the daemon is", () => {
  it("is what the command line says, then the environment, then the socket nearby, then the usual host", () => {
    const near = (): string => "/near.sock";
    const variables = { HOST_CMD_PROXY_SOCKET: "/env.sock", HOST_CMD_PROXY_HOST: "h", HOST_CMD_PROXY_PORT: "12" };
    expect(addressOf({ ...nothing, socket: "/s" }, variables, near)).toEqual({ kind: "unix", path: "/s" });
    expect(addressOf({ ...nothing, port: 7 }, variables, near)).toEqual({ kind: "tcp", host: "h", port: 7 });
    expect(addressOf(nothing, variables, near)).toEqual({ kind: "unix", path: "/env.sock" });
    expect(addressOf(nothing, { HOST_CMD_PROXY_PORT: "x" }, near)).toMatchObject({ kind: "tcp", port: 9876 });
    expect(addressOf(nothing, {}, near)).toEqual({ kind: "unix", path: "/near.sock" });
    expect(addressOf(nothing, {}, () => undefined)).toMatchObject({ host: "host.docker.internal", port: 9876 });
  });
});

describe("the token", () => {
  it("is in the file, and in CMD2HOST_TOKEN when that is blank or missing", async () => {
    expect(await tokenOf(file(" t\n"), { CMD2HOST_TOKEN: "e" })).toBe("t");
    expect(await tokenOf(file("\n"), { CMD2HOST_TOKEN: "e" })).toBe("e");
    expect(await tokenOf(undefined, { HOST_CMD_PROXY_TOKEN_FILE: "/none", CMD2HOST_TOKEN: "e" })).toBe("e");
    expect(await tokenOf(undefined, { HOST_CMD_PROXY_TOKEN_FILE: file("t") })).toBe("t");
  });

  it("is missed with the places that were looked at", async () => {
    await expect(tokenOf("/none", { CMD2HOST_TOKEN: "e" })).rejects.toMatchObject({ code: "file_failed" });
    await expect(tokenOf(file(""), {})).rejects.toMatchObject({ code: "token_missing" });
    await expect(tokenOf(undefined, { HOST_CMD_PROXY_TOKEN_FILE: "/none" })).rejects.toMatchObject({
      code: "file_failed",
    });
  });
});
