import { describe, expect, it } from "vitest";
import { CodedError } from "../../wire/errors.ts";
import { failedBy, maskedOutcome } from "../../host/engine/ending.ts";
import { DEFAULT_RULES } from "../../host/redact/redact-rules.ts";
import { Redaction } from "../../host/redact/redaction.ts";

const masking = new Redaction(new Map()).for({ token: "t".repeat(64), rules: DEFAULT_RULES, environment: undefined });

describe("how a run ended", () => {
  it("says nothing secret, counts what was masked, and stays as it is when nothing was [promise 8]", () => {
    const failure = failedBy(new CodedError("spawn_failed", `cannot run ${"t".repeat(64)}`, { hint: "Look." }));
    const masked = maskedOutcome(failure, 2, masking);
    expect(masked).toMatchObject({ message: "cannot run [redacted:session-token]", redacted: 3 });
    expect(masked.notice).toMatch(/^3 places that held secrets were masked/);
    const plain = failedBy(new CodedError("spawn_failed", "cannot run it"));
    expect(maskedOutcome(plain, 0, masking)).toBe(plain);
  });
});
