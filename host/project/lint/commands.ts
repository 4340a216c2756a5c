import { realpathSync } from "node:fs";
import { isAbsolute } from "node:path";
import type { Code } from "../../../wire/codes.ts";
import { CodedError } from "../../../wire/errors.ts";
import { printable, quoted } from "../../../wire/text.ts";
import { programName } from "../push.ts";
import type { Operation } from "../types.ts";
import { isQuiet, programDanger, subcommandDanger, subcommandWords } from "./dangers.ts";
import type { OperationRule, Subject } from "./finding.ts";

function workspacesOf({ loaded }: Subject): readonly string[] {
  return loaded.project.repos.flatMap(({ path }) => {
    try {
      return [realpathSync.native(path)];
    } catch {
      return [];
    }
  });
}

const FIXES: ReadonlyMap<Code, string> = new Map([
  ["command_not_found", "Install it, or write the absolute path of the program."],
  ["command_untrusted", "Name a program outside every workspace that only its owner and root can write."],
]);

/** Programs that are missing, not named in full, or that others could replace: what the daemon would say. */
export const commandFile: OperationRule = (operation, at, report, subject) => {
  const { command, machine, fleet } = operation;
  // Our own program, or the machine's affair.
  if (machine?.transfer !== undefined || fleet !== undefined) return;
  if (command === "") {
    report({
      severity: "error",
      rule: "command_missing",
      pointer: at,
      message: "the operation names no command",
      fix: "Add command: the absolute path of a program.",
    });
    return;
  }
  const pointer = `${at}/command`;
  try {
    const { env } = subject.loaded.project;
    const found = subject.findCommand(
      command,
      workspacesOf(subject),
      machine === undefined ? undefined : { path: env.get("PATH") },
    );
    // On a machine they are looked for in the system's directories, or where the project says, whatever the daemon's PATH.
    if (isAbsolute(command) || machine !== undefined) return;
    const message = `${quoted(command)} is looked up on the daemon's PATH each time`;
    report({ severity: "warning", rule: "command_relative", pointer, message, fix: `Write ${printable(found)}.` });
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    report({
      severity: "error",
      rule: error.code,
      pointer,
      message: error.message,
      fix: FIXES.get(error.code) ?? error.hint,
    });
  }
};

/** True when the caller can put anything into the argument list. */
export function isOpen(operation: Operation): boolean {
  return (
    operation.flags.size > 0 ||
    operation.template.some((element) => element.kind !== "literal" && operation.params.size > 0)
  );
}

/** A subcommand that the template spells out, without flags that could say otherwise. */
function startsNothing({ command, template, flags }: Operation): boolean {
  const [first] = template;
  return first?.kind === "literal" && flags.size === 0 && isQuiet(command, first.text);
}

/** Programs and subcommands that run other programs. */
export const commandDanger: OperationRule = (operation, at, report) => {
  // Said more plainly by the rule for machines.
  if (operation.machine?.shell !== undefined) return;
  const danger = startsNothing(operation) ? undefined : programDanger(operation.command, isOpen(operation));
  if (danger !== undefined) {
    report({
      severity: danger.severity,
      rule: "command_dangerous",
      pointer: `${at}/command`,
      message: danger.why,
      fix: "Name the program that is really meant, with a template that says what it does.",
    });
  }
  const texts = operation.template.map((element) => element.text);
  const why = subcommandDanger(operation.command, subcommandWords(operation.command, texts));
  if (why === undefined) return;
  report({
    severity: "warning",
    rule: "subcommand_dangerous",
    pointer: `${at}/args_template`,
    message: `${programName(operation.command)} ${texts[0] ?? ""}: ${why}`,
    fix: "Leave it out of a policy.",
  });
};

const NEEDS_HOME =
  /^(?:npm|yarn|pnpm|docker|podman|kubectl|helm|gcloud|az|terraform|tofu|cargo|pip3?|ssh|scp|rsync|glab|hub|ansible|vault|op|heroku|flyctl|doctl|psql|mysql)$/;

/** Environment recipes that do not fit the program. */
export const profile: OperationRule = (operation, at, report) => {
  const name = programName(operation.command);
  // On a machine every program has the home directory of its user, and there are no profiles.
  if (operation.machine !== undefined) {
    if (operation.profile === undefined) return;
    const fix = "Remove profile.";
    const message = "programs of a machine have the environment of their user, and no profile";
    report({ severity: "warning", rule: "profile_ignored", pointer: `${at}/profile`, message, fix });
    return;
  }
  if (NEEDS_HOME.test(name) && (operation.profile ?? "minimal") === "minimal") {
    report({
      severity: "warning",
      rule: "profile_minimal",
      pointer: operation.profile === undefined ? at : `${at}/profile`,
      message: `${name} usually keeps its login or settings in the home directory, which the minimal profile does not pass on`,
      fix: 'Add "profile": "user" if it does not work without.',
    });
  }
  const own = name === "git" || name === "gh";
  if (own && operation.profile !== undefined && !operation.profile.startsWith(name)) {
    report({
      severity: "warning",
      rule: "profile_ignored",
      pointer: `${at}/profile`,
      message: `${name} always gets its own profile`,
      fix: "Remove profile.",
    });
  }
};
