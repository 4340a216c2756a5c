import { closeSync, readdirSync, readFileSync } from "node:fs";

const CLOSE_ON_EXEC = 0o2000000;

/**
 * Closes what this process inherited open besides standard input, output and error, and would hand on to every program that it starts: whoever started the
 * daemon may have left a file or socket open that is nobody else's business. What node itself opens is marked to be closed and stays.
 * Where the system does not show the marks (no /proc), node's way of starting programs closes the rest itself.
 */
export function closeInherited(): number {
  let names: readonly string[];
  try {
    names = readdirSync("/proc/self/fdinfo");
  } catch {
    return 0;
  }
  let closed = 0;
  for (const descriptor of names.map(Number).filter((one) => one > 2)) {
    try {
      const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8"))?.[1];
      if (flags === undefined || (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) !== 0) continue;
      closeSync(descriptor);
      closed++;
    } catch {
      // it was the listing's own, and is gone
    }
  }
  return closed;
}
