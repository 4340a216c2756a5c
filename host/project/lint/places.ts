import { programName } from "../push.ts";
import type { Operation } from "../types.ts";
import type { OperationRule } from "./finding.ts";

/** Programs that take what they run, or how they work, from the directory that they run in. For advice; never complete. */
const READERS = new RegExp(
  `^(?:${[
    "g?make|cmake|ninja|bazel|buck2?|just|task|rake|ant|gradlew?|mvnw?|sbt|tox|nox|scons|meson",
    "npm|npx|yarn|yarnpkg|pnpm|pnpx|bunx?|deno|node|nodejs|tsx|ts-node|corepack",
    "eslint|prettier|jest|vitest|mocha|webpack|vite|rollup|tsc|turbo|nx",
    "python|pip|pipx|uvx?|poetry|pipenv|pytest|mypy|ruff",
    "ruby|bundler?|gem|php|composer|perl|cargo|go|swift|dotnet|mix|stack|cabal|dune",
    "docker-compose|podman-compose|skaffold|tilt|vagrant|packer|helmfile|kustomize",
    "terraform|tofu|terragrunt|pulumi|cdk|serverless|sls|sam|ansible|ansible-playbook",
    "wrangler|vercel|netlify|firebase|fly|flyctl|heroku",
    "direnv|mise|asdf|devbox|nix|nix-shell|pre-commit|lefthook|husky|hg|svn|jj|gdb|vim?|emacs",
  ].join("|")})[\\d.]*$`,
);
/** Programs of which only some subcommands or options do. */
const SOMETIMES: ReadonlyMap<string, readonly string[]> = new Map([
  ["docker", ["compose", "build", "buildx", "bake", "stack"]],
  ["podman", ["compose", "build", "kube"]],
  ["kubectl", ["kustomize", "-k", "--kustomize"]],
  ["helm", ["install", "upgrade", "template", "package", "lint", "dependency"]],
]);

function readsDirectory(operation: Operation): boolean {
  const name = programName(operation.command);
  if (READERS.test(name)) return true;
  const words = [...operation.template.map((element) => element.text), ...operation.flags.keys()];
  return (SOMETIMES.get(name) ?? []).some((one) => words.some((word) => word === one || word.startsWith(`${one}=`)));
}

/** Programs that read configuration where they run, in the workspace, without a word of the author that this is meant. */
export const workspaceConfig: OperationRule = (operation, at, report) => {
  if (operation.runIn !== undefined || !readsDirectory(operation)) return;
  report({
    severity: "warning",
    rule: "run_in_workspace",
    pointer: at,
    message: `${programName(operation.command)} runs in the workspace: the container can write what it reads and runs there`,
    fix: 'Add "run_in": "empty", or "run_in": "workspace" if it is meant to run what the workspace says.',
  });
};
