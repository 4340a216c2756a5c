import { describe, it } from "vitest";
import { requireTools } from "../fixtures/backends/present.ts";

/** What a scene needs. */
const hasTools = requireTools(["git", "ssh", "ssh-keygen", "sshd", "gh", "aws"]);

/**
 * Collects tests that need a scene. Where its programs are missing there is one skipped test instead, and a line that says so; in CI that is a
 * failure: no attack passes because there was nothing to attack.
 */
export async function withTools(name: string, collect: () => Promise<void> | void): Promise<void> {
  if (hasTools) await collect();
  else
    describe.skip(name, () => {
      it("needs git, ssh, sshd, gh and aws");
    });
}
