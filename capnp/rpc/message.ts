import { MessageWriter, type StructWriter } from "../wire/writer.ts";
import type { CallTarget } from "./capability.ts";
import { EXCEPTION_KINDS, type RpcException } from "./exception.ts";
import type { Exports } from "./exports.ts";
import { DESCRIPTOR } from "./imports.ts";
import type { Content, HostedObject } from "./object.ts";

/** Places and numbers are those of rpc.capnp in the Cap'n Proto distribution. */

export const MESSAGE = {
  unimplemented: 0,
  abort: 1,
  call: 2,
  return: 3,
  finish: 4,
  resolve: 5,
  release: 6,
  bootstrap: 8,
  disembargo: 13,
} as const;

export const RETURN = { results: 0, exception: 1, canceled: 2 } as const;

/** Bits of a Return. */
export const KEEP_PARAM_CAPABILITIES = 32;
export const NO_FINISH_NEEDED = 33;

/** Room for what stands around the content of a call. */
const AROUND_BYTES = 192;

interface Begun {
  readonly message: MessageWriter;
  readonly body: StructWriter;
}

function begun(tag: number, dataWords: number, pointers: number, bytes = 0): Begun {
  const message = new MessageWriter(AROUND_BYTES + bytes);
  const root = message.root(1, 1);
  root.uint16(0, tag);
  return { message, body: root.struct(0, dataWords, pointers) };
}

function writeException(body: StructWriter, pointer: number, { kind, message }: RpcException): void {
  const exception = body.struct(pointer, 1, 2);
  exception.uint16(4, EXCEPTION_KINDS.indexOf(kind));
  exception.text(0, message);
}

function writeTarget(body: StructWriter, pointer: number, target: Exclude<CallTarget, { kind: "broken" }>): void {
  const written = body.struct(pointer, 1, 1);
  if (target.kind === "import") {
    written.uint32(0, target.hold.id);
    return;
  }
  written.uint16(4, 1);
  const promised = written.struct(0, 1, 1);
  promised.uint32(0, target.question);
  if (target.path.length === 0) return;
  const steps = promised.structs(0, target.path.length, 1, 0);
  for (const [index, step] of steps.entries()) {
    step.uint16(0, 1);
    step.uint16(2, target.path[index] ?? 0);
  }
}

/** Writes a struct, and returns the objects that go with it. */
function writeContent(payload: StructWriter, content: Content | undefined): readonly HostedObject[] {
  const objects: HostedObject[] = [];
  const struct = payload.struct(0, content?.dataWords ?? 0, content?.pointers ?? 0);
  content?.write(struct, { add: (object) => objects.push(object) - 1 });
  return objects;
}

/** Gives objects to the peer with a message. Returns their ids. */
function writeTable(payload: StructWriter, objects: readonly HostedObject[], exports: Exports): readonly number[] {
  const ids: number[] = [];
  try {
    for (const object of objects) ids.push(exports.give(object));
  } catch (error) {
    for (const id of ids) exports.release(id, 1);
    throw error;
  }
  if (ids.length === 0) return ids;
  const rows = payload.structs(1, ids.length, 1, 1);
  for (const [index, row] of rows.entries()) {
    row.uint16(0, DESCRIPTOR.sender_hosted);
    row.uint32(4, ids[index] ?? 0);
  }
  return ids;
}

export function abortMessage(why: RpcException): Buffer {
  const message = new MessageWriter();
  const root = message.root(1, 1);
  root.uint16(0, MESSAGE.abort);
  writeException(root, 0, why);
  return message.message();
}

export function bootstrapMessage(question: number): Buffer {
  const { message, body } = begun(MESSAGE.bootstrap, 1, 1);
  body.uint32(0, question);
  return message.message();
}

/** A call, and the ids of the objects that go with it. */
export function callMessage(
  question: number,
  target: Exclude<CallTarget, { kind: "broken" }>,
  call: { readonly interfaceId: bigint; readonly method: number; readonly params?: Content | undefined },
  exports: Exports,
): { readonly bytes: Buffer; readonly given: readonly number[] } {
  const { message, body } = begun(MESSAGE.call, 3, 3, call.params?.bytes);
  body.uint32(0, question);
  body.uint16(4, call.method);
  body.uint64(8, call.interfaceId);
  writeTarget(body, 0, target);
  const payload = body.struct(1, 0, 2);
  const given = writeTable(payload, writeContent(payload, call.params), exports);
  return { bytes: message.message(), given };
}

/** @param releaseResults whether the capabilities among the results are given back with it */
export function finishMessage(question: number, releaseResults: boolean): Buffer {
  const { message, body } = begun(MESSAGE.finish, 1, 0);
  body.uint32(0, question);
  if (!releaseResults) body.uint8(4, 1);
  return message.message();
}

export function releaseMessage(id: number, times: number): Buffer {
  const { message, body } = begun(MESSAGE.release, 1, 0);
  body.uint32(0, id);
  body.uint32(4, times);
  return message.message();
}

/** Sends a Disembargo back. Its receiver looks at the id only. */
export function disembargoMessage(embargo: number): Buffer {
  const { message, body } = begun(MESSAGE.disembargo, 1, 1);
  body.uint32(0, embargo);
  body.uint16(4, 1);
  body.struct(0, 1, 1);
  return message.message();
}

/** Says that a message is not understood, by its tag and its first word, which holds the id of its question. */
export function unimplementedMessage(tag: number, firstWord: bigint): Buffer {
  const { message, body } = begun(MESSAGE.unimplemented, 1, 1);
  body.uint16(0, tag);
  body.struct(0, 1, 0).uint64(0, firstWord);
  return message.message();
}

function begunReturn(answer: number, kind: number, bytes?: number): Begun {
  const begin = begun(MESSAGE.return, 2, 1, bytes);
  begin.body.uint32(0, answer);
  begin.body.uint16(6, kind);
  return begin;
}

export function exceptionMessage(answer: number, why: RpcException): Buffer {
  const { message, body } = begunReturn(answer, RETURN.exception);
  body.uint8(4, 1);
  writeException(body, 0, why);
  return message.message();
}

export function canceledMessage(answer: number): Buffer {
  const { message, body } = begunReturn(answer, RETURN.canceled);
  // Nothing can be called through what does not exist, so it need not be finished; and it has been.
  body.uint8(4, 1);
  return message.message();
}

/** Results of a call that are ready to be sent. */
export interface WrittenResults {
  readonly objects: readonly HostedObject[];
  /** The message, as we read it ourselves. */
  readonly segment: Buffer;
  /** Gives the objects to the peer. Returns the message, and their ids. To be called once. */
  readonly give: (exports: Exports) => { readonly bytes: Buffer; readonly given: readonly number[] };
}

/**
 * Writes the results of a call. Without objects among them, they say that no Finish is needed.
 * @param content `object`: the results are one object, as those of a Bootstrap are
 */
export function writeResults(
  answer: number,
  content: Content | { readonly object: HostedObject } | undefined,
): WrittenResults {
  const isObject = content !== undefined && "object" in content;
  const { message, body } = begunReturn(answer, RETURN.results, isObject ? undefined : content?.bytes);
  const payload = body.struct(0, 0, 2);
  let objects: readonly HostedObject[];
  if (isObject) {
    payload.capability(0, 0);
    objects = [content.object];
  } else objects = writeContent(payload, content);
  body.uint8(4, objects.length === 0 ? 3 : 1);
  return {
    objects,
    segment: message.segment(),
    give: (exports) => {
      const given = writeTable(payload, objects, exports);
      return { bytes: message.message(), given };
    },
  };
}
