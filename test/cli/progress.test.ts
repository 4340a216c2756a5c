import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { DirectOutput } from "../../host/cli/direct-output.ts";
import { whileTold } from "../../host/cli/progress.ts";
import { Sheet } from "./harness.ts";

async function told(ms: number, environment: NodeJS.ProcessEnv, stderrIsTerminal = true): Promise<string> {
  const targets = { stdout: new Sheet(), stderr: new Sheet() };
  const terminal = { direct: new DirectOutput(() => targets), environment, columns: 16, stderrIsTerminal };
  expect(await whileTold("looking for it", terminal, async () => sleep(ms, "found"))).toBe("found");
  expect(targets.stdout.bytes).toHaveLength(0);
  return targets.stderr.bytes.toString();
}

describe("work that takes long", () => {
  it("is told of on a terminal, in one line that goes away, and nowhere else", async () => {
    const [seen, short, quiet, dumb, file] = await Promise.all([
      told(2_300, {}),
      told(1, {}),
      told(1_500, { NO_COLOR: "1" }),
      told(1_500, { TERM: "dumb" }),
      told(1_500, {}, false),
    ]);
    expect(seen).toMatch(/^(?:\rlooking for it,\u001b\[K)+\r\u001b\[K$/);
    expect([short, quiet, dumb, file]).toEqual(["", "", "", ""]);
  });

  it("takes its line away when it fails", async () => {
    const targets = { stdout: new Sheet(), stderr: new Sheet() };
    const terminal = { direct: new DirectOutput(() => targets), environment: {}, columns: 80, stderrIsTerminal: true };
    const work = async (): Promise<never> => {
      await sleep(1_300);
      throw new Error("lost");
    };
    await expect(whileTold("looking", terminal, work)).rejects.toThrow("lost");
    expect(targets.stderr.bytes.toString()).toMatch(/^(?:\rlooking, \d+ s\u001b\[K)+\r\u001b\[K$/);
  });
});
