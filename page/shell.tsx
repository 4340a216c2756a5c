import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Access } from "./access.tsx";
import { Approvals } from "./approvals.tsx";
import { Chart } from "./chart.tsx";
import { Decisions } from "./decisions.tsx";
import { CommandLine } from "./parts.tsx";
import { Projects } from "./projects.tsx";
import { Runs } from "./runs.tsx";
import { Shortcuts, useShortcuts } from "./shortcuts.tsx";
import { StopBanner, StopButton } from "./stops.tsx";
import { useStore } from "./store.ts";
import { Shown } from "./text.tsx";
import { hrefOf, viewsOf, type Where } from "./where.ts";
import { clock } from "./words.ts";

const NAMES: Readonly<Record<Where["view"], string>> = {
  now: "Now",
  decisions: "Decisions",
  projects: "Projects",
  access: "Access",
};

function Views(): JSX.Element {
  const store = useStore();
  const { view } = store.where.value;
  const waiting = store.waiting.value;
  const unapproved = (store.board.value.projects ?? []).filter(({ state }) => state !== "allowed").length;
  const badge = (name: Where["view"]): JSX.Element | undefined => {
    if (name === "now" && waiting > 0)
      return (
        <span class="count urgent">
          {waiting}
          <span class="unseen"> waiting</span>
        </span>
      );
    if (name === "projects" && unapproved > 0)
      return (
        <span class="count">
          {unapproved}
          <span class="unseen"> not approved</span>
        </span>
      );
    return undefined;
  };
  return (
    <nav aria-label="Parts of the page">
      {viewsOf(store.board.value.decisions !== undefined).map((name) => (
        <a key={name} href={hrefOf(name)} aria-current={view === name ? "page" : undefined}>
          {NAMES[name]}
          {badge(name)}
        </a>
      ))}
    </nav>
  );
}

function LostBanner(): JSX.Element | null {
  const store = useStore();
  const state = store.link.value;
  if (state.kind !== "lost") return null;
  return (
    <div class="banner lost" role="alert">
      <p>
        <strong>The daemon does not answer.</strong> What you see is from {clock(state.since, Date.now())}. This page
        tries again by itself.{" "}
        <button
          type="button"
          class="action plain"
          onClick={() => {
            store.calls.retry();
          }}
        >
          Try now
        </button>
      </p>
      <p class="hint">
        If the daemon was started again, or the page ended, open a new one: <CommandLine text="cmd2host ui" />
      </p>
    </div>
  );
}

function SaidList(): JSX.Element {
  const store = useStore();
  return (
    <div class="said" role="status">
      {store.said.value.map(({ id, tone, text, hint }) => (
        <div key={id} class={tone}>
          <p>
            <Shown text={text} />
            {hint === "" ? undefined : (
              <span class="hint">
                {" "}
                <Shown text={hint} />
              </span>
            )}
          </p>
          <button
            type="button"
            class="more"
            aria-label="Close this message"
            onClick={() => {
              store.unsay(id);
            }}
          >
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}

function Content(): JSX.Element {
  const store = useStore();
  switch (store.where.value.view) {
    case "decisions":
      return <Decisions />;
    case "projects":
      return <Projects />;
    case "access":
      return <Access />;
    case "now":
      return (
        <div class="now">
          {store.board.value.approvals === undefined ? undefined : <Approvals />}
          <div class="side">
            <Chart />
            <Runs />
          </div>
        </div>
      );
  }
}

function LoggedOut({ why }: { readonly why: string }): JSX.Element {
  return (
    <main class="logged-out">
      <h1>cmd2host</h1>
      <p>{why}.</p>
      <p>
        Open the page from a terminal: <CommandLine text="cmd2host ui" />
      </p>
      <p class="hint">Each call opens it once, within a minute. A login holds for one tab.</p>
    </main>
  );
}

/** The whole page. */
export function Shell(): JSX.Element {
  const store = useStore();
  const main = useRef<HTMLElement>(null);
  const { view } = store.where.value;
  const first = useRef(true);
  useShortcuts();
  const waiting = store.waiting.value;
  const isLost = store.link.value.kind === "lost";
  useEffect(() => {
    document.title = `${waiting > 0 ? `(${String(waiting)}) ` : ""}${isLost ? "not connected – " : ""}cmd2host`;
  }, [waiting, isLost]);
  useEffect(() => {
    // Whoever chose another part goes on reading there.
    if (first.current) first.current = false;
    else main.current?.querySelector("h2")?.focus();
  }, [view]);

  const state = store.link.value;
  if (state.kind === "logged_out") return <LoggedOut why={state.why} />;
  const { about } = store.board.value;
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.querySelector("h2")?.focus();
        }}
      >
        Go to the content
      </a>
      <header class="top">
        <h1>
          cmd2host
          <span class={`dot ${state.kind}`} aria-hidden="true" />
          <span class="unseen">{state.kind === "connected" ? "connected" : "not connected"}</span>
        </h1>
        <Views />
        <div class="row">
          <StopButton />
          <Shortcuts />
        </div>
      </header>
      <LostBanner />
      <StopBanner />
      <div class="unseen" role="status" aria-live="polite">
        {store.announced.value}
      </div>
      <main ref={main} id="main" class={isLost ? "stale" : ""}>
        {about === undefined ? <p class="empty">Asking the daemon…</p> : <Content />}
      </main>
      <SaidList />
      {about === undefined ? undefined : (
        <footer>
          <span>
            cmd2host {about.version}, since {clock(about.startedAt, store.now.value)}, <Shown text={about.base} mono />
          </span>
          <button
            type="button"
            class="more"
            onClick={() => {
              void store.calls.logOut();
            }}
          >
            Log out
          </button>
        </footer>
      )}
    </>
  );
}
