import { runProgram, type Ended } from "../../fixtures/backends/program.ts";
import { projectRoot } from "../../fixtures/temp.ts";

/** Said by every part of the rig that a test loads: without its podman settings a test would see the machine's own containers. */
export function requireRig(): void {
  if (process.env["CMD2HOST_RIG"] === undefined)
    throw new Error("these tests are started by `npm run test:containers`");
}

/** Runs podman with the rig's settings, to its end. */
export async function podman(args: readonly string[], input = ""): Promise<Ended> {
  requireRig();
  return runProgram("podman", args, process.env, projectRoot, input);
}

/** The same, where anything but success is a failure of the test. Returns standard output. */
export async function mustPodman(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await podman(args);
  if (code !== 0) throw new Error(`podman ${args.join(" ")}: exit code ${code}: ${stderr}`);
  return stdout;
}
