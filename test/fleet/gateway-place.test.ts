import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gatewayPlace } from "../../host/fleet/gateway-place.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const nothing = { gateway: undefined, keyFile: undefined };

function keyFile(text: string): string {
  const file = join(tempDirectory(), "key");
  writeFileSync(file, text);
  return file;
}

/** URL and key. */
function place(given: Partial<typeof nothing> | object, environment: NodeJS.ProcessEnv): readonly string[] {
  const { url, key } = gatewayPlace({ ...nothing, ...given }, environment);
  return [url.href, key];
}

describe("where the gateway is", () => {
  it("is said on the command line, else in our variables, else in the original's", () => {
    const theirs = { COMMANDO_URL: "http://c:3", COMMANDO_API_KEY: "k3" };
    const ours = { CMD2HOST_GATEWAY: "https://b", CMD2HOST_GATEWAY_KEY: "k2", ...theirs };
    const file = keyFile("k1\n");
    expect(place({ gateway: "http://a:1/way/", keyFile: file }, ours)).toEqual(["http://a:1/way", "k1"]);
    expect(place({}, ours)).toEqual(["https://b/", "k2"]);
    expect(place({}, { ...ours, CMD2HOST_GATEWAY_KEY_FILE: file })).toEqual(["https://b/", "k1"]);
    expect(place({}, theirs)).toEqual(["http://c:3/", "k3"]);
    expect(place({}, { ...theirs, CMD2HOST_GATEWAY: "", CMD2HOST_GATEWAY_KEY: "" })).toEqual(["http://c:3/", "k3"]);
  });

  it("may leave the scheme out", () => {
    expect(place({ gateway: "127.0.0.1:9877" }, { CMD2HOST_GATEWAY_KEY: "k" })[0]).toBe("http://127.0.0.1:9877/");
    expect(place({ gateway: "[::1]:9877" }, { CMD2HOST_GATEWAY_KEY: "k" })[0]).toBe("http://[::1]:9877/");
  });

  it.each([
    ["nothing at all", {}, {}, "it is not said where the gateway is"],
    ["an address that is none", { gateway: "http://a b" }, {}, '"http://a b" is no address of a gateway'],
    ["a password in the address", { gateway: "http://u:p@h" }, {}, "holds no user and no password"],
    ["no key", { gateway: "h" }, {}, "there is no key for the gateway"],
    ["a key file that is missing", { gateway: "h", keyFile: "/nonexistent" }, {}, "ENOENT"],
    ["a key that is none", { gateway: "h" }, { CMD2HOST_GATEWAY_KEY: "a\nb" }, "characters that no key has"],
    ["an empty key file", { gateway: "h", keyFile: "/dev/null" }, {}, "there is no key for the gateway in it"],
  ])("is not known with %s", (_, given, environment, message) => {
    expect(() => place(given, environment)).toThrow(message);
    expect(() => place(given, environment)).toThrow(expect.objectContaining({ code: "gateway_missing" }) as Error);
  });

  it("never shows the key", () => {
    const file = keyFile("secret key");
    try {
      place({ gateway: "http://u:p@h", keyFile: file }, {});
    } catch (error) {
      expect(String(error)).not.toContain("secret");
    }
  });
});
