import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CLIENT_FRAMES,
  DAEMON_FRAMES,
  emptyFrame,
  FRAME,
  frameHeader,
  FrameReader,
  HEADER_BYTES,
  jsonFrame,
  MAGIC_LENGTH,
  PREFACE,
  type FrameLimits,
} from "../../wire/frames.ts";
import { MAX_DATA_FRAME_BYTES, MAX_REPLY_BYTES, MAX_REQUEST_BYTES_ANNOUNCED } from "../../wire/limits.ts";

const DATA = new Set<number>([FRAME.stdin, FRAME.stdout, FRAME.stderr]);

interface Frame {
  readonly type: number;
  readonly payload: Buffer;
}

function bytesOf({ type, payload }: Frame): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = type;
  header.writeUInt32BE(payload.length, 1);
  return Buffer.concat([header, payload]);
}

/** What a reader says of bytes in these pieces, with neighbouring pieces of data put together. */
function read(limits: FrameLimits, pieces: Iterable<Buffer>): readonly Frame[] {
  const frames: Frame[] = [];
  const reader = new FrameReader(limits, (type, payload) => {
    const last = frames.at(-1);
    if (last?.type === type && DATA.has(type))
      frames[frames.length - 1] = { type, payload: Buffer.concat([last.payload, payload]) };
    else frames.push({ type, payload: Buffer.from(payload) });
  });
  for (const piece of pieces) reader.push(piece);
  expect(reader.isMidFrame).toBe(false);
  return frames;
}

/** The same with data frames that follow each other put together, and without empty ones: what a reader may say. */
function joined(frames: readonly Frame[]): readonly Frame[] {
  const out: Frame[] = [];
  for (const frame of frames) {
    const last = out.at(-1);
    if (last?.type === frame.type && DATA.has(frame.type))
      out[out.length - 1] = { type: frame.type, payload: Buffer.concat([last.payload, frame.payload]) };
    else out.push(frame);
  }
  return out;
}

function pieces(bytes: Buffer, cuts: readonly number[]): readonly Buffer[] {
  const at = [0, ...[...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

const payload = (limit: number) =>
  fc.uint8Array({ maxLength: Math.min(limit, 300) }).map((bytes) => Buffer.from(bytes));
const framesOf = (limits: FrameLimits) =>
  fc.array(
    fc
      .constantFrom(...limits)
      .chain(([type, limit]) =>
        limit === 0
          ? fc.constant({ type, payload: Buffer.alloc(0) })
          : payload(limit).map((bytes) => ({ type, payload: bytes })),
      ),
    { maxLength: 12 },
  );

describe("frames", () => {
  it.each([
    ["a client", CLIENT_FRAMES],
    ["a daemon", DAEMON_FRAMES],
  ])("of %s are the same however the bytes are cut", (_who, limits) => {
    fc.assert(
      fc.property(framesOf(limits), fc.array(fc.nat(), { maxLength: 40 }), (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(bytesOf));
        expect(read(limits, pieces(bytes, cuts))).toEqual(joined(frames));
      }),
      { numRuns: 300 },
    );
  });

  it("are the same byte by byte", () => {
    const bytes = Buffer.concat([
      jsonFrame(FRAME.request, { operation: "é" }),
      frameHeader(FRAME.stdin, 3),
      Buffer.from("abc"),
      emptyFrame(FRAME.stdin_end),
      emptyFrame(FRAME.cancel),
    ]);
    const each = Array.from(bytes, (_byte, index) => bytes.subarray(index, index + 1));
    expect(read(CLIENT_FRAMES, each).map((frame) => [frame.type, frame.payload.toString()])).toEqual([
      [FRAME.request, '{"operation":"é"}'],
      [FRAME.stdin, "abc"],
      [FRAME.stdin_end, ""],
      [FRAME.cancel, ""],
    ]);
  });

  it("that carry bytes are handed on as they come, the others when they are complete", () => {
    const seen: string[] = [];
    const reader = new FrameReader(DAEMON_FRAMES, (type, bytes) => seen.push(`${type} ${bytes.toString()}`));
    reader.push(Buffer.concat([frameHeader(FRAME.stdout, 4), Buffer.from("ab")]));
    expect(seen).toEqual([`${FRAME.stdout} ab`]);
    expect(reader.isMidFrame).toBe(true);
    reader.push(Buffer.concat([Buffer.from("cd"), frameHeader(FRAME.notice, 2), Buffer.from("{")]));
    expect(seen).toEqual([`${FRAME.stdout} ab`, `${FRAME.stdout} cd`]);
    reader.push(Buffer.from("}"));
    expect(seen.at(-1)).toBe(`${FRAME.notice} {}`);
    expect(reader.isMidFrame).toBe(false);
  });

  it("of bytes are not copied", () => {
    const chunk = Buffer.concat([frameHeader(FRAME.stdout, 5), Buffer.from("hello")]);
    let got: Buffer | undefined;
    new FrameReader(DAEMON_FRAMES, (_type, bytes) => (got = bytes)).push(chunk);
    expect(got?.buffer).toBe(chunk.buffer);
  });

  it("behind a stop are not looked at, in the same piece or a later one", () => {
    const seen: number[] = [];
    const reader = new FrameReader(DAEMON_FRAMES, (type) => {
      seen.push(type);
      if (type === FRAME.outcome) reader.stop();
    });
    reader.push(Buffer.concat([jsonFrame(FRAME.outcome, {}), Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])]));
    reader.push(emptyFrame(FRAME.alive));
    expect(seen).toEqual([FRAME.outcome]);
  });
});

describe("a frame that is refused", () => {
  it("is any of a type that its side does not send, from the header on", () => {
    const known = { client: new Set(CLIENT_FRAMES.keys()), daemon: new Set(DAEMON_FRAMES.keys()) };
    for (let type = 0; type < 256; type++) {
      for (const [side, limits] of [
        ["client", CLIENT_FRAMES],
        ["daemon", DAEMON_FRAMES],
      ] as const) {
        if (known[side].has(type)) continue;
        const reader = new FrameReader(limits, () => undefined);
        const header = Buffer.from([type, 0, 0, 0, 0]);
        reader.push(header.subarray(0, 4));
        expect(() => {
          reader.push(header.subarray(4));
        }).toThrow(expect.objectContaining({ code: "frame_malformed" }) as Error);
      }
    }
    const message = "frame of unknown type 0x07";
    expect(() => {
      new FrameReader(CLIENT_FRAMES, () => undefined).push(Buffer.from([7, 0, 0, 0, 0]));
    }).toThrow(message);
  });

  it("is one that is longer than its type allows, before its payload", () => {
    for (const limits of [CLIENT_FRAMES, DAEMON_FRAMES]) {
      for (const [type, limit] of limits) {
        const headerOf = (length: number): Buffer => {
          const header = Buffer.alloc(HEADER_BYTES);
          header[0] = type;
          header.writeUInt32BE(length, 1);
          return header;
        };
        new FrameReader(limits, () => undefined).push(headerOf(limit));
        expect(() => {
          new FrameReader(limits, () => undefined).push(headerOf(limit + 1));
        }).toThrow(expect.objectContaining({ code: "frame_too_large" }) as Error);
      }
    }
  });

  it("does not stand for the ones before it", () => {
    const seen: number[] = [];
    const reader = new FrameReader(CLIENT_FRAMES, (type) => seen.push(type));
    expect(() => {
      reader.push(Buffer.concat([emptyFrame(FRAME.cancel), Buffer.from([0, 0, 0, 0, 0])]));
    }).toThrow(expect.objectContaining({ code: "frame_malformed" }) as Error);
    expect(seen).toEqual([FRAME.cancel]);
  });

  it("is every one whose length is an arbitrary number beyond the bounds of the protocol", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...DAEMON_FRAMES.keys()),
        fc.integer({ min: MAX_REPLY_BYTES + 1, max: 0xffffffff }),
        (type, length) => {
          const header = Buffer.alloc(HEADER_BYTES);
          header[0] = type;
          header.writeUInt32BE(length, 1);
          expect(() => {
            new FrameReader(DAEMON_FRAMES, () => undefined).push(header);
          }).toThrow(expect.objectContaining({ code: "frame_too_large" }) as Error);
        },
      ),
    );
  });
});

describe("the preface and the numbers", () => {
  it("are those of the documented protocol", () => {
    expect(PREFACE.toString("hex")).toBe("896332680d0a1a02");
    expect(PREFACE.length).toBe(MAGIC_LENGTH + 1);
    expect(frameHeader(FRAME.stdout, 65_536).toString("hex")).toBe("1200010000");
    expect(emptyFrame(FRAME.stdin_end).toString("hex")).toBe("0300000000");
    expect(jsonFrame(FRAME.hello, { a: "é" }).toString("hex")).toBe(
      `100000000a${Buffer.from('{"a":"é"}').toString("hex")}`,
    );
    expect([CLIENT_FRAMES.get(FRAME.request), CLIENT_FRAMES.get(FRAME.stdin)]).toEqual([
      MAX_REQUEST_BYTES_ANNOUNCED,
      MAX_DATA_FRAME_BYTES,
    ]);
  });
});
