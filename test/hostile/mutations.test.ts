import { describe, expect, it } from "vitest";
import { Arena } from "./arena.ts";
import { runAttack, type Verdict } from "./corpus-runner.ts";
import { classNames, loadClass, routesOf, type Attack } from "./corpus.ts";
import { buildMutant } from "./mutant.ts";
import { MUTATIONS } from "./mutations.ts";
import { Scene } from "./scene.ts";
import { withTools } from "./tools.ts";

const attacks = new Map(
  classNames().flatMap((name) =>
    loadClass(name).map((attack): [string, Attack] => [`${name}: ${attack.name}`, attack]),
  ),
);

/** The attack on its quickest route. */
async function tried(arena: Arena, name: string): Promise<Verdict> {
  const attack = attacks.get(name);
  if (attack === undefined) throw new Error(`there is no attack ${name}`);
  const [route] = [...routesOf(attack)].sort((one, other) => Number(one === "mcp") - Number(other === "mcp"));
  if (route === undefined) throw new Error(`${name} has no route`);
  return runAttack(arena, attack, route);
}

function cameOutWell({ problems, harms }: Verdict): boolean {
  return problems.length === 0 && Object.keys(harms).length === 0;
}

// Each mutant brings its own copy of a library that listens for signals.
process.setMaxListeners(0);

function testMutations(scene: Scene): void {
  for (const { name, edits, attacks: wanted } of MUTATIONS) {
    it(`when it does not hold that ${name}`, async () => {
      const arena = await Arena.open({ scene, daemon: await buildMutant(edits) });
      const verdicts = new Map<string, Verdict>();
      for (const attack of wanted) verdicts.set(attack, await tried(arena, attack));
      const well = [...verdicts].filter(([, verdict]) => cameOutWell(verdict)).map(([attack]) => attack);
      expect(well.length, `came out well although it was switched off: ${well.join("; ")}`).toBeLessThan(wanted.length);
    });
  }

  it("at nothing when nothing is switched off", async () => {
    const arena = await Arena.open({ daemon: await buildMutant([]) });
    for (const attack of new Set(MUTATIONS.flatMap((mutation) => mutation.attacks)))
      expect([attack, await tried(arena, attack)]).toEqual([attack, { problems: [], harms: {} }]);
  });
}

await withTools("the corpus bites", async () => {
  const scene = await Scene.open();
  describe("the corpus bites", () => {
    testMutations(scene);
  });
});
