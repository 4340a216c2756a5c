import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { namesOf } from "./arena.ts";
import { classNames, loadClass, PLANT_NAMES, type Attack, type Harm } from "./corpus.ts";
import { expanded } from "./placeholders.ts";
import { plantInto, type Ground } from "./plants.ts";
import { Scene } from "./scene.ts";
import { withTools } from "./tools.ts";
import { differences, treeOf } from "./tree.ts";

const attacks = classNames().flatMap((name) => loadClass(name));

/** Runs a program without any protection, and returns what it says. Not synchronously: the servers are in this process. */
async function runPlainly(scene: Scene, [program = "", ...args]: readonly string[]): Promise<string> {
  const child = spawn(program, args, {
    cwd: scene.workspace,
    env: { ...scene.plainEnvironment, GIT_TERMINAL_PROMPT: "0", GIT_SSH_VARIANT: "ssh", GH_PROMPT_DISABLED: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 10_000,
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(child, "close");
  return Buffer.concat(chunks).toString("utf8");
}

/** What somebody does who trusts the workspace: plants, and runs the command line there. Says what came of it. */
async function bite(scene: Scene, ground: Ground, attack: Attack): Promise<ReadonlyMap<Harm, boolean>> {
  scene.renew();
  scene.soil(scene.workspace, scene.remote);
  const before = { stray: scene.strayRequests().length, refs: scene.remoteRefs(), host: treeOf(scene.host) };
  for (const plant of attack.plant ?? []) plantInto(ground, plant);
  const said = await runPlainly(scene, attack.bites ?? []);
  const changes = differences(before.refs, scene.remoteRefs()).filter(
    (line) => !line.startsWith("refs/heads/ai/work:"),
  );
  return new Map<Harm, boolean>([
    ["marker", scene.readMarker() !== undefined],
    ["other_repository", scene.strayRequests().length > before.stray],
    ["secret", scene.secrets.some((secret) => said.includes(secret))],
    ["remote_changed", changes.length > 0],
    ["host_files", differences(before.host, treeOf(scene.host)).length > 0],
  ]);
}

function testBites(scene: Scene): void {
  const names = namesOf(scene);
  const ground = { workspace: scene.workspace, remote: scene.remote, attack: names.get("marker-command") ?? "" };
  for (const source of attacks) {
    const {
      bites,
      must_not: [harm],
    } = source;
    if (bites === undefined || harm === undefined) continue;
    it(`${source.class}: ${source.name}`, async () => {
      const seen = await bite(scene, ground, expanded(source, names));
      if (seen.get("host_files") === true) scene.restoreHost();
      expect([harm, seen.get(harm)]).toEqual([harm, true]);
    });
  }
}

await withTools("an attack of the corpus", async () => {
  const scene = await Scene.open();
  describe("an attack of the corpus bites where nothing stops it", () => {
    testBites(scene);
  });
});

it("every plant is used by an attack", () => {
  const used = new Set(attacks.flatMap(({ plant = [] }) => plant.flatMap((one) => Object.keys(one))));
  expect(PLANT_NAMES.filter((name) => !used.has(name))).toEqual([]);
});
