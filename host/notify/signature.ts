import { createHmac } from "node:crypto";
import { equalInConstantTime } from "../util/hash.ts";

/** Header of requests and answers: `t=SECONDS,v1=HEX`. */
export const SIGNATURE_HEADER = "cmd2host-signature";

/** How far the clocks of the two sides may be apart, and how old a message may be, in seconds. */
const MAX_AGE_S = 300;
const HEADER = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/;

function mac(key: Buffer, role: Role, seconds: number, body: string): string {
  return createHmac("sha256", key).update(`${role}\n${seconds}\n${body}`, "utf8").digest("hex");
}

/** Whose message it is: one side's own message sent back to it is not the other side's word. */
export type Role = "ask" | "answer";

/** HMAC-SHA256 over role, time and body. @param nowMs milliseconds since 1970 */
export function sign(key: Buffer, role: Role, body: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1_000);
  return `t=${seconds},v1=${mac(key, role, seconds, body)}`;
}

/** Why a signature does not hold; undefined when it does. */
export function faultOf(
  key: Buffer,
  role: Role,
  body: string,
  header: string | null,
  nowMs: number,
): string | undefined {
  const [, seconds, given] = HEADER.exec(header ?? "") ?? [];
  if (seconds === undefined || given === undefined) return "is not signed";
  if (!equalInConstantTime(given, mac(key, role, Number(seconds), body))) return "has a signature that is not right";
  if (Math.abs(nowMs / 1_000 - Number(seconds)) > MAX_AGE_S)
    return "was signed too long ago, or by a clock that is wrong";
  return undefined;
}
