import { readFileSync } from "node:fs";

/** A process that something belongs to: its number, and when it began, since numbers are used again. */
export interface Owner {
  readonly pid: number;
  /** As the system counts it; empty where it does not say. */
  readonly began: string;
}

function began(pid: number): string {
  try {
    // Behind the name, which is in parentheses and may hold anything, the start is the 20th word.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

export function thisProcess(): Owner {
  return { pid: process.pid, began: began(process.pid) };
}

/** Whether that process is still there. */
export function isAlive(owner: Owner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return began(owner.pid) === owner.began;
}
