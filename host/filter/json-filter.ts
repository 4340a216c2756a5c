import type { Filtered } from "../../wire/outcome.ts";
import { isUtf8 } from "node:buffer";
import { isJsonSpace, JsonScanner } from "../../wire/json.ts";
import type { FilterRules } from "../project/types.ts";
import { GrowingBytes } from "./bytes.ts";
import { selectMembers } from "./select.ts";

/** Longer output is not filtered. */
export const MAX_JSON_BYTES = 8_388_608;
/** What is kept must fit into one message, in which it is text with escapes. */
const MAX_SELECTED_BYTES = 4_194_304;

/**
 * Keeps members of a JSON text. Nothing is parsed into values: what is kept is cut out of the original, so that numbers keep their digits and members
 * their order. Text that is not exactly one value, or that two readers might read differently (a member that stands twice), is left alone.
 */
export class JsonFilter {
  readonly #fields: FilterRules["jsonFields"];
  readonly #scanner = new JsonScanner();
  readonly #bytes = new GrowingBytes();
  #state: "open" | "done" | "no" = "open";

  constructor(fields: FilterRules["jsonFields"]) {
    this.#fields = fields;
    if (fields.length === 0) this.#state = "no";
  }

  write(bytes: Buffer): void {
    if (this.#state === "no") return;
    this.#bytes.append(bytes);
    const isRight = this.#bytes.length <= MAX_JSON_BYTES && this.#scan(bytes);
    if (!isRight) this.#giveUp();
  }

  result(): Filtered | undefined {
    if (this.#state !== "done" || !isUtf8(this.#bytes.view())) return undefined;
    const selected = selectMembers(this.#bytes.view(), this.#fields);
    if (selected === undefined || selected.length > MAX_SELECTED_BYTES) return undefined;
    const names = this.#fields.map((path) => path.join("."));
    return { stdout: selected.toString("utf8"), dropped: [`members other than ${names.join(", ")}`] };
  }

  #scan(bytes: Buffer): boolean {
    let rest = bytes;
    if (this.#state === "open") {
      const before = this.#scanner.offset;
      const found = this.#scanner.write(bytes);
      if (found.state !== "done") return found.state === "more";
      this.#state = "done";
      rest = bytes.subarray(found.end - before);
    }
    return rest.every(isJsonSpace);
  }

  #giveUp(): void {
    this.#state = "no";
    this.#bytes.free();
  }
}
