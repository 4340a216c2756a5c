import { printable } from "../../wire/text.ts";
import { shellWord } from "../git/inspection/inspect.ts";
import type { Style } from "./style.ts";

/** One thing that was looked at. All texts are safe to print. */
export interface Check {
  /** Null for what concerns the whole host. */
  readonly project: string | null;
  readonly level: "ok" | "warn" | "fail";
  readonly about:
    | "base"
    | "service"
    | "daemon"
    | "socket"
    | "audit"
    | "tokens"
    | "configuration"
    | "approval"
    | "workspace"
    | "origin"
    | "program"
    | "user"
    | "gateway"
    | "devcontainer"
    | "mcp"
    | "connection"
    | "session"
    | "commands";
  readonly message: string;
  /** A command for the host's shell, or a sentence; null when nothing is to be done. */
  readonly fix: string | null;
  /** Of a finding in a workspace. */
  readonly file?: string;
  readonly line?: number | null;
  readonly key?: string | null;
}

type Place = Pick<Check, "project" | "about">;

/** A path as it stands in a command that mends something. */
export function pathWord(path: string): string {
  return shellWord(path) ?? printable(path);
}

/** Makes checks of one kind. */
export class Checks {
  readonly #place: Place;

  constructor(project: string | null, about: Check["about"]) {
    this.#place = { project, about };
  }

  ok(message: string): Check {
    return { ...this.#place, level: "ok", message, fix: null };
  }

  warn(message: string, fix: string): Check {
    return { ...this.#place, level: "warn", message, fix };
  }

  fail(message: string, fix: string): Check {
    return { ...this.#place, level: "fail", message, fix };
  }

  /** What an error of ours says. */
  failed(error: { readonly message: string; readonly hint: string }): Check {
    return this.fail(error.message, error.hint);
  }
}

const WORDS = { ok: "ok  ", warn: "warn", fail: "FAIL" } as const;

function line({ level, message, fix }: Check, style: Style): string {
  const paint = { ok: style.good, warn: style.careful, fail: style.bad }[level];
  return `  ${paint(WORDS[level])}  ${message}\n${fix === null ? "" : `          ${fix}\n`}`;
}

function plural(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/**
 * Lines under a heading for the place and each project, and one that sums up.
 * @param place heading of what belongs to no project
 */
export function checksText(checks: readonly Check[], style: Style, place: string): string {
  const projects = [...new Set(checks.map(({ project }) => project))];
  const parts = projects.map((project) => {
    const own = checks.filter((check) => check.project === project);
    return `${style.strong(project ?? place)}\n${own.map((check) => line(check, style)).join("")}`;
  });
  const count = (level: Check["level"]): number => checks.filter((check) => check.level === level).length;
  const warnings = count("warn") === 0 ? "" : `, ${plural(count("warn"), "warning")}`;
  const sum =
    count("fail") === 0
      ? style.good("Nothing has to be repaired")
      : style.bad(`To be repaired: ${plural(count("fail"), "thing")}`);
  return `${parts.join("")}${sum}${warnings}.\n`;
}
