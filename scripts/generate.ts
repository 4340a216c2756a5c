/**
 * Writes what is derived from the schemas and tables of `wire/`: the compiled validators (wire/generated, not kept in git), the
 * published schemas (schema/), docs/config.md and docs/codes.md. A test fails when a kept file is not what this would write.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Ajv } from "ajv";
import standalone from "ajv/dist/standalone/index.js";
import { build } from "esbuild";
import { format } from "prettier";
import { CODES } from "../wire/codes.ts";
import { DaemonFile, ProjectFile, VALIDATED } from "../wire/schema.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly title?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema;
}

/**
 * A schema as plain JSON, without the marks that the schema builder leaves. Maps are written with `additionalProperties`: the
 * builder's pattern `^.*$` does not match a name with a line break, whose value would then go unchecked.
 */
function plain(schema: object): JsonSchema {
  return JSON.parse(JSON.stringify(schema), (_key, value: unknown) => {
    if (typeof value !== "object" || value === null || !("patternProperties" in value)) return value;
    const { patternProperties, ...rest } = value;
    const [entry, ...more] = Object.values(patternProperties as Record<string, unknown>);
    if (more.length > 0) throw new Error("a map with more than one pattern");
    return { ...rest, additionalProperties: entry };
  }) as JsonSchema;
}

async function validators(): Promise<void> {
  const ajv = new Ajv({ code: { source: true, esm: true }, strict: false, allErrors: false });
  const names = Object.keys(VALIDATED);
  const refs: Record<string, string> = {};
  for (const name of names) {
    const { $id: _dropped, ...schema } = plain(VALIDATED[name as keyof typeof VALIDATED]) as JsonSchema & { $id?: string };
    ajv.addSchema({ ...schema, $id: `#${name}` });
    refs[name] = `#${name}`;
  }
  const code = standalone.default(ajv, refs);
  const out = join(root, "wire/generated");
  mkdirSync(out, { recursive: true });
  // The generated code requires small helpers of ajv; bundling makes it stand on its own.
  await build({
    stdin: { contents: code, resolveDir: root, loader: "js" },
    bundle: true,
    format: "esm",
    platform: "node",
    outfile: join(out, "validate.js"),
    logLevel: "error",
  });
  const shapes = Object.fromEntries(names.map((name) => [name, plain(VALIDATED[name as keyof typeof VALIDATED])]));
  writeFileSync(join(out, "shapes.js"), `export const SHAPES = ${JSON.stringify(shapes)};\n`);
  writeFileSync(
    join(out, "validate.d.ts"),
    `import type { ValidateFunction } from "ajv";\n${names.map((name) => `export declare const ${name}: ValidateFunction;`).join("\n")}\n`,
  );
  writeFileSync(
    join(out, "shapes.d.ts"),
    `import type { Shape } from "../fold.ts";\nexport declare const SHAPES: Readonly<Record<${names.map((n) => JSON.stringify(n)).join(" | ")}, Shape>>;\n`,
  );
}

/** Published form: a draft that editors know, and no internal id. */
function published(schema: object): string {
  const { $id: _dropped, ...rest } = plain(schema) as JsonSchema & { $id?: string };
  return `${JSON.stringify({ $schema: "http://json-schema.org/draft-07/schema#", ...rest }, null, 2)}\n`;
}

function typeText(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(" \\| ");
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeText).join(" or ");
  if (schema.type === "array") return `array of ${schema.items === undefined ? "anything" : typeText(schema.items)}`;
  if (schema.additionalProperties !== undefined) return `object, name to ${typeText(schema.additionalProperties)}`;
  return typeof schema.type === "string" ? schema.type : "anything";
}

/** One table per object, found depth first, under the path that leads to it. */
function tables(schema: JsonSchema, path: string): string {
  const rows = Object.entries(schema.properties ?? {});
  if (rows.length === 0) return "";
  const lines = rows.map(([name, member]) => `| \`${name}\` | ${typeText(member)} | ${(member.description ?? "").replaceAll("|", "\\|")} |`);
  const nested = rows.flatMap(([name, member]) => {
    const entry = member.additionalProperties;
    const inner = [
      { schema: member, path: `${path}/${name}` },
      ...(entry === undefined ? [] : [{ schema: entry, path: `${path}/${name}/NAME` }]),
      ...(member.items?.anyOf ?? []).map((option) => ({ schema: option, path: `${path}/${name}/N` })),
    ];
    return inner.map((one) => tables(one.schema, one.path)).filter((text) => text !== "");
  });
  return [`### \`${path === "" ? "/" : path}\``, "", schema.description ?? "", "", "| member | type | meaning |", "|---|---|---|", ...lines, "", ...nested].join("\n");
}

function configDoc(): string {
  const intro = readFileSync(join(root, "docs/config.intro.md"), "utf8");
  const body = [DaemonFile, ProjectFile].map((schema) => {
    const json = plain(schema);
    return `## ${json.description?.split(":")[0]?.split(" in ")[0] ?? ""}\n\n${tables(json, "")}`;
  });
  return `<!-- Written by npm run generate from wire/schema.ts and docs/config.intro.md; edit those. -->\n\n${intro}\n${body.join("\n")}`;
}

function codesDoc(): string {
  const kinds = {
    denied: "Policy said no. Nothing ran.",
    failed: "The operation was allowed, but the machinery could not do it or had to end it.",
    client: "Said by our own clients and by the CLI, never by the daemon to a client.",
  } as const;
  const parts = (["denied", "failed", "client"] as const).map((kind) => {
    const rows = Object.entries(CODES)
      .filter(([, entry]) => entry.kind === kind)
      .map(([code, entry]) => `| \`${code}\` | ${entry.means} | ${entry.hint} |`);
    return `## ${kind}\n\n${kinds[kind]}\n\n| code | means | what to do |\n|---|---|---|\n${rows.join("\n")}\n`;
  });
  return `<!-- Written by npm run generate from wire/codes.ts; edit that. -->\n\n# Codes\n\nEvery denial and failure carries one of these in \`code\`, with a \`hint\`. Codes are stable; the texts beside them may change.\n\n${parts.join("\n")}`;
}

/** Path from the root → content, for everything that is kept in git. */
export async function keptFiles(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ["schema/daemon.schema.json", published(DaemonFile)],
    ["schema/project.schema.json", published(ProjectFile)],
    ["docs/config.md", await format(configDoc(), { parser: "markdown" })],
    ["docs/codes.md", await format(codesDoc(), { parser: "markdown" })],
  ]);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await validators();
  for (const [path, content] of await keptFiles()) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}
