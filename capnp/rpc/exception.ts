/** The kinds of exceptions, in the order of their numbers in the protocol. */
export const EXCEPTION_KINDS = ["failed", "overloaded", "disconnected", "unimplemented"] as const;
export type ExceptionKind = (typeof EXCEPTION_KINDS)[number];

/**
 * Why a call has no results, here or at the peer. Its text goes to the peer when an object of ours throws it, and is the peer's own when its
 * object did: to be made printable before anybody sees it.
 */
export class RpcException extends Error {
  override readonly name = "RpcException";
  readonly kind: ExceptionKind;

  constructor(kind: ExceptionKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
