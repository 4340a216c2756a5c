import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CodedError } from "../../wire/errors.ts";

/** Names that the bridge is called by besides those of commands. */
export const BRIDGE_NAMES = ["cmd2host-proxy", "cmd2host-mcp"] as const;

/**
 * The container's bridge as it is installed with this program.
 * @param arch as node calls it: x64, arm64
 * @param from directory of the running file: `dist/` in the package, this folder in the source
 * @throws CodedError `container_failed` when there is none for this kind of machine
 */
export function bridgeProgram(arch: string, from: string = dirname(fileURLToPath(import.meta.url))): string {
  const name = `cmd2host-bridge-linux-${arch}`;
  const places = [join(from, "bridge", name), join(from, "../bridge", name), join(from, "../../dist/bridge", name)];
  const found = places.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new CodedError("container_failed", `this installation has no bridge program for linux ${arch}`, {
    hint: "Leave --mount-bridge out, and use an image that has cmd2host-mcp and the commands.",
  });
}
