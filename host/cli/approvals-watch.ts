import { CodedError } from "../../wire/errors.ts";
import type { AnswerKind } from "../../wire/names.ts";
import type { PendingApproval } from "../../wire/schema.ts";
import { cardLines } from "./approval-words.ts";
import { give } from "./approvals-answer.ts";
import { command, JSON_SWITCH } from "./command.ts";
import type { Choice, Context, Questions } from "./context.ts";
import { asOwner, type OwnerClient } from "./owner-client.ts";
import { styleFor } from "./style.ts";

/** How long one question to the daemon waits. */
const WAIT_SECONDS = 300;

const PLAIN = styleFor(false, {});
const LATER = "later";
const CHOICES: Readonly<Record<AnswerKind, Choice>> = {
  once: { value: "allow once", hint: "this run only" },
  call: { value: "allow this call", hint: "exactly this again in its session, without asking" },
  operation: { value: "allow the operation", hint: "whatever its session does with it, without asking" },
  deny: { value: "deny", hint: "with a note to the agent" },
};

/** Every pending call once, as it comes, until the signal aborts. */
async function* comers(owner: OwnerClient, signal: AbortSignal): AsyncGenerator<PendingApproval> {
  const seen = new Set<string>();
  let revision = "";
  while (!signal.aborted) {
    const now = await owner.approvals(revision, WAIT_SECONDS, { signal });
    revision = now.revision;
    const ids = new Set(now.approvals.map(({ id }) => id));
    for (const id of seen) if (!ids.has(id)) seen.delete(id);
    for (const pending of now.approvals) {
      if (seen.has(pending.id)) continue;
      seen.add(pending.id);
      yield pending;
    }
  }
}

/** Aborts when the call no longer waits. */
async function untilSettled(owner: OwnerClient, { id }: PendingApproval, stop: AbortController): Promise<void> {
  let revision = "";
  while (!stop.signal.aborted) {
    const now = await owner.approvals(revision, WAIT_SECONDS, { signal: stop.signal });
    revision = now.revision;
    if (now.approvals.every((one) => one.id !== id)) stop.abort();
  }
}

async function answerTo(
  owner: OwnerClient,
  pending: PendingApproval,
  questions: Questions,
  context: Context,
): Promise<string> {
  const settled = new AbortController();
  const watching = untilSettled(owner, pending, settled).catch(() => undefined);
  try {
    const kinds: readonly AnswerKind[] = [...pending.answers, "deny"];
    // Nothing is allowed by whoever presses Enter too early.
    const choices = [{ value: LATER, hint: "leave it waiting" }, ...kinds.map((kind) => CHOICES[kind])];
    const chosen = await questions.choose("May it run?", choices, settled.signal);
    const answer = kinds.find((kind) => CHOICES[kind].value === chosen);
    if (answer === undefined) return "";
    const note =
      answer === "deny" ? await questions.ask("A note to the agent", "", () => undefined, settled.signal) : undefined;
    return (await give(owner, pending, { answer, note })).human;
  } catch (error) {
    if (settled.signal.aborted) return "It is not waiting any more: answered elsewhere, withdrawn, or too late.\n";
    if (error instanceof CodedError && error.code === "approval_unknown") return `${error.message}\n`;
    throw error;
  } finally {
    settled.abort();
    await watching;
    await context.direct.write("stdout", Buffer.alloc(0));
  }
}

async function watch(owner: OwnerClient, json: boolean, context: Context): Promise<number> {
  const { direct } = context;
  const style = styleFor(context.stdoutIsTerminal, context.environment);
  const questions = json || !context.stdoutIsTerminal ? undefined : await context.questions?.();
  const write = async (text: string): Promise<void> => direct.write("stdout", Buffer.from(text));
  if (!json) await direct.write("stderr", Buffer.from("Waiting for calls that need your approval; Ctrl-C ends.\n"));
  for await (const pending of comers(owner, direct.signal)) {
    if (json) await write(`${JSON.stringify(pending)}\n`);
    else if (questions === undefined) await write(`${cardLines(pending, style).join("\n")}\n\n`);
    else {
      // What shows it escapes whatever could steer a terminal, colours included.
      questions.show(cardLines(pending, PLAIN).join("\n"));
      await write(await answerTo(owner, pending, questions, context));
    }
  }
  return 0;
}

export const approvalsWatch = command({
  path: ["approvals", "watch"],
  about: "Show each call that needs your approval as it comes, and ask you, until you end it with Ctrl-C.",
  options: { json: JSON_SWITCH },
  examples: [
    ["approvals watch", "Stay at hand while an agent works"],
    ["approvals watch --json", "One JSON object for each, for a program of yours"],
  ],
  more: "Where nobody can answer (no terminal, or --json) it only shows them; answer with approvals allow and deny.",
  run: async ({ json }, context) =>
    context.direct.report(async () => asOwner(context.base(), async (owner) => watch(owner, json, context))),
});
