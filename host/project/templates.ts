import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CodedError } from "../../wire/errors.ts";
import { quoted } from "../../wire/text.ts";
import { EMBEDDED } from "../util/embedded.ts";
import { MAX_CONFIG_BYTES } from "./pin.ts";
import { readPlainFile } from "./plain-file.ts";

/** Where templates come from: a directory, or the templates themselves by name. */
export type TemplateSource = string | ReadonlyMap<string, Buffer>;

/** Without a dot: what belongs to a template has its name and one. */
const TEMPLATE_NAME = /^[a-z0-9][a-z0-9_-]*$/;

/**
 * The directory of the bundled templates. `from` is the directory of the running file: `dist/` in the package, this folder in the source; the
 * templates lie beside the one and two levels above the other.
 */
export function templatesDirectory(from: string = dirname(fileURLToPath(import.meta.url))): string {
  const candidates = [join(from, "../templates"), join(from, "../../templates")];
  return candidates.find((path) => existsSync(join(path, "readonly.json"))) ?? join(from, "../templates");
}

/** The templates that the executable carries, else the directory of those that lie beside the program. */
export function bundledTemplates(embedded = EMBEDDED): TemplateSource {
  if (embedded === undefined) return templatesDirectory();
  return new Map(
    [...embedded].flatMap(([path, text]) => {
      const name = /^templates\/([^/]+)\.json$/.exec(path)?.[1];
      return name === undefined ? [] : [[name, Buffer.from(text, "base64")] as const];
    }),
  );
}

/** Names of the templates of a source, sorted. */
export function listTemplates(source: TemplateSource): readonly string[] {
  if (typeof source !== "string") return [...source.keys()].filter((name) => TEMPLATE_NAME.test(name)).sort();
  if (!existsSync(source)) return [];
  return readdirSync(source)
    .filter((file) => file.endsWith(".json") && !file.endsWith(".cases.json"))
    .map((file) => file.slice(0, -".json".length))
    .filter((name) => TEMPLATE_NAME.test(name))
    .sort();
}

/** The cases of a template, as bytes; undefined when it has none. */
export function readTemplateCases(source: TemplateSource, name: string): Buffer | undefined {
  if (!TEMPLATE_NAME.test(name)) return undefined;
  if (typeof source !== "string") return source.get(`${name}.cases`);
  return readPlainFile(join(source, `${name}.cases.json`), MAX_CONFIG_BYTES);
}

function bytesOf(source: TemplateSource, name: string): Buffer | undefined {
  if (!TEMPLATE_NAME.test(name)) return undefined;
  return typeof source === "string" ? readPlainFile(join(source, `${name}.json`), MAX_CONFIG_BYTES) : source.get(name);
}

/**
 * The bytes of a template.
 * @throws CodedError `not_found` for a name that is none, with the names that exist
 */
export function readTemplate(source: TemplateSource, name: string): Buffer {
  const bytes = bytesOf(source, name);
  if (bytes !== undefined) return bytes;
  throw new CodedError("not_found", `failed to read template ${quoted(name)}: there is no such template`, {
    hint: `Templates: ${listTemplates(source).join(", ")}.`,
  });
}
