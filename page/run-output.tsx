import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { OutputPage, RunInfo } from "../wire/schema.ts";
import { readableOutput, tailOf } from "./output-text.ts";
import { useStore } from "./store.ts";
import { spoken } from "./text.tsx";
import { size } from "./words.ts";

/** Characters of a stream that are kept here. */
const MAX_CHARACTERS = 200_000;
/** Where reading begins, from the end. */
const TAIL_BYTES = 131_072;
const WAIT_MS = 20_000;
const AGAIN_MS = 1_500;
/** So near to the end one reads along. */
const NEAR_PX = 40;

type Stream = "stdout" | "stderr";

function decoded({ text, encoding }: OutputPage): string {
  if (encoding !== "base64") return text;
  return new TextDecoder().decode(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

interface Read {
  readonly text: string;
  /** Bytes before it that are not here. */
  readonly before: number;
}

/** What a stream has written, growing while its run goes on. */
function useOutput(id: string, stream: Stream): Read | undefined {
  const { calls } = useStore();
  const [read, setRead] = useState<Read>();
  useEffect(() => {
    const stop = new AbortController();
    const follow = async (): Promise<void> => {
      let offset = -TAIL_BYTES;
      let all = "";
      let before = 0;
      let wait = 0;
      while (!stop.signal.aborted) {
        try {
          const query = `stream=${stream}&offset=${String(offset)}&wait=${String(wait)}`;
          const page = (await calls.get(`runs/${encodeURIComponent(id)}/output?${query}`, stop.signal)) as OutputPage;
          if (all === "") before = page.offset;
          const { text, left } = tailOf(all + decoded(page), MAX_CHARACTERS);
          all = text;
          before += left;
          offset = page.next_offset;
          setRead({ text: all, before });
          if (!page.more) return;
          wait = page.state === "running" ? WAIT_MS : 0;
        } catch {
          await pause(AGAIN_MS, stop.signal);
        }
      }
    };
    setRead(undefined);
    void follow();
    return () => {
      stop.abort();
    };
  }, [calls, id, stream]);
  return read;
}

interface OutputProps {
  readonly run: RunInfo;
}

/** The end of what a run writes, as text: escapes for terminals are taken out, everything else that cannot be shown is written as an escape. */
export function RunOutput({ run }: OutputProps): JSX.Element {
  const [stream, setStream] = useState<Stream>(run.stdout.bytes === 0 && run.stderr.bytes > 0 ? "stderr" : "stdout");
  const read = useOutput(run.run_id, stream);
  const pane = useRef<HTMLPreElement>(null);
  const follows = useRef(true);
  const text = read === undefined ? "" : readableOutput(read.text);
  useLayoutEffect(() => {
    if (pane.current !== null && follows.current) pane.current.scrollTop = pane.current.scrollHeight;
  }, [text]);
  return (
    <div class="output">
      <div class="row" role="group" aria-label="Which output">
        {(["stdout", "stderr"] as const).map((name) => (
          <button
            key={name}
            type="button"
            class="tab"
            aria-pressed={stream === name}
            onClick={() => {
              follows.current = true;
              setStream(name);
            }}
          >
            {name} <span class="hint">{size(run[name].bytes)}</span>
          </button>
        ))}
      </div>
      {read !== undefined && read.before > 0 ? (
        <p class="hint">{size(read.before)} before this are not shown: cmd2host runs show has them.</p>
      ) : undefined}
      <pre
        ref={pane}
        tabIndex={0}
        role="region"
        aria-label={`${stream} of ${spoken(run.operation)}`}
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
          follows.current = scrollHeight - scrollTop - clientHeight < NEAR_PX;
        }}
      >
        {text === "" ? <span class="hint">{read === undefined ? "Reading…" : "Nothing written."}</span> : text}
      </pre>
    </div>
  );
}
