import { quoted } from "../../wire/text.ts";
import type { MachineOperation, MachineRules, Operation, TransferRules } from "./types.ts";
import { word } from "./words.ts";

/** What a machine's policy says, in words. */

function rootWords(roots: readonly string[]): string {
  return roots.length === 0 ? "nowhere" : `below ${roots.map(word).join(", ")}`;
}

export function transferWords({ direction, roots, maxBytes, maxFiles }: TransferRules): string {
  const does = direction === "push" ? "writes files" : "reads files";
  return `${does} ${rootWords(roots)}, at most ${maxBytes} bytes and ${maxFiles} files`;
}

export function userWords(user: string | undefined): string {
  return user === undefined ? "the agent's own user" : `the user ${word(user)}`;
}

function envWords({ env }: MachineOperation, names: readonly string[]): readonly string[] {
  if (env === "any") return ["lets callers set any variable"];
  return names.length === 0 ? [] : [`lets callers set variables that match ${names.map(word).join(", ")}`];
}

/** What an operation does that only a machine's can, one line each. */
export function machineDetails({ machine, source }: Operation): readonly string[] {
  if (machine === undefined) return [];
  const { shell, transfer, runAs } = machine;
  return [
    ...(shell === undefined ? [] : [`runs ANY command that the caller sends, with ${shell}`]),
    ...(transfer === undefined ? [] : [transferWords(transfer)]),
    `runs as ${userWords(runAs)}`,
    ...envWords(machine, source.env_allow ?? []),
  ];
}

/** What holds for all operations of a machine, one line each. */
export function machineLines({ runAs, workDirs, wrapper }: MachineRules): readonly string[] {
  return [
    `The machine itself; programs run as ${userWords(runAs)}, where their operation names nobody else`,
    `Working directories besides the home directory: ${workDirs.length === 0 ? "none" : workDirs.map(word).join(", ")}`,
    ...(wrapper === undefined ? [] : [`Commands of shells run through ${quoted(wrapper)} where the host has it`]),
  ];
}
