import { isDeepStrictEqual } from "node:util";
import { quoted } from "../../../wire/text.ts";
import type { Operation } from "../types.ts";
import { filterWords, hintWords, stdinWords } from "../words.ts";
import { changes, narrows, widens, type Change } from "./change.ts";

/** How much may be sent in, to compare: nothing where standard input is not taken. Without a number of its own, the daemon's is the bound. */
function inputBound({ stdin, maxStdinBytes }: Operation): number {
  return stdin === "none" ? 0 : (maxStdinBytes ?? Infinity);
}

function stdinChanges(id: string, before: Operation, after: Operation): readonly Change[] {
  if (before.stdin === after.stdin && before.maxStdinBytes === after.maxStdinBytes) return [];
  const text = `${id} ${stdinWords(after)}${before.stdin === "none" ? "" : ` (before: ${stdinWords(before)})`}`;
  const [old, now] = [inputBound(before), inputBound(after)];
  // Having to send something is no more than being able to.
  return [now > old || (now === old && after.stdin === "optional") ? widens(text) : narrows(text)];
}

function filterChanges(id: string, before: Operation, after: Operation): readonly Change[] {
  if (isDeepStrictEqual(before.filter, after.filter)) return [];
  return [changes(`output of ${id} leaves out ${filterWords(after.filter)} (before: ${filterWords(before.filter)})`)];
}

/** Changes of what an operation reads and of what becomes of its output. Filters permit nothing: what they leave out can be read again. */
export function streamChanges(id: string, before: Operation, after: Operation): readonly Change[] {
  return [
    ...stdinChanges(id, before, after),
    ...(before.output === after.output ? [] : [changes(`${id} prints ${after.output} instead of ${before.output}`)]),
    ...filterChanges(id, before, after),
    ...(before.rtk === after.rtk
      ? []
      : [
          after.rtk
            ? widens(`${id} runs through rtk where the host has it`)
            : narrows(`${id} no longer runs through rtk`),
        ]),
  ];
}

/** Changes of what clients show. A mark that makes an operation look milder counts as widening: clients ask less before they run it. */
export function hintChanges(id: string, before: Operation, after: Operation): readonly Change[] {
  const [old, now] = [before.annotations, after.annotations];
  const text = `${id} is marked as ${hintWords(now)} instead of ${hintWords(old)}`;
  const milder =
    (now.readOnly && !old.readOnly) ||
    (!now.destructive && old.destructive) ||
    (now.idempotent && !old.idempotent) ||
    (!now.openWorld && old.openWorld);
  return [
    ...(before.title === after.title
      ? []
      : [changes(`${id} is shown as ${after.title === "" ? "its name" : quoted(after.title)}`)]),
    ...(isDeepStrictEqual(old, now) ? [] : [milder ? widens(text) : changes(text)]),
  ];
}
