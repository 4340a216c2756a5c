import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { ProjectConfig } from "../../wire/schema.ts";
import { defaultBase, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { atEnd, projectRoot } from "../fixtures/temp.ts";
import { inProcess } from "../mcp/clients.ts";

const page = readFileSync(join(projectRoot, "docs/agents.md"), "utf8");
const RUN_ID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const LEFT_OUT = "[…]";

interface Step {
  readonly tool: string;
  readonly args: string;
  /** What is shown of the answer: parts between which something is left out. */
  readonly parts: readonly string[];
}

/** The blocks of one kind. A fence inside a block is written with spaces between its backticks. */
function blocks(kind: string): readonly string[] {
  return [...page.matchAll(new RegExp(`\`\`\`${kind}\\n([\\s\\S]*?)\\n\`\`\``, "g"))].map(([, body = ""]) =>
    body.replaceAll("` ` `", "```"),
  );
}

function steps(): readonly Step[] {
  return blocks("text transcript").map((block) => {
    const [first = "", ...rest] = block.split("\n");
    const [, tool = "", args = ""] = /^> (\S+) (.*)$/.exec(first) ?? [];
    return { tool, args, parts: rest.join("\n").split(`${LEFT_OUT}\n`) };
  });
}

// Some of its operations are about time: on a machine that stands still for a second they come out differently.
it(
  "every transcript of docs/agents.md is what a real client gets from a real daemon",
  { timeout: 30_000, retry: 2 },
  async () => {
    const [operations = "{}"] = blocks("json operations");
    const parsed = JSON.parse(operations) as NonNullable<ProjectConfig["operations"]>;
    const { base } = defaultBase({ allowed_operations: Object.keys(parsed), operations: parsed });
    const { address } = await startDaemon(base);
    const session = await inProcess(["-socket", address.path], { CMD2HOST_TOKEN: TOKEN });
    atEnd(async () => session.close());
    // The page numbers the runs that it names, in their order.
    const ids: string[] = [];
    const numbered = (text: string): string =>
      text
        .replace(RUN_ID, (id) => {
          if (!ids.includes(id)) ids.push(id);
          return `RUN ${ids.indexOf(id) + 1}`;
        })
        // On a busy machine it takes longer than on the page.
        .replace(/ after \d+ s$/m, " after 2 s");
    const all = steps();
    expect(all.length).toBeGreaterThan(8);
    for (const { tool, args, parts } of all) {
      const real = args.replace(/RUN (\d+)/g, (_, number) => ids[Number(number) - 1] ?? "");
      const { content } = await session.client.callTool({
        name: tool,
        arguments: JSON.parse(real) as Record<string, unknown>,
      });
      const [block] = content;
      const text = numbered(block?.type === "text" ? block.text : "");
      const [start = "", ...middle] = parts;
      if (middle.length === 0) expect(`${tool}: ${text.trimEnd()}`).toBe(`${tool}: ${start.trimEnd()}`);
      else {
        expect(text.startsWith(start)).toBe(true);
        expect(text.trimEnd().endsWith(middle.join("").trimEnd())).toBe(true);
      }
    }
    const [data = ""] = blocks("text data");
    const { structuredContent } = await session.client.callTool({ name: "issue_list", arguments: {} });
    expect(JSON.stringify(structuredContent).replace(RUN_ID, "1")).toBe(data);
  },
);
