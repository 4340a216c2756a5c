import { randomBytes } from "node:crypto";
import { Redactor } from "../host/redact/redactor.ts";
import { DEFAULT_RULES } from "../host/redact/redact-rules.ts";
import { Redaction } from "../host/redact/redaction.ts";
import { RuleBook } from "../host/redact/rule-book.ts";
import { median, times, type Row } from "./bench-figures.ts";

/** What masking costs, in this process: MB of 10^6 bytes in a second, beside a loop that only adds the same bytes up; by turns. */

const CHUNK = 65_536;
const KINDS: Readonly<Record<string, () => Buffer>> = {
  "plain text": () =>
    Buffer.from(
      "A line of a log, as programs write them: 17 files changed, see https://host.example/a/b?c=d for more.\n",
    ),
  base64: () => Buffer.from(randomBytes(CHUNK).toString("base64")),
  "binary zeros": () => Buffer.alloc(CHUNK),
};

function filled(unit: Buffer, bytes: number): Buffer {
  const data = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at += unit.length) unit.copy(data, at);
  return data;
}

function rate(data: Buffer, work: (chunk: Buffer) => unknown): number {
  const started = performance.now();
  for (let at = 0; at < data.length; at += CHUNK) work(data.subarray(at, at + CHUNK));
  return data.length / 1_000 / (performance.now() - started);
}

function sum(chunk: Buffer): number {
  let all = 0;
  let at = chunk.length;
  while (at > 0) all += chunk[--at] ?? 0;
  return all;
}

function throughputRow(kind: string, data: Buffer, secrets: number): Row {
  const values = Array.from({ length: secrets }, () => randomBytes(24).toString("base64"));
  const book = new RuleBook(
    values.map((value) => ({ kind: "environment", value })),
    new Set(),
  );
  const [ours, bare]: [number[], number[]] = [[], []];
  for (let round = 0; round < 7; round++) {
    const redactor = new Redactor(book);
    ours.push(rate(data, (chunk) => redactor.write(chunk)));
    bare.push(rate(data, sum));
  }
  const [mb, reference] = [median(ours), median(bare)];
  return {
    what: `masking of ${kind}, ${secrets} known secrets`,
    measured: `${mb.toFixed(0)} MB/s`,
    reference: `adding the bytes up: ${reference.toFixed(0)} MB/s`,
    ratio: times(mb / reference),
    figures: { mb_per_s: mb, reference_mb_per_s: reference },
  };
}

/** What a small operation pays: secrets are gathered, two streams are made, and a line goes through one. */
function smallRow(): Row {
  const environment = new Map(Object.entries(process.env).map(([name, value = ""]) => [name, value]));
  const redaction = new Redaction(environment);
  const line = Buffer.from("a line\n");
  const samples: number[] = [];
  for (let round = 0; round < 2_000; round++) {
    const started = performance.now();
    const masking = redaction.for({ token: "f".repeat(64), rules: DEFAULT_RULES, environment });
    const [stdout, stderr] = [masking.stream(), masking.stream()];
    stdout.write(line);
    stdout.end();
    stderr.end();
    samples.push(performance.now() - started);
  }
  const p50 = median(samples);
  return {
    what: "masking of a small operation",
    measured: `${(p50 * 1_000).toFixed(0)} µs`,
    reference: "nothing",
    ratio: "",
    figures: { ms: p50 },
  };
}

/** @param quick less data */
export function redactRows(quick: boolean): readonly Row[] {
  const bytes = quick ? 8_388_608 : 67_108_864;
  return [
    ...Object.entries(KINDS).flatMap(([kind, unit]) => {
      const data = filled(unit(), bytes);
      return [0, 20].map((secrets) => throughputRow(kind, data, secrets));
    }),
    smallRow(),
  ];
}
