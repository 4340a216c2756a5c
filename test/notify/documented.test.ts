import { readFileSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Approvals } from "../../host/approval/approvals.ts";
import { notify } from "../../host/notify/notifications.ts";
import { WebhookNotifier } from "../../host/notify/webhook.ts";
import { compileProject } from "../../host/project/compile.ts";
import { approvalWords } from "../../host/project/words.ts";
import { defaultProject } from "../fixtures/base.ts";
import { ALWAYS, cardWith } from "../approval/parts.ts";
import { atEnd, projectRoot, tempDirectory } from "../fixtures/temp.ts";

const KEY = "k".repeat(40);
const document = readFileSync(join(projectRoot, "docs/approval.md"), "utf8");

/** The only block of this language. */
function block(language: string): string {
  const [first, ...more] = [...document.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
    ([, text = ""]) => text,
  );
  if (first === undefined || (language === "js" && more.length > 0)) throw new Error(`blocks of ${language} changed`);
  return first;
}

interface Documented {
  readonly receiver: (key: string, decide: (asked: { readonly argv: readonly string[] }) => object) => Server;
}

describe("docs/approval.md", () => {
  it("shows a receiver of webhooks that works", async () => {
    const file = join(tempDirectory(), "receiver.mjs");
    writeFileSync(file, block("js"));
    const { receiver } = (await import(file)) as Documented;
    const server = receiver(KEY, ({ argv }) => ({
      answer: argv.includes("--draft") ? "once" : "deny",
      note: "Drafts.",
    }));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    atEnd(async () => {
      await new Promise((resolve) => server.close(resolve));
    });
    const secretFile = join(tempDirectory(), "key");
    writeFileSync(secretFile, KEY, { mode: 0o600 });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const warnings: string[] = [];
    const approvals = new Approvals(() => 20_000);
    notify(approvals, () => [new WebhookNotifier("phone", { url, secretFile }, (message) => warnings.push(message))]);
    const ask = async (argv: readonly string[]) =>
      approvals.ask(cardWith({ argv }), ALWAYS, "", new AbortController().signal, () => undefined);
    expect(await ask(["gh", "--draft"])).toMatchObject({ approver: "webhook:phone" });
    await expect(ask(["gh"])).rejects.toThrow(/Drafts\./);
    expect(warnings).toEqual([]);
  });

  it("shows an operation that compiles", () => {
    const config = JSON.stringify(defaultProject("/repo", { allowed_operations: [], operations: {} }));
    const text = config.replace('"operations":{}', `"operations":{${block("json")}}`);
    const { project } = compileProject("owner_repo", Buffer.from(text), "f");
    expect(approvalWords(project.operations.get("gh_pr_merge")?.approval)).toBe(
      "a person is asked when --admin is given, or it has run 5 times within 3600 s; waits 600 s",
    );
  });
});
