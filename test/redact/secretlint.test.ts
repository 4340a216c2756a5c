import { lintSource } from "@secretlint/core";
import { creator, rules } from "@secretlint/secretlint-rule-preset-recommend";
import { describe, expect, it } from "vitest";
import { Redactor } from "../../host/redact/redactor.ts";
import { RuleBook } from "../../host/redact/rule-book.ts";
import { EXAMPLES } from "./examples.ts";

/** What of secretlint's recommended preset each of our rules stands for. A rule that a new version brings fails the test until it has a place here. */
const STANDS_FOR: Readonly<Record<string, readonly string[]>> = {
  aws: ["aws-access-key", "aws-secret-key"],
  gcp: ["private-key"],
  privatekey: ["private-key"],
  npm: ["npm-token", "npm-auth", "url-token"],
  basicauth: ["url-credentials"],
  slack: ["slack-token", "slack-webhook"],
  sendgrid: ["sendgrid-key"],
  shopify: ["shopify-token"],
  github: ["github-token", "github-fine-grained-token"],
  gitlab: ["gitlab-token"],
  grafana: ["grafana-token", "grafana-service-token"],
  openai: ["openai-key"],
  anthropic: ["anthropic-key"],
  groq: ["groq-key"],
  huggingface: ["huggingface-token"],
  linear: ["linear-key"],
  notion: ["notion-token"],
  "1password": ["1password-token"],
  "database-connection-string": ["url-credentials"],
  "hashicorp-vault": ["vault-token"],
  vercel: ["vercel-token"],
  databricks: ["databricks-token"],
  docker: ["docker-token"],
  figma: ["figma-token"],
  // Takes findings back where a comment says so. A program's output has no say in what is masked.
  "filter-comments": [],
};

const book = new RuleBook([], new Set());

function masked(text: string): string {
  const redactor = new Redactor(book);
  return Buffer.concat([redactor.write(Buffer.from(text)), redactor.end()]).toString();
}

async function found(text: string): Promise<readonly string[]> {
  const { messages } = await lintSource({
    source: { filePath: "output.txt", content: text, contentType: "text", ext: ".txt" },
    options: { config: { rules: [{ id: "@secretlint/secretlint-rule-preset-recommend", rule: creator }] } },
  });
  return messages.map(({ range: [from, to] }) => text.slice(from, to));
}

describe("beside secretlint's recommended preset", () => {
  it("every rule of it has its place here", () => {
    const names = rules.map(({ meta }) => meta.id.replace("@secretlint/secretlint-rule-", ""));
    expect([...names].sort()).toEqual(Object.keys(STANDS_FOR).sort());
    const ids = EXAMPLES.map(({ rule }) => rule);
    expect(
      Object.values(STANDS_FOR)
        .flat()
        .filter((id) => !ids.includes(id)),
    ).toEqual([]);
  });

  it.each(EXAMPLES)("what it finds in the example of $rule is not left", async ({ text }) => {
    for (const secret of await found(text)) expect(masked(text)).not.toContain(secret);
  });

  it("it finds most of the examples that it has a rule for, so the comparison means something", async () => {
    const ours = new Set(Object.values(STANDS_FOR).flat());
    const both = EXAMPLES.filter(({ rule }) => ours.has(rule));
    const hits = await Promise.all(both.map(async ({ text }) => (await found(text)).length > 0));
    expect(hits.filter(Boolean).length).toBeGreaterThan(both.length / 2);
  });
});
