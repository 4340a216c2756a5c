import type { ComponentChildren, JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { useSettled } from "./settled.ts";
import { useStore } from "./store.ts";

type Tone = "plain" | "primary" | "danger";

interface ActionProps {
  readonly children: ComponentChildren;
  readonly tone?: Tone;
  /** Said instead of the visible words, where those do not say what it is about. */
  readonly label?: string;
  /** Why it cannot be done now. */
  readonly unless?: string | undefined;
  readonly onAct: () => void;
}

/** A button that changes something on the host: it waits until it has been in its place for a moment, and does nothing without the daemon. */
export function Action({ children, tone = "plain", label, unless, onAct }: ActionProps): JSX.Element {
  const button = useRef<HTMLButtonElement>(null);
  const store = useStore();
  const isSettled = useSettled(button);
  const isInert = !isSettled || !store.connected.value || unless !== undefined;
  return (
    <button
      ref={button}
      type="button"
      class={`action ${tone}`}
      aria-disabled={isInert}
      aria-label={label}
      title={unless}
      onClick={() => {
        if (!isInert) onAct();
      }}
    >
      {children}
    </button>
  );
}

interface ConfirmedProps {
  readonly children: ComponentChildren;
  readonly label: string;
  /** The question, and the word for yes. */
  readonly question: string;
  readonly yes: string;
  readonly onYes: () => void;
}

/** An action that asks again, in its place. */
export function Confirmed({ children, label, question, yes, onYes }: ConfirmedProps): JSX.Element {
  const [asks, setAsks] = useState(false);
  if (!asks)
    return (
      <Action
        label={label}
        onAct={() => {
          setAsks(true);
        }}
      >
        {children}
      </Action>
    );
  return (
    <span class="confirm" role="group" aria-label={label}>
      <span>{question}</span>
      <button
        type="button"
        class="action plain"
        ref={(button) => {
          button?.focus();
        }}
        onClick={() => {
          setAsks(false);
        }}
      >
        No
      </button>
      <Action
        tone="danger"
        onAct={() => {
          setAsks(false);
          onYes();
        }}
      >
        {yes}
      </Action>
    </span>
  );
}

interface BadgeProps {
  readonly tone: "good" | "bad" | "careful" | "plain" | "busy";
  readonly children: ComponentChildren;
}

export function Badge({ tone, children }: BadgeProps): JSX.Element {
  return <span class={`badge ${tone}`}>{children}</span>;
}

interface EmptyProps {
  readonly children: ComponentChildren;
}

/** What stands where there is nothing. */
export function Empty({ children }: EmptyProps): JSX.Element {
  return <p class="empty">{children}</p>;
}

interface CopyProps {
  readonly text: string;
}

/** A command to be run on a terminal. */
export function CommandLine({ text }: CopyProps): JSX.Element {
  const [copied, setCopied] = useState(false);
  return (
    <span class="command">
      <code>{text}</code>
      <button
        type="button"
        class="more"
        aria-label={`Copy ${text}`}
        onClick={() => {
          navigator.clipboard.writeText(text).then(
            () => {
              setCopied(true);
            },
            () => undefined,
          );
        }}
      >
        {copied ? "Copied" : "Copy"}
      </button>
    </span>
  );
}
