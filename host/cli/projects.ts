import { printable } from "../../wire/text.ts";
import { KillSwitch } from "../limits/kill-switch.ts";
import { listProjectIds } from "../project/project-id.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { approvalOf } from "../project/approval.ts";

export const projects = command({
  path: ["projects"],
  about: "List the configured projects and whether their configuration is approved.",
  options: { json: JSON_SWITCH },
  examples: [["projects", "One line per project"]],
  run: (_values, context) => {
    const { projects: directory, stopped } = context.base();
    const killSwitch = new KillSwitch(stopped);
    const rows = listProjectIds(directory).map((id) => ({
      id,
      approval: approvalOf(directory, id),
      stop: killSwitch.of(id),
    }));
    const { style } = context;
    const lines = rows.map(
      ({ id, approval, stop }) =>
        `  ${id} ${approval === "allowed" ? style.good("(allowed)") : style.careful("(not allowed)")}${
          stop === undefined ? "" : ` ${style.bad("(stopped)")}${stop.note === "" ? "" : ` ${printable(stop.note)}`}`
        }\n`,
    );
    return {
      exit: 0,
      human:
        rows.length === 0
          ? `No projects configured.\nDirectory: ${printable(directory)}\n`
          : `Configured projects:\n${lines.join("")}`,
      json: {
        directory,
        projects: rows.map(({ id, approval, stop }) => ({
          id,
          allowed: approval === "allowed",
          approval,
          stopped: stop === undefined ? null : { at: stop.at, note: stop.note },
        })),
      },
    };
  },
});
