/**
 * `npm run test:containers`: makes podman's settings, the images and the feature's package where they are missing, then runs the tests of
 * test/e2e/containers in a network of their own. Where that cannot be done it says so loudly, and fails in CI. Arguments go to vitest.
 */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { missingPrograms, run, skip } from "../../fixtures/suite-programs.ts";
import { projectRoot } from "../../fixtures/temp.ts";
import { makeImages, whyNoContainer } from "./images.ts";
import { inRig, podmanEnvironment } from "./store.ts";

const BRIDGE = `shim/dist/cmd2host-bridge-linux-${process.arch}`;
const SUITE = "the tests in containers";
const LOCKED = "--locked";
const PROGRAMS = ["podman", "buildah", "runc", "debootstrap", "docker-registry", "flock", "unshare", "ip", "iptables"];
const IMAGE_PROGRAMS = ["python3", "qemu-img", "debugfs", "tar"];

/** Why containers cannot be had here, or undefined. */
function whyNotHere(): string | undefined {
  if (process.getuid?.() !== 0) return "containers with networks of their own need root";
  const missing = missingPrograms([...PROGRAMS, ...IMAGE_PROGRAMS]);
  return missing.length === 0 ? undefined : `${missing.join(", ")} not installed: .ci/run has the packages`;
}

/** Makes what is missing. Returns why the tests cannot run all the same, or undefined. */
function prepare(environment: NodeJS.ProcessEnv): string | undefined {
  const bridge = join(projectRoot, BRIDGE);
  if (!existsSync(bridge)) run(environment, "npm", "run", "--silent", "--if-present", "build:shim");
  if (!existsSync(bridge)) return `${BRIDGE} was not built: npm run build:shim`;
  try {
    makeImages(environment, (line) => process.stdout.write(`rig: ${line}\n`));
  } catch (error) {
    return `an image cannot be made: ${error instanceof Error ? error.message : String(error)}`;
  }
  return whyNoContainer(environment);
}

/** The tests, in a network of their own, with the programs and the feature as they are now. Returns the exit code. */
function test(args: readonly string[]): number {
  const environment = podmanEnvironment();
  const reason = prepare(environment);
  if (reason !== undefined) return skip(SUITE, reason);
  const built = run(environment, "npm", "run", "--silent", "build:feature");
  if (built !== 0) return built;
  const inside = join(projectRoot, "test/e2e/rig/run-inside");
  const vitest = join(projectRoot, "node_modules/vitest/vitest.mjs");
  const config = ["--config", "vitest.containers.config.ts"];
  const code = run(environment, inside, process.execPath, vitest, "run", ...config, ...args);
  rmSync(inRig("scratch"), { recursive: true, force: true });
  return code;
}

/** One run at a time, since all runs of a user share a store of images: the program starts itself again, under a lock. */
function main([first, ...rest]: readonly string[]): number {
  if (first === LOCKED) return test(rest);
  const reason = whyNotHere();
  if (reason !== undefined) return skip(SUITE, reason);
  const self = [process.execPath, ...process.execArgv, import.meta.filename, LOCKED];
  const args = [...(first === undefined ? [] : [first]), ...rest];
  return run(process.env, "flock", "--close", join(inRig(), "lock"), ...self, ...args);
}

process.exitCode = main(process.argv.slice(2));
