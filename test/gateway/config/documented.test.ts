import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectRoot } from "../../fixtures/temp.ts";
import { loadGateway } from "../../../gateway/config/load.ts";
import { fileOf, plain } from "./files.ts";

/** What is looked at of a schema. */
interface Shape {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly additionalProperties?: Shape;
  readonly items?: Shape;
}

const schema = JSON.parse(readFileSync(join(projectRoot, "schema/gateway.schema.json"), "utf8")) as Shape;
const page = readFileSync(join(projectRoot, "docs/gateway.md"), "utf8");

function typeOf(shape: Shape): string {
  if (shape.enum !== undefined) return shape.enum.map((value) => `\`${value}\``).join(" or ");
  if (shape.type === "array") return shape.items?.type === "object" ? "list of tables" : "list of strings";
  if (shape.additionalProperties !== undefined) return "table, name to string";
  return shape.type === "object" ? "table" : (shape.type ?? "");
}

/** One row for each key that is no table with a heading of its own. */
function rowsOf(shape: Shape, prefix = ""): readonly string[] {
  return Object.entries(shape.properties ?? {}).flatMap(([key, member]) => {
    const name = `${prefix}${key}`;
    const row = `| \`${name}\` | ${typeOf(member)} | ${member.description ?? ""} |`;
    const inner = member.items?.properties === undefined ? member : member.items;
    return inner.properties === undefined ? [row] : [row, ...rowsOf(inner, `${name}.`)];
  });
}

/** Tables with a heading of their own, by that heading. */
const parts = Object.entries(schema.properties ?? {}).flatMap(([key, member]) => {
  if (key === "audit") return []; // as in daemon.json: docs/config.md
  if (member.items !== undefined) return [[`\`[[${key}]]\``, member.items] as const];
  return member.properties === undefined ? [] : [[`\`[${key}]\``, member] as const];
});
const top = { properties: { cache_dir: schema.properties?.["cache_dir"] ?? {} } };

function sections(): ReadonlyMap<string, string> {
  return new Map(
    page
      .split(/^### /m)
      .slice(1)
      .map((text) => [text.slice(0, text.indexOf("\n")), text]),
  );
}

describe("docs/gateway.md", () => {
  it("has every member of gateway.toml, as the schema describes it", () => {
    for (const [heading, shape] of [["Before the first table", top] as const, ...parts]) {
      const rows = (sections().get(heading) ?? "").split("\n").map((line) => line.replace(/\s+/g, " "));
      const shown = rows.filter((line) => line.startsWith("| `")).map((line) => line.trim());
      expect([heading, shown]).toEqual([heading, rowsOf(shape)]);
    }
  });

  it("has the audit's members where they are described", () => {
    expect(page).toContain("[config.md](config.md)");
    expect(Object.keys(schema.properties?.["audit"]?.properties ?? {})).toContain("syslog");
  });

  it("shows files that load, without a warning", () => {
    const shown = [...page.matchAll(/```toml\n([\s\S]*?)```/g)].map(([, body = ""]) => body);
    expect(shown.length).toBeGreaterThan(0);
    for (const body of shown) {
      const loaded = loadGateway(fileOf(body), plain({ env: { COMMANDO_API_KEY: "a-key-that-nobody-guesses" } }));
      expect(loaded.warnings).toEqual([]);
    }
  });
});
