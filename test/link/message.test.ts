import { describe, expect, it } from "vitest";
import { LinkFault } from "../../link/fault.ts";
import { MAX_UNACKNOWLEDGED_BYTES } from "../../link/limits.ts";
import {
  HEADER_BYTES,
  jsonMessage,
  MESSAGE,
  MessageReader,
  messageRoom,
  numbered,
  numberMessage,
  numberOf,
  payloadOf,
  ROOM_BYTES,
  type Message,
} from "../../link/message.ts";
import { Outbox } from "../../link/outbox.ts";

function read(chunks: readonly Buffer[]): Message[] {
  const messages: Message[] = [];
  const reader = new MessageReader((message) => messages.push(message));
  for (const chunk of chunks) reader.push(chunk);
  return messages;
}

describe("messages", () => {
  const data = messageRoom(MESSAGE.data, 60_000, 7);
  data.fill("abcdefghijk", HEADER_BYTES);
  const all = [
    jsonMessage(MESSAGE.hello, { a: 1 }),
    numbered(messageRoom(MESSAGE.open, 0, 7), 1),
    numbered(data, 2),
    numberMessage(MESSAGE.acknowledge, 2 ** 40),
    numbered(numberMessage(MESSAGE.credit, 65_536, 7), 2 ** 32 + 3),
    numbered(messageRoom(MESSAGE.end, 0, 0xffff_fffe), 4),
  ];
  const bytes = Buffer.concat(all);

  it.each([1, 2, 3, 11, 12, 13, 4_096, 16_384, 100_000])("are the same however they are cut (%i bytes)", (size) => {
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
    const messages = read(chunks);
    expect(messages.map(({ type, stream, sequence, length }) => [type, stream, sequence, length])).toEqual([
      [MESSAGE.hello, 0, 0, 7],
      [MESSAGE.open, 7, 1, 0],
      [MESSAGE.data, 7, 2, 60_000],
      [MESSAGE.acknowledge, 0, 0, 8],
      [MESSAGE.credit, 7, 3, 4],
      [MESSAGE.end, 0xffff_fffe, 4, 0],
    ]);
    messages.forEach((message, index) => {
      expect(payloadOf(message).equals(all[index]?.subarray(HEADER_BYTES) ?? Buffer.alloc(0))).toBe(true);
    });
    expect(messages.map((message, index) => (index === 3 ? numberOf(message) : 0))[3]).toBe(2 ** 40);
    // Byte by byte it is no list of single bytes.
    expect(messages[2]?.pieces.length).toBeLessThan(100);
  });

  it("are not looked at behind a stop", () => {
    const messages: Message[] = [];
    const reader = new MessageReader((message) => {
      messages.push(message);
      reader.stop();
    });
    reader.push(bytes);
    reader.push(bytes);
    expect(messages).toHaveLength(1);
  });

  it.each([
    ["01000001" + "00000000" + "00000000", "a message of type 1 with 1 bytes"],
    ["01002001" + "00000000" + "00000000", "a message of type 1 with 8193 bytes"],
    ["11000000" + "00000001" + "00000001", "a message of type 17 with 0 bytes"],
    ["11010041" + "00000001" + "00000001", "a message of type 17 with 65601 bytes"],
    ["12000005" + "00000001" + "00000001", "a message of type 18 with 5 bytes"],
    ["14000000" + "00000001" + "00000001", "a message of type 20 with 0 bytes"],
    ["00000000" + "00000000" + "00000000", "a message of unknown type 0"],
    ["10000000" + "00000000" + "00000001", "a message of type 16 without a stream"],
    ["15000002" + "00000001" + "00000001", "a message of type 21 about a stream"],
    ["04000008" + "00000000" + "00000001", "a message of type 4 with a number"],
  ])("that are none are refused with their header: %s", (hex, why) => {
    expect(() => read([Buffer.from(hex, "hex")])).toThrow(new LinkFault(why));
  });
});

describe("what was sent", () => {
  const message = (): Buffer => messageRoom(MESSAGE.end, 0, 1);

  it("is kept until it is acknowledged, and numbered without end", () => {
    const outbox = new Outbox();
    for (let number = 1; number <= 1_000; number++) {
      const kept = outbox.put(message());
      expect(kept.readUInt32BE(8)).toBe(number);
    }
    expect([outbox.sent, outbox.acknowledged, outbox.unacknowledged.length]).toEqual([1_000, 0, 1_000]);
    outbox.acknowledge(400);
    outbox.acknowledge(400);
    outbox.acknowledge(700);
    expect([outbox.sent, outbox.acknowledged, outbox.unacknowledged.length]).toEqual([1_000, 700, 300]);
    expect(outbox.unacknowledged[0]?.readUInt32BE(8)).toBe(701);
    expect(() => {
      outbox.acknowledge(699);
    }).toThrow("it takes back what it acknowledged");
    expect(() => {
      outbox.acknowledge(1_001);
    }).toThrow("it acknowledges what was never sent");
    outbox.acknowledge(1_000);
    expect(outbox.put(message()).readUInt32BE(8)).toBe(1_001);
  });

  it("is bounded, small messages by more than their bytes", () => {
    const outbox = new Outbox();
    let count = 0;
    for (; outbox.hasRoom; count++) outbox.put(message());
    expect(count).toBeGreaterThan(MAX_UNACKNOWLEDGED_BYTES / 300);
    expect(count).toBeLessThan(MAX_UNACKNOWLEDGED_BYTES / 200);
    expect(() => {
      for (let more = 0; more < 2 * count; more++) outbox.put(message());
    }).toThrow("it acknowledges nothing");
  });

  it("gives memory back for what is sent next", () => {
    const outbox = new Outbox();
    const memory = outbox.memory();
    expect(memory.byteLength).toBe(ROOM_BYTES);
    outbox.put(Buffer.from(memory, 0, 50_000));
    expect(outbox.memory()).not.toBe(memory);
    outbox.acknowledge(1);
    expect(outbox.memory()).toBe(memory);
    for (let n = 0; n < 100; n++) outbox.put(Buffer.from(new ArrayBuffer(ROOM_BYTES)));
    outbox.acknowledge(101);
    const again = new Set(Array.from({ length: 40 }, () => outbox.memory()));
    expect(again.size).toBe(40);
  });
});
