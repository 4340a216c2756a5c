import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accepts, flagVerdict, whyNot } from "./typed.ts";

const type = "url";

const GOOD = [
  "https://example.com/",
  "https://example.com/a/b?c=d&e=%20#f",
  "https://example.com/#a/../b",
  "https://example.com/?q=../x",
  "https://example.com/?q=%2e%2e%2fx",
  "https://example.com:8443/x",
  "https://xn--bcher-kva.example/",
  "https://127.0.0.1/",
  "https://[::1]/",
  "https://[2001:db8::1]:444/x",
  "https://example.com/a@b",
  "https://example.com/@user",
  "https://example.com/a:b",
  "https://example.com/%E6%97%A5",
  "https://example.com/a..b/c.",
  "https://example.com/a%2fb",
  "https://example.com/...",
  "https://example.com/$(id)",
  "https://a.b.c.d.example/x;y=1",
  "https://example.com//x",
  `https://${"a".repeat(63)}.example/`,
];

const BAD: readonly (readonly [string, RegExp])[] = [
  ["", /cannot be read/],
  ["x", /cannot be read/],
  ["example.com", /cannot be read/],
  ["//example.com/", /cannot be read/],
  ["https://", /cannot be read/],
  ["https:///", /cannot be read|normal form/],
  ["https://?x", /cannot be read/],
  ["https://#x", /cannot be read/],
  ["https:example.com", /normal form/],
  ["https:/example.com/", /normal form/],
  ["https:///example.com/", /normal form/],
  ["https://example.com", /normal form is "https:\/\/example.com\/"/],
  ["HTTPS://example.com/", /normal form/],
  ["https://Example.com/", /normal form/],
  ["https://example.com:443/", /normal form/],
  ["https://example.com:/", /normal form/],
  ["https://example.com:0443/", /normal form/],
  ["https://example.com:65536/", /cannot be read/],
  ["https://example.com/é", /normal form/],
  ["https://ｅxample.com/", /normal form/],
  ["https://bücher.example/", /normal form/],
  ["https://example。com/", /normal form/],
  ["https://0x7f.1/", /normal form/],
  ["https://2130706433/", /normal form/],
  ["https://0177.0.0.1/", /normal form/],
  ["https://127.1/", /normal form/],
  ["https://[0:0:0:0:0:0:0:1]/", /normal form/],
  ["https://example.com/a/../b", /normal form/],
  ["https://example.com/..", /normal form/],
  ["https://example.com/./a", /normal form/],
  ["https://example.com/%2e%2e/a", /normal form/],
  ["https://example.com/%2E%2e", /normal form/],
  ["https://example.com/.%2e/a", /normal form/],
  ["https://example.com/%2e/a", /normal form/],
  ["https://example.com/..%2fa", /part \. or \.\./],
  ["https://example.com/a%2f..", /normal form|part \. or \.\./],
  ["https://example.com/a%2f%2e%2e%2fb", /part \. or \.\./],
  ["https://example.com/%252e%252e/a", /part \. or \.\./],
  ["https://example.com/%252e%252e%252fa", /part \. or \.\./],
  ["https://example.com/%25252e%25252e/a", /part \. or \.\./],
  ["https://example.com/..;/a", /part \. or \.\./],
  ["https://example.com/a/..;x=1/b", /part \. or \.\./],
  ["https://example.com/%2e%2e;/a", /part \. or \.\./],
  ["https://example.com/a%5c..%5cb", /control character or backslash/],
  ["https://example.com/a%255cb", /control character or backslash/],
  ["https://example.com/%..", /encodes nothing/],
  ["https://example.com/%2", /encodes nothing/],
  ["https://example.com/?a=%zz", /encodes nothing/],
  ["https://example.com/#50%", /encodes nothing/],
  ["https://example.com/a%00b", /control character or backslash/],
  ["https://example.com/a%0d%0aHost: x", /space or control/],
  ["https://example.com/a%0d%0aX", /control character or backslash/],
  ["https://example.com/a%7fb", /control character or backslash/],
  ["https://example.com\\a", /backslash/],
  ["https:\\\\example.com\\", /backslash/],
  ["https://example.com/?a\\b", /backslash/],
  ["https://user@example.com/", /user information/],
  ["https://user:pass@example.com/", /user information/],
  ["https://:pass@example.com/", /user information/],
  ["https://@example.com/", /normal form/],
  ["https://:@example.com/", /normal form/],
  ["https://example.com@evil.example/", /user information/],
  ["https://example.com%40evil.example/", /cannot be read|normal form/],
  ["https://exa mple.com/", /space or control/],
  [" https://example.com/", /space or control/],
  ["https://example.com/ ", /space or control/],
  ["https://example.com/a b", /space or control/],
  ["https://example.com/a\tb", /space or control/],
  ["https://example.com/a\nb", /space or control/],
  ["ht\ntps://example.com/", /space or control/],
  ["https://example.com/a\u0085", /space or control/],
  ["https://example.com/a\u00a0", /space or control/],
  ["https://example.com/a\u202e", /space or control/],
  ["https://example.com/a\u2028", /space or control/],
  ["https://example.com/\x7f", /space or control/],
  ["https://example.com./", /valid host/],
  ["https://a_b.example/", /valid host/],
  ["https://-a.example/", /valid host/],
  ["https://a-.example/", /valid host/],
  ["https://a..b/", /valid host|cannot be read/],
  [`https://${"a".repeat(64)}.example/`, /valid host|cannot be read/],
  [`https://${"a.".repeat(130)}example/`, /valid host|cannot be read/],
  ["http://example.com/", /scheme is not https/],
  ["ftp://example.com/", /scheme is not https/],
  ["ssh://example.com/", /scheme is not https/],
  ["javascript:alert(1)", /scheme is not https/],
  ["data:text/html,x", /scheme is not https/],
  ["blob:https://example.com/x", /scheme is not https/],
  ["ext::sh -c x", /space or control/],
  ["ext::sh", /scheme is not https/],
  ["fd::3", /scheme is not https/],
  ["git@github.com:o/r", /cannot be read/],
  ["-https://example.com/", /begins with '-'/],
  ["--proxy=https://example.com/", /begins with '-'/],
  ["file:///etc/passwd", /file of the host/],
  ["fileb://x", /file of the host/],
  ["https://example.com/?x=file:///etc/passwd", /file of the host/],
  ["https://example.com/\0", /NUL/],
  ["https://example.com/\ud800", /Unicode/],
];

describe("a value of type url", () => {
  it.each(GOOD)("may be %s", (text) => {
    expect(accepts({ type }, text)).toBe(true);
    expect(flagVerdict({ type }, text)).toBe("taken");
  });

  it.each(BAD)("is never %j", (text, why) => {
    expect(whyNot({ type }, text)).toMatch(why);
    expect(accepts({ type, allow_leading_dash: true }, text)).toBe(false);
    expect(flagVerdict({ type }, text)).toMatch(why);
  });

  it("has one of the schemes of the schema, and only those", () => {
    const schemes = ["http", "ssh", "s3"];
    expect(accepts({ type, schemes }, "http://example.com/")).toBe(true);
    expect(accepts({ type, schemes }, "ssh://example.com/x")).toBe(true);
    expect(accepts({ type, schemes }, "s3://bucket/key")).toBe(true);
    expect(whyNot({ type, schemes }, "https://example.com/")).toContain("its scheme is not http, ssh, s3");
    expect(accepts({ type, schemes: [] }, "https://example.com/")).toBe(true);
    expect(accepts({ type, schemes: [] }, "http://example.com/")).toBe(false);
  });

  it.each([
    ["ssh://-oProxyCommand=x/", /valid host/],
    ["ssh://git@github.com/o/r", /user information/],
    ["ssh://@github.com/", /normal form/],
    ["ssh://Example.com/", /valid host/],
    ["ssh://exam%70le.com/", /valid host/],
    ["ssh:///x", /valid host/],
    ["ssh:x", /valid host/],
    ["ssh://a/../b", /normal form/],
    ["ssh://a/..%2fb", /part/],
  ])("of another scheme needs a valid host too: %s", (text, why) => {
    expect(whyNot({ type, schemes: ["ssh"] }, text)).toMatch(why);
  });

  it("has one of the hosts of the schema, with its port when that is not the scheme's own", () => {
    const hosts = ["example.com", "other.example:8443", "[::1]"];
    expect(accepts({ type, hosts }, "https://example.com/")).toBe(true);
    expect(accepts({ type, hosts }, "https://other.example:8443/")).toBe(true);
    expect(accepts({ type, hosts }, "https://[::1]/")).toBe(true);
    for (const text of [
      "https://evil.example/",
      "https://example.com:8443/",
      "https://other.example/",
      "https://sub.example.com/",
      "https://example.com.evil.example/",
      "https://evilexample.com/",
      "https://example.co/",
    ]) {
      expect(whyNot({ type, hosts }, text)).toContain("its host is none of");
    }
    expect(accepts({ type, hosts: [] }, "https://any.example/")).toBe(true);
  });

  it("keeps to the other rules too", () => {
    expect(whyNot({ type, pattern: "^https://a/" }, "https://b/")).toContain("does not match pattern");
    expect(whyNot({ type, maxLength: 9 }, "https://example.com/")).toContain("exceeds maximum 9");
    expect(whyNot({ type, enum: ["https://a/"] }, "https://b/")).toContain("is none of");
    expect(whyNot({ type }, 5)).toBe("expected string, got number");
  });

  it("says the same to every reader, and never climbs or hides a host", () => {
    const piece = fc.constantFrom(
      ...Array.from("/.:@?#\\%-[];=&+ "),
      ..."https|http|://|//|..|%2e|%2f|%5c|%25|%00|a|b.c|example.com|evil.example|127.0.0.1|::1|é|\t|\n|\u3002".split(
        "|",
      ),
    );
    const text = fc.oneof(
      fc.array(piece, { maxLength: 9 }).map((pieces) => pieces.join("")),
      fc.array(piece, { maxLength: 7 }).map((pieces) => `https://example.com/${pieces.join("")}`),
      fc.webUrl({ validSchemes: ["https", "http"], withFragments: true, withQueryParameters: true }),
    );
    fc.assert(
      fc.property(text, (value) => {
        if (!accepts({ type, hosts: ["example.com"] }, value)) return;
        expect(value.startsWith("https://example.com/")).toBe(true);
        const { href, host, username, password, pathname } = new URL(value);
        expect([href, host, username, password]).toEqual([value, "example.com", "", ""]);
        // Not decodeURIComponent: an escape may stand for any byte.
        const bytes = pathname.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
          String.fromCharCode(Number.parseInt(hex, 16)),
        );
        expect(bytes.split("/")).not.toContain("..");
      }),
      { numRuns: 3_000 },
    );
  });
});
