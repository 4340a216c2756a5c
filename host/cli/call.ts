import { CodedError } from "../../wire/errors.ts";
import { CALL_OPTIONS } from "./call-line.ts";
import { command } from "./command.ts";

/** For help and documents. The command itself is `call-run.ts`, which `main.ts` starts without the other commands. */
export const call = command({
  path: ["call"],
  about: "Run an operation on the host, from a container or from the host itself, with its output as it comes.",
  options: CALL_OPTIONS,
  examples: [
    ["call gh_pr_list -- --limit=5", "An operation by name, with a flag"],
    [
      "call gh_pr_create --param title=Fix --param body=Done --json",
      "With parameters, and the outcome as JSON behind it",
    ],
    ["call gh_pr_view --param-json number=7", "Numbers, lists, true and false are written as JSON"],
    ["call --argv -- gh pr list --limit 5", "A command line, for which the daemon finds the operation"],
    ["call upload < report.txt", "Standard input, for an operation that takes it"],
  ],
  more: `Standard output and standard error are the command's own, byte for byte; what cmd2host says itself goes to standard error in lines that begin with "cmd2host: ". Standard input is sent when it is a pipe, a socket or a file and the operation takes it; otherwise it is left unread. Values are taken literally: nothing is read from files.

The daemon is found by --socket, or --host and --port, else by HOST_CMD_PROXY_SOCKET, or HOST_CMD_PROXY_HOST and HOST_CMD_PROXY_PORT, else by the socket of the base directory when there is one, else at host.docker.internal:9876. The token is in --token-file, else HOST_CMD_PROXY_TOKEN_FILE, else /run/cmd2host-token, and in CMD2HOST_TOKEN when that file is missing or empty. HOST_CMD_PROXY_TARGET_REPO stands for --repo. With --argv the daemon is also told which checkout the current directory is in, and may choose the repository by that.

The exit code is the command's own: 128+n when signal n ended it, 124 when its time was over. Others are ours: 220 denied, 200 no daemon or no answer, 201 no token, 130, 143 and 129 ended by SIGINT, SIGTERM and SIGHUP, 141 nobody reads standard output any more.`,
  run: () => {
    throw new CodedError("usage", "call has to be the first word", {
      hint: "Write cmd2host call …, with options behind it.",
    });
  },
});
