import { realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { command, JSON_SWITCH } from "./command.ts";
import { GATEWAY_OPTIONS } from "./exec-line.ts";
import { gatewayOf } from "./fleet-client.ts";
import { interruptible } from "./fleet-interrupt.ts";
import { Notices, transferJson, TransferLine, transferWords } from "./fleet-transfer.ts";
import { pushFiles } from "./push-stream.ts";

/** @throws CodedError `file_failed` */
function realPath(cwd: string, file: string): string {
  try {
    return realpathSync.native(resolve(cwd, file));
  } catch (error) {
    throw new CodedError("file_failed", `${printable(file)}: ${errnoOf(error) ?? messageOf(error)}`);
  }
}

/** @throws CodedError `usage` */
export function requireAbsolute(path: string): void {
  if (path.startsWith("/")) return;
  throw new CodedError("usage", `${printable(path)} is no absolute path on the machine`, {
    hint: "Write where it is from the root on: /srv/www/index.html.",
  });
}

export const push = command({
  path: ["push"],
  about: "Copy a file or a directory to a machine of the fleet, below a directory that its policy names.",
  options: {
    target: { kind: "word", about: "The machine" },
    file: { kind: "word", about: "The file or directory here" },
    path: { kind: "word", about: "Where it goes there, from the root on" },
    merge: { kind: "switch", about: "Put a directory into one that is there" },
    "skip-links": { kind: "switch", about: "Leave symbolic links out instead of refusing them" },
    operation: {
      kind: "text",
      about: "The operation of the machine's policy that takes files",
      placeholder: "NAME",
      default: "push",
    },
    ...GATEWAY_OPTIONS,
    json: JSON_SWITCH,
  },
  examples: [
    ["push web1 index.html /srv/www/", "A file into a directory"],
    ["push web1 site /srv/www --merge", "What is in a directory into another one"],
  ],
  more: "What is sent is checked there against its checksums, and put in its place only when all of it is there. Modes and times are kept, owners are not. docs/transfer.md says where things go, and what is refused.",
  run: async (values, context) =>
    interruptible(async (signal) => {
      const { target, file, path: remotePath, merge, operation } = values;
      requireAbsolute(remotePath);
      const path = realPath(context.cwd, file);
      const notices = new Notices();
      const line = new TransferLine(`pushing ${printable(file)} to ${printable(target)}`, context);
      const outcome = await pushFiles({
        target,
        client: gatewayOf(values, context).on(target),
        operation,
        path,
        root: dirname(path),
        remotePath,
        merge,
        links: values["skip-links"] ? "skip" : "refuse",
        signal,
        onProgress: line.progress,
        notices,
      }).finally(() => {
        line.end();
      });
      return {
        exit: 0,
        human: transferWords("Pushed", outcome, `${target}:${remotePath}`),
        json: transferJson(outcome, { target, path: remotePath }, notices),
        stderr: notices.texts.map((text) => `notice: ${text}\n`).join(""),
      };
    }),
});
