import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadGateway, type LoadedGateway, type LoadSurroundings } from "../../../gateway/config/load.ts";
import type { GatewaySettings } from "../../../gateway/config/settings.ts";
import { CodedError } from "../../../wire/errors.ts";
import { tempDirectory } from "../../fixtures/temp.ts";

export const KEY = "a key that nobody guesses";
/** The moment at which files are read. */
export const NOW = Date.parse("2026-06-01T00:00:00Z");

/** Where and when nothing is special. */
export function plain(changes: Partial<LoadSurroundings> = {}): LoadSurroundings {
  return { env: {}, given: {}, now: () => NOW, ...changes };
}

const room = tempDirectory();

/** A file of a directory of its own. */
export function fileOf(content: string, mode = 0o600, name = "gateway.toml"): string {
  const path = join(mkdtempSync(join(room, "g")), name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

export function load(content: string, changes: Partial<LoadSurroundings> = {}): LoadedGateway {
  return loadGateway(fileOf(content), plain(changes));
}

/** Settings of a file that somebody may use. */
export function settingsOf(content: string, changes: Partial<LoadSurroundings> = {}): GatewaySettings {
  return load(content, { env: { COMMANDO_API_KEY: KEY }, ...changes }).settings;
}

/** The warnings about such a file, without its name. */
export function warningsOf(content: string, changes: Partial<LoadSurroundings> = {}): readonly string[] {
  const path = fileOf(content);
  const { warnings } = loadGateway(path, plain({ env: { COMMANDO_API_KEY: KEY }, ...changes }));
  return warnings.map((text) => text.replace(`${path}:`, ""));
}

/** The complaint about such a file, without its name. */
export function complaint(content: string, changes: Partial<LoadSurroundings> = {}): string {
  const path = fileOf(content);
  try {
    loadGateway(path, plain({ env: { COMMANDO_API_KEY: KEY }, ...changes }));
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== "gateway_config_invalid") throw error;
    return error.message.replace(`${path}:`, "");
  }
  throw new Error("was accepted");
}
