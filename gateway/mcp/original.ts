import { printable, shortened } from "../../wire/text.ts";
import { members } from "../http/json-value.ts";
import { listedTools, originalTools } from "./original-tools.ts";
import type { ToolAnswer, ToolContext, ToolParts } from "./tool.ts";
import { troubleAnswer, wrongArguments } from "./trouble.ts";

/** The one version of MCP that the original knows. */
export const ORIGINAL_VERSION = "2024-11-05";
const MAX_SHOWN = 100;

export const PARSE_ERROR = -32_700;
export const INVALID_REQUEST = -32_600;
const METHOD_NOT_FOUND = -32_601;
const INTERNAL_ERROR = -32_603;

/** An error of JSON-RPC. */
export function rpcError(id: unknown, code: number, message: string): object {
  return { error: { code, message }, id, jsonrpc: "2.0" };
}

function rpcResult(id: unknown, result: object): object {
  return { id, jsonrpc: "2.0", result };
}

/** A result of a tool, as the original writes it. */
function toolResult({ text, isError }: ToolAnswer): object {
  return { content: [{ text, type: "text" }], ...(isError ? { isError } : {}) };
}

/** How a message is dealt with: with a body, or with nothing. `isBug`: what should have answered it failed. */
export interface OriginalReply {
  readonly body: object | undefined;
  readonly isBug: boolean;
}

const NOTHING: OriginalReply = { body: undefined, isBug: false };

/** MCP of the version that the original speaks: a request, a reply, nothing kept in between. */
export class OriginalMcp {
  readonly #parts: ToolParts;

  constructor(parts: ToolParts) {
    this.#parts = parts;
  }

  /** Answers a message. `jsonrpc` is not looked at, and any id is given back. */
  async answer(message: unknown, context: ToolContext): Promise<OriginalReply> {
    if (Array.isArray(message))
      return { body: rpcError(null, INVALID_REQUEST, "batch requests are not supported"), isBug: false };
    const fields = members(message);
    const id = fields?.get("id") ?? null;
    if (fields === undefined || id === null) return NOTHING;
    const given = fields.get("method");
    const method = typeof given === "string" ? given : "";
    try {
      const result = await this.#result(method, fields.get("params"), context);
      const unknown = `method not found: ${printable(shortened(method, MAX_SHOWN))}`;
      const body = result === undefined ? rpcError(id, METHOD_NOT_FOUND, unknown) : rpcResult(id, result);
      return { body, isBug: false };
    } catch (error) {
      this.#parts.reportBug(error);
      return { body: rpcError(id, INTERNAL_ERROR, "internal error"), isBug: true };
    }
  }

  async #result(method: string, params: unknown, context: ToolContext): Promise<object | undefined> {
    if (method === "initialize")
      return {
        capabilities: { tools: {} },
        protocolVersion: ORIGINAL_VERSION,
        serverInfo: { name: "commando", version: this.#parts.version },
      };
    if (method === "tools/list") return { tools: this.#listed() };
    if (method === "tools/call") return toolResult(await this.#call(members(params), context));
    return undefined;
  }

  #listed(): readonly object[] {
    const tools = listedTools(originalTools(this.#parts), this.#parts.mode());
    return tools.map(({ name, description, inputSchema }) => ({ description, inputSchema, name }));
  }

  async #call(params: ReadonlyMap<string, unknown> | undefined, context: ToolContext): Promise<ToolAnswer> {
    const given = params?.get("name");
    const name = typeof given === "string" ? given : "";
    const tool = originalTools(this.#parts).find((one) => one.name === name);
    if (tool === undefined)
      return troubleAnswer(wrongArguments(`unknown tool: ${printable(shortened(name, MAX_SHOWN))}`));
    return tool.call(params?.get("arguments"), context);
  }
}
