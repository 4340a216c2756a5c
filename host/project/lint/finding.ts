import { located } from "../../../wire/parse.ts";
import type { LoadedProject } from "../compile.ts";
import type { Operation } from "../types.ts";

/** `error`: it will not work, or it hands over more than any policy should. `warning`: look at it. */
export type Severity = "error" | "warning";

/** One thing that `config check` found. */
export interface Finding {
  readonly severity: Severity;
  /** Stable name of the rule, in snake_case. */
  readonly rule: string;
  /** JSON pointer into the configuration. */
  readonly pointer: string;
  /** Where that stands, counted from 1. */
  readonly line: number;
  readonly message: string;
  /** What to do. */
  readonly fix: string;
}

/** Where the programs of a machine are looked for: in `path`, where its project sets one, else in the system's directories. */
export interface MachineSearch {
  readonly path: string | undefined;
}

/**
 * How the daemon would find a program: the path it runs.
 * @param machine undefined for a project of repositories, whose programs are looked for on the daemon's PATH
 * @throws CodedError `command_not_found`, `command_untrusted`
 */
export type FindCommand = (command: string, workspaces: readonly string[], machine?: MachineSearch) => string;

/** What the rules look at. */
export interface Subject {
  readonly loaded: LoadedProject;
  readonly findCommand: FindCommand;
}

type Draft = Omit<Finding, "line">;

/** Says that something was found. */
export type Report = (draft: Draft) => void;

/** A rule looks at a whole project. */
export type Rule = (subject: Subject, report: Report) => void;

/** A rule that looks at one operation; what it finds in one that may not run is never more than a warning. */
export type OperationRule = (operation: Operation, at: string, report: Report, subject: Subject) => void;

/** JSON pointer made of names that may hold anything. */
export function pointerTo(...parts: readonly (string | number)[]): string {
  return parts.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

export function forEachOperation(rules: readonly OperationRule[]): Rule {
  return (subject, report) => {
    const { operations, allowed } = subject.loaded.project;
    for (const operation of operations.values()) {
      const mild: Report = (draft) => {
        report(allowed.includes(operation.id) ? draft : { ...draft, severity: "warning" });
      };
      for (const rule of rules) rule(operation, pointerTo("operations", operation.id), mild, subject);
    }
  };
}

/** The line on which the value at `pointer` stands. */
export function lineOf(bytes: Buffer, pointer: string): number {
  return Number(/^:(\d+):/.exec(located("", bytes, pointer, ""))?.[1] ?? "1");
}
