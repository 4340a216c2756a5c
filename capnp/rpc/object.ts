import type { StructReader } from "../wire/reader.ts";
import type { StructWriter } from "../wire/writer.ts";
import type { Capability } from "./capability.ts";

/** Collects the objects of ours that go with a message. */
export interface OutgoingCapabilities {
  /** Returns the index to write into the pointer. */
  add(object: HostedObject): number;
}

/** What a struct of parameters or results will hold. */
export interface Content {
  readonly dataWords: number;
  readonly pointers: number;
  /** About how many bytes it takes, when that is many. */
  readonly bytes?: number;
  readonly write: (struct: StructWriter, capabilities: OutgoingCapabilities) => void;
}

/** A call of the peer to an object of ours. */
export interface IncomingCall {
  readonly interfaceId: bigint;
  readonly method: number;
  /** Parts of it are parts of the message. */
  readonly params: StructReader;
  /** Length of the message that it came in: what keeping any part of it costs. */
  readonly messageBytes: number;
  /** Aborted when the caller does not want the results any more, or is gone. */
  readonly signal: AbortSignal;
  /**
   * A capability among the parameters. It is held until the call is over.
   * @throws Malformed
   */
  capability(pointer: number): Capability | undefined;
}

/** An object of ours that the peer can call. Undefined results have no members. An `RpcException` that it throws goes to the peer as it is. */
export interface HostedObject {
  call(call: IncomingCall): Promise<Content | undefined> | Content | undefined;
}
