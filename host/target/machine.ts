import { realpathSync, statSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable, shortened } from "../../wire/text.ts";
import type { MachineRules } from "../project/types.ts";
import { realOrSame } from "../util/real-path.ts";
import { isWithin } from "../util/within.ts";
import type { Target } from "./target.ts";

/** The machine itself as a target: it has no repository. @param directory where programs run, a real path */
export function machineTarget(directory: string): Target {
  return { repo: { name: "", path: directory, host: "" }, url: "", source: "machine" };
}

/** Whoever has no home, as many system users, is at home in the root, as after a login. */
function homeOr(home: string): string {
  try {
    return isAbsolute(home) && statSync(home).isDirectory() ? realpathSync.native(home) : "/";
  } catch {
    return "/";
  }
}

/**
 * Where a program runs on a machine: the directory that the caller asks for, when it is one of those that may be asked for or lies below one,
 * whatever links lead there; else the home directory. Returns a real path. Reads the disk.
 * @param asked empty when the caller says nothing
 * @throws CodedError `work_dir_denied`, `spawn_failed`
 */
export function workDirectory(machine: MachineRules, home: string, asked: string): string {
  if (asked === "") return homeOr(home);
  const name = printable(shortened(asked, 400));
  const denied = (why: string): CodedError => new CodedError("work_dir_denied", `working directory ${name}: ${why}`);
  if (!isAbsolute(asked) || asked.includes("\0")) throw denied("expected an absolute path");
  // Many system users have the root for a home: that is no leave to go everywhere.
  const roots = home === "/" ? machine.workDirs : [home, ...machine.workDirs];
  const clean = resolve(asked);
  // What lies elsewhere is not even looked at: whether it exists is nobody's business.
  if (!roots.some((root) => isWithin(clean, root))) throw denied("it is not in or below one of machine.work_dirs");
  try {
    const real = realpathSync.native(clean);
    if (!roots.some((root) => isWithin(real, realOrSame(root)))) throw denied("links lead out of machine.work_dirs");
    if (!statSync(real).isDirectory())
      throw new CodedError("spawn_failed", `working directory ${name} is no directory`);
    return real;
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw new CodedError("spawn_failed", `working directory ${name}: ${errnoOf(error) ?? "cannot be entered"}`, {
      hint: "Name a directory that exists on the machine.",
    });
  }
}
