import { lstatSync } from "node:fs";
import { join } from "node:path";
import { printable, quoted } from "../../../wire/text.ts";
import { judgeEnvName } from "../env-rules.ts";
import { isSecretName } from "../../util/secret-name.ts";
import { pointerTo, type Rule } from "./finding.ts";

/** The placeholders of the bundled templates. */
const PLACEHOLDER_REPO = "OWNER/REPO";
const PLACEHOLDER_PATH = "/path/to/repo";

/** Checkouts that are not there, or not as the daemon needs them. */
export const repositories: Rule = ({ loaded }, report) => {
  loaded.project.repos.forEach(({ name, path }, index) => {
    if (name === PLACEHOLDER_REPO) {
      report({
        severity: "warning",
        rule: "repo_placeholder",
        pointer: pointerTo("repos", index),
        message: `${name} is the template's placeholder`,
        fix: "Write the real owner/name.",
      });
    }
    const pointer = pointerTo("repo_paths", index);
    if (path === PLACEHOLDER_PATH) {
      report({
        severity: "warning",
        rule: "repo_placeholder",
        pointer,
        message: `${path} is the template's placeholder`,
        fix: "Write the absolute path of the checkout.",
      });
      return;
    }
    if (lstatSync(join(path, ".git"), { throwIfNoEntry: false })?.isDirectory() === true) return;
    report({
      severity: "warning",
      rule: "repo_path",
      pointer,
      message: `${printable(path)} holds no .git directory; operations are refused until it does`,
      fix: "Name the root of a plain checkout (no worktree, no submodule).",
    });
  });
};

/** What `env` and `env_unsafe` let the project change. */
export const environment: Rule = ({ loaded }, report) => {
  const { env } = loaded.project;
  (loaded.config.env_unsafe ?? []).forEach((name, index) => {
    const needed = env.has(name) && judgeEnvName(name) !== "fine";
    report({
      severity: "warning",
      rule: needed ? "env_unsafe" : "env_unsafe_idle",
      pointer: pointerTo("env_unsafe", index),
      message: needed
        ? `${name} can change which program, host or configuration is used`
        : `${quoted(name)} accepts nothing that env sets`,
      fix: needed
        ? "Remove it from env and here, unless it is really needed."
        : "Remove it, so that a later env entry is not accepted unseen.",
    });
  });
  for (const name of env.keys()) {
    if (!isSecretName(name)) continue;
    report({
      severity: "warning",
      rule: "env_secret",
      pointer: pointerTo("env", name),
      message: `${name} looks like a secret; every program of this project gets it, and the file holds it in clear`,
      fix: "Let the program read it from its own store.",
    });
  }
};

/** Keys of git that name programs, or send git elsewhere. */
const GIT_KEY =
  /^(?:core\.(?:fsmonitor|sshcommand|hookspath|editor|pager|askpass|gitproxy|attributesfile|worktree)|credential\..*|(?:diff|filter|merge|gpg|alias|pager|include|includeif|url|protocol|submodule|browser|man|remote)\..*|(?:http|https)\..*|sequence\.editor|uploadpack\..*|receive\..*)$/i;

export const gitConfig: Rule = ({ loaded }, report) => {
  for (const key of loaded.project.gitConfig.keys()) {
    if (!GIT_KEY.test(key)) continue;
    report({
      severity: "warning",
      rule: "git_config_dangerous",
      pointer: pointerTo("git_config", key),
      message: `${printable(key)} can name programs that git runs, or change where it connects`,
      fix: "Remove it, unless every git operation of the project is meant to have it.",
    });
  }
};
