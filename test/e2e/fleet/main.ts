/**
 * `npm run test:fleet`: builds the programs, and runs the tests of test/e2e/fleet. Where they cannot run it says so loudly, and fails in CI. Arguments go to
 * vitest.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { missingPrograms, run, skip } from "../../fixtures/suite-programs.ts";
import { projectRoot } from "../../fixtures/temp.ts";
import { EXECUTABLE } from "../../fixtures/tested-program.ts";
import { sweepNetworks } from "./net.ts";

/** Debian's packages iproute2, nftables, util-linux, curl. */
const PROGRAMS = ["ip", "tc", "nft", "nsenter", "unshare", "prlimit", "curl"];

/** Why there can be no network of our own here, or undefined. */
function whyNotHere(): string | undefined {
  if (process.platform !== "linux") return "they need the network namespaces of Linux";
  if (process.getuid?.() !== 0) return "a network of its own needs root";
  const missing = missingPrograms(PROGRAMS);
  if (missing.length > 0) return `${missing.join(", ")} not installed (iproute2, nftables, util-linux, curl)`;
  const { status, stderr } = spawnSync("unshare", ["--net", "--uts", "true"], { encoding: "utf8" });
  return status === 0 ? undefined : `no namespace can be made here: ${stderr.trim()}`;
}

/** The exit code. */
function main(args: readonly string[]): number {
  const reason = whyNotHere();
  if (reason !== undefined) return skip("the tests of a fleet", reason);
  const built = EXECUTABLE === undefined ? run(process.env, "npm", "run", "--silent", "build") : 0;
  if (built !== 0) return built;
  const vitest = join(projectRoot, "node_modules/vitest/vitest.mjs");
  const code = run(process.env, process.execPath, vitest, "run", "--config", "vitest.fleet.config.ts", ...args);
  sweepNetworks();
  return code;
}

process.exitCode = main(process.argv.slice(2));
