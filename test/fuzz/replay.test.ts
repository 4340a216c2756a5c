import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { corpusOf } from "./corpus.ts";
import { TARGETS } from "./targets/index.ts";
import type { Subject } from "./engine/target.ts";

const CORPUS = join(import.meta.dirname, "corpus");
const MAX_FILES = 400;
const MAX_BYTES = 300_000;

async function replay(subject: Subject, inputs: readonly Buffer[]): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const input of inputs) {
    try {
      await (subject.verify ?? subject.check)(input);
    } catch (error) {
      wrong.push(`${JSON.stringify(input.toString("latin1"))}: ${String(error)}`);
    }
  }
  return wrong;
}

describe("the inputs that fuzzing kept", () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))(
    "are still taken as they should by %s",
    async (name, target) => {
      const inputs = [...target.seeds.map((seed) => Buffer.from(seed)), ...corpusOf(join(CORPUS, name))];
      expect(inputs.length).toBeGreaterThan(target.seeds.length);
      const directory = mkdtempSync(join(tmpdir(), "c2h-"));
      const subject = target.start(directory);
      try {
        expect(await replay(subject, inputs)).toEqual([]);
      } finally {
        subject.close?.();
        rmSync(directory, { recursive: true, force: true });
      }
    },
  );

  it("are few, small, and each of a target that there is", () => {
    const names = TARGETS.map(({ name }) => name);
    expect(readdirSync(CORPUS).filter((name) => !names.includes(name))).toEqual([]);
    const sizes = names.flatMap((name) =>
      readdirSync(join(CORPUS, name)).map((file) => statSync(join(CORPUS, name, file)).size),
    );
    expect(sizes.length).toBeLessThan(MAX_FILES);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MAX_BYTES);
  });
});
