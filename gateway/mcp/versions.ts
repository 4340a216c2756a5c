import { PROTOCOL_VERSION_META_KEY } from "@modelcontextprotocol/server";
import { members } from "../http/json-value.ts";

/** The first version of MCP with Streamable HTTP. Versions are dates. */
const STREAMABLE_SINCE = "2025-03-26";
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** True for `initialize` of a client that asks for a version which the original does not know. */
export function asksForNewer(message: unknown): boolean {
  const fields = members(message);
  if (fields?.get("method") !== "initialize") return false;
  const version = members(fields.get("params"))?.get("protocolVersion");
  return typeof version === "string" && DATE.test(version) && version >= STREAMABLE_SINCE;
}

/** True for a message of the versions without `initialize`: they say their version with each message. */
export function saysItsVersion(message: unknown): boolean {
  const meta = members(members(members(message)?.get("params"))?.get("_meta"));
  return meta?.has(PROTOCOL_VERSION_META_KEY) === true;
}
