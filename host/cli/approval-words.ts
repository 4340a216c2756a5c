import { diffArrays } from "diff";
import type { GrantFields, PendingApproval } from "../../wire/schema.ts";
import { printable, quoted, shortened } from "../../wire/text.ts";
import { durationWords, timeWords } from "./duration.ts";
import { sizeWords } from "./call-status.ts";
import type { Style } from "./style.ts";

/** Calls that wait for a person, in words. Everything that an agent sent is escaped; what is cut says so. */

/** Longest argument that is shown whole, in bytes. */
const SHOWN_BYTES = 2_000;
const SHOWN_ARGUMENTS = 200;

/** One argument as a JSON-like text, so that its ends and its spaces are seen. */
function argument(text: string, max: number): string {
  return quoted(shortened(text, max));
}

/** The arguments, one below the other, each with its number. */
function argumentLines(argv: readonly string[], max: number): readonly string[] {
  const most = max === Number.POSITIVE_INFINITY ? argv.length : SHOWN_ARGUMENTS;
  const lines = argv.slice(0, most).map((text, index) => `${String(index).padStart(5)}  ${argument(text, max)}`);
  return argv.length > most ? [...lines, `       … and ${argv.length - most} more arguments; see --full`] : lines;
}

function sinceLines({ argv, last_allowed: last }: PendingApproval, style: Style): readonly string[] {
  if (last === undefined) return ["  nothing was allowed of this operation since the daemon started"];
  const when = `  since the last that was allowed (${timeWords(new Date(last.at))})`;
  const parts = diffArrays([...last.argv], [...argv]).flatMap(({ added, removed, value }) =>
    added || removed
      ? value.map((text) =>
          added
            ? style.good(`    + ${argument(text, SHOWN_BYTES)}`)
            : style.bad(`    - ${argument(text, SHOWN_BYTES)}`),
        )
      : [],
  );
  return parts.length === 0 ? [`${when}: the same arguments`] : [`${when}:`, ...parts];
}

/** `4m 59s`: how long it still waits. */
export function leftWords({ expires_at: expires }: PendingApproval, now = Date.now()): string {
  const ms = Date.parse(expires) - now;
  const [minutes, seconds] = [Math.floor(ms / 60_000), Math.floor((ms % 60_000) / 1_000)];
  return minutes > 0 && minutes < 60 ? `${minutes}m ${seconds}s` : durationWords(ms);
}

/** What a pending call is, as it is asked about. @param full without cutting anything */
export function cardLines(pending: PendingApproval, style: Style, full = false): readonly string[] {
  const max = full ? Number.POSITIVE_INFINITY : SHOWN_BYTES;
  const text = (value: string): string => printable(shortened(value, max));
  const fact = (name: string, value: string | undefined): readonly string[] =>
    value === undefined || value === "" ? [] : [`  ${name.padEnd(9)} ${text(value)}`];
  const { stdin, inputs } = pending;
  return [
    `${style.strong(printable(pending.operation))} in ${style.strong(printable(pending.project))}  ${pending.id.slice(0, 8)}, ${leftWords(pending)} left`,
    ...fact("does", pending.says),
    ...fact("asked", pending.why),
    ...fact("program", pending.program),
    ...argumentLines(pending.argv, max),
    ...fact("in", pending.cwd),
    ...fact("target", pending.user === undefined ? `${pending.repo} (${pending.url})` : "this machine"),
    ...fact("as user", pending.user),
    ...Object.entries(pending.env ?? {}).flatMap(([name, value]) => fact("env", `${name}=${value}`)),
    ...fact("commit", pending.commit),
    ...inputs.flatMap(({ param, path, bytes, sha256 }) =>
      fact("reads", `${param}: ${path}, ${sizeWords(bytes)}, sha256 ${sha256}`),
    ),
    ...fact("writes", pending.output),
    ...(stdin === undefined ? [] : fact("stdin", `${sizeWords(stdin.bytes)}, sha256 ${stdin.sha256}`)),
    ...fact("for", `session ${pending.session}, by ${pending.peer} (${pending.route})`),
    ...fact("config", pending.config.slice(0, 16)),
    ...sinceLines(pending, style),
  ];
}

/** In one line, cut. */
export function commandWords(argv: readonly string[], max = 120): string {
  return printable(shortened(argv.map((text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : quoted(text))).join(" "), max));
}

/** How long a grant holds. */
export function untilWords({ expires_at: expires }: GrantFields): string {
  return expires === undefined ? "session ends" : timeWords(new Date(expires));
}

/** What a grant lets through. */
export function grantWords({ kind, operation, project, session, argv }: GrantFields): string {
  const what = kind === "call" ? `exactly ${commandWords(argv ?? [])}` : `every call of ${printable(operation)}`;
  return `${what} in ${printable(project)}, session ${printable(session)}`;
}
