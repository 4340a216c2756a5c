import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { median, type Row } from "./bench-figures.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const TEST = "comes from a fresh clone to gh pr list";

/** Milliseconds of one way from a fresh clone to `gh pr list`, as test/e2e/containers/setup.test.ts took it. */
interface Way {
  readonly image: string;
  readonly setup: number;
  readonly daemon: number;
  readonly up: number;
  readonly list: number;
  readonly total: number;
}

const seconds = (value: number): string => `${(value / 1_000).toFixed(1)} s`;

function rowOf(image: string, ways: readonly Way[]): Row {
  const of = (name: Exclude<keyof Way, "image">): number => median(ways.map((way) => way[name]));
  const parts = `setup ${seconds(of("setup"))}, daemon ${seconds(of("daemon"))}, devcontainer up ${seconds(of("up"))}, gh pr list ${seconds(of("list"))}`;
  return {
    what: `from a fresh clone to gh pr list, ${image}`,
    measured: seconds(of("total")),
    reference: parts,
    ratio: "",
    figures: { total: of("total"), setup: of("setup"), daemon: of("daemon"), up: of("up"), list: of("list") },
  };
}

/**
 * Takes the test of that way in containers, `rounds` times, and gives a row for each image. Where containers cannot be had, the rig says so, and there
 * is no row.
 */
export function setupRows(base: string, rounds: number): readonly Row[] {
  const file = join(base, "setup-figures");
  const env = { ...process.env, CMD2HOST_SETUP_FIGURES: file };
  for (let round = 0; round < rounds; round++) {
    const words = ["run", "--silent", "test:containers", "--", "setup.test", "-t", TEST];
    const { status } = spawnSync("npm", words, { cwd: root, env, stdio: ["ignore", 2, 2] });
    if (status !== 0) throw new Error("the way from setup to gh pr list failed: npm run test:containers -- setup.test");
    if (!existsSync(file)) break;
  }
  if (!existsSync(file)) {
    process.stderr.write("SKIPPED: the way from setup to gh pr list was not measured\n");
    return [];
  }
  const ways = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Way);
  return [...new Set(ways.map(({ image }) => image))].map((image) =>
    rowOf(
      image,
      ways.filter((way) => way.image === image),
    ),
  );
}
