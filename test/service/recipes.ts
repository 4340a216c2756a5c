import type { Recipe } from "../../host/service/platform.ts";

/** Values that mean something to shells, systemd, XML or regular expressions. */
export const AWKWARD = "a b\\c\"d'e%n${HOME}$$<f>&amp;;é\u{1f511}";

/** A service that runs what is given. */
export function recipeOf(more: Partial<Recipe> = {}): Recipe {
  return {
    program: ["/usr/bin/env", `/opt/${AWKWARD}/cmd2host.js`],
    environment: new Map([
      ["PATH", `/usr/bin:/opt/${AWKWARD}`],
      ["CMD2HOST_CONFIG_DIR", `/srv/${AWKWARD}`],
    ]),
    stopSeconds: 47,
    version: "1.2.3",
    logFile: `/srv/${AWKWARD}/cmd2host.log`,
    strict: false,
    ...more,
  };
}
