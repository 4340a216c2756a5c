import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Redactor } from "../../host/redact/redactor.ts";
import { RuleBook } from "../../host/redact/rule-book.ts";
import { RULE_NAMES } from "../../host/redact/rule-names.ts";
import { RULES } from "../../host/redact/rules.ts";
import { compilePattern } from "../../host/util/pattern.ts";
import { projectRoot } from "../fixtures/temp.ts";
import { EXAMPLES, keyBlock } from "./examples.ts";

const book = new RuleBook([], new Set());

function masked(text: string, by = book): string {
  const redactor = new Redactor(by);
  return Buffer.concat([redactor.write(Buffer.from(text)), redactor.end()]).toString();
}

describe("the rules", () => {
  it("have an example each", () => {
    expect(EXAMPLES.map(({ rule }) => rule)).toEqual(RULES.map(({ id }) => id));
  });

  it.each(EXAMPLES)("mask what $rule stands for", ({ rule, text, secret }) => {
    expect(masked(text)).toBe(text.replace(secret, `[redacted:${rule}]`));
  });

  it.each(EXAMPLES)("leave alone what is nearly $rule", ({ near }) => {
    expect(masked(near)).toBe(near);
  });

  it.each(EXAMPLES)("mask $rule inside of JSON, behind an escaped line break", ({ secret, text }) => {
    expect(masked(JSON.stringify({ a: `x\n${text}` }))).not.toContain(JSON.stringify(secret).slice(1, -1));
  });

  it.each(EXAMPLES)("let $rule through when it is off", ({ rule, text, secret }) => {
    const without = new RuleBook([], new Set([rule]));
    expect(masked(text, without)).not.toContain(`[redacted:${rule}]`);
    expect(masked(text, without).includes(secret) || masked(text, without).includes("redacted")).toBe(true);
  });

  it("are in docs/redaction.md, each with what it is for", () => {
    const page = readFileSync(join(projectRoot, "docs/redaction.md"), "utf8");
    const rows = [...page.matchAll(/^\| `([a-z0-9-]+)` +\| (.+?) +\|$/gm)].map(([, id, about]) => [id, about]);
    expect(rows.map(([id]) => id)).toEqual(RULE_NAMES);
    expect(rows.slice(-RULES.length)).toEqual(RULES.map(({ id, about }) => [id, about]));
  });

  it("are patterns that RE2 takes, but for what may not follow", () => {
    for (const { id, pattern } of RULES) {
      // Lookahead of a fixed length, and more repetitions than RE2 counts: neither goes back.
      const source = pattern.source.replaceAll(/\(\?![^)]*\)/g, "").replaceAll(/,[1-9][0-9]{3}\}/g, ",1000}");
      expect([id, compilePattern(source).ok]).toEqual([id, true]);
    }
  });

  it("mask what stands between the beginning of a rule and its secret", () => {
    const token = EXAMPLES.find(({ rule }) => rule === "github-token")?.secret ?? "";
    expect(masked(`https://${token}:pa55word@host.example/`)).toBe(
      "https://[redacted:github-token]:[redacted:url-credentials]@host.example/",
    );
  });

  it("mask coloured tokens, and tokens between letters that are not ASCII", () => {
    for (const { text, secret, rule } of EXAMPLES.filter(({ text: one }) => one.startsWith("before"))) {
      expect([rule, masked(`\x1b[32m${secret}\x1b[0m`)]).toEqual([rule, `\x1b[32m[redacted:${rule}]\x1b[0m`]);
      expect(masked(text.replace(secret, `„${secret}“`))).not.toContain(secret);
    }
  });
});

describe("a private key", () => {
  const mask = "[redacted:private-key]";

  it.each(["RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", ""])("of kind %j is one mask", (kind) => {
    expect(masked(`a\n${keyBlock(kind)}\nb`)).toBe(`a\n${mask}\nb`);
  });

  it.each(["\r\n", "\\n", "\\r\\n", "\\\\n", " "])("may have lines that end with %j", (eol) => {
    expect(masked(`"${keyBlock("RSA ", 5, eol)}" and more`)).toBe(`"${mask}" and more`);
  });

  it("may have headers", () => {
    const [first = "", ...rest] = keyBlock().split("\n");
    const text = [
      first,
      "Proc-Type: 4,ENCRYPTED",
      "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF",
      "",
      ...rest,
    ];
    expect(masked(`${text.join("\n")}\nb`)).toBe(`${mask}\nb`);
    const pgp = ["-----BEGIN PGP PRIVATE" + " KEY BLOCK-----", "Version: GnuPG v2", "", ...rest.slice(0, -1), "=aB3d"];
    expect(masked(`${[...pgp, "-----END PGP PRIVATE KEY BLOCK-----"].join("\n")}\nb`)).toBe(`${mask}\nb`);
  });

  it("that was cut off is masked as far as it goes", () => {
    const cut = keyBlock().split("\n").slice(0, 4).join("\n");
    expect(masked(`${cut}\n`)).toBe(`${mask}\n`);
    expect(masked(`${cut}\nand a text that goes on, of course`)).toBe(`${mask}\nand a text that goes on, of course`);
  });

  it("that is only mentioned hides nothing that follows", () => {
    const text = "-----BEGIN RSA PRIVATE" + " KEY-----";
    expect(masked(`grep: ${text} is what such a file begins with\n`)).toBe(
      `grep: ${mask} is what such a file begins with\n`,
    );
    expect(masked(`${text}\nhello world\n`)).toBe(`${mask}\nhello world\n`);
  });

  it("is masked however long it is", () => {
    expect(masked(`${keyBlock("RSA ", 20_000)}\nb`)).toBe(`${mask}\nb`);
  });
});
