/** What was said on connections with other implementations, word for word: test/capnp/transcripts. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const DIRECTORY = resolve("test/capnp/transcripts");

export interface Line {
  /** From the gateway, else from the agent. */
  readonly isGateway: boolean;
  /** What it says, in words. */
  readonly words: string;
  readonly bytes: Buffer;
}

export interface Transcript {
  readonly name: string;
  readonly key: string;
  readonly lines: readonly Line[];
}

function parsed(name: string): Transcript {
  const lines: { isGateway: boolean; words: string; hex: string }[] = [];
  let key = "";
  for (const line of readFileSync(join(DIRECTORY, name), "utf8").split("\n")) {
    const mark = line.slice(0, 2);
    if (line.startsWith("key ")) key = line.slice(4);
    else if (mark === "> " || mark === "< ") lines.push({ isGateway: mark === "> ", words: line.slice(2), hex: "" });
    else if (mark === "  ") {
      const last = lines.at(-1);
      if (last !== undefined) last.hex += line.trim();
    }
  }
  return {
    name,
    key,
    lines: lines.map(({ isGateway, words, hex }) => ({ isGateway, words, bytes: Buffer.from(hex, "hex") })),
  };
}

/**
 * All of them. A file says what it is behind `#`, then the key, then message by message who says it (`>` the gateway, `<` the agent), in words, and
 * its bytes.
 */
export const TRANSCRIPTS: readonly Transcript[] = readdirSync(DIRECTORY).sort().map(parsed);
