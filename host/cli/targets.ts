import { CodedError } from "../../wire/errors.ts";
import type { OperationInfo } from "../../wire/schema.ts";
import { printable, shortened } from "../../wire/text.ts";
import type { GatewayClient } from "../fleet/gateway-client.ts";
import { command, JSON_SWITCH, type Report } from "./command.ts";
import type { Context } from "./context.ts";
import { durationWords, timeWords } from "./duration.ts";
import { GATEWAY_OPTIONS } from "./exec-line.ts";
import { CHOICE_OPTIONS, choiceOf } from "./fleet-choice.ts";
import { gatewayOf } from "./fleet-client.ts";
import { chosenTargets, listTargets, type ListedTarget } from "./fleet-targets.ts";
import type { Style } from "./style.ts";
import { table } from "./table.ts";

const HEADINGS = ["NAME", "HOST", "NODE", "TAGS", "SOURCE", "STATUS", "VERSION", "LAST SEEN"];
const MAX_DESCRIPTION = 80;

/** As the original shows it: what Proxmox says, else what pings say. */
function statusOf({ status, reachable }: ListedTarget): string {
  return status === "unknown" || status === "" ? reachable : status;
}

function cell(text: string | undefined): string {
  return text === undefined || text === "" ? "-" : printable(text);
}

function addressOf({ host, port }: ListedTarget): string {
  if (host === "") return "-";
  return printable(host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);
}

function seenWords({ seenAt }: ListedTarget): string {
  if (seenAt === undefined) return "-";
  const ago = Date.now() - new Date(seenAt).getTime();
  return Number.isNaN(ago) ? "-" : `${durationWords(ago)} ago`;
}

function row(target: ListedTarget): readonly string[] {
  const { name, node, tags, source, version } = target;
  return [
    cell(name),
    addressOf(target),
    cell(node),
    cell(tags.join(",")),
    cell(source),
    // A discovered one runs, or does not, and may not answer all the same.
    statusOf(target) === target.reachable || target.reachable === "unknown"
      ? cell(statusOf(target))
      : `${cell(statusOf(target))}, ${cell(target.reachable)}`,
    cell(version),
    seenWords(target),
  ];
}

/** What is known of one target, as titles and values. */
function facts(target: ListedTarget, style: Style): string {
  const { name, node, tags, source, version, seenAt, trouble, reachable } = target;
  const rows: readonly (readonly [title: string, value: string])[] = [
    ["Name", cell(name)],
    ["Host", addressOf(target)],
    ["Node", cell(node)],
    ["Tags", cell(tags.join(", "))],
    ["Source", cell(source)],
    ["Status", cell(statusOf(target))],
    ["Answers", cell(reachable)],
    ["Version", cell(version)],
    ["Last seen", seenAt === undefined ? "-" : timeWords(new Date(seenAt))],
    ...(trouble === undefined ? [] : [["Trouble", cell(trouble)] as const]),
  ];
  return rows.map(([title, value]) => `${style.strong(`${title}:`)} ${value}\n`).join("");
}

function operationRow({ id, description = "", params = {}, approval, stdin }: OperationInfo): readonly string[] {
  const marks = [
    ...(approval === undefined ? [] : ["asks"]),
    ...(stdin === undefined || stdin === "none" ? [] : ["stdin"]),
  ];
  return [
    printable(id),
    Object.keys(params).map(printable).join(",") || "-",
    marks.join(",") || "-",
    printable(shortened(description, MAX_DESCRIPTION)) || "-",
  ];
}

async function operationsOf(client: GatewayClient, target: string): Promise<Report> {
  const { operations, error, code, hint } = await client.on(target).list("");
  if (operations === undefined || operations === null)
    throw new CodedError("rpc_failed", `${code ?? "the target"}: ${error ?? "it lists no operations"}`, {
      ...(hint === undefined ? {} : { hint }),
    });
  const rows = operations.map(operationRow);
  return {
    exit: 0,
    human:
      rows.length === 0 ? "No operations.\n" : table([["OPERATION", "PARAMETERS", "MARKS", "WHAT IT DOES"], ...rows]),
    json: { target, operations },
  };
}

function listed(targets: readonly ListedTarget[], name: string | undefined, { style }: Context): string {
  const [first] = targets;
  if (name !== undefined && first !== undefined) return facts(first, style);
  return targets.length === 0 ? "No targets.\n" : table([HEADINGS, ...targets.map(row)]);
}

export const targets = command({
  path: ["targets"],
  about: "List the machines of the fleet, as the gateway knows them, or say what is known of one.",
  options: {
    name: { kind: "optional_word", about: "Only this one, with everything that is known of it" },
    ...CHOICE_OPTIONS,
    operations: { kind: "switch", about: "List what may be run on the machine that is named" },
    plain: { kind: "switch", about: "Name, status and host, separated by tabs, as the original's list does" },
    ...GATEWAY_OPTIONS,
    json: JSON_SWITCH,
  },
  examples: [
    ["targets", "A table of all"],
    ["targets --tag=web --json", "Those with a tag, for a program"],
    ["targets web1", "One, and why it does not answer"],
    ["targets web1 --operations", "What its policy lets you run"],
  ],
  more: "Only machines that the key may use are listed. LAST SEEN is when the machine last answered the gateway, which asks all of them once a minute.",
  run: async (values, context) => {
    const { name, operations, plain } = values;
    const client = gatewayOf(values, context);
    if (operations) {
      if (name !== undefined) return operationsOf(client, name);
      throw new CodedError("usage", "--operations needs the NAME of a target", {
        hint: "See cmd2host targets --help.",
      });
    }
    const choice = choiceOf(values, name === undefined ? [] : [name]);
    const found = await (name === undefined ? listTargets(client, choice) : chosenTargets(client, choice));
    return {
      exit: 0,
      human: plain
        ? found.map((one) => `${printable(one.name)}\t${printable(statusOf(one))}\t${printable(one.host)}\n`).join("")
        : listed(found, name, context),
      json: { targets: found.map(({ fields }) => fields) },
    };
  },
});
