import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { MAX_CONFIG_BYTES } from "./pin.ts";
import { readPlainFile } from "./plain-file.ts";

const TEMPLATE_NAME = /^[a-z0-9][a-z0-9_-]*$/;

/**
 * The directory of the bundled templates. `from` is the directory of the running file: `dist/` in the package, this folder in the source; the
 * templates lie beside the one and two levels above the other.
 */
export function templatesDirectory(from: string = dirname(fileURLToPath(import.meta.url))): string {
  const candidates = [join(from, "../templates"), join(from, "../../templates")];
  return candidates.find((path) => existsSync(join(path, "readonly.json"))) ?? join(from, "../templates");
}

/** Names of the templates in `directory`, sorted. */
export function listTemplates(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((file) => file.endsWith(".json") && !file.endsWith(".cases.json"))
    .map((file) => file.slice(0, -".json".length))
    .filter((name) => TEMPLATE_NAME.test(name))
    .sort();
}

/**
 * The bytes of a template.
 * @throws CodedError `not_found` for a name that is none, with the names that exist
 */
export function readTemplate(directory: string, name: string): Buffer {
  const bytes = TEMPLATE_NAME.test(name) ? readPlainFile(join(directory, `${name}.json`), MAX_CONFIG_BYTES) : undefined;
  if (bytes !== undefined) return bytes;
  throw new CodedError("not_found", `failed to read template ${quoted(name)}: there is no such template`, {
    hint: `Templates: ${listTemplates(directory).join(", ")}.`,
  });
}
