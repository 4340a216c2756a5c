import { quoted } from "../../../wire/text.ts";
import { programName } from "../push.ts";
import type { Operation } from "../types.ts";
import { isInterpreter, isLauncher, isShell } from "./dangers.ts";
import type { OperationRule, Severity } from "./finding.ts";

/** Programs that take commands on standard input. Databases' clients have commands that start a shell. For advice; never complete. */
const COMMANDS =
  /^(?:psql|mysql|mariadb|sqlite3|duckdb|mongo|mongosh|redis-cli|cqlsh|sqlplus|sqlcmd|clickhouse-client|at|batch|crontab|ed|ex|vi|vim|emacs|dc|m4|gdb|lldb|ftp|sftp|telnet)$/;
/** Programs that start others with what they read as arguments. */
const STARTERS = /^(?:xargs|parallel)$/;
/** Options whose value is the program: standard input is then data. */
const INLINE = new Set(["-c", "-e", "-m", "--eval", "--command", "-r"]);

interface Verdict {
  readonly severity: Severity;
  readonly why: string;
}

/** True when the words name the program that is run, so that it is not read from standard input. */
function namesProgram(words: readonly string[]): boolean {
  if (words.some((word) => word === "-" || word === "-s" || word === "/dev/stdin")) return false;
  return words.some((word) => INLINE.has(word) || !word.startsWith("-"));
}

function ofInterpreter(name: string, words: readonly string[]): Verdict {
  return namesProgram(words)
    ? { severity: "warning", why: `${name} runs programs, and what it runs may take standard input for one` }
    : { severity: "error", why: `standard input is a program there: ${name} runs it` };
}

/** What is to be said about standard input that comes from a container. */
function verdictOf(operation: Operation): Verdict | undefined {
  const name = programName(operation.command);
  const words = operation.template.map(({ text }) => text);
  // awk's program is an argument; its input is data.
  if (isShell(name) || (isInterpreter(name) && !name.endsWith("awk"))) return ofInterpreter(name, words);
  if (COMMANDS.test(name)) return { severity: "error", why: `standard input is commands there: ${name} runs them` };
  if (STARTERS.test(name))
    return { severity: "error", why: `standard input becomes arguments of the program that ${name} starts` };
  if (name === "ssh") return { severity: "error", why: "the other machine's shell runs standard input" };
  if (isLauncher(name)) {
    const at = words.findIndex((word) => [isShell, isInterpreter].some((is) => is(programName(word))));
    return at < 0
      ? { severity: "warning", why: `${name} starts another program, which may take standard input for commands` }
      : ofInterpreter(programName(words[at] ?? ""), words.slice(at + 1));
  }
  return name === "gh" && words[0] === "api" && words[1] === "graphql"
    ? { severity: "error", why: "standard input can be any query there, also one that writes" }
    : undefined;
}

/** Programs that carry out what they read. */
export const standardInput: OperationRule = (operation, at, report) => {
  // A shell of a machine runs whatever it is told, and says so.
  if (operation.stdin === "none" || operation.machine?.shell !== undefined) return;
  const verdict = verdictOf(operation);
  if (verdict === undefined) return;
  report({
    severity: verdict.severity,
    rule: "stdin_dangerous",
    pointer: `${at}/stdin`,
    message: `${quoted(operation.command)} takes standard input from the container: ${verdict.why}`,
    fix: "Remove stdin, or name a program for which it is data.",
  });
};
