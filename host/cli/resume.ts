import { KillSwitch } from "../limits/kill-switch.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { stoppable } from "./stop.ts";

export const resume = command({
  path: ["resume"],
  about: "Go on with what cmd2host stop stopped.",
  options: {
    project: { kind: "text", about: "The project", placeholder: "ID" },
    all: { kind: "switch", about: "Take back stop --all, and the stops of all projects" },
    json: JSON_SWITCH,
  },
  examples: [["resume --project=OWNER_NAME", "Its agents may run operations again"]],
  run: ({ project, all }, context) => {
    const base = context.base();
    const id = stoppable(base, project, all);
    const killSwitch = new KillSwitch(base.stopped);
    const wanted = id === undefined ? [undefined, ...killSwitch.list().flatMap((one) => one.project ?? [])] : [id];
    const resumed = wanted.filter((one) => killSwitch.resume(one));
    const still = id === undefined ? undefined : killSwitch.of(id);
    const names = resumed.map((one) => one ?? "everything").join(", ");
    return {
      exit: 0,
      human: `${resumed.length === 0 ? "Nothing was stopped." : `Goes on: ${names}.`}\n${
        still === undefined ? "" : "It is still stopped by stop --all; see cmd2host resume --all.\n"
      }`,
      json: { resumed: resumed.map((one) => one ?? null), still_stopped: still !== undefined },
    };
  },
});
