import { ownFile } from "./own-file.ts";

/** Processors of containers for which a bridge is built, as Node names them. */
export type BridgeArch = "x64" | "arm64";

/** The static Linux program that a container needs, as `npm run build:shim` made it; undefined when this installation was built without one. */
export function bridgeProgram(arch: BridgeArch): Buffer | undefined {
  return ownFile(`shim/dist/cmd2host-bridge-linux-${arch}`);
}
