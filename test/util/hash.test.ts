import { describe, expect, it } from "vitest";
import { blake3Hex, equalInConstantTime, sha256Hex } from "../../host/util/hash.ts";

describe("the BLAKE3 hash of a token", () => {
  it.each([
    ["0123456789abcdef".repeat(4), "b12d91bcebcbecea463bbd02edb632317f0e50c80f1bfa54204a7aee68baf857"],
    ["f".repeat(64), "04939f3b3235beec46ee585f9807aafbaf97ebd2419b9bf49f88a1f2cd05d074"],
    ["AB".repeat(32), "82d5518bf49284427e3398d43435b19dff559e970af63a532df07c3b1ca489bf"],
    ["a".repeat(64), "472c51290d607f100d2036fdcedd7590bba245e9adeb21364a063b7bb4ca81c7"],
    ["abc", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"],
    ["", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"],
  ])("of %j is the one that the original names its file by", (text, hash) => {
    expect(blake3Hex(text)).toBe(hash);
  });
});

describe("the SHA-256 hash of a configuration", () => {
  it("is of the bytes", () => {
    expect(sha256Hex(Buffer.from("abc"))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(sha256Hex(new Uint8Array())).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });
});

describe("comparing in constant time", () => {
  it("tells equal from unequal, also when the lengths differ", () => {
    expect(equalInConstantTime("", "")).toBe(true);
    expect(equalInConstantTime("abc", "abc")).toBe(true);
    expect(equalInConstantTime("abc", "abd")).toBe(false);
    expect(equalInConstantTime("abc", "abcd")).toBe(false);
    expect(equalInConstantTime("é", "ab")).toBe(false);
  });
});
