import type { Code } from "./codes.ts";
import type { CodedError } from "./errors.ts";
import type { ReplyShape } from "./request.ts";
import type { OperationInfo } from "./schema.ts";

/** Output of one stream: the first bytes up to the cap, cut between characters, and how many there were in all. */
export interface Captured {
  readonly bytes: Buffer;
  readonly total: number;
  readonly truncated: boolean;
}

/** The program ran to its own end, well or badly. */
export interface Completed {
  readonly kind: "completed";
  /** 0–255; 128+n when signal n ended it. */
  readonly exitCode: number;
  readonly signal: string | undefined;
  readonly stdout: Captured;
  readonly stderr: Captured;
  /** Something the caller should know although it worked, for example processes that could not be found. */
  readonly notice: string | undefined;
}

/** Policy said no; nothing ran. */
export interface Denied {
  readonly kind: "denied";
  readonly code: Code;
  readonly message: string;
  readonly hint: string;
}

/** It was allowed, but could not be started or was ended by us. */
export interface Failed {
  readonly kind: "failed";
  readonly code: Code;
  readonly message: string;
  readonly hint: string;
  readonly exitCode: number;
  readonly signal: string | undefined;
  readonly stdout: Captured;
  readonly stderr: Captured;
  readonly notice: string | undefined;
}

export type Outcome = Completed | Denied | Failed;

/** What goes back to a client, before it is written in a protocol's form. */
export type Reply =
  | {
      readonly shape: "operation";
      readonly requestId: string | undefined;
      readonly protocol: 1 | 2;
      readonly outcome: Outcome;
    }
  | { readonly shape: "list"; readonly operations: readonly OperationInfo[] }
  | { readonly shape: "describe"; readonly operation: OperationInfo }
  | { readonly shape: Exclude<ReplyShape, "operation">; readonly error: CodedError };

export const NO_OUTPUT: Captured = { bytes: Buffer.alloc(0), total: 0, truncated: false };

/** Text that we say ourselves in place of a program's output. */
export function saying(text: string): Captured {
  const bytes = Buffer.from(text, "utf8");
  return { bytes, total: bytes.length, truncated: false };
}
