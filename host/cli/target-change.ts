import { printable } from "../../wire/text.ts";
import type { ListedTarget } from "./fleet-targets.ts";

/** A target after it was changed, in a sentence. */
export function targetWords({ name, host, port, tags }: ListedTarget): string {
  const at = host === "" ? "it dials in" : `at ${printable(host)}:${port}`;
  return `${printable(name)}, ${at}, tags: ${tags.length === 0 ? "none" : tags.map(printable).join(", ")}`;
}

/** The path of a target, whose name may hold slashes. */
export function targetPath(name: string): string {
  return `/v2/targets/${encodeURIComponent(name)}`;
}
