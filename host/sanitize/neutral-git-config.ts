/** Git settings that keep git from starting a program that the workspace chooses. They win over every configuration file. */
export const NEUTRAL_GIT_CONFIG: ReadonlyMap<string, string> = new Map([
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.pager", "cat"],
  ["submodule.recurse", "false"],
  ["protocol.ext.allow", "never"],
]);
