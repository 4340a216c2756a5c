import { realpathSync } from "node:fs";
import type { EngineSettings } from "../engine/rooms.ts";
import type { DaemonSettings } from "./settings.ts";

/** The environment of a process, as the engine reads it. */
export function hostEnvironment(environment: NodeJS.ProcessEnv): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
}

/** How the base directory may be written, the longest way first. */
export function ownPaths(root: string): readonly string[] {
  return [...new Set([root, realpathSync.native(root)])].sort((a, b) => b.length - a.length);
}

/** The settings that hold for every operation. */
export function engineSettings(settings: DaemonSettings, environment: ReadonlyMap<string, string>): EngineSettings {
  const { defaultTimeoutMs, maxTimeoutMs, graceMs, maxStdoutBytes, maxStderrBytes, maxOutputBytes, maxStdinBytes } =
    settings;
  return {
    hostEnvironment: environment,
    defaultTimeoutMs,
    maxTimeoutMs,
    graceMs,
    maxStdoutBytes,
    maxStderrBytes,
    maxOutputBytes,
    maxStdinBytes,
  };
}
