/** Targets with planted defects, for the test of the fuzzer itself. Its modules are this file. */
import type { Target } from "./engine/target.ts";

function weigh(text: string): number {
  if (!text.startsWith("<")) return 0;
  let depth = 0;
  for (const character of text) {
    if (character === "<") depth++;
    else if (character === ">" && depth > 2) {
      if (text.endsWith("!")) throw new Error("meets the planted defect: of the text");
      return depth;
    }
  }
  return depth;
}

function planted(name: string, check: (input: Buffer) => void): Target {
  const modules = ["test/fuzz/planted.ts"];
  return { name, modules, tokens: [], seeds: ["a"], maxBytes: 64, start: () => ({ check }) };
}

export const TARGETS: readonly Target[] = [
  planted("deep", (input) => {
    weigh(input.toString("latin1"));
  }),
  planted("endless", (input) => {
    if (!input.includes(0x3c)) return;
    for (let turns = 1; turns > 0; turns = 1 + (turns % 7));
  }),
  planted("sound", (input) => {
    weigh(input.toString("latin1").replaceAll("!", ""));
  }),
];
