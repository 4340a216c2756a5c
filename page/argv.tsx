import { diffArrays } from "diff/lib/diff/array.js";
import type { JSX } from "preact";
import type { ShownArgv, ShownWord } from "../host/page/shown.ts";
import { Word } from "./text.tsx";
import { count } from "./words.ts";

type Mark = "same" | "new" | "gone";

interface Line {
  readonly word: ShownWord;
  readonly mark: Mark;
  /** Its place in the command line; undefined for what is not in it any more. */
  readonly number: number | undefined;
}

/** More cannot be compared while somebody waits. */
const MAX_COMPARED = 400;

function linesOf(argv: ShownArgv, before: ShownArgv | undefined): readonly Line[] {
  if (before === undefined || argv.words.length + before.words.length > MAX_COMPARED)
    return argv.words.map((word, index) => ({ word, mark: "same", number: index }));
  // A word that is cut is never the same: what is missing may differ.
  const isSame = (a: ShownWord, b: ShownWord): boolean => a.text === b.text && a.cut === 0 && b.cut === 0;
  let number = 0;
  return diffArrays([...before.words], [...argv.words], { comparator: isSame }).flatMap(({ value, added, removed }) =>
    value.map((word): Line => {
      if (removed) return { word, mark: "gone", number: undefined };
      return { word, mark: added ? "new" : "same", number: number++ };
    }),
  );
}

const MARKS: Readonly<Record<Mark, { readonly sign: string; readonly words: string }>> = {
  same: { sign: "", words: "" },
  new: { sign: "+", words: "new: " },
  gone: { sign: "−", words: "was there, is not now: " },
};

/** How a command line differs from one that was allowed before, in a sentence. */
export function differenceWords(argv: ShownArgv, before: ShownArgv): string {
  const lines = linesOf(argv, before);
  const [added, gone] = [lines.filter(({ mark }) => mark === "new"), lines.filter(({ mark }) => mark === "gone")];
  if (added.length === 0 && gone.length === 0) return "exactly the same call";
  return [
    ...(added.length === 0 ? [] : [`${count(added.length, "argument")} new`]),
    ...(gone.length === 0 ? [] : [`${count(gone.length, "argument")} gone`]),
  ].join(", ");
}

interface ArgvProps {
  readonly argv: ShownArgv;
  readonly before?: ShownArgv | undefined;
  readonly label: string;
  /** All of something long: it scrolls. */
  readonly whole?: boolean;
}

/** A command line as it will run: one argument a line, the program first. */
export function Argv({ argv, before, label, whole = false }: ArgvProps): JSX.Element {
  return (
    <ol class={whole ? "argv whole" : "argv"} aria-label={label} {...(whole ? { tabIndex: 0 } : {})}>
      {linesOf(argv, before).map(({ word, mark, number }, index) => (
        <li key={index} class={mark}>
          <span class="number" aria-hidden="true">
            {number ?? ""}
          </span>
          <span class="sign" aria-hidden="true">
            {MARKS[mark].sign}
          </span>
          {mark === "same" ? undefined : <span class="unseen">{MARKS[mark].words}</span>}
          <Word word={word} />
        </li>
      ))}
      {argv.more > 0 ? <li class="rest">… {count(argv.more, "more argument")}</li> : undefined}
    </ol>
  );
}
