import { lstatSync } from "node:fs";
import { printable } from "../../wire/text.ts";
import { answers } from "../service/answer.ts";
import type { ServiceState } from "../service/platform.ts";
import { missingPart, replacedSince } from "../service/replaced.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { durationWords, timeWords } from "./duration.ts";
import { installedService, serviceManager } from "./service-manager.ts";
import { socketsOf } from "./sockets.ts";
import { VERSION } from "../util/version.ts";

/** Exit codes of systemctl status. */
const NOT_ACTIVE = 3;
const NOT_INSTALLED = 4;

function isSocket(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true;
}

function stateWords({ state, since, pid, enabled }: ServiceState): string {
  const long = since === undefined ? "" : ` since ${timeWords(since)} (${durationWords(Date.now() - since.getTime())})`;
  const number = pid === undefined ? "" : `, process ${pid}`;
  return `${state}${long}${number}${enabled ? "" : ", does not start by itself"}`;
}

export const serviceStatus = command({
  path: ["service", "status"],
  about: "Say whether the service runs, since when, which program, and whether its sockets are there.",
  options: { json: JSON_SWITCH },
  examples: [["service status", "Is it running?"]],
  more: "Exits with 0 when it is active, 3 when it is installed and not active, 4 when it is not installed, 1 when the service manager cannot be asked.",
  run: async (_values, context) => {
    const manager = serviceManager(context);
    const { platform } = manager;
    const installed = installedService(manager, context);
    if (installed === undefined)
      return {
        exit: NOT_INSTALLED,
        human: `No service is installed (${printable(platform.file)} is not there).\n`,
        json: { installed: false, file: platform.file },
      };
    await platform.requireManager();
    const state = await platform.state();
    const { definition, base } = installed;
    const { program, version } = definition;
    const missing = missingPart(program);
    const replaced = state.since === undefined ? undefined : replacedSince(program, state.since);
    const { settings } = await context.daemon.settings(base);
    const sockets = socketsOf(settings, base).map((path) => ({ path, present: isSocket(path) }));
    const answering = await answers(base.lockSocket);
    const notes = [
      ...(missing === undefined ? [] : [`${printable(missing)} is not there any more: run cmd2host service install`]),
      ...(missing !== undefined || replaced === undefined
        ? []
        : [`${printable(replaced)} was replaced after the start: run cmd2host service restart`]),
      ...(version === VERSION
        ? []
        : [
            `the definition was written by ${version === undefined ? "another program" : `cmd2host ${printable(version)}`}: run cmd2host service install`,
          ]),
      ...platform.advice(state),
    ];
    const rows = [
      ["state", stateWords(state)],
      ["definition", printable(platform.file)],
      ["program", program.map(printable).join(" ")],
      ["serves", printable(base.root)],
      ["daemon", answering ? "answers" : "does not answer"],
      ...sockets.map(({ path, present }) => ["socket", `${printable(path)}${present ? "" : " (not there)"}`]),
    ];
    return {
      exit: state.state === "active" ? 0 : NOT_ACTIVE,
      human: rows.map(([name = "", value = ""]) => `${name.padEnd(10)}  ${value}\n`).join(""),
      json: {
        installed: true,
        file: platform.file,
        state: state.state,
        enabled: state.enabled,
        since: state.since?.toISOString() ?? null,
        pid: state.pid ?? null,
        lingers: state.lingers ?? null,
        program,
        version: version ?? null,
        base: base.root,
        answers: answering,
        sockets,
        notes,
      },
      stderr: notes.map((note) => `note: ${note}\n`).join(""),
    };
  },
});
