import type { JSX } from "preact";
import { Action, Confirmed } from "./parts.tsx";
import { useStore, type Store } from "./store.ts";
import { Shown, spoken } from "./text.tsx";
import { clock } from "./words.ts";

async function set(store: Store, how: "stop" | "resume", project: string | undefined): Promise<void> {
  await store.attempt(
    async () => store.calls.change(how, { project: project ?? null }),
    how === "stop" ? "Stopped: nothing runs any more" : "Operations may run again",
  );
}

interface StopProps {
  /** Undefined: everything. */
  readonly project?: string;
}

/** Denies everything of a project at once and ends what runs; or lets it go on. */
export function StopButton({ project }: StopProps): JSX.Element | null {
  const store = useStore();
  const { stops } = store.board.value;
  if (stops === undefined) return null;
  const what = project === undefined ? "everything" : spoken(project);
  if (stops.some((stop) => stop.project === project))
    return (
      <Action
        label={`Resume ${what}`}
        onAct={() => {
          void set(store, "resume", project);
        }}
      >
        Resume
      </Action>
    );
  return (
    <Confirmed
      label={`Stop ${what}`}
      question="End what runs, deny all that comes?"
      yes="Stop"
      onYes={() => {
        void set(store, "stop", project);
      }}
    >
      {project === undefined ? "Stop everything" : "Stop"}
    </Confirmed>
  );
}

/** Said on every part of the page while something is stopped. */
export function StopBanner(): JSX.Element | null {
  const store = useStore();
  const stops = store.board.value.stops ?? [];
  if (stops.length === 0) return null;
  return (
    <div class="banner stopped" role="status">
      {stops.map(({ project, since, by }) => (
        <p key={project ?? ""}>
          <strong>{project === undefined ? "Everything" : <Shown text={project} most={60} mono />} is stopped</strong>{" "}
          since {clock(since, store.now.value)}, by <Shown text={by} most={40} />.{" "}
          <Action
            label={`Resume ${project === undefined ? "everything" : spoken(project)}`}
            onAct={() => {
              void set(store, "resume", project);
            }}
          >
            Resume
          </Action>
        </p>
      ))}
    </div>
  );
}
