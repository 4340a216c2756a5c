import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Answer } from "../host/page/desk.ts";
import type { ShownApproval } from "../host/page/shown.ts";
import { Action } from "./parts.tsx";
import { spoken } from "./text.tsx";

const TIMES: readonly (readonly [string, string])[] = [
  ["", "until its session ends"],
  ["900", "for 15 minutes"],
  ["3600", "for an hour"],
  ["28800", "for 8 hours"],
];

interface AnswersProps {
  readonly approval: ShownApproval;
  readonly unless: string | undefined;
  readonly onAnswer: (answer: Answer, words: string) => void;
}

/** The answers that may be given to a call. Whatever allows more than this one run has to be looked for. */
export function Answers({ approval, unless, onAnswer }: AnswersProps): JSX.Element {
  const { answers } = approval;
  const operation = spoken(approval.operation);
  const [form, setForm] = useState<"none" | "deny" | "more">("none");
  const [note, setNote] = useState("");
  const [seconds, setSeconds] = useState("");
  const has = (kind: Answer["kind"]): boolean => answers.includes(kind);
  const toggle = (wanted: "deny" | "more"): void => {
    setForm(form === wanted ? "none" : wanted);
  };
  const deny = (): void => {
    onAnswer({ kind: "deny", note: note.trim() }, "Denied");
  };
  return (
    <div class="answers">
      <div class="row">
        {has("once") ? (
          <Action
            tone="primary"
            unless={unless}
            label={`Allow once: ${operation}`}
            onAct={() => {
              onAnswer({ kind: "once" }, "Allowed once");
            }}
          >
            Allow once
          </Action>
        ) : undefined}
        {has("deny") ? (
          <button
            type="button"
            class="action plain"
            aria-expanded={form === "deny"}
            aria-label={`Deny ${operation}, with a note`}
            onClick={() => {
              toggle("deny");
            }}
          >
            Deny…
          </button>
        ) : undefined}
        {has("call") || has("operation") ? (
          <button
            type="button"
            class="action quiet"
            aria-expanded={form === "more"}
            aria-label={`Allow more than this one run of ${operation}`}
            onClick={() => {
              toggle("more");
            }}
          >
            Allow more…
          </button>
        ) : undefined}
      </div>
      {unless === undefined ? undefined : <p class="careful">{unless}</p>}
      {form === "deny" ? (
        <form
          class="answer-form"
          onSubmit={(event) => {
            event.preventDefault();
          }}
        >
          <label>
            Note to the agent (optional)
            <textarea
              rows={2}
              maxLength={2_000}
              value={note}
              ref={(field) => {
                if (field !== null && note === "") field.focus();
              }}
              onInput={(event) => {
                setNote(event.currentTarget.value);
              }}
            />
          </label>
          <Action tone="danger" label={`Deny ${operation}`} onAct={deny}>
            Deny
          </Action>
        </form>
      ) : undefined}
      {form === "more" ? (
        <div class="answer-form">
          {has("call") ? (
            <Action
              unless={unless}
              onAct={() => {
                onAnswer({ kind: "call" }, "This call is allowed until its session ends");
              }}
            >
              This exact call, until its session ends
            </Action>
          ) : undefined}
          {has("operation") ? (
            <div class="row">
              <Action
                tone="danger"
                unless={unless}
                onAct={() => {
                  const chosen = seconds === "" ? undefined : Number(seconds);
                  onAnswer({ kind: "operation", seconds: chosen }, `${operation} is allowed`);
                }}
              >
                Every call of {operation}
              </Action>
              <select
                aria-label={`How long every call of ${operation} is allowed`}
                value={seconds}
                onChange={(event) => {
                  setSeconds(event.currentTarget.value);
                }}
              >
                {TIMES.map(([value, words]) => (
                  <option key={value} value={value}>
                    {words}
                  </option>
                ))}
              </select>
              <p class="hint">Whatever its arguments are, for this session only.</p>
            </div>
          ) : undefined}
        </div>
      ) : undefined}
    </div>
  );
}
