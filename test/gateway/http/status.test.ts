import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { retryAfter, STATUS_OF, statusOf } from "../../../gateway/http/status.ts";
import { CODES, type Code } from "../../../wire/codes.ts";
import { projectRoot } from "../../fixtures/temp.ts";

/** The codes of the fleet, as wire/codes.ts groups them. */
function fleetCodes(): readonly string[] {
  const text = readFileSync(join(projectRoot, "wire/codes.ts"), "utf8");
  const group = /\/\/ the fleet\n([^]*?)\n {2}\/\/ /.exec(text)?.[1] ?? "";
  return [...group.matchAll(/^ {2}(\w+): \{/gm)].map(([, code = ""]) => code);
}

const CODE_NAMES = Object.keys(CODES) as Code[];

describe("the status of an error", () => {
  it("is said for each code of the fleet", () => {
    const codes = fleetCodes();
    expect(codes).toContain("target_unknown");
    expect(codes).toContain("rpc_failed");
    expect(codes.filter((code) => !(code in STATUS_OF))).toEqual([]);
  });

  it("is an error's for every code", () => {
    for (const code of CODE_NAMES) expect(statusOf(code)).toBeGreaterThanOrEqual(400);
  });

  it("follows what kind of code it is where nothing else is said", () => {
    expect([statusOf("operation_not_allowed"), statusOf("spawn_failed"), statusOf("usage")]).toEqual([400, 502, 500]);
  });

  it("says when to try again only where that helps", () => {
    const codes = CODE_NAMES.filter((code) => retryAfter(statusOf(code)) !== undefined);
    expect(codes.sort()).toEqual(
      ["agent_full", "audit_unavailable", "rate_limited", "shutting_down", "too_many_runs", "too_many_sessions"].sort(),
    );
  });
});
