import { accessSync, constants, readFileSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { printable } from "../../wire/text.ts";
import { Checks, type Check } from "./doctor-check.ts";

/** What a container has of programs: stand-ins for commands of the host, and the MCP server. */

const REBUILD = "Make the container anew with the feature cmd2host (on the host: cmd2host setup)";

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function onPath(name: string, path: string): string | undefined {
  const directories = path.split(delimiter).filter(isAbsolute);
  return directories.map((directory) => join(directory, name)).find(isProgram);
}

/** What the feature wrote down of itself; undefined when it is not installed. */
function featureFacts(programs: string): ReadonlyMap<string, string> | undefined {
  try {
    const lines = readFileSync(join(programs, "feature"), "utf8").split("\n");
    return new Map(
      lines.flatMap((line): [string, string][] => {
        const [, name, value] = /^([a-z_]+)="?([^"]*)"?$/.exec(line) ?? [];
        return name === undefined || value === undefined ? [] : [[name, value]];
      }),
    );
  } catch {
    return undefined;
  }
}

/** Whether a program is one of ours, whatever links lead to it. */
function isStandIn(program: string, programs: string): boolean {
  if (program.startsWith(`${programs}/`)) return true;
  try {
    return realpathSync.native(program).startsWith(`${realpathSync.native(programs)}/`);
  } catch {
    return false;
  }
}

function commandCheck(checks: Checks, name: string, programs: string, path: string): Check {
  const found = onPath(name, path);
  const fix = `Put ${printable(programs)}/bin in front of PATH: export PATH=${printable(programs)}/bin:$PATH`;
  if (found === undefined) return checks.fail(`${name} is not on PATH`, fix);
  if (isStandIn(found, programs)) return checks.ok(`${name} goes to the host (${printable(found)})`);
  return checks.fail(`${name} is ${printable(found)}, which does not go to the host`, fix);
}

/** Of a container without the feature: perhaps the original's. */
function foreignCheck(checks: Checks, path: string): Check {
  const proxy = onPath("cmd2host-proxy", path);
  if (proxy === undefined)
    return checks.warn("the feature cmd2host is not installed here: no command goes to the host", REBUILD);
  let target = proxy;
  try {
    target = readlinkSync(proxy);
  } catch {
    // No link: the program itself.
  }
  return checks.warn(`${printable(target)} is of another installation, perhaps the original's client`, REBUILD);
}

/** Which commands go to the host from here. @param programs the feature's directory */
export function commandChecks(programs: string, path: string): readonly Check[] {
  const checks = new Checks(null, "commands");
  const facts = featureFacts(programs);
  if (facts === undefined) return [foreignCheck(checks, path)];
  const names = (facts.get("commands") ?? "").split(" ").filter((name) => name !== "");
  const found = names.map((name) => commandCheck(checks, name, programs, path));
  if (facts.get("runtime") === "node" && onPath("node", path) === undefined)
    found.push(
      checks.fail(
        "the feature's programs run on Node, and there is none on PATH",
        'Set its option "runtime" to "bridge", or take an image with Node 20.19 or newer',
      ),
    );
  if (facts.get("mcp") === "true") found.push(commandCheck(checks, "cmd2host-mcp", programs, path));
  return found;
}
