import { statSync } from "node:fs";
import { baseDirectory } from "../util/base-directory.ts";

/** On the host itself: the socket of the daemon that serves the base directory, if there is one. */
export function ownSocket(environment: NodeJS.ProcessEnv): string | undefined {
  try {
    const { socket } = baseDirectory(environment);
    return statSync(socket).isSocket() ? socket : undefined;
  } catch {
    return undefined;
  }
}
