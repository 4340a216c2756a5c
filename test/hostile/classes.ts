import { classNames, loadClass, routesOf } from "./corpus.ts";

export interface ClassCount {
  readonly name: string;
  readonly attacks: number;
  /** Attacks times the routes that each is tried on. */
  readonly runs: number;
}

/** How many attacks there are, by class. */
export function countClasses(): readonly ClassCount[] {
  return classNames().map((name) => {
    const attacks = loadClass(name);
    return { name, attacks: attacks.length, runs: attacks.reduce((sum, one) => sum + routesOf(one).length, 0) };
  });
}

/** The table that docs/security.md shows. */
export function classTable(counts = countClasses()): string {
  const total = {
    name: "all",
    attacks: counts.reduce((sum, { attacks }) => sum + attacks, 0),
    runs: counts.reduce((sum, { runs }) => sum + runs, 0),
  };
  const rows = [...counts, total].map(({ name, attacks, runs }) => [name, String(attacks), String(runs)] as const);
  const widths = ([0, 1, 2] as const).map((column) =>
    Math.max(["class", "attacks", "runs"][column]?.length ?? 0, ...rows.map((row) => row[column].length)),
  );
  const line = (cells: readonly string[], pad: (text: string, width: number) => string): string =>
    `| ${(cells[0] ?? "").padEnd(widths[0] ?? 0)} | ${cells
      .slice(1)
      .map((cell, index) => pad(cell, widths[index + 1] ?? 0))
      .join(" | ")} |`;
  const left = (text: string, width: number): string => text.padStart(width);
  const rule = `| ${"-".repeat(widths[0] ?? 0)} | ${widths
    .slice(1)
    .map((width) => `${"-".repeat(width - 1)}:`)
    .join(" | ")} |`;
  return [line(["class", "attacks", "runs"], left), rule, ...rows.map((row) => line(row, left))].join("\n");
}
