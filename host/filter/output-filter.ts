import type { Filtered } from "../../wire/outcome.ts";
import type { FilterRules, OutputForm } from "../project/types.ts";
import { JsonFilter } from "./json-filter.ts";
import { TextFilter } from "./text-filter.ts";

/**
 * An operation's filters for one run's standard output. Memory is bounded however much is written: 1 MiB of text that is kept, 8 MiB of JSON. Output
 * that is not UTF-8, or not JSON where it should be, is not filtered.
 */
export class OutputFilter {
  readonly #filter: TextFilter | JsonFilter;

  constructor(rules: FilterRules, form: OutputForm) {
    this.#filter = form === "json" ? new JsonFilter(rules.jsonFields) : new TextFilter(rules);
  }

  /** Takes the next bytes, cut anywhere. Nothing of them is held on to. */
  write(bytes: Buffer): void {
    this.#filter.write(bytes);
  }

  /** What is left, and what was left out; undefined when nothing was. To be asked once, behind the last byte. */
  result(): Filtered | undefined {
    return this.#filter.result();
  }
}
