import { NEUTRAL_GIT_CONFIG } from "./neutral-git-config.ts";
import type { Recipe } from "./recipe.ts";

/** The files with profiles and credentials, said outright. */
function files(host: ReadonlyMap<string, string>): readonly (readonly [string, string])[] {
  const home = host.get("HOME") ?? "";
  const at = (name: string, inHome: string): readonly (readonly [string, string])[] => {
    const path = host.get(name) ?? "";
    return path !== "" ? [[name, path]] : home !== "" ? [[name, `${home}/.aws/${inHome}`]] : [];
  };
  return [...at("AWS_CONFIG_FILE", "config"), ...at("AWS_SHARED_CREDENTIALS_FILE", "credentials")];
}

export const aws: Recipe = {
  name: "aws",
  needs: "The home directory, where the credentials and the SSO cache are.",
  passes: ["HOME", "USER"],
  sets: ({ host }) => new Map([...files(host), ["AWS_PAGER", ""], ["AWS_CLI_AUTO_PROMPT", "off"]]),
  gitConfig: () => NEUTRAL_GIT_CONFIG,
};
