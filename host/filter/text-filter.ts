import type { Filtered } from "../../wire/outcome.ts";
import type { FilterRules } from "../project/types.ts";
import { EscapeStripper } from "./escapes.ts";
import { Keeper } from "./keeper.ts";
import { FinalLines, Lines } from "./lines.ts";
import { Repeats } from "./repeats.ts";
import { WholeCharacters } from "./utf8.ts";
import { counted, grouped } from "./words.ts";

/** The filters of text, one behind the other: escapes, last states of lines, repeated lines, first and last lines. */
export class TextFilter {
  readonly #characters = new WholeCharacters();
  readonly #stripper: EscapeStripper | undefined;
  readonly #lines: Lines | FinalLines;
  readonly #repeats: Repeats | undefined;
  readonly #keeper: Keeper;
  #isText = true;

  constructor(rules: FilterRules) {
    const keeper = new Keeper(rules.maxLines);
    const repeats = rules.collapseProgress
      ? new Repeats((line, end) => {
          keeper.add(line, end);
        })
      : undefined;
    const lines =
      repeats === undefined
        ? new Lines(keeper)
        : new FinalLines((line, end) => {
            repeats.add(line, end);
          });
    this.#stripper = rules.stripAnsi ? new EscapeStripper() : undefined;
    this.#lines = lines;
    this.#repeats = repeats;
    this.#keeper = keeper;
  }

  write(bytes: Buffer): void {
    if (!this.#isText) return;
    const whole = this.#characters.write(bytes);
    if (whole === undefined) this.#isText = false;
    else this.#lines.write(this.#stripper?.strip(whole) ?? whole);
  }

  result(): Filtered | undefined {
    if (!this.#isText || !this.#characters.isWhole()) return undefined;
    this.#lines.end();
    this.#repeats?.end();
    const kept = this.#keeper.result();
    const dropped = [...this.#droppedBefore(), ...kept.dropped];
    return dropped.length === 0 ? undefined : { stdout: kept.text, dropped };
  }

  #droppedBefore(): readonly string[] {
    const { overwritten = 0, backspaces = 0 } = this.#lines instanceof FinalLines ? this.#lines : {};
    const repeated = this.#repeats?.dropped ?? 0;
    return [
      ...(this.#stripper?.found === true ? ["terminal escapes"] : []),
      ...(overwritten === 0 ? [] : [`overwritten progress: ${counted(overwritten, "line")}`]),
      ...(backspaces === 0 ? [] : [`what backspaces took back: ${counted(backspaces, "character")}`]),
      ...(repeated === 0 ? [] : [`repeated lines: ${grouped(repeated)}`]),
    ];
  }
}
