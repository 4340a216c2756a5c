import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { errnoOf } from "../../wire/errors.ts";
import { EMBEDDED } from "./embedded.ts";

/**
 * A file of this installation, by its path in the package: what the executable carries, or what lies beside the bundle or the source. Undefined when
 * this installation has none. Throws system errors.
 */
export function ownFile(path: string): Buffer | undefined {
  if (EMBEDDED !== undefined) {
    const text = EMBEDDED.get(path);
    return text === undefined ? undefined : Buffer.from(text, "base64");
  }
  const running = fileURLToPath(import.meta.url);
  try {
    return readFileSync(join(dirname(running), running.endsWith(".ts") ? "../.." : "..", path));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
