import type { Shape } from "../../wire/fold.ts";
import { nearest } from "../../host/util/nearest.ts";
import { quoted } from "../../wire/text.ts";
import { below } from "./toml-lines.ts";

export interface UnknownKey {
  readonly pointer: string;
  /** For people: what may have been meant. */
  readonly message: string;
}

export interface KnownKeys {
  /** Only what the schema knows, as JSON would hold it. */
  readonly value: unknown;
  readonly unknown: readonly UnknownKey[];
}

/** A table, and not an array or a date. */
function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** Integers that are larger than is exact stand for "no limit"; they become the largest exact one. */
function exact(value: bigint): number {
  const bound = BigInt(Number.MAX_SAFE_INTEGER);
  return Number(value > bound ? bound : value < -bound ? -bound : value);
}

/**
 * Parts a TOML value into what the schema knows and the keys that it does not. Unlike in our JSON files, case counts: the original took `Port` for an
 * unknown key.
 */
export function knownKeys(value: unknown, shape: Shape): KnownKeys {
  const unknown: UnknownKey[] = [];
  const top = shape.properties ?? {};

  function walk(node: unknown, at: Shape, pointer: string): unknown {
    if (typeof node === "bigint") return exact(node);
    if (Array.isArray(node)) {
      const { items } = at;
      return node.map((item: unknown, index) => walk(item, items ?? {}, below(pointer, String(index))));
    }
    return isTable(node) ? members(node, at, pointer) : node;
  }

  function members(node: Readonly<Record<string, unknown>>, at: Shape, pointer: string): unknown {
    const out: [string, unknown][] = [];
    for (const [key, member] of Object.entries(node)) {
      const path = below(pointer, key);
      const own = at.properties !== undefined && Object.hasOwn(at.properties, key) ? at.properties[key] : undefined;
      const known = own ?? (typeof at.additionalProperties === "object" ? at.additionalProperties : undefined);
      if (known !== undefined) out.push([key, walk(member, known, path)]);
      else if (at.properties !== undefined)
        unknown.push({ pointer: path, message: meant(key, at.properties, pointer) });
      else out.push([key, member]);
    }
    return Object.fromEntries(out);
  }

  function meant(key: string, properties: Readonly<Record<string, Shape>>, table: string): string {
    if (table !== "" && Object.hasOwn(top, key) && !isTableShape(top[key]))
      return "is not known here; it must stand before the first table";
    const near = nearest(key, Object.keys(properties));
    return near === undefined
      ? "is not known; it was ignored"
      : `is not known; it was ignored (did you mean ${quoted(near)}?)`;
  }

  return { value: walk(value, shape, ""), unknown };
}

function isTableShape(shape: Shape | undefined): boolean {
  return shape?.properties !== undefined || shape?.items !== undefined;
}
