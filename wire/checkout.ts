import { closeSync, fstatSync, openSync, readSync, statSync, type Stats } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { ArgvRequest } from "./daemon-calls.ts";

/** Where somebody stands, read from git's own files: git itself is not started. A hint for the daemon, which does not trust it. */

const MAX_BYTES = 1_048_576;

function statsOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

/** The beginning of a regular file; nothing when there is none. */
function textOf(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return "";
  }
  try {
    if (!fstatSync(fd).isFile() && !path.startsWith("/proc/")) return "";
    const bytes = Buffer.alloc(MAX_BYTES);
    let length = 0;
    for (let count = -1; count !== 0 && length < MAX_BYTES; length += count)
      count = readSync(fd, bytes, length, MAX_BYTES - length, null);
    return bytes.toString("utf8", 0, length);
  } finally {
    closeSync(fd);
  }
}

/** The git directory whose configuration holds for a checkout: of a submodule its own, of a linked worktree the main one. */
function configDirectory(toplevel: string): string {
  const path = join(toplevel, ".git");
  if (statsOf(path)?.isDirectory() === true) return path;
  const [, told] = /^gitdir: (.+)$/m.exec(textOf(path)) ?? [];
  if (told === undefined) return path;
  const directory = resolve(toplevel, told);
  const common = textOf(join(directory, "commondir")).trim();
  return common === "" ? directory : resolve(directory, common);
}

/** A value as git's configuration writes it: quotes, escapes, comments. */
function valueOf(text: string): string {
  let value = "";
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] ?? "";
    if (letter === '"') quoted = !quoted;
    else if (letter === "\\") value += text[++at] ?? "";
    else if (!quoted && (letter === "#" || letter === ";")) break;
    else value += letter;
  }
  return value.trim();
}

/** The URL of the remote that is called origin; nothing when there is none. */
export function originIn(config: string): string {
  let isOrigin = false;
  for (const line of config.replaceAll("\\\n", "").split("\n")) {
    const section = /^\s*\[\s*([A-Za-z0-9.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]/.exec(line);
    if (section !== null) isOrigin = section[1]?.toLowerCase() === "remote" && section[2] === "origin";
    const [, name = "", value = ""] = /^(?:\s*\[[^\]]*\])?\s*([A-Za-z][A-Za-z0-9-]*)\s*=(.*)$/.exec(line) ?? [];
    if (isOrigin && name.toLowerCase() === "url") return valueOf(value);
  }
  return "";
}

/** Where the mount that holds a directory begins; undefined when that is the root of everything. */
export function mountOf(directory: string, mountinfo: string): string | undefined {
  const points = mountinfo
    .split("\n")
    .map((line) =>
      (line.split(" ")[4] ?? "").replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))),
    )
    .filter(
      (point) => point !== "/" && isAbsolute(point) && (directory === point || directory.startsWith(`${point}/`)),
    );
  return points.sort((a, b) => b.length - a.length)[0];
}

/** The working directory; `/`, which is nobody's checkout, when it was removed. */
export function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return "/";
  }
}

/** The checkout that holds a directory; undefined when there is none, or it has no origin. @param cwd absolute */
export function checkoutAt(cwd: string): ArgvRequest["cwd"] {
  let toplevel = cwd;
  while (statsOf(join(toplevel, ".git")) === undefined) {
    const above = dirname(toplevel);
    if (above === toplevel) return undefined;
    toplevel = above;
  }
  const originUrl = originIn(textOf(join(configDirectory(toplevel), "config")));
  if (originUrl === "") return undefined;
  const mount = mountOf(toplevel, textOf("/proc/self/mountinfo"));
  const inside = mount === undefined ? undefined : relative(mount, toplevel);
  return { toplevel, originUrl, ...(inside === undefined ? {} : { relative: inside === "" ? "." : inside }) };
}
