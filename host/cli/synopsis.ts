import type { Command, Option } from "./command.ts";

function part(name: string, option: Option): string {
  const short = "short" in option ? `-${option.short}|` : "";
  switch (option.kind) {
    case "word":
      return name.toUpperCase();
    case "optional_word":
      return `[${name.toUpperCase()}]`;
    case "words":
      return `[${name.toUpperCase()}…]`;
    case "rest":
      return `-- ${name.toUpperCase()}…`;
    case "switch":
      return `[${short}--${name}]`;
    case "text":
      return option.required === true ? `--${name}=${option.placeholder}` : `[${short}--${name}=${option.placeholder}]`;
    case "texts":
      return option.required === true ? `--${name}=${option.placeholder}…` : `[--${name}=${option.placeholder}]…`;
  }
}

/** The form of a command in one line: `cmd2host token list [--project=ID] [--json]`. */
export function synopsis(command: Command): string {
  return [
    "cmd2host",
    ...command.path,
    ...Object.entries(command.options).map(([name, option]) => part(name, option)),
  ].join(" ");
}
