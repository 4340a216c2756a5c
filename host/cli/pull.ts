import { realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { GATEWAY_OPTIONS } from "./exec-line.ts";
import { gatewayOf } from "./fleet-client.ts";
import { interruptible } from "./fleet-interrupt.ts";
import { Notices, transferJson, TransferLine, transferWords } from "./fleet-transfer.ts";
import { pullFiles } from "./pull-stream.ts";
import { requireAbsolute } from "./push.ts";

/** Where something goes here: a path whose links were followed but in its last part, and what it lies in. */
interface Place {
  readonly path: string;
  readonly root: string;
}

/** @throws CodedError `file_failed` */
function placeOf(cwd: string, given: string): Place {
  const slash = given.endsWith("/") ? "/" : "";
  const path = resolve(cwd, given);
  try {
    // A directory that stands there is meant, also when a link leads to it.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
      const real = realpathSync.native(path);
      return { path: `${real === "/" ? "" : real}${real === "/" ? "/" : slash}`, root: dirname(real) };
    }
    const root = realpathSync.native(dirname(path));
    return { path: join(root, basename(path)) + slash, root };
  } catch (error) {
    throw new CodedError("file_failed", `${printable(given)}: ${errnoOf(error) ?? messageOf(error)}`);
  }
}

export const pull = command({
  path: ["pull"],
  about: "Copy a file or a directory from a machine of the fleet, from below a directory that its policy names.",
  options: {
    target: { kind: "word", about: "The machine" },
    path: { kind: "word", about: "The file or directory there, from the root on" },
    file: { kind: "word", about: "Where it goes here" },
    merge: { kind: "switch", about: "Put a directory into one that is there" },
    operation: {
      kind: "text",
      about: "The operation of the machine's policy that gives files",
      placeholder: "NAME",
      default: "pull",
    },
    ...GATEWAY_OPTIONS,
    json: JSON_SWITCH,
  },
  examples: [
    ["pull web1 /var/log/nginx/error.log .", "A file into the current directory"],
    ["pull web1 /srv/www backup/www", "A directory, under another name"],
  ],
  more: "What comes is checked against its checksums, and put in its place only when all of it is there. It gets the name that you ask for, whatever the machine calls it. Modes and times are kept, owners are not. docs/transfer.md says where things go, and what is refused.",
  run: async (values, context) =>
    interruptible(async (signal) => {
      const { target, path: remotePath, file, merge, operation } = values;
      requireAbsolute(remotePath);
      const { path, root } = placeOf(context.cwd, file);
      const notices = new Notices();
      const line = new TransferLine(`pulling ${printable(remotePath)} from ${printable(target)}`, context);
      const outcome = await pullFiles({
        target,
        client: gatewayOf(values, context).on(target),
        operation,
        remotePath,
        path,
        root,
        name: basename(remotePath),
        merge,
        signal,
        onProgress: line.progress,
        notices,
      }).finally(() => {
        line.end();
      });
      return {
        exit: 0,
        human: transferWords("Pulled", outcome, file),
        json: transferJson(outcome, { target, path: remotePath, file: path }, notices),
        stderr: notices.texts.map((text) => `notice: ${text}\n`).join(""),
      };
    }),
});
