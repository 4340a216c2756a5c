import { setTimeout as sleep } from "node:timers/promises";
import { ask as send, pageOf, type Answer } from "../fixtures/ask.ts";
import type { Ask, Case, Expected, ExpectedReading, Step } from "./case.ts";
import { differs } from "./shapes.ts";

/** A gateway that is set up as a case's fixture says. */
export interface Base {
  readonly url: string;
  readonly key: string;
}

const PATIENCE_MS = 20_000;

function filled(text: string, kept: ReadonlyMap<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => kept.get(name) ?? whole);
}

async function answer(base: Base, ask: Ask, kept: ReadonlyMap<string, string>): Promise<Answer> {
  const authorization = "authorization" in ask ? ask.authorization : `Bearer ${base.key}`;
  const isJson = typeof ask.body === "object";
  const body = typeof ask.body === "object" ? JSON.stringify(ask.body) : ask.body;
  return send(base.url, filled(ask.path, kept), {
    method: ask.method ?? "GET",
    headers: {
      ...(authorization === undefined ? {} : { Authorization: authorization }),
      ...(isJson ? { "Content-Type": "application/json" } : {}),
      ...ask.headers,
    },
    ...(body === undefined ? {} : { body: filled(body, kept) }),
  });
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Why an answer is not as expected. */
function wrongWith({ status, headers, text }: Answer, expected: Expected): string | undefined {
  if (status !== expected.status) return `status ${status}, not ${expected.status}: ${text.slice(0, 300)}`;
  const type = headers["content-type"] ?? "";
  if (expected.kind === "empty" && text !== "") return `a body: ${text.slice(0, 300)}`;
  if (expected.kind === "text" && !type.startsWith("text/plain")) return `type ${type}`;
  if (expected.kind === "json" && !type.startsWith("application/json")) return `type ${type}`;
  for (const [name, value] of Object.entries(expected.headers ?? {})) {
    const given = headers[name] ?? null;
    if (given !== value) return `header ${name}: ${String(given)}, not ${String(value)}`;
  }
  return expected.json === undefined ? undefined : differs(expected.json, json(text));
}

async function readAll(base: Base, ask: Ask, expected: ExpectedReading): Promise<string | undefined> {
  let text = await answer(base, ask, new Map());
  let page = pageOf(text);
  let { stdout, stderr } = page;
  while (page.next_page !== undefined) {
    text = await answer(base, { path: `/api/exec?page=${page.next_page}` }, new Map());
    page = pageOf(text);
    stdout += page.stdout;
    stderr += page.stderr;
  }
  return differs(
    { stdout: expected.stdout, stderr: expected.stderr, last: expected.last },
    { stdout, stderr, last: page },
  );
}

async function together(base: Base, asks: readonly Ask[], expected: readonly Expected[]): Promise<string | undefined> {
  const answers = await Promise.all(asks.map(async (ask) => answer(base, ask, new Map())));
  const left = [...expected];
  for (const one of answers) {
    const index = left.findIndex((shape) => wrongWith(one, shape) === undefined);
    if (index < 0) return `nobody expects ${one.status}: ${one.text.slice(0, 300)}`;
    left.splice(index, 1);
  }
  return undefined;
}

async function runStep(base: Base, step: Step, kept: Map<string, string>): Promise<string | undefined> {
  if ("read" in step) return readAll(base, step.read, step.expect);
  if ("together" in step) return together(base, step.together, step.expect);
  const until = Date.now() + (step.until === true ? PATIENCE_MS : 0);
  for (;;) {
    const given = await answer(base, step.ask, kept);
    const wrong = wrongWith(given, step.expect);
    if (wrong === undefined) {
      for (const [name, pattern] of Object.entries(step.keep ?? {}))
        kept.set(name, new RegExp(pattern).exec(given.text)?.[1] ?? "");
      return undefined;
    }
    if (Date.now() >= until) return `${step.ask.method ?? "GET"} ${step.ask.path.slice(0, 100)}: ${wrong}`;
    await sleep(50);
  }
}

/** Runs a case against a gateway. What is not as expected, one line each; nothing when all is well. */
export async function runCase(base: Base, { steps }: Case): Promise<readonly string[]> {
  const kept = new Map<string, string>();
  const wrong: string[] = [];
  for (const [index, step] of steps.entries()) {
    const what = await runStep(base, step, kept);
    if (what !== undefined) wrong.push(`step ${index + 1}: ${what}`);
  }
  return wrong;
}
