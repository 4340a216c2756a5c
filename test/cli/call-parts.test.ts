import { PassThrough, Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { PacedStream } from "../../terminal/paced-stream.ts";
import { sizeWords } from "../../host/cli/call-status.ts";
import { Voice } from "../../host/cli/call-voice.ts";

const MEGABYTE = Buffer.alloc(1_000_000);

describe("a stream with a bounded buffer", () => {
  it("takes some megabytes at once, then says when there is room", async () => {
    const reader = new PassThrough();
    const stream = new PacedStream(reader, () => undefined);
    let taken = 0;
    let wait: Promise<void> | undefined;
    while (wait === undefined) {
      wait = stream.write(MEGABYTE);
      taken++;
    }
    expect(taken).toBeGreaterThan(7);
    expect(taken).toBeLessThan(11);
    expect(stream.write(MEGABYTE)).toBe(wait);
    let got = 0;
    reader.on("data", (chunk: Buffer) => (got += chunk.length));
    await wait;
    await stream.flushed();
    expect(got).toBe((taken + 1) * MEGABYTE.length);
    expect(stream.write(MEGABYTE)).toBeUndefined();
  });

  it("lets go of who waits when it breaks, says so once, and takes everything from then on", async () => {
    const reader = new PassThrough();
    const errors: string[] = [];
    const stream = new PacedStream(reader, (error) => errors.push(error.message));
    let wait: Promise<void> | undefined;
    while (wait === undefined) wait = stream.write(MEGABYTE);
    const flushed = stream.flushed();
    reader.destroy(new Error("gone"));
    await Promise.all([wait, flushed]);
    expect(stream.write(MEGABYTE)).toBeUndefined();
    await stream.flushed();
    reader.emit("error", new Error("again"));
    expect(errors).toEqual(["gone"]);
  });

  it("that nobody waits for any more keeps what fits, and drops the rest", () => {
    const reader = new PassThrough();
    const stream = new PacedStream(reader, () => undefined);
    stream.hasten();
    for (let count = 0; count < 30; count++) expect(stream.write(MEGABYTE)).toBeUndefined();
    expect(reader.writableLength).toBeLessThan(11_000_000);
  });
});

describe("what is said on standard error", () => {
  it("begins a line of its own, and never steers the terminal", () => {
    let text = "";
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        text += chunk.toString();
        done();
      },
    });
    const voice = new Voice(new PacedStream(stream, () => undefined));
    voice.say("first");
    void voice.command(Buffer.from("a\nb"));
    void voice.command(Buffer.alloc(0));
    voice.status("not in the middle of a line");
    voice.say("second \u001b[2J\nthird");
    voice.status("working");
    voice.status("still working");
    void voice.command(Buffer.from("c\n"));
    voice.status(undefined);
    voice.status("working");
    voice.json({ a: "\u202e" });
    expect(text.split("\n")).toEqual([
      "cmd2host: first",
      "a",
      "b",
      "cmd2host: second \\x1b[2J\\nthird",
      "\rworking\u001b[K\rstill working\u001b[K\r\u001b[Kc",
      '\rworking\u001b[K\r\u001b[K{"a":"\\u202e"}',
      "",
    ]);
  });

  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1.0 kB"],
    [9_940, "9.9 kB"],
    [12_345, "12 kB"],
    [3_400_000, "3.4 MB"],
    [999_999_999, "999 MB"],
    [5e15, "5000 TB"],
  ])("of %i bytes is %s", (bytes, words) => {
    expect(sizeWords(bytes)).toBe(words);
  });
});
