import { expect, it } from "vitest";
import { denialProblems } from "../fixtures/denial-rules.ts";
import type { OperationReply } from "../../wire/schema.ts";

/** The conformance cases of the system that we are compatible with, by number. */
export const CASE_COUNT = 120;

/** Cases that nothing here can show yet, and what they wait for. */
export const PENDING: ReadonlyMap<number, string> = new Map([
  [120, "the original's programs, which cannot be had here; our clients and daemon speak its recorded forms instead"],
]);

/** A test that shows one or more cases. The numbers are found by reading the test files, so they stand in the call as literals. */
export function conforms(numbers: number | readonly number[], title: string, body: () => Promise<void> | void): void {
  it(`case ${String(numbers)}: ${title}`, body);
}

/** Asserts a denial that carries the fragment: exit code 1, no output, and a reason. */
export function expectDenied(reply: OperationReply, fragment: string, code?: string): void {
  expect(reply.denied_reason).toContain(fragment);
  expect(reply).toMatchObject({ exit_code: 1, stdout: "", stderr: "", outcome: "denied" });
  if (code !== undefined) expect(reply.code).toBe(code);
  const { denied_reason: message, hint } = reply;
  expect(denialProblems({ code: reply.code, message: message ?? "", hint }, [])).toEqual([]);
}
