import type { OperationTemplate } from "../../../wire/schema.ts";
import { quoted, shortened } from "../../../wire/text.ts";
import { gitWords } from "../push.ts";
import type { FilterRules, Hints, Operation } from "../types.ts";
import type { Complain } from "./complain.ts";

type Streams = Pick<Operation, "stdin" | "maxStdinBytes" | "output" | "filter" | "rtk">;

function isGit({ command = "" }: OperationTemplate): boolean {
  return gitWords(command, []) !== undefined;
}

/** Except on a machine, git runs in rooms of the daemon's own, which are closed off: nothing is sent in, and no other program stands in between. */
function checkInput(source: OperationTemplate, isMachine: boolean, pointer: string, complain: Complain): void {
  const { stdin = "none", max_stdin_bytes: most } = source;
  if (stdin !== "none" && !isMachine && isGit(source))
    complain(`${pointer}/stdin`, "git on the host takes no standard input");
  if (stdin === "none" && most !== undefined)
    complain(`${pointer}/max_stdin_bytes`, "does nothing without stdin, which is none");
}

function checkRtk(source: OperationTemplate, isMachine: boolean, pointer: string, complain: Complain): void {
  if (source.rtk !== true) return;
  if (!isMachine && isGit(source))
    complain(`${pointer}/rtk`, "git on the host runs by itself, never through another program");
  if (source.output === "json")
    complain(`${pointer}/rtk`, 'rtk changes what the program prints, which output "json" forbids');
}

function compileField(path: string, pointer: string, complain: Complain): readonly string[] {
  const names = path.split(".");
  return names.includes("")
    ? complain(pointer, `expected names with dots between them (a.b), got ${quoted(shortened(path, 60))}`)
    : names;
}

function compileFilter(source: OperationTemplate, pointer: string, complain: Complain): FilterRules | undefined {
  const { json_fields: fields = [], max_lines: lines = {}, ...rest } = source.filter ?? {};
  const isJson = source.output === "json";
  if (fields.length > 0 && !isJson) complain(`${pointer}/json_fields`, 'needs "output": "json"');
  const jsonFields = fields.map((path, index) => compileField(path, `${pointer}/json_fields/${index}`, complain));
  const { head = 0, tail = 0 } = lines;
  const rules: FilterRules = {
    stripAnsi: rest.strip_ansi === true,
    collapseProgress: rest.collapse_progress === true,
    maxLines: head === 0 && tail === 0 ? undefined : { head, tail },
    jsonFields,
  };
  // JSON is data: what shortens text leaves it alone.
  const works = isJson
    ? jsonFields.length > 0
    : rules.stripAnsi || rules.collapseProgress || rules.maxLines !== undefined;
  return works ? rules : undefined;
}

/** What an operation reads, and what becomes of what it prints. */
export function compileStreams(
  source: OperationTemplate,
  isMachine: boolean,
  pointer: string,
  complain: Complain,
): Streams {
  checkInput(source, isMachine, pointer, complain);
  checkRtk(source, isMachine, pointer, complain);
  return {
    stdin: source.stdin ?? "none",
    maxStdinBytes: source.max_stdin_bytes,
    output: source.output ?? "text",
    filter: compileFilter(source, `${pointer}/filter`, complain),
    rtk: source.rtk === true,
  };
}

/** Every hint, with the careful answer where the configuration is silent. */
export function hintsOf(annotations: OperationTemplate["annotations"] = {}): Hints {
  const readOnly = annotations.read_only === true;
  return {
    readOnly,
    destructive: annotations.destructive ?? !readOnly,
    idempotent: annotations.idempotent ?? readOnly,
    openWorld: annotations.open_world ?? true,
  };
}
