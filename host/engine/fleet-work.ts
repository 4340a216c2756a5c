import { CodedError } from "../../wire/errors.ts";
import { quoted, shortened } from "../../wire/text.ts";
import type { Launch } from "../exec/run.ts";
import type { Call } from "../operation/call.ts";
import type { FleetRules, TemplateElement } from "../project/types.ts";
import { launchLimits } from "./launch-limits.ts";
import type { Findings } from "./plan.ts";
import type { EngineSettings, Rooms } from "./rooms.ts";
import type { Watch } from "./trail.ts";
import type { Work } from "./work.ts";

/** An operation of another machine, by way of a gateway. */
export interface FleetWork {
  readonly kind: "fleet";
  readonly target: string;
  readonly operation: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** How long it may take and what is kept of it. Nothing of it is started here. */
  readonly launch: Launch;
}

/** What people are shown in place of a program. */
const PROGRAM = "fleet";

function textOf(call: Call, name: string): string | undefined {
  const value = call.values.get(name);
  if (value === undefined) return undefined;
  return value.kind === "text" ? value.text : value.items.join(",");
}

/** The value as the caller sent it: a number stays one. Undefined when it was left out. */
function valueOf(call: Call, name: string): unknown {
  const value = call.values.get(name);
  if (value === undefined) return undefined;
  if (value.kind !== "text") return [...value.items];
  const type = call.operation.params.get(name)?.type;
  return type === "integer" || type === "number" ? Number(value.text) : value.text;
}

function filled(element: TemplateElement, call: Call): unknown {
  switch (element.kind) {
    case "literal":
      return element.text;
    case "whole":
      return valueOf(call, element.name);
    case "inline":
      return element.parts.map((part) => (part.kind === "text" ? part.text : (textOf(call, part.name) ?? ""))).join("");
  }
}

/** @throws CodedError `target_unknown` */
async function allowedTarget(
  { target, targets, tags }: FleetRules,
  call: Call,
  tagsOf: Rooms["targetTags"],
): Promise<string> {
  if (target.kind === "literal") return target.text;
  const name = target.kind === "whole" ? (textOf(call, target.name) ?? "") : "";
  const isEnum = target.kind === "whole" && call.operation.params.get(target.name)?.type === "enum";
  if (isEnum && targets.length === 0 && tags.length === 0) return name;
  if (targets.some((glob) => glob.ok && glob.glob.matches(name, false))) return name;
  // Also for a name that there is not: who asks learns nothing of the fleet.
  const own = tags.length === 0 ? [] : await tagsOf(name);
  if (own.some((tag) => tags.includes(tag))) return name;
  throw new CodedError(
    "target_not_allowed",
    `${quoted(shortened(name, 128))} is none of the machines that this operation may reach`,
  );
}

/** What a call on a machine of a fleet comes to, and its words as people are shown them. */
export interface FleetWorked {
  readonly work: FleetWork;
  readonly args: readonly string[];
  readonly notice: undefined;
}

/**
 * A call on a machine of a fleet as work. Nothing of this host goes with it but the values of the call.
 * @throws CodedError `target_not_allowed`, and what the gateway says about tags
 */
export async function fleetWork(
  { call, workspace, timeoutSeconds }: Findings,
  rules: FleetRules,
  settings: EngineSettings,
  tagsOf: Rooms["targetTags"],
  step: Watch | undefined,
): Promise<FleetWorked> {
  const target = await allowedTarget(rules, call, tagsOf);
  const params = Object.fromEntries(
    [...rules.params].flatMap(([name, element]) => {
      const value = filled(element, call);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
  const args = [target, rules.operation, ...(rules.params.size === 0 ? [] : [JSON.stringify(params)])];
  step?.("arguments", args);
  step?.("branches", args);
  const command = { file: PROGRAM, argv0: PROGRAM };
  step?.("program", command);
  step?.("git", { kind: "program", runIn: "empty" });
  step?.("configuration", undefined);
  const env: Launch["env"] = new Map();
  step?.("environment", env);
  const launch: Launch = {
    command,
    args,
    env,
    cwd: workspace.root,
    ...launchLimits(call.operation, settings, timeoutSeconds),
  };
  const work: Work = { kind: "fleet", target, operation: rules.operation, params, launch };
  return { work, args, notice: undefined };
}
