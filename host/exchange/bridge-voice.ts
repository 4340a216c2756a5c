import { byteFrame, FRAME, frameHeader } from "../../wire/frames.ts";
import { MAX_DATA_FRAME_BYTES } from "../../wire/limits.ts";
import type { Reply } from "../../wire/outcome.ts";
import { outcomeFields } from "../../wire/reply.ts";
import { standInExit, standInLine, standInLines } from "../../wire/stand-in-ending.ts";
import type { Voice } from "./voice.ts";

/** Exit code when what was asked cannot be answered to a bridge. */
const EXIT_NO_ANSWER = 200;

/** Lines for standard error, cut at what a frame carries. */
function saying(lines: readonly string[]): Buffer {
  if (lines.length === 0) return Buffer.alloc(0);
  const bytes = Buffer.from(`${lines.join("\n")}\n`).subarray(0, MAX_DATA_FRAME_BYTES);
  return Buffer.concat([frameHeader(FRAME.stderr, bytes.length), bytes]);
}

/** To the bridge, which knows no JSON: what a person should read is standard error, and what it needs itself is one byte. */
export const BRIDGE_VOICE: Voice = {
  accepted: ({ stdin }) => byteFrame(FRAME.started, stdin ? 1 : 0),
  notice: ({ text }) => saying([standInLine(text)]),
  end: (reply: Reply) => {
    if (reply.shape !== "operation") return byteFrame(FRAME.exit, EXIT_NO_ANSWER);
    const outcome = outcomeFields(reply);
    return Buffer.concat([saying(standInLines(outcome)), byteFrame(FRAME.exit, standInExit(outcome))]);
  },
};

/** Why an MCP session ends although its client is there: it connects again, with a newer token if there is one. */
const COME_AGAIN: readonly string[] = ["timed_out", "cancelled", "shutting_down"];

/** To the bridge of an MCP session, which takes a connection that ends without a word for one that can be made again. */
export const MCP_VOICE: Voice = {
  ...BRIDGE_VOICE,
  end: (reply) => {
    const isOver =
      reply.shape === "operation" && reply.outcome.kind === "failed" && COME_AGAIN.includes(reply.outcome.code);
    return isOver ? undefined : BRIDGE_VOICE.end(reply);
  },
};
