import { readTemplate } from "../project/templates.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { templatesFor } from "./template-words.ts";

function list(names: readonly string[]): string {
  return names.map((name) => `  ${name}\n`).join("");
}

export const templates = command({
  path: ["templates"],
  about: "List the bundled policy templates.",
  options: { json: JSON_SWITCH },
  examples: [
    ["templates", "List their names"],
    ["templates show readonly", "Print one"],
  ],
  run: (_values, context) => {
    const [repositories, machines] = [
      templatesFor("repositories", context.templates),
      templatesFor("machines", context.templates),
    ];
    return {
      exit: 0,
      human: `Available templates:\n${list(repositories)}${
        machines.length === 0 ? "" : `For a machine of a fleet (cmd2host agent init):\n${list(machines)}`
      }`,
      json: { templates: repositories, machine_templates: machines },
    };
  },
});

export const templatesShow = command({
  path: ["templates", "show"],
  about: "Print a bundled policy template.",
  options: { name: { kind: "word", about: "Name of the template" }, json: JSON_SWITCH },
  examples: [["templates show git_github_write", "Print what config init would start from"]],
  run: ({ name }, context) => {
    const text = readTemplate(context.templates, name).toString("utf8");
    const template: unknown = JSON.parse(text);
    return { exit: 0, human: `${text}\n`, json: { name, template } };
  },
});
