import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ProjectRow, ProjectView } from "../host/page/desk.ts";
import { Badge, CommandLine, Empty } from "./parts.tsx";
import { StopButton } from "./stops.tsx";
import { useStore } from "./store.ts";
import { Shown, spoken } from "./text.tsx";
import { hrefOf } from "./where.ts";
import { count } from "./words.ts";

const STATES: Readonly<
  Record<ProjectRow["state"], { readonly tone: "good" | "bad" | "careful"; readonly words: string }>
> = {
  allowed: { tone: "good", words: "approved" },
  modified: { tone: "careful", words: "changed since approved" },
  not_allowed: { tone: "careful", words: "not approved" },
  unreadable: { tone: "bad", words: "unreadable" },
};

const EFFECTS = {
  widens: { sign: "+", words: "Widens: " },
  changes: { sign: "~", words: "Changes: " },
  narrows: { sign: "−", words: "Narrows: " },
} as const;

function StateBadge({ state }: Pick<ProjectRow, "state">): JSX.Element {
  const { tone, words } = STATES[state];
  return <Badge tone={tone}>{words}</Badge>;
}

interface ViewProps {
  readonly view: ProjectView;
}

function Changes({ view: { state, changes } }: ViewProps): JSX.Element | null {
  if (state === "allowed") return null;
  if (changes.length === 0)
    return <p class="hint">No change of what may be done: white space, order or unknown members only.</p>;
  return (
    <ul class="changes">
      {changes.map(({ effect, text, details }, index) => (
        <li key={index} class={effect}>
          <span class="sign" aria-hidden="true">
            {EFFECTS[effect].sign}
          </span>
          <span class="unseen">{EFFECTS[effect].words}</span>
          <Shown text={text} most={600} />
          {details.length === 0 ? undefined : (
            <ul>
              {details.map((detail, at) => (
                <li key={at}>
                  <Shown text={detail} most={400} />
                </li>
              ))}
            </ul>
          )}
        </li>
      ))}
    </ul>
  );
}

function lineClass(line: string): string {
  if (line.startsWith("+++") || line.startsWith("---") || line.startsWith("@@")) return "head";
  if (line.startsWith("+")) return "new";
  return line.startsWith("-") ? "gone" : "same";
}

function TextDiff({ view: { text, id } }: ViewProps): JSX.Element | null {
  if (text === "") return null;
  return (
    <>
      <h4>As text</h4>
      <pre
        class="diff"
        tabIndex={0}
        role="region"
        aria-label={`How the configuration of ${spoken(id)} differs from the approved one`}
      >
        {text
          .replace(/\n$/, "")
          .split("\n")
          .map((line, index) => (
            <span key={index} class={lineClass(line)}>
              <Shown text={line} most={2_000} />
            </span>
          ))}
      </pre>
    </>
  );
}

function Operations({ view: { operations } }: ViewProps): JSX.Element {
  return (
    <>
      <h4>Operations</h4>
      <ul class="operations">
        {operations.map(({ id, about, command, allowed }) => (
          <li key={id} class={allowed ? "" : "off"}>
            <span>
              <strong>
                <Shown text={id} mono />
              </strong>{" "}
              {allowed ? undefined : <Badge tone="plain">not allowed</Badge>} <Shown text={about} most={200} />
            </span>
            <Shown text={command} most={300} mono />
          </li>
        ))}
      </ul>
    </>
  );
}

function Project({ view }: ViewProps): JSX.Element {
  const { id, state, repos, problem } = view;
  return (
    <article class="project-view" aria-labelledby="project">
      <header>
        <h3 id="project">
          <Shown text={id} mono />
        </h3>
        <StateBadge state={state} />
        <StopButton project={id} />
      </header>
      {repos.length === 0 ? undefined : (
        <p class="hint">
          <Shown text={repos.join(", ")} mono />
        </p>
      )}
      {problem === undefined ? undefined : (
        <p class="bad-text">
          <Shown text={problem} most={600} />
        </p>
      )}
      {state === "allowed" || problem !== undefined ? undefined : (
        <p>
          Approved on a terminal only, after you have read what changes:{" "}
          <CommandLine text={`cmd2host config allow ${id}`} />
        </p>
      )}
      {problem === undefined ? <Changes view={view} /> : undefined}
      <TextDiff view={view} />
      {problem === undefined ? <Operations view={view} /> : undefined}
    </article>
  );
}

/** The configured projects, whether their configurations are approved, and what is different if they are not. */
export function Projects(): JSX.Element {
  const { board, where, calls } = useStore();
  const [view, setView] = useState<ProjectView>();
  const [missing, setMissing] = useState("");
  const place = where.value;
  const projects = board.value.projects ?? [];
  const stopped = new Set(board.value.stops?.map(({ project }) => project));
  const wanted = place.view === "projects" ? (place.project ?? projects[0]?.id) : undefined;
  // Read again whenever its state changes.
  const state = projects.find(({ id }) => id === wanted)?.state;

  useEffect(() => {
    if (wanted === undefined) return undefined;
    const stop = new AbortController();
    calls
      .get(`projects/${encodeURIComponent(wanted)}`, stop.signal)
      .then((found) => {
        setView(found as ProjectView);
        setMissing("");
      })
      .catch((error: unknown) => {
        if (!stop.signal.aborted) setMissing(error instanceof Error ? error.message : "");
      });
    return () => {
      stop.abort();
    };
  }, [calls, wanted, state]);

  return (
    <section class="projects" aria-labelledby="projects">
      <h2 id="projects" tabIndex={-1}>
        Projects <span class="count">{projects.length}</span>
      </h2>
      {projects.length === 0 ? (
        <Empty>
          No project is configured: <CommandLine text="cmd2host setup" />
        </Empty>
      ) : undefined}
      <div class="two">
        <ul class="list">
          {projects.map((project) => (
            <li key={project.id}>
              <a href={hrefOf("projects", project.id)} aria-current={project.id === wanted ? "true" : undefined}>
                <Shown text={project.id} most={80} mono />
                <span class="row">
                  {stopped.has(project.id) ? <Badge tone="bad">stopped</Badge> : undefined}
                  <StateBadge state={project.state} />
                </span>
              </a>
            </li>
          ))}
        </ul>
        {missing !== "" ? (
          <p class="bad-text">
            <Shown text={missing} />
          </p>
        ) : undefined}
        {missing === "" && view !== undefined && view.id === wanted ? <Project view={view} /> : undefined}
      </div>
      {projects.length > 0 ? <p class="hint">{count(projects.length, "project")} on this host.</p> : undefined}
    </section>
  );
}
