import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useStore, type Store } from "./store.ts";
import { hrefOf, viewsOf } from "./where.ts";

const KEYS: readonly (readonly [string, string])[] = [
  ["1 – 4", "Go to a part of the page"],
  ["j, k", "Go to the next, the previous call that waits, or run"],
  ["f", "Go to the filters of the decisions"],
  ["Tab, Enter", "Go through buttons, press one"],
  ["?", "This list"],
];

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input, textarea, select");
}

/** To the next or previous of what can be gone through. Never to a button that changes something: nothing is allowed by accident. */
function step(by: 1 | -1): void {
  const all = [...document.querySelectorAll<HTMLElement>("[data-approval]:not(.closed), [data-run] > button")];
  const at = all.findIndex((one) => one.contains(document.activeElement));
  const next = all[at === -1 ? (by === 1 ? 0 : all.length - 1) : at + by];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function press(key: string, store: Store, help: () => void): boolean {
  const view = /^[1-4]$/.test(key) ? viewsOf(store.board.value.decisions !== undefined)[Number(key) - 1] : undefined;
  if (view !== undefined) location.hash = hrefOf(view);
  else if (key === "j" || key === "k") step(key === "j" ? 1 : -1);
  else if (key === "f") document.querySelector<HTMLElement>(".filters input, .filters select")?.focus();
  else if (key === "?") help();
  else return false;
  return true;
}

const HELP = "shortcuts";

function showHelp(): void {
  const dialog = document.getElementById(HELP);
  if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
}

/** Single keys, unless they are switched off or somebody types. None of them answers anything. */
export function useShortcuts(): void {
  const store = useStore();
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (!store.shortcuts.value || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector("dialog[open]") !== null) return;
      if (press(event.key, store, showHelp)) event.preventDefault();
    };
    window.addEventListener("keydown", onKey);
    return () => {
      window.removeEventListener("keydown", onKey);
    };
  }, [store]);
}

/** The list of keys, and the button that opens it. */
export function Shortcuts(): JSX.Element {
  const store = useStore();
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <button type="button" class="action quiet" onClick={showHelp}>
        Keys
      </button>
      <dialog ref={dialog} id={HELP} aria-labelledby="keys">
        <h2 id="keys">Keys</h2>
        <dl class="keys">
          {KEYS.map(([keys, about]) => (
            <div key={keys}>
              <dt>
                <kbd>{keys}</kbd>
              </dt>
              <dd>{about}</dd>
            </div>
          ))}
        </dl>
        <p class="hint">No key allows or denies anything by itself.</p>
        <label class="row">
          <input
            type="checkbox"
            checked={store.shortcuts.value}
            onChange={(event) => {
              store.setShortcuts(event.currentTarget.checked);
            }}
          />
          Single keys are on
        </label>
        <button
          type="button"
          class="action plain"
          onClick={() => {
            dialog.current?.close();
          }}
        >
          Close
        </button>
      </dialog>
    </>
  );
}
