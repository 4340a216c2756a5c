import { LinkFault } from "../../../link/fault.ts";
import { HEADER_BYTES, MessageReader, payloadOf } from "../../../link/message.ts";
import { demand, type Target } from "../engine/target.ts";

/** What comes of bytes: the messages, and the fault that ended them. */
function read(chunks: readonly Buffer[]): {
  readonly messages: readonly string[];
  readonly bytes: number;
  readonly fault: string;
} {
  const messages: string[] = [];
  let bytes = 0;
  const reader = new MessageReader((message) => {
    const payload = payloadOf(message);
    demand(payload.length === message.length, "a payload of another length than said");
    bytes += HEADER_BYTES + payload.length;
    messages.push(`${message.type} ${message.stream} ${message.sequence} ${payload.toString("latin1")}`);
  });
  try {
    for (const chunk of chunks) reader.push(chunk);
    return { messages, bytes, fault: "" };
  } catch (error) {
    if (!(error instanceof LinkFault)) throw error;
    return { messages, bytes, fault: error.message };
  }
}

/** Cuts that follow from the bytes, so that the same input is always tried in the same way. */
function cuts(bytes: Buffer): readonly (readonly Buffer[])[] {
  const step = 2 + (bytes.reduce((sum, byte) => (sum * 31 + byte) >>> 0, 7) % 29);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += step) pieces.push(bytes.subarray(at, at + step));
  return [Array.from(bytes, (byte) => Buffer.of(byte)), pieces];
}

/** The same by the table of docs/link.md, and by nothing of the reader: how many messages are whole, and whether they end in a fault. */
function reference(bytes: Buffer): { readonly count: number; readonly isFault: boolean } {
  let count = 0;
  for (let at = 0; at + HEADER_BYTES <= bytes.length; count++) {
    const type = bytes.readUInt8(at);
    const length = bytes.readUIntBE(at + 1, 3);
    const [min, max] = LENGTHS.get(type) ?? [1, 0];
    const ofStream = type >= 0x10 && type <= 0x14;
    const wrong =
      length < min ||
      length > max ||
      bytes.readUInt32BE(at + 4) > 0 !== ofStream ||
      (type < 0x10 && bytes.readUInt32BE(at + 8) > 0);
    if (wrong) return { count, isFault: true };
    at += HEADER_BYTES + length;
    if (at > bytes.length) break;
  }
  return { count, isFault: false };
}

const JSON_LENGTH = [2, 8_192] as const;
const LENGTHS: ReadonlyMap<number, readonly [number, number]> = new Map<number, readonly [number, number]>([
  [0x01, JSON_LENGTH],
  [0x02, JSON_LENGTH],
  [0x03, JSON_LENGTH],
  [0x04, [8, 8]],
  [0x05, [8, 8]],
  [0x06, [8, 8]],
  [0x07, JSON_LENGTH],
  [0x08, JSON_LENGTH],
  [0x10, [0, 0]],
  [0x11, [1, 65_600]],
  [0x12, [4, 4]],
  [0x13, [0, 0]],
  [0x14, [1, 1]],
  [0x15, JSON_LENGTH],
  [0x16, JSON_LENGTH],
]);

function hex(...parts: readonly string[]): Buffer {
  return Buffer.from(parts.join(""), "hex");
}

/** Bytes of a link: the same messages for every cut, and those of a reader that knows all bytes. */
export const linkMessages: Target = {
  name: "link-messages",
  modules: ["link/message.ts", "host/util/blocks.ts"],
  tokens: [
    "\x10\0\0\0\0\0\0\x01\0\0\0\x01",
    "\x11\0\0\x01\0\0\0\x01\0\0\0\x02a",
    "\x05\0\0\x08\0\0\0\0\0\0\0\0",
    "\x13\0\0\0",
    "{}",
  ],
  seeds: [
    hex(
      "010000020000000000000000",
      "7b7d",
      "100000000000000100000001",
      "110000030000000100000002",
      "616263",
      "130000000000000100000003",
    ),
    hex(
      "040000080000000000000000",
      "0000000000000003",
      "120000040000000100000004",
      "00010000",
      "140000010000000100000005",
      "00",
    ),
    hex(
      "050000080000000000000000",
      "0000000000000007",
      "060000080000000000000000",
      "0000000000000007",
      "150000020000000000000006",
      "7b7d",
    ),
    Buffer.concat([hex("110012000000000100000001"), Buffer.alloc(0x1200, "x"), hex("130000000000000100000002")]),
  ],
  maxBytes: 12_000,
  start: () => ({
    check: (input) => {
      const whole = read([input]);
      for (const chunks of cuts(input)) {
        const other = read(chunks);
        demand(
          other.fault === whole.fault && other.messages.join("\n") === whole.messages.join("\n"),
          "the messages depend on the cuts",
          { whole: whole.fault, other: other.fault },
        );
      }
      const expected = reference(input);
      demand(
        (whole.fault !== "") === expected.isFault && whole.messages.length === expected.count,
        "not what the table says",
        { fault: whole.fault, count: whole.messages.length, expected },
      );
      demand(whole.bytes <= input.length, "more than came");
    },
  }),
};
