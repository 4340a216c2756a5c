import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { argumentsOf, checkCall } from "../../host/operation/call.ts";
import { reverseMatch } from "../../host/operation/reverse-match.ts";
import { projectRoot } from "../fixtures/temp.ts";
import { INJECTED, projectWith, refusal, URL } from "./policy.ts";

const project = projectWith({
  edit: {
    command: "gh",
    args_template: ["pr", "edit", "{number}", "-R", "{repo}", "--body", "{body}"],
    params: { number: { type: "integer" }, body: { type: "string", optional: true } },
    allowed_flags: ["--title", "--draft", { flag: "-L", type: "integer" }],
    bool_flags: ["--draft"],
  },
});

it("docs/matching.md shows what the daemon does", () => {
  const page = readFileSync(join(projectRoot, "docs/matching.md"), "utf8");
  const examples = /```text matching\n([\s\S]*?)```/.exec(page)?.[1]?.trim().split("\n") ?? [];
  expect(examples.length).toBeGreaterThan(10);
  for (let at = 0; at < examples.length; at += 2) {
    const words = (examples[at] ?? "").split(" ");
    const [, verdict, text = ""] = /^ {2}(runs|denied): (.*)$/.exec(examples[at + 1] ?? "") ?? [];
    if (verdict === "runs") {
      const call = checkCall(project, reverseMatch(project, INJECTED, words));
      const place = { repo: "owner/repo", repoPath: "/repos/one", url: URL };
      expect(argumentsOf(project, call, place).join(" ")).toBe(text);
    } else expect(refusal(() => reverseMatch(project, INJECTED, words)).message).toContain(`; edit: ${text}; `);
  }
});
