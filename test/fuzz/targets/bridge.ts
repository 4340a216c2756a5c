import { readArgvFrame, readMcpFrame } from "../../../wire/bridge-frames.ts";
import { CodedError } from "../../../wire/errors.ts";
import { parseRequest } from "../../../wire/parse-request.ts";
import type { Request } from "../../../wire/request.ts";
import { demand, type Target } from "../engine/target.ts";

/** The typed request that the payload means; undefined when it is refused, which it may be in one way only. */
function meaning(read: (payload: Buffer) => object, payload: Buffer): Request | undefined {
  try {
    return parseRequest(read(payload));
  } catch (error) {
    demand(error instanceof CodedError && error.code === "request_invalid", "an error of another kind", error);
    return undefined;
  }
}

/** The bytes that a bridge writes for the request. */
function written(request: Request): Buffer {
  if (request.kind !== "operation" || request.route.kind !== "raw") throw new Error("not a command line");
  const { token, targetRepo, offersStdin, cwdHint, route } = request;
  const { toplevel = "", relative = "", originUrl = "" } = cwdHint ?? {};
  const fields = [token, targetRepo, offersStdin ? "s" : "", toplevel, relative, originUrl];
  return Buffer.from([...fields, ...route.argv].map((field) => `${field}\0`).join(""));
}

/** What a bridge asks with: a command line is taken whole and as it is, and a session has no say but in three things. */
export const bridge: Target = {
  name: "bridge",
  modules: ["wire/bridge-frames.ts"],
  tokens: ["\0", "s", "-tools", "=typed", "--max-tokens", "-timeout=5", "typed", "\ufeff", "é", "-socket", "--"],
  seeds: [
    "t\0\0s\0/w\0.\0git@h:o/r.git\0gh\0pr\0view\0",
    "t\0\0\0\0\0\0gh\0",
    "t\0-tools\0typed\0--max-tokens=5000\0",
    "t\0",
  ],
  maxBytes: 512,
  start: () => ({
    check: (input) => {
      const command = meaning(readArgvFrame, input);
      if (command !== undefined) demand(written(command).equals(input), "another command line", { command });
      const session = meaning(readMcpFrame, input);
      if (session === undefined) return;
      demand(session.kind === "mcp_session", "not a session", { session });
      const words = input.toString("utf8").split("\0").slice(1, -1);
      demand(!words.some((word) => /^--?(socket|host|port|token)/.test(word)), "says where", { words });
    },
  }),
};
