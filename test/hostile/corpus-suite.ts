import { describe, expect, it } from "vitest";
import { Arena } from "./arena.ts";
import { runAttack } from "./corpus-runner.ts";
import { loadClass, routesOf } from "./corpus.ts";
import type { SceneOptions } from "./scene.ts";
import { withTools } from "./tools.ts";

/** Makes a test of every attack of these classes on each of its routes, against one daemon. */
export async function testClasses(names: readonly string[], options: SceneOptions = {}): Promise<void> {
  await withTools(names.join(", "), async () => collect(names, options));
}

async function collect(names: readonly string[], options: SceneOptions): Promise<void> {
  const arena = await Arena.open(options);
  for (const name of names) {
    describe(name, () => {
      for (const attack of loadClass(name)) {
        for (const route of routesOf(attack)) {
          it(`${name}: ${attack.name} (${route})`, async () => {
            const verdict = await runAttack(arena, attack, route);
            expect(verdict, JSON.stringify(verdict, undefined, 1)).toEqual({ problems: [], harms: {} });
          });
        }
      }
    });
  }
}
