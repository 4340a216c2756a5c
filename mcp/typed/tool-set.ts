import type { CallToolResult } from "@modelcontextprotocol/server";
import { CODES } from "../../wire/codes.ts";
import type { OperationInfo } from "../../wire/schema.ts";
import { byteLength, printable, shortened } from "../../wire/text.ts";
import type { Catalog } from "../catalog.ts";
import { errorResult } from "../tools/result.ts";
import type { Tool } from "../tools/tool.ts";
import type { Trouble } from "../trouble.ts";
import { toolNames } from "./names.ts";

/** What a name of a tool stands for. */
export type Found =
  | { readonly kind: "tool"; readonly tool: Tool }
  /** The result of a call that cannot be made now. */
  | { readonly kind: "result"; readonly result: CallToolResult }
  /** Nothing, now or before. */
  | { readonly kind: "unknown" };

type Tools = ReadonlyMap<string, Tool>;

function noTool(outcome: "denied" | "failed", trouble: Trouble): Found {
  return { kind: "result", result: errorResult("running operation", trouble, { outcome }) };
}

/** What a model reads of tools, in bytes of JSON. */
function bytesRead(tools: Iterable<Tool>): number {
  let bytes = 0;
  for (const tool of tools) {
    const { name, description, inputSchema } = tool.listed();
    bytes += byteLength(JSON.stringify({ name, description, inputSchema }));
  }
  return bytes;
}

/** The tools of the operations that may be run now. */
export class ToolSet {
  readonly #catalog: Catalog;
  readonly #maxBytes: number;
  readonly #make: (name: string, operation: OperationInfo) => Tool;
  #madeOf: readonly OperationInfo[] = [];
  #tools: Tools = new Map();
  /** Every name that was ever listed. */
  readonly #listed = new Set<string>();

  /** @param maxBytes when a model would have more to read, none is listed */
  constructor(catalog: Catalog, maxBytes: number, make: (name: string, operation: OperationInfo) => Tool) {
    this.#catalog = catalog;
    this.#maxBytes = maxBytes;
    this.#make = make;
  }

  /** All of them, in the order of the configuration, for a client that asked which there are. */
  async list(): Promise<readonly Tool[]> {
    const tools = this.#of((await this.#catalog.tell()).operations);
    if (this.#maxBytes !== Number.POSITIVE_INFINITY && bytesRead(tools.values()) > this.#maxBytes) return [];
    for (const name of tools.keys()) this.#listed.add(name);
    return [...tools.values()];
  }

  async find(name: string): Promise<Found> {
    const known = this.#of(this.#catalog.listing.operations).get(name);
    if (known !== undefined) return { kind: "tool", tool: known };
    const { operations, trouble } = await this.#catalog.refresh();
    const tool = this.#of(operations).get(name);
    if (tool !== undefined) return { kind: "tool", tool };
    if (trouble !== undefined) {
      const reason = `the operations could not be listed: ${trouble.reason}`;
      return noTool("failed", { ...trouble, reason });
    }
    if (!this.#listed.has(name)) return { kind: "unknown" };
    const reason = `${printable(shortened(name, 100))} is not allowed any more; list the tools again`;
    return noTool("denied", { reason, code: "operation_not_allowed", hint: CODES.operation_not_allowed.hint });
  }

  #of(operations: readonly OperationInfo[]): Tools {
    if (operations !== this.#madeOf) {
      const byId = new Map(operations.map((operation) => [operation.id, operation]));
      const tools = [...toolNames(byId.keys())].flatMap(([id, name]) => {
        const operation = byId.get(id);
        return operation === undefined ? [] : [[name, this.#make(name, operation)] as const];
      });
      this.#tools = new Map(tools);
      this.#madeOf = operations;
    }
    return this.#tools;
  }
}
