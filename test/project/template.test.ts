import { describe, expect, it } from "vitest";
import { isOptionLiteral, parseElement, placeholdersOf } from "../../host/project/template.ts";

describe("an element of a template", () => {
  it.each([
    ["a"],
    [""],
    ["-x"],
    ["{}"],
    ["x{}"],
    ["{"],
    ["}"],
    ["}{"],
    ["x{foo-bar}"],
    ["a}"],
    ["{a"],
    ["x{ a }"],
    ["{{}}"],
    ["{é}x"],
  ])("is a literal: %j", (text) => {
    expect(parseElement(text)).toEqual({ kind: "literal", text });
    expect(placeholdersOf(parseElement(text))).toEqual([]);
  });

  it.each([
    ["{a}", "a"],
    ["{a b}", "a b"],
    ["{foo-bar}", "foo-bar"],
    ["{é}", "é"],
    ["{ }", " "],
    ["{constructor}", "constructor"],
    ["{a\nb}", "a\nb"],
  ])("is a placeholder as a whole: %j", (text, name) => {
    expect(parseElement(text)).toEqual({ kind: "whole", name, text });
    expect(placeholdersOf(parseElement(text))).toEqual([name]);
  });

  it.each<readonly [string, readonly string[], readonly string[]]>([
    ["x{a}", ["a"], ["x"]],
    ["{a}x", ["a"], ["x"]],
    ["{b}:refs/{b}", ["b", "b"], [":refs/"]],
    ["{a}{b}", ["a", "b"], []],
    ["{{b}}", ["b"], ["{", "}"]],
    ["{a-b}{c}", ["c"], ["{a-b}"]],
    ["{}{a}", ["a"], ["{}"]],
    ["repos/{repo}/pulls/{n}/x", ["repo", "n"], ["repos/", "/pulls/", "/x"]],
  ])("has placeholders inside: %j", (text, names, texts) => {
    const element = parseElement(text);
    expect(element.kind).toBe("inline");
    expect(placeholdersOf(element)).toEqual(names);
    const parts = element.kind === "inline" ? element.parts : [];
    expect(parts.flatMap((part) => (part.kind === "text" ? [part.text] : []))).toEqual(texts);
    expect(parts.map((part) => (part.kind === "text" ? part.text : `{${part.name}}`)).join("")).toBe(text);
  });

  it("is read the same each time", () => {
    for (let round = 0; round < 3; round++) expect(placeholdersOf(parseElement("x{a}{b}"))).toEqual(["a", "b"]);
  });
});

describe("an option that goes with the value behind it", () => {
  it.each([["-x"], ["--body"], ["-"], ["--"], ["--a=b"]])("is %j", (text) => {
    expect(isOptionLiteral(parseElement(text))).toBe(true);
  });

  it.each([["x"], [""], ["-{a}"], ["--x={a}"], ["{-a}"], ["-{"], ["-}"]])("is not %j", (text) => {
    expect(isOptionLiteral(parseElement(text))).toBe(false);
  });

  it("is not what is not there", () => {
    expect(isOptionLiteral(undefined)).toBe(false);
  });
});
