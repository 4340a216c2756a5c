import { RequestFramer, type Frame } from "../../../wire/framing.ts";
import { endOfValue, isStrictJson } from "../../wire/strict-json.ts";
import { demand, type Target } from "../engine/target.ts";

type Verdict = Frame | "waiting";

function frame(chunks: readonly Buffer[], fin: boolean): Verdict {
  const framer = new RequestFramer();
  for (const chunk of chunks) {
    const result = framer.push(chunk);
    if (result.state !== "more") return result;
  }
  return fin ? framer.end() : "waiting";
}

/** Everything that may not depend on how the bytes were cut. */
function essence(verdict: Verdict): string {
  if (verdict === "waiting" || verdict.state === "more" || verdict.state === "nothing") return JSON.stringify(verdict);
  return verdict.state === "message"
    ? JSON.stringify(verdict.message)
    : `${verdict.error.code} ${verdict.error.message}`;
}

/** Cuts that follow from the bytes, so that the same input is always tried in the same way. */
function cuts(bytes: Buffer): readonly (readonly Buffer[])[] {
  const step = 2 + (bytes.reduce((sum, byte) => (sum * 31 + byte) >>> 0, 7) % 7);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += step) pieces.push(bytes.subarray(at, at + step));
  return [
    Array.from(bytes, (byte) => Buffer.of(byte)),
    pieces,
    [Buffer.of(), bytes.subarray(0, step), bytes.subarray(step)],
  ];
}

/** What the reference in test/wire says of the whole bytes, where it has a say: they are one value and white space. */
function reference(bytes: Buffer): unknown {
  const text = bytes.toString("utf8");
  const value = text.slice(0, endOfValue(text));
  if (!Buffer.from(text).equals(bytes) || !/^[\t\n\r ]*(?:\{|null$)/.test(value)) return undefined;
  return isStrictJson(value) ? (JSON.parse(value) as unknown) : undefined;
}

/** Bytes of a connection: the same verdict for every cut, and the verdict of a parser that knows all bytes. */
export const framing: Target = {
  name: "framing",
  modules: ["wire/framing.ts", "wire/json"],
  tokens: [
    '"__proto__":',
    "\\ud83d\\ude00",
    "\\ud800",
    "\\ud83d\\u0041",
    '{"protocol":2,',
    "1e5",
    "[[[[",
    "\ufeff",
    '"a":{}',
    "true",
  ],
  seeds: [
    '{"a":"\\ud83d\\u0041"}',
    '{"a":-01}',
    '{"\\ud83d\\ude00":["\\u0041\\uD83D\\uDE00",-0,-0.5,0.25,10,1E+2]}',
    '{"operation":"x","params":{"a":[1,-2.5e3,"é\\n",null,true]}}\n',
    "null",
    ' \t{"a":1}{"b":2}',
  ],
  maxBytes: 2_048,
  start: () => ({
    check: (input) => {
      for (const fin of [true, false]) {
        const whole = essence(frame([input], fin));
        for (const chunks of cuts(input)) {
          const other = essence(frame(chunks, fin));
          demand(other === whole, "the verdict depends on the cuts", { whole, other, fin });
        }
      }
      const verdict = frame([input], true);
      const expected = reference(input);
      const taken = verdict !== "waiting" && verdict.state === "message" && !verdict.trailing;
      demand(taken || expected === undefined, "refuses what is strict JSON", { verdict, expected });
      demand(!taken || expected !== undefined, "takes what is not strict JSON", { verdict });
      if (taken)
        demand(JSON.stringify(verdict.message) === JSON.stringify(expected), "reads another value", {
          verdict,
          expected,
        });
    },
  }),
};
