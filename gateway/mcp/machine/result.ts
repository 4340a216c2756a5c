import type { CallToolResult } from "@modelcontextprotocol/server";

/** Results of a host's own tools, as the gateway's give them. */

export function textOf({ content }: CallToolResult): string {
  return content.map((part) => (part.type === "text" ? part.text : "")).join("\n");
}

export function dataOf({ structuredContent }: CallToolResult): Readonly<Record<string, unknown>> {
  return recordOf(structuredContent);
}

/** The members of an object; none of anything else. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
