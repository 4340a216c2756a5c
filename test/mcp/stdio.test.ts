import { PassThrough, Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { LineTransport } from "../../mcp/stdio.ts";

interface Ends {
  readonly input: PassThrough;
  readonly output: PassThrough;
  readonly transport: LineTransport;
  readonly received: unknown[];
  readonly closes: () => number;
  readonly written: () => unknown[];
}

async function open(): Promise<Ends> {
  const input = new PassThrough();
  const output = new PassThrough();
  const transport = new LineTransport(input, output);
  const received: unknown[] = [];
  let closes = 0;
  transport.onmessage = (message) => received.push(message);
  transport.onclose = () => closes++;
  await transport.start();
  const written = (): unknown[] => {
    const bytes: unknown = output.read();
    const lines = bytes instanceof Buffer ? bytes.toString("utf8").split("\n") : [""];
    return lines.slice(0, -1).map((line) => JSON.parse(line) as unknown);
  };
  return { input, output, transport, received, closes: () => closes, written };
}

const PING = { jsonrpc: "2.0", id: 1, method: "ping" };
const PONG = { jsonrpc: "2.0", id: 1, result: {} } as const;

describe("the line transport", () => {
  it("gives whole messages, however the bytes are cut", async () => {
    const { input, transport, received } = await open();
    const bytes = Buffer.from(
      `${JSON.stringify({ ...PING, id: 2, method: "é😀" })}\r\n\n  \n${JSON.stringify(PING)}\n`,
    );
    for (const byte of bytes) input.write(Buffer.from([byte]));
    input.end();
    expect(await transport.ended).toEqual({ kind: "eof", outstanding: 2 });
    expect(received).toEqual([{ ...PING, id: 2, method: "é😀" }, PING]);
  });

  it("gives several messages of one chunk, and a last one without a line feed", async () => {
    const { input, transport, received } = await open();
    input.end(`${JSON.stringify(PING)}\n${JSON.stringify({ ...PING, id: 2 })}`);
    await transport.ended;
    expect(received).toHaveLength(2);
  });

  it("counts requests that got no answer, and no others", async () => {
    const { input, transport } = await open();
    input.write(`${JSON.stringify(PING)}\n${JSON.stringify({ ...PING, id: "1" })}\n`);
    input.write(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" })}\n`);
    input.write(`${JSON.stringify({ ...PING, id: 3 })}\n${JSON.stringify({ ...PING, id: 4 })}\n`);
    await new Promise((resolve) => setImmediate(resolve));
    await transport.send(PONG);
    await transport.send({ jsonrpc: "2.0", id: 3, error: { code: -1, message: "no" } });
    await transport.send({ jsonrpc: "2.0", method: "notifications/message" });
    const cancelled = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 4 } };
    input.end(`${JSON.stringify(cancelled)}\n`);
    expect(await transport.ended).toEqual({ kind: "eof", outstanding: 1 });
  });

  it.each([
    ["a browser's POST", Buffer.from("POST / HTTP/1.1\r\n")],
    ["cut JSON", Buffer.from('{"jsonrpc":"2.0",\n')],
    ["bytes that are not UTF-8", Buffer.from([0x22, 0xff, 0x22, 0x0a])],
    ["a byte order mark", Buffer.from("\ufeff{}\n")],
  ])("ends at %s, and nothing after it counts", async (_, bytes) => {
    const { input, transport, received, closes } = await open();
    input.write(
      Buffer.concat([Buffer.from(`${JSON.stringify(PING)}\n`), bytes, Buffer.from(JSON.stringify(PING) + "\n")]),
    );
    expect(await transport.ended).toEqual({ kind: "broken", message: "standard input: line 2 is not JSON" });
    input.write(`${JSON.stringify(PING)}\n`);
    await new Promise((resolve) => setImmediate(resolve));
    expect(received).toHaveLength(1);
    expect(closes()).toBe(1);
  });

  it("ends at a line that is too long, whether it has an end or not", async () => {
    const { input, transport, received } = await open();
    const part = Buffer.alloc(1_048_576, 0x20);
    for (let count = 0; count < 11; count++) input.write(part);
    const message = "standard input: line 1 is longer than 10485760 bytes";
    expect(await transport.ended).toEqual({ kind: "broken", message });
    const other = await open();
    other.input.write(Buffer.concat([Buffer.alloc(11_000_000, 0x20), Buffer.from(`${JSON.stringify(PING)}\n`)]));
    expect(await other.transport.ended).toEqual({ kind: "broken", message });
    expect([...received, ...other.received]).toEqual([]);
  });

  it("answers JSON that is not JSON-RPC with invalid request, and goes on", async () => {
    const { input, transport, received, written } = await open();
    for (const value of [{ id: 7 }, { jsonrpc: "1.0", id: "a" }, [], "x", null, { id: { deep: 1 } }]) {
      input.write(`${JSON.stringify(value)}\n`);
    }
    input.end(`${JSON.stringify(PING)}\n`);
    expect(await transport.ended).toEqual({ kind: "eof", outstanding: 1 });
    const error = { code: -32600, message: "Invalid Request: not a JSON-RPC 2.0 message" };
    expect(written()).toEqual([
      { jsonrpc: "2.0", id: 7, error },
      { jsonrpc: "2.0", id: "a", error },
      ...Array.from({ length: 4 }, () => ({ jsonrpc: "2.0", error })),
    ]);
    expect(received).toEqual([PING]);
  });

  it("ends when its input fails", async () => {
    const { input, transport } = await open();
    input.destroy(new Error("unplugged"));
    expect(await transport.ended).toEqual({ kind: "broken", message: "standard input: unplugged" });
  });

  it("ends when its output fails, and says so to the sender and to the report", async () => {
    const input = new PassThrough();
    const output = new Writable({
      write: (_chunk, _encoding, done) => {
        done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
      },
    });
    const transport = new LineTransport(input, output);
    const reports: Error[] = [];
    transport.onerror = (error) => reports.push(error);
    await transport.start();
    input.write("{}\n");
    expect(await transport.ended).toEqual({ kind: "broken", message: "standard output: EPIPE" });
    await expect(transport.send(PONG)).rejects.toThrow();
    expect(reports.map((error) => error.message)).toEqual(["write EPIPE"]);
  });

  it("closes once", async () => {
    const { transport, closes } = await open();
    await transport.close();
    await transport.close();
    expect(closes()).toBe(1);
  });
});
