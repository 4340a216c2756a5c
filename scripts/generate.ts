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
import { ALLOWED_BY, CODES, entryOf, type Code } from "../wire/codes.ts";
import { STATUS_OF, statusOf } from "../gateway/http/status.ts";
import { CasesFile, DaemonFile, GatewayFile, ProjectFile, VALIDATED } from "../wire/schema.ts";

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
  const ajv = new Ajv({ code: { source: true, esm: true }, strict: false, strictNumbers: true, allErrors: false });
  const names = Object.keys(VALIDATED);
  const refs: Record<string, string> = {};
  for (const name of names) {
    ajv.addSchema({ ...plain(VALIDATED[name as keyof typeof VALIDATED]), $id: `#${name}` });
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
  const draft = { $schema: "http://json-schema.org/draft-07/schema#", ...plain(schema), $id: undefined };
  return `${JSON.stringify(draft, null, 2)}\n`;
}

/** Files that an owner writes; everything else that is validated is a message. */
const FILES = new Set([
  "daemon_config",
  "project_config",
  "token_binding",
  "cases_file",
  "pin",
  "enrolment",
  "gateway_config",
  "targets_file",
]);

function messages(): string {
  const definitions = Object.entries(VALIDATED).flatMap(([name, schema]) =>
    FILES.has(name) ? [] : [[name, { ...plain(schema), $id: undefined }] as const],
  );
  const whole = {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "cmd2host protocol messages",
    description: "Every JSON message between clients and daemon, by name; docs/protocol.md says where each stands.",
    definitions: Object.fromEntries(definitions),
  };
  return `${JSON.stringify(whole, null, 2)}\n`;
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
  const lines = rows.map(
    ([name, member]) => `| \`${name}\` | ${typeText(member)} | ${(member.description ?? "").replaceAll("|", "\\|")} |`,
  );
  const nested = rows.flatMap(([name, member]) => {
    const entry = member.additionalProperties;
    const inner = [
      { schema: member, path: `${path}/${name}` },
      ...(entry === undefined ? [] : [{ schema: entry, path: `${path}/${name}/NAME` }]),
      ...(member.items?.anyOf ?? []).map((option) => ({ schema: option, path: `${path}/${name}/N` })),
    ];
    return inner.map((one) => tables(one.schema, one.path)).filter((text) => text !== "");
  });
  return [
    `### \`${path === "" ? "/" : path}\``,
    "",
    schema.description ?? "",
    "",
    "| member | type | meaning |",
    "|---|---|---|",
    ...lines,
    "",
    ...nested,
  ].join("\n");
}

function configDoc(): string {
  const intro = readFileSync(join(root, "docs/config.intro.md"), "utf8");
  const body = [DaemonFile, ProjectFile].map((schema) => {
    const json = plain(schema);
    return `## ${json.description?.split(":")[0]?.split(" in ")[0] ?? ""}\n\n${tables(json, "")}`;
  });
  return `<!-- Written by npm run generate from wire/schema.ts and docs/config.intro.md; edit those. -->\n\n${intro}\n${body.join("\n")}`;
}

/** What a gateway answers over HTTP, by status. */
function statusesDoc(): string {
  const codes = (Object.keys(CODES) as Code[]).filter((code) => entryOf(code).kind !== "client" || code in STATUS_OF);
  const statuses = [...new Set(codes.map(statusOf))].sort((a, b) => a - b);
  const rows = statuses.map((status) => {
    const kind = status === 400 ? "denied" : status === 502 ? "failed" : undefined;
    const named = codes.filter((code) => statusOf(code) === status && entryOf(code).kind !== kind);
    const all = kind === undefined ? [] : [`every other code of the kind \`${kind}\``];
    return `| ${status} | ${[...named.map((code) => `\`${code}\``), ...all].join(", ")} |`;
  });
  return `## Over HTTP\n\nA gateway's REST routes answer an error with its code, and one of these statuses. With 429 and 503 comes \`Retry-After\`. [fleet.md](fleet.md) has the exit codes of the command line.\n\n| status | codes |\n|---|---|\n${rows.join("\n")}\n`;
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
      .map(
        ([code, entry]) =>
          `| \`${code}\` | ${entry.means} | ${entry.hint} | ${entryOf(code as Code).allowedBy ?? "–"} |`,
      );
    return `## ${kind}\n\n${kinds[kind]}\n\n| code | means | what to do | who can allow it |\n|---|---|---|---|\n${rows.join("\n")}\n`;
  });
  return `<!-- Written by npm run generate from wire/codes.ts; edit that. -->\n\n# Codes\n\nEvery denial and failure carries one of these in \`code\`, with a \`hint\`. Codes are stable; the texts beside them may change.\n\nWhat a caller can put right says how. Behind the hint of everything else stands who could allow it: for the owner "${ALLOWED_BY.owner}", for what nobody can allow "${ALLOWED_BY.nobody}"\n\n${parts.join("\n")}\n${statusesDoc()}`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

/** Loaded late: the command line needs the validators, which may not be there before the first run. */
async function cliDoc(): Promise<string> {
  const { COMMANDS } = await import("../host/cli/index.ts");
  const { synopsis } = await import("../host/cli/synopsis.ts");
  const sections = COMMANDS.map((command) => {
    const rows = Object.entries(command.options).map(([name, option]) => {
      const fallback = "default" in option ? ` Default: ${option.default}.` : "";
      const shown =
        option.kind.endsWith("word") || option.kind === "words"
          ? name
          : option.kind === "rest"
            ? `-- ${name}`
            : `--${name}${"placeholder" in option ? ` ${option.placeholder}` : ""}`;
      return `| \`${shown}\` | ${cell(option.about)}.${fallback}${"required" in option ? " Required." : ""} |`;
    });
    const table = rows.length === 0 ? "" : `\n| | |\n|---|---|\n${rows.join("\n")}\n`;
    const examples = command.examples.map(([line, about]) => `cmd2host ${line}\n    ${about}`).join("\n");
    const more = command.more === undefined ? "" : `\n${cell(command.more)}\n`;
    return `## cmd2host ${command.path.join(" ")}\n\n\`${synopsis(command)}\`\n\n${cell(command.about)}\n${table}${more}\n\`\`\`\n${examples}\n\`\`\`\n`;
  });
  return `<!-- Written by npm run generate from host/cli; edit that. -->\n\n${readFileSync(join(root, "docs/cli.intro.md"), "utf8")}\n${sections.join("\n")}`;
}

async function profilesDoc(): Promise<string> {
  const { RECIPES } = await import("../host/sanitize/index.ts");
  const { BASE_PASSES } = await import("../host/sanitize/recipe.ts");
  const situation = {
    host: new Map<string, string>(),
    repo: "OWNER/NAME",
    gitHost: "HOST",
    gitConfig: new Map<string, string>(),
  };
  const code = (text: string): string => `\`${text}\``;
  const sections = Object.values(RECIPES).map((recipe) => {
    const sets = [...recipe.sets(situation)].map(([name, value]) => code(`${name}=${value}`));
    const config = [...recipe.gitConfig(situation)].map(([key, value]) => code(`${key}=${value}`));
    const lines = [
      `needs: ${recipe.needs}`,
      `passes on, when set on the host: ${recipe.passes.length === 0 ? "nothing" : recipe.passes.map(code).join(", ")}`,
      `sets: ${sets.length === 0 ? "nothing" : sets.join(", ")}`,
      `git configuration that wins over every file: ${config.join(", ")}`,
    ];
    return `## ${recipe.name}\n\n${lines.map((line) => `- ${line}`).join("\n")}\n`;
  });
  const base = BASE_PASSES.map(code).join(", ");
  return `<!-- Written by npm run generate from host/sanitize; edit that. -->\n\n# Environment profiles\n\nThe environment of a program is made from nothing. Every program gets \`PATH\` (the daemon's own, without relative, empty or workspace entries) and, when the host has them, ${base}; then the project's checked \`env\`; then what its profile sets, which nothing can replace. \`CMD2HOST_RUN\` marks the processes of one run, so that they can be found when it is ended.\n\ngit and gh always have their own profiles; another program has the one that its operation names, else \`aws\` by name, else \`minimal\`.\n\n${sections.join("\n")}`;
}

/** Path from the root → content, for everything that is kept in git. */
export async function keptFiles(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ["schema/daemon.schema.json", published(DaemonFile)],
    ["schema/project.schema.json", published(ProjectFile)],
    ["schema/cases.schema.json", published(CasesFile)],
    ["schema/gateway.schema.json", published(GatewayFile)],
    ["schema/protocol.schema.json", messages()],
    ["docs/config.md", await format(configDoc(), { parser: "markdown" })],
    ["docs/cli.md", await format(await cliDoc(), { parser: "markdown" })],
    ["docs/profiles.md", await format(await profilesDoc(), { parser: "markdown" })],
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
