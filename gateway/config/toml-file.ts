import { isUtf8 } from "node:buffer";
import { parse, TomlError } from "smol-toml";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { below, keysOf, tomlLines } from "./toml-lines.ts";

const MAX_DEPTH = 32;
/** Written as it is in a dotted key. */
const BARE = /^[A-Za-z0-9_-]+$/;

/** A TOML file that was read once, and where its keys stand. Nothing is known of its shape yet. */
export class TomlFile {
  readonly path: string;
  readonly value: unknown;
  readonly #text: string;
  /** Made when something is said of the file. */
  #lines: ReadonlyMap<string, number> | undefined;

  /**
   * @param path only named in messages
   * @throws CodedError `gateway_config_invalid` with file, line and column
   */
  constructor(path: string, bytes: Buffer) {
    this.path = path;
    if (!isUtf8(bytes)) throw new CodedError("gateway_config_invalid", printable(`${path}: is not UTF-8`));
    const text = bytes.toString("utf8");
    try {
      this.value = parse(text, { integersAsBigInt: "asNeeded", maxDepth: MAX_DEPTH });
    } catch (error) {
      if (!(error instanceof TomlError)) throw error;
      // The rest of its message shows lines of the file, which may hold keys.
      const [first = ""] = error.message.split("\n");
      throw new CodedError(
        "gateway_config_invalid",
        printable(`${path}:${error.line}:${error.column}: ${first.replace(/^Invalid TOML document: /, "")}`),
      );
    }
    this.#text = text;
  }

  /** The line of the value at `pointer`, or of the nearest one around it. */
  lineOf(pointer: string): number | undefined {
    const keys = keysOf(pointer);
    this.#lines ??= tomlLines(this.#text);
    for (let length = keys.length; length > 0; length--) {
      const line = this.#lines.get(keys.slice(0, length).reduce(below, ""));
      if (line !== undefined) return line;
    }
    return undefined;
  }

  /** The value as a dotted key: `targets[0].name`, `agent.psk."n/app"`. */
  keyOf(pointer: string): string {
    let node = this.value;
    let key = "";
    for (const part of keysOf(pointer)) {
      if (Array.isArray(node)) key += `[${part}]`;
      else key += `${key === "" ? "" : "."}${BARE.test(part) ? part : JSON.stringify(part)}`;
      node = (node as Readonly<Record<string, unknown>> | undefined)?.[part];
    }
    return key;
  }

  /** `FILE:LINE: KEY: message`. */
  said(pointer: string, message: string): string {
    const line = this.lineOf(pointer);
    const place = line === undefined ? this.path : `${this.path}:${line}`;
    return printable(`${place}: ${pointer === "" ? "" : `${this.keyOf(pointer)}: `}${message}`);
  }

  /** What is wrong at `pointer`, as an error. Never the value of a secret. */
  wrong(pointer: string, message: string): CodedError {
    return new CodedError("gateway_config_invalid", this.said(pointer, message));
  }
}
