import { NEUTRAL_GIT_CONFIG } from "./neutral-git-config.ts";
import type { Recipe } from "./recipe.ts";

const QUIET: ReadonlyMap<string, string> = new Map([
  ["GIT_TERMINAL_PROMPT", "0"],
  ["GIT_ALLOW_PROTOCOL", "https:ssh"],
  ["GIT_ADVICE", "0"],
  ["GIT_PAGER", "cat"],
]);

/** Neither the user's nor the system's configuration is read. */
const NO_FILES: ReadonlyMap<string, string> = new Map([
  ["GIT_CONFIG_NOSYSTEM", "1"],
  ["GIT_CONFIG_GLOBAL", "/dev/null"],
]);

/** The project's settings, then ours. Names of settings have no case for git: one of ours replaces every spelling of it. */
function settled(project: ReadonlyMap<string, string>, own: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const names = new Set([...own.keys()].map((key) => key.toLowerCase()));
  return new Map([...[...project].filter(([key]) => !names.has(key.toLowerCase())), ...own]);
}

export const git: Recipe = {
  name: "git",
  needs:
    "Nothing of the user: name and address are read from the user's git configuration, whose rest does not hold. When it runs, PATH and GIT_EXEC_PATH name a directory with no program but a stand-in for git that does nothing.",
  passes: [],
  sets: () => new Map([...QUIET, ...NO_FILES]),
  gitConfig: ({ gitConfig }) => settled(gitConfig, NEUTRAL_GIT_CONFIG),
};

const SSH = "ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new";

export const gitRemoteStrict: Recipe = {
  name: "git_remote_strict",
  needs: "The home directory and the ssh agent, for the keys that the remote asks for.",
  passes: ["HOME", "USER", "SSH_AUTH_SOCK", "SSH_AGENT_PID"],
  sets: () => new Map([...QUIET, ["GIT_SSH_COMMAND", SSH], ["GIT_ASKPASS", ""], ["SSH_ASKPASS", ""], ...NO_FILES]),
  gitConfig: ({ gitConfig }) =>
    settled(gitConfig, new Map([...NEUTRAL_GIT_CONFIG, ["credential.helper", ""], ["core.sshCommand", SSH]])),
};
