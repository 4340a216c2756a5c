import type { OperationTemplate } from "../../../wire/schema.ts";
import { isOperationId } from "../../../wire/parse-request.ts";
import { quoted, shortened } from "../../../wire/text.ts";
import { compileGlob } from "../../util/glob.ts";
import { parseElement, placeholdersOf } from "../template.ts";
import type { FleetRules, ParamRule } from "../types.ts";
import { step, type Complain } from "./complain.ts";

/** What an operation of a fleet does not have: the machine's policy says it. */
const OF_PROGRAMS = [
  "command",
  "args_template",
  "allowed_flags",
  "bool_flags",
  "multi_value_flags",
  "profile",
  "rtk",
  "run_in",
  "shell",
  "transfer",
  "run_as",
  "env_allow",
] as const;

/** The canonical form writes what an operation does not say as something empty. */
function isSaid(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return value !== undefined && value !== null && value !== "";
}

/** What an operation says of the fleet; undefined for one that runs here. */
export function compileFleet(
  source: OperationTemplate,
  params: ReadonlyMap<string, ParamRule>,
  pointer: string,
  complain: Complain,
): FleetRules | undefined {
  const { fleet } = source;
  if (fleet === undefined) return undefined;
  for (const name of OF_PROGRAMS)
    if (isSaid(source[name])) complain(`${pointer}/${name}`, "an operation of a fleet leaves that to the machine");
  const known = (text: string, at: string) => {
    const element = parseElement(text);
    for (const name of placeholdersOf(element))
      if (!params.has(name)) complain(at, `placeholder {${quoted(shortened(name, 60))}} is no parameter`);
    return element;
  };
  const target = known(fleet.target, `${pointer}/fleet/target`);
  if (!isOperationId(fleet.operation))
    complain(
      `${pointer}/fleet/operation`,
      `expected the id of an operation, got ${quoted(shortened(fleet.operation, 60))}`,
    );
  const isOpen = target.kind !== "literal";
  const { targets = [], tags = [] } = fleet;
  if (target.kind === "inline")
    complain(`${pointer}/fleet/target`, "expected a name, or {PARAM} alone: a name that is put together could be any");
  const chosen = target.kind === "whole" ? params.get(target.name) : undefined;
  if (chosen !== undefined && (chosen.type === "array" || chosen.type === "paths"))
    complain(`${pointer}/fleet/target`, "one call is for one machine; the parameter has several values");
  if (isOpen && targets.length === 0 && tags.length === 0 && chosen?.type !== "enum")
    complain(
      `${pointer}/fleet`,
      "says not which machines may be named: give the parameter an enum, or add targets or tags",
    );
  if (!isOpen && (targets.length > 0 || tags.length > 0))
    complain(`${pointer}/fleet/targets`, "does nothing for a machine that is named here");
  return {
    target,
    operation: fleet.operation,
    params: new Map(
      Object.entries(fleet.params ?? {}).map(([name, text]) => [
        name,
        known(text, `${pointer}/fleet/params${step(name)}`),
      ]),
    ),
    targets: targets.map((glob) => compileGlob(glob)),
    tags,
  };
}
