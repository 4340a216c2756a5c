import { NEUTRAL_GIT_CONFIG } from "./neutral-git-config.ts";
import type { Recipe } from "./recipe.ts";

const QUIET: ReadonlyMap<string, string> = new Map([
  ["GIT_TERMINAL_PROMPT", "0"],
  ["GIT_ALLOW_PROTOCOL", "https:ssh"],
  ["GIT_ADVICE", "0"],
  ["GIT_PAGER", "cat"],
]);

export const git: Recipe = {
  name: "git",
  needs: "The home directory, where the user's own git configuration is.",
  passes: ["HOME", "USER"],
  sets: () => QUIET,
  gitConfig: ({ gitConfig }) => new Map([...gitConfig, ...NEUTRAL_GIT_CONFIG]),
};

const SSH = "ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new";

export const gitRemoteStrict: Recipe = {
  name: "git_remote_strict",
  needs: "The home directory and the ssh agent, for the keys that the remote asks for.",
  passes: ["HOME", "USER", "SSH_AUTH_SOCK", "SSH_AGENT_PID"],
  sets: () =>
    new Map([
      ...QUIET,
      ["GIT_SSH_COMMAND", SSH],
      ["GIT_ASKPASS", ""],
      ["SSH_ASKPASS", ""],
      ["GIT_CONFIG_NOSYSTEM", "1"],
      ["GIT_CONFIG_GLOBAL", "/dev/null"],
    ]),
  gitConfig: ({ gitConfig }) => new Map([...gitConfig, ...NEUTRAL_GIT_CONFIG, ["credential.helper", ""], ["core.sshCommand", SSH]]),
};
