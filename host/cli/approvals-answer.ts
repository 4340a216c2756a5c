import { CodedError } from "../../wire/errors.ts";
import type { AnswerKind } from "../../wire/names.ts";
import type { PendingApproval } from "../../wire/schema.ts";
import { printable } from "../../wire/text.ts";
import { commandWords, untilWords } from "./approval-words.ts";
import { findPending } from "./approvals-find.ts";
import { command, JSON_SWITCH, type Report } from "./command.ts";
import { parseDuration } from "./duration.ts";
import { asOwner, type OwnerClient } from "./owner-client.ts";

/** A person's word. */
export interface Said {
  readonly answer: AnswerKind;
  readonly seconds?: number | undefined;
  readonly note?: string | undefined;
}

const WORDS: Readonly<Record<AnswerKind, string>> = {
  once: "Allowed once",
  call: "Allowed, and exactly this again",
  operation: "Allowed, and every call of the operation",
  deny: "Denied",
};

/** Gives the answer, and says what became of it. */
export async function give(owner: OwnerClient, pending: PendingApproval, said: Said): Promise<Report> {
  const [grant] = await owner.answer(pending.id, said);
  const until =
    grant === undefined ? "" : `, until ${grant.expires_at === undefined ? "its " : ""}${untilWords(grant)}`;
  return {
    exit: 0,
    human: `${WORDS[said.answer]}${until}: ${printable(pending.operation)} in ${printable(pending.project)}: ${commandWords(pending.argv)}\n`,
    json: { id: pending.id, answer: said.answer, ...(grant === undefined ? {} : { grant }) },
  };
}

export const approvalsAllow = command({
  path: ["approvals", "allow"],
  about: "Let a call run that waits for your approval: this once, unless you say more.",
  options: {
    id: { kind: "word", about: "Its id, or its first characters (at least 4)" },
    call: { kind: "switch", about: "Let exactly this call run again in its session without asking" },
    operation: { kind: "switch", about: "Let every call of the operation run in its session without asking" },
    for: { kind: "text", about: "With --call or --operation: no longer than this", placeholder: "DURATION" },
    json: JSON_SWITCH,
  },
  examples: [
    ["approvals allow 1f3a", "This once"],
    ["approvals allow 1f3a --call", "Exactly this, as often as the session likes"],
    ["approvals allow 1f3a --operation --for=30m", "Whatever it does with this operation in the next half hour"],
  ],
  more: "What runs is what approvals show showed: if anything has changed when it starts, nothing runs. Grants are listed and taken back with cmd2host grants.",
  run: async ({ id, call, operation, for: time }, context) => {
    if (call && operation)
      throw new CodedError("usage", "--call and --operation do not go together", { hint: "Write one of them." });
    if (time !== undefined && !call && !operation)
      throw new CodedError("usage", "--for says how long a grant holds", { hint: "Add --call or --operation." });
    const seconds = time === undefined ? undefined : Math.ceil(parseDuration(time) / 1_000);
    const answer = call ? "call" : operation ? "operation" : "once";
    return asOwner(context.base(), async (owner) => give(owner, await findPending(owner, id), { answer, seconds }));
  },
});

export const approvalsDeny = command({
  path: ["approvals", "deny"],
  about: "Refuse a call that waits for your approval.",
  options: {
    id: { kind: "word", about: "Its id, or its first characters (at least 4)" },
    note: { kind: "text", about: "What the agent is told", placeholder: "TEXT" },
    json: JSON_SWITCH,
  },
  examples: [["approvals deny 1f3a --note='Open a draft instead'", "Say no, and what to do"]],
  run: async ({ id, note }, context) =>
    asOwner(context.base(), async (owner) => give(owner, await findPending(owner, id), { answer: "deny", note })),
});
