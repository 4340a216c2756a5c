import { CodedError } from "../../wire/errors.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { GATEWAY_OPTIONS } from "./exec-line.ts";
import { gatewayOf } from "./fleet-client.ts";
import { targetIn } from "./fleet-targets.ts";
import { targetPath, targetWords } from "./target-change.ts";

export const targetTag = command({
  path: ["target", "tag"],
  about: "Give a machine tags, and take others away.",
  options: {
    name: { kind: "word", about: "The target" },
    add: { kind: "texts", about: "A tag that it gets", placeholder: "TAG" },
    remove: { kind: "texts", about: "A tag that it loses", placeholder: "TAG" },
    ...GATEWAY_OPTIONS,
    json: JSON_SWITCH,
  },
  examples: [["target tag web1 --add=canary --remove=old", "Rights and commands may hang on tags"]],
  more: "For an administrator of the gateway. Tags of a target of gateway.toml are changed there.",
  run: async (values, context) => {
    const { name, add, remove } = values;
    if (add.length + remove.length === 0)
      throw new CodedError("usage", "say which tag: --add TAG, --remove TAG", {
        hint: "See cmd2host target tag --help.",
      });
    const fields = { add_tags: add, remove_tags: remove };
    const { body } = await gatewayOf(values, context).ask("PATCH", targetPath(name), fields);
    const tagged = targetIn(body);
    return { exit: 0, human: `Tagged: ${targetWords(tagged)}\n`, json: tagged.fields };
  },
});
