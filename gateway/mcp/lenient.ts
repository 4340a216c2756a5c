import { members } from "../http/json-value.ts";
import { wrongArguments } from "./trouble.ts";

const MAX_U32 = 4_294_967_295;

/** Arguments as the original reads them: what has the wrong type is as if it were not there. */
export class LenientArguments {
  readonly #members: ReadonlyMap<string, unknown>;

  constructor(args: unknown) {
    this.#members = members(args) ?? new Map();
  }

  /** @throws CodedError `request_invalid` when it is missing */
  mandatory(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw wrongArguments(`missing required parameter: ${name}`);
    return value;
  }

  text(name: string): string | undefined {
    const value = this.#members.get(name);
    return typeof value === "string" ? value : undefined;
  }

  /** Whole seconds; undefined stands for the default. The original takes too large ones modulo 2³², which makes 60 seconds of 2³². */
  seconds(name: string): number | undefined {
    const value = this.#members.get(name);
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0) return undefined;
    return Math.min(value, MAX_U32);
  }

  texts(name: string): ReadonlyMap<string, string> {
    const given = members(this.#members.get(name)) ?? new Map<string, unknown>();
    return new Map([...given].flatMap(([key, value]) => (typeof value === "string" ? [[key, value] as const] : [])));
  }
}
