import { describe, expect, it } from "vitest";
import { execParams, execResults, readResult, type ExecResult } from "../../capnp/commando/schema.ts";
import type { Content } from "../../capnp/rpc/object.ts";
import { Malformed } from "../../capnp/wire/malformed.ts";
import { rootOf } from "../../capnp/wire/reader.ts";
import { Segments } from "../../capnp/wire/segments.ts";
import { MessageWriter } from "../../capnp/wire/writer.ts";
import { Random } from "../fuzz/engine/random.ts";
import { decoded, HAS_CAPNP, needing } from "./compiler.ts";
import { segment, structPointer } from "./words.ts";

const NO_OBJECTS = { add: () => 0 };

/** A message whose root is the struct in parameters or results with one member. */
function messageOf(content: Content): Buffer {
  const outer = new MessageWriter();
  content.write(outer.root(content.dataWords, content.pointers), NO_OBJECTS);
  // The struct begins behind the outer one, so without it the message has the same layout.
  const segment = outer.segment();
  const inner = segment.subarray(8 * (content.dataWords + content.pointers));
  const table = Buffer.alloc(8);
  table.writeUInt32LE(inner.length / 8, 4);
  return Buffer.concat([table, inner]);
}

/** The result that a message is, as `capnp` would write it in JSON; undefined when we refuse it. */
function read(inner: Buffer): unknown {
  // The first word of a message is the pointer to its root: with a struct of one pointer around it, it is a result among results.
  const outer = segment([structPointer(0, 0, 1)]);
  try {
    return plain(readResult(rootOf(new Segments([Buffer.concat([outer, inner.subarray(8)])]))));
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

function plain(result: ExecResult): object {
  return { ...result, stdout: [...result.stdout], stderr: [...result.stderr], durationMs: String(result.durationMs) };
}

/** The same from the compiler's JSON, which leaves out what is null. */
function asPlain(json: unknown): object {
  const { durationMs, ...rest } = json as { readonly durationMs: string };
  const exact = Math.min(Number(durationMs), Number.MAX_SAFE_INTEGER);
  return { stdout: [], stderr: [], requestId: "", profilerJson: "", ...rest, durationMs: String(exact) };
}

const RESULT: ExecResult = {
  stdout: Buffer.from("out\n"),
  stderr: Buffer.from([0, 255]),
  exitCode: -3,
  durationMs: 1_234,
  timedOut: true,
  truncated: false,
  requestId: "id-1",
  profilerJson: '{"execute_ms":1.5}',
};

describe.skipIf(!HAS_CAPNP)(`the Cap'n Proto compiler${needing(HAS_CAPNP, "capnproto")}`, () => {
  it("reads the request and the result that we write", () => {
    const request = execParams({
      command: "echo 'ä'",
      workDir: "/tmp",
      timeoutSecs: 4_294_967_295,
      extraEnv: new Map([
        ["A", "1"],
        ["B", ""],
      ]),
      requestId: "r",
    });
    expect(decoded(messageOf(request), "ExecRequest")).toEqual({
      command: "echo 'ä'",
      workDir: "/tmp",
      timeoutSecs: 4_294_967_295,
      extraEnv: [{ key: "A", value: "1" }, { key: "B" }],
      requestId: "r",
    });
    expect(asPlain(decoded(messageOf(execResults(RESULT)), "ExecResult"))).toEqual(plain(RESULT));
  });

  it("reads the same as we do of results with wrong bytes, as far as we accept them", () => {
    const good = messageOf(execResults(RESULT));
    const random = new Random(4);
    let accepted = 0;
    for (let time = 0; time < 150; time++) {
      const bytes = Buffer.from(good);
      for (let left = 1 + random.below(3); left > 0; left--)
        bytes[8 + random.below(bytes.length - 8)] = random.below(256);
      const ours = read(bytes);
      if (ours === undefined) continue;
      accepted++;
      const theirs = decoded(bytes, "ExecResult");
      expect(theirs, bytes.toString("hex")).not.toBeUndefined();
      expect(asPlain(theirs), bytes.toString("hex")).toEqual(ours);
    }
    expect(accepted).toBeGreaterThan(20);
  });
});
