import type { FlagInfo, FlagRule, OperationInfo } from "../../wire/schema.ts";
import type { FlagSpec, Operation, Project } from "../project/types.ts";
import { allowedHint } from "./resolve.ts";
import { CodedError } from "../../wire/errors.ts";
import { printable, shortened } from "../../wire/text.ts";

const SHARED_MEMBERS = [
  "type",
  "pattern",
  "min",
  "max",
  "enum",
  "schemes",
  "hosts",
  "description",
  "allow_leading_dash",
];
const FLAG_MEMBERS = [...SHARED_MEMBERS, "repeat"];
const PARAM_MEMBERS = [...SHARED_MEMBERS, "optional", "minLength", "maxLength", "items", "direction", "max_bytes"];

/** Only what the schema knows: an owner's own notes in a configuration are not for the container. */
function known<T extends object>(value: T, members: readonly string[]): T {
  return Object.fromEntries(Object.entries(value).filter(([name]) => members.includes(name))) as T;
}

/** Takes one value, which is any text. */
function isPlain({ takes, rule }: FlagSpec): boolean {
  return takes === "one" && rule === undefined;
}

function flagInfo({ flag, takes, rule }: FlagSpec): FlagInfo {
  return { flag, takes, ...(rule === undefined ? {} : known<Partial<FlagRule>>(rule, FLAG_MEMBERS)) };
}

/** Hints only where the operation declares any: without them a client takes the careful answer by itself. */
function declaredHints({ source, annotations }: Operation): Pick<OperationInfo, "annotations"> {
  if (source.annotations === undefined) return {};
  const { readOnly, destructive, idempotent, openWorld } = annotations;
  return { annotations: { read_only: readOnly, destructive, idempotent, open_world: openWorld } };
}

/** Whether a person will be asked: an agent that knows it can prepare for the wait. The conditions are the owner's. */
function asks({ approval }: Operation): Pick<OperationInfo, "approval"> {
  if (approval === undefined) return {};
  return { approval: approval.when.length === 0 && approval.after === undefined ? "always" : "sometimes" };
}

/** What a session may know of an operation: never its template. Parameters come sorted by name. */
export function operationInfo(operation: Operation): OperationInfo {
  const names = [...operation.params.keys()].sort();
  const params = names.flatMap((name) => {
    const schema = operation.params.get(name)?.schema;
    return schema === undefined ? [] : [[name, known(schema, PARAM_MEMBERS)] as const];
  });
  const flags = [...operation.flags.values()];
  return {
    id: operation.id,
    command: operation.command,
    description: operation.description,
    ...(params.length === 0 ? {} : { params: Object.fromEntries(params) }),
    ...(flags.length === 0 ? {} : { allowed_flags: flags.map(({ flag }) => flag) }),
    ...(flags.every(isPlain) ? {} : { flag_rules: flags.map(flagInfo) }),
    ...(operation.title === "" ? {} : { title: operation.title }),
    ...(operation.stdin === "none" ? {} : { stdin: operation.stdin }),
    ...(operation.output === "text" ? {} : { output: operation.output }),
    ...declaredHints(operation),
    ...(operation.timeoutSeconds === undefined ? {} : { timeout: operation.timeoutSeconds }),
    ...asks(operation),
  };
}

/** The allowed operations whose id begins with `prefix`, in the order of the configuration. */
export function listOperations(project: Project, prefix: string): readonly OperationInfo[] {
  return project.allowed
    .filter((id) => id.startsWith(prefix))
    .flatMap((id) => {
      const operation = project.operations.get(id);
      return operation === undefined ? [] : [operationInfo(operation)];
    });
}

/** @throws CodedError `operation_not_allowed`, also for names that do not exist: a session learns nothing of what it may not run */
export function describeOperation(project: Project, id: string): OperationInfo {
  const operation = project.allowed.includes(id) ? project.operations.get(id) : undefined;
  if (operation === undefined)
    throw new CodedError("operation_not_allowed", `Operation not allowed: ${printable(shortened(id, 120))}`, {
      hint: allowedHint(project, id),
    });
  return operationInfo(operation);
}
