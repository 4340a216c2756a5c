import { digestOf, type Card, type CardPlan } from "../../host/approval/card.ts";
import type { ApprovalRule } from "../../host/project/types.ts";

export const PLAN: CardPlan = {
  project: "owner_repo",
  configHash: "c".repeat(64),
  operation: "pr_create",
  program: "/usr/bin/gh",
  argv: ["gh", "pr", "create", "--title=x"],
  cwd: "/home/me/repo",
  repo: "owner/repo",
  url: "git@github.com:owner/repo.git",
  inputs: [{ param: "body", path: "body.md", bytes: 3, sha256: "a".repeat(64) }],
  output: undefined,
  stdin: undefined,
  commit: undefined,
  timeoutMs: 60_000,
  machine: undefined,
};

export function cardWith(
  changes: Partial<CardPlan> = {},
  session = "s1",
  id = "11111111-0000-4000-8000-000000000000",
): Card {
  const plan = { ...PLAN, ...changes };
  return {
    id,
    plan,
    digest: digestOf(plan),
    requester: { session: { id: session, key: session.repeat(4) }, peer: "unix", route: "mcp" },
    title: "",
    says: "Creates a pull request",
  };
}

export const ALWAYS: ApprovalRule = {
  when: [],
  after: undefined,
  timeoutMs: undefined,
  via: undefined,
  answers: ["once", "call", "operation"],
  says: undefined,
};
