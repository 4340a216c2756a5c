import type { Code } from "./codes.ts";
import type { OutcomeFields } from "./schema.ts";
import { printable } from "./text.ts";

/** How a stand-in for a program (`gh` in the container) ends: the exit codes and lines of standard error that are ours. */

/** What is refused whatever the project allows; the original's stand-in refused it before it asked. */
const REFUSED: readonly string[] = ["file_url_refused", "interactive_command"] satisfies readonly Code[];

const EXIT_DENIED = 220;
const EXIT_REFUSED = 230;

const DISCOVERY = "mcp__cmd2host__cmd2host_list_operations";

/** The exit code: the program's own, or one of ours when policy said no. */
export function standInExit({ outcome, code, exit_code: exit }: OutcomeFields): number {
  // Of the original comes -1 when a signal ended the program.
  if (outcome !== "denied") return exit & 0xff;
  return code !== undefined && REFUSED.includes(code) ? EXIT_REFUSED : EXIT_DENIED;
}

/** A line of ours, without its end. Nothing in it can steer a terminal. */
export function standInLine(text: string): string {
  const plain = printable(text);
  return plain.startsWith("cmd2host:") ? plain : `cmd2host: ${plain}`;
}

/** Bytes that were shown of each stream. */
export interface Shown {
  readonly stdout: number;
  readonly stderr: number;
}

/**
 * The lines of standard error that say how it ended, without their ends; none when the program ran to its own end and everything was shown.
 * @param shown said of an output that was cut; without it the line says only that it was
 */
export function standInLines(outcome: OutcomeFields, shown?: Shown): readonly string[] {
  const { code, message = code ?? "", hint, notice } = outcome;
  const cut = (name: keyof Shown, truncated: boolean | undefined, bytes: number): readonly string[] => {
    const part = shown === undefined ? `${bytes} bytes in all` : `shown ${shown[name]} of ${bytes} bytes`;
    return truncated === true ? [`${name} truncated by host daemon (${part})`] : [];
  };
  const reason = (): readonly string[] => {
    if (outcome.outcome === "completed") return [];
    const more =
      outcome.outcome === "failed" || message.includes(DISCOVERY)
        ? ""
        : `; run ${DISCOVERY} to discover supported operations`;
    return [`${message}${more}`, ...(hint === undefined || hint === "" ? [] : [`hint: ${hint}`])];
  };
  return [
    ...cut("stdout", outcome.stdout_truncated, outcome.stdout_bytes),
    ...cut("stderr", outcome.stderr_truncated, outcome.stderr_bytes),
    ...reason(),
    ...(notice === undefined ? [] : [`notice: ${notice}`]),
  ].map(standInLine);
}
