import { blake3Hex } from "../util/hash.ts";
import type { Report } from "./command.ts";
import type { Context } from "./context.ts";

/** The hash of the token on standard input, as scripts of the original ask for it. Any text has one; white space around it does not count. */
export async function hashToken(context: Context): Promise<Report> {
  const token = (await context.stdin()).trim();
  if (token === "") return { exit: 1, human: "", json: null, stderr: "Error: empty token\n" };
  const hash = blake3Hex(token);
  return { exit: 0, human: `${hash}\n`, json: { hash } };
}
