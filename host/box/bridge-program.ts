import { chmodSync } from "node:fs";
import { join } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { bridgeProgram, type BridgeArch } from "../util/bridge-program.ts";
import { writeAtomic } from "../util/write-atomic.ts";
import type { Box } from "./boxes.ts";

/** Names that the bridge is called by besides those of commands. */
export const BRIDGE_NAMES = ["cmd2host-proxy", "cmd2host-mcp"] as const;

const KNOWN: readonly string[] = ["x64", "arm64"] satisfies readonly BridgeArch[];

function isKnown(arch: string): arch is BridgeArch {
  return KNOWN.includes(arch);
}

/**
 * The container's bridge as this installation has it.
 * @param arch as node calls it
 * @throws CodedError `container_failed` when there is none for this kind of machine
 */
export function bridgeFor(arch: string): Buffer {
  const bytes = isKnown(arch) ? bridgeProgram(arch) : undefined;
  if (bytes !== undefined) return bytes;
  throw new CodedError("container_failed", `this installation has no bridge program for linux ${arch}`, {
    hint: "Leave --mount-bridge out, and use an image that has cmd2host-mcp and the commands.",
  });
}

/** Puts the bridge where it can be mounted from: the executable carries it and has no file of it. It goes with the box. */
export function placeBridge(bytes: Buffer, { directory }: Box): string {
  const path = join(directory, "bridge");
  writeAtomic(path, bytes);
  chmodSync(path, 0o755);
  return path;
}
