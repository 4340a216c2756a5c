import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { ShownArgv, ShownWord } from "../host/page/shown.ts";
import { printable } from "../wire/printable.ts";
import { count } from "./words.ts";

/** Everything that came from an agent, a program or a file is shown through here: as text, with whatever could mislead the eye written as an escape. */

const MARK = /^\p{M}$/u;
/** Marks on one letter; more are a drawing over other lines. */
const MAX_MARKS = 3;
const ASCII = /^[\x20-\x7e]*$/;

interface Piece {
  readonly kind: "plain" | "escape" | "foreign" | "space";
  readonly text: string;
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** Spaces that the eye passes over: at the beginning, at the end, and more than one. */
const HIDDEN_SPACES = /^ +| {2,}| +$/g;

/** Where such spaces are. */
function hiddenSpaces(text: string): ReadonlySet<number> {
  const places = [...text.matchAll(HIDDEN_SPACES)].flatMap(({ index, 0: spaces }) =>
    Array.from(spaces, (_space, at) => index + at),
  );
  return new Set(places);
}

/** A text in pieces. @param exact also shows spaces that are easily passed over, and characters that only look like those of a keyboard */
function piecesOf(text: string, exact: boolean): readonly Piece[] {
  const hidden = exact ? hiddenSpaces(text) : undefined;
  if (ASCII.test(text) && (hidden?.size ?? 0) === 0) return [{ kind: "plain", text }];
  const pieces: { kind: Piece["kind"]; text: string }[] = [];
  let marks = 0;
  let at = 0;
  for (const character of text) {
    marks = MARK.test(character) ? marks + 1 : 0;
    let kind: Piece["kind"] = "plain";
    let safe = marks > MAX_MARKS ? escaped(character) : printable(character);
    if (safe !== character) kind = "escape";
    else if (hidden?.has(at) === true) [kind, safe] = ["space", "\u00b7"];
    else if (exact && !ASCII.test(character)) kind = "foreign";
    at += character.length;
    const last = pieces.at(-1);
    if (last?.kind === kind) last.text += safe;
    else pieces.push({ kind, text: safe });
  }
  return pieces;
}

function foreignTitle(text: string): string {
  return `Not on an English keyboard: ${Array.from(text).slice(0, 8).map(codePoint).join(" ")}`;
}

const TITLES: Readonly<Record<Piece["kind"], (text: string) => string>> = {
  plain: () => "",
  escape: () => "Written as an escape",
  foreign: foreignTitle,
  space: () => "Spaces",
};

function pieces(text: string, exact: boolean): readonly JSX.Element[] {
  return piecesOf(text, exact).map((piece, index) =>
    piece.kind === "plain" ? (
      <span key={index}>{piece.text}</span>
    ) : (
      <span key={index} class={piece.kind} title={TITLES[piece.kind](piece.text)}>
        {piece.text}
      </span>
    ),
  );
}

/** Characters of a text that is only read out, or stands in a sentence of ours. */
const MAX_SPOKEN = 80;

/** A text of somebody else's for a name that is read out: escaped as everywhere, and short. */
export function spoken(text: string): string {
  const characters = Array.from(text.slice(0, 2 * MAX_SPOKEN));
  const head = printable(characters.slice(0, MAX_SPOKEN).join(""));
  return text.length > MAX_SPOKEN ? `${head}…` : head;
}

interface ShownProps {
  readonly text: string;
  /** Characters before it is cut; what is cut can be opened. */
  readonly most?: number;
  readonly mono?: boolean;
}

/** A text of somebody else's. */
export function Shown({ text, most = 300, mono = false }: ShownProps): JSX.Element {
  const [open, setOpen] = useState(false);
  const characters = text.length > most ? Array.from(text) : undefined;
  const rest = characters === undefined ? 0 : characters.length - most;
  const visible = open || characters === undefined || rest <= 0 ? text : characters.slice(0, most).join("");
  return (
    <span class={mono ? "shown mono" : "shown"}>
      {pieces(visible, false)}
      {rest > 0 ? (
        <button
          type="button"
          class="more"
          onClick={() => {
            setOpen(!open);
          }}
        >
          {open ? "Show less" : `… ${count(rest, "more character")}`}
        </button>
      ) : undefined}
    </span>
  );
}

interface WordProps {
  readonly word: ShownWord;
}

/** One argument, in a box of its own: where it begins and ends can be seen. */
export function Word({ word: { text, cut } }: WordProps): JSX.Element {
  return (
    <span class="word">
      {text === "" ? <span class="escape">(empty)</span> : pieces(text, true)}
      {cut > 0 ? <span class="cut">… {count(cut, "more character")}</span> : undefined}
    </span>
  );
}

/** True when something of it is not shown. */
export function isCut({ words, more }: ShownArgv): boolean {
  return more > 0 || words.some(({ cut }) => cut > 0);
}

/** Characters of all that is shown of it. */
export function lengthOf({ words }: ShownArgv): number {
  return words.reduce((sum, { text }) => sum + text.length, 0);
}

/** True when a letter of it only looks like one of a keyboard. */
export function hasForeign({ words }: ShownArgv): boolean {
  return words.some(({ text }) => piecesOf(text, true).some(({ kind }) => kind === "foreign"));
}
