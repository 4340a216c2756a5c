import { FRAME, frameHeader, jsonFrame } from "../../wire/frames.ts";
import type { Reply } from "../../wire/outcome.ts";
import { encodeReply, outcomeFields } from "../../wire/reply.ts";
import type { Accepted, Notice } from "../../wire/schema.ts";

/** How a client of frames is told what happens to its request, besides the output itself. */
export interface Voice {
  accepted(accepted: Accepted): Buffer;
  notice(notice: Notice): Buffer;
  /** The last bytes. Undefined: the connection ends without a word. */
  end(reply: Reply): Buffer | undefined;
}

/** To clients that read JSON. */
export const JSON_VOICE: Voice = {
  accepted: (accepted) => jsonFrame(FRAME.accepted, accepted),
  notice: (notice) => jsonFrame(FRAME.notice, notice),
  end: (reply) => {
    if (reply.shape === "operation") return jsonFrame(FRAME.outcome, outcomeFields(reply));
    const payload = encodeReply(reply);
    return Buffer.concat([frameHeader(FRAME.reply, payload.length), payload]);
  },
};
