import { printable } from "../../wire/text.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { table } from "./table.ts";

/** Names as in daemon.json, with the unit behind times: defaultTimeoutMs becomes default_timeout_ms. Infinity has no JSON. */
function asJson(value: unknown): unknown {
  if (value === Number.POSITIVE_INFINITY) return "unlimited";
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]: readonly [string, unknown]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      asJson(member),
    ]),
  );
}

/** One row per setting; groups of settings as `group.name`. */
function rows(settings: unknown, prefix = ""): readonly (readonly string[])[] {
  if (typeof settings !== "object" || settings === null) return [];
  return Object.entries(settings).flatMap(
    ([name, value]: readonly [string, unknown]): readonly (readonly string[])[] => {
      if (value === undefined) return [];
      if (typeof value === "object" && value !== null && !Array.isArray(value)) return rows(value, `${prefix}${name}.`);
      return [[`  ${prefix}${name}`, printable(typeof value === "string" ? value : JSON.stringify(value))]];
    },
  );
}

export const check = command({
  path: ["check"],
  about: "Check daemon.json and show the settings that are in force, without starting anything.",
  options: { json: JSON_SWITCH },
  examples: [["check", "Say what the daemon would say at start"]],
  run: async (_values, context) => {
    const base = context.base();
    const { settings: loaded, warnings, unknown } = await context.daemon.settings(base);
    const settings = asJson(loaded);
    const notes = [...warnings, ...unknown.map((pointer) => `unknown member ${printable(pointer)}: it does nothing`)];
    return {
      exit: 0,
      human: `${printable(base.daemonFile)}: ${context.style.good("fine")}\n${table(rows(settings))}`,
      json: { file: base.daemonFile, settings, warnings, unknown },
      stderr: notes.map((note) => `warning: ${note}\n`).join(""),
    };
  },
});
