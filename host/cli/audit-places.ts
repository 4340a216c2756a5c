import { join } from "node:path";
import type { Context } from "./context.ts";

/** Where the audit of a base directory is, with its key and its head. */
export interface AuditPlaces {
  readonly directory: string;
  readonly keyFile: string;
  readonly headFile: string;
}

function textAt(value: unknown, name: string): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const member = (value as Readonly<Record<string, unknown>>)[name];
  return typeof member === "string" ? member : undefined;
}

/** As daemon.json has it. @throws CodedError `base_unusable`, `daemon_config_invalid` */
export async function auditPlaces(context: Context): Promise<AuditPlaces> {
  const base = context.base();
  const { settings } = await context.daemon.settings(base);
  const audit = (settings as { readonly audit?: unknown }).audit;
  return {
    directory: base.audit,
    keyFile: textAt(audit, "keyFile") ?? join(base.keys, "audit-ed25519"),
    headFile: textAt(audit, "headFile") ?? join(base.keys, "audit-head"),
  };
}
