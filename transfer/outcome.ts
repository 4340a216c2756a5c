import type { TransferKind } from "./format.ts";
import type { Amount } from "./limits.ts";

/** How far a transfer is. */
export interface Progress extends Amount {
  /** What is going to come, as the sender found it when it began; the tree may have changed since. */
  readonly expected: Amount;
}

/** What was transferred. */
export interface TransferOutcome extends Amount {
  readonly kind: TransferKind;
  /** What the sender left out with a notice. */
  readonly skipped: number;
  /** Of names, modes, times and contents, in lower case hexadecimal: the same at both ends. */
  readonly sha256: string;
  /** Of the content, when it was one file. */
  readonly fileSha256: string | undefined;
}
