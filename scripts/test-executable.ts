/**
 * Builds the executable of this machine and holds the suites against it. Arguments go to the test runner: names of files choose among the suites, as in
 * `npm run test:executable -- test/contract`.
 */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fileOf, ownTarget } from "./executable/targets.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** What starts a daemon, the command line or the MCP server. The rest looks into its own process, and stays on Node. */
const SUITES = [
  ...["test/executable", "test/contract", "test/hostile", "test/e2e", "test/readme.test.ts"],
  ...["call.test.ts", "call-daemon", "process.test.ts", "runs.test.ts", "runs-process"].map(
    (name) => `test/cli/${name}`,
  ),
  ...["process.test.ts", "tools.test.ts", "typed.test.ts", "daemon.test.ts"].map((name) => `test/mcp/${name}`),
  ...["test/backends/daemon.test.ts", "test/git/room/remote.test.ts"],
];
/** Changes the daemon's source, which an executable no longer has. */
const OTHERS = ["--exclude", "test/hostile/mutations.test.ts"];

function run(file: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): void {
  const { status } = spawnSync(file, args, { cwd: root, env, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

const target = ownTarget();
const tsx = ["--import", "tsx"];
run(process.execPath, [...tsx, "scripts/generate.ts"]);
run(process.execPath, [...tsx, "scripts/build-executable.ts", "--target", target.name]);
const given = process.argv.slice(2);
const suites = given.some((word) => word.startsWith("test/")) ? [] : SUITES;
const program = fileOf(join(root, "dist-executable"), target);
run(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...suites, ...OTHERS, ...given], {
  ...process.env,
  CMD2HOST_TEST_PROGRAM: program,
});
