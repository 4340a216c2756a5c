import { CodedError } from "../../wire/errors.ts";
import { command } from "./command.ts";
import { EXEC_OPTIONS } from "./exec-line.ts";

/** For help and documents. The command itself is `exec-run.ts`, which `main.ts` starts without the other commands. */
export const exec = command({
  path: ["exec"],
  about: "Run a command or an operation on a machine of the fleet, or on several, with its output as it comes.",
  options: EXEC_OPTIONS,
  examples: [
    ["exec web1 'df -h / | tail -n 1'", "A command for the shell of one machine"],
    ["exec web1 -- systemctl status nginx", "A command line, for which the machine's policy finds the operation"],
    ["exec web1 --operation service_restart --param unit=nginx.service", "An operation by name"],
    ["exec web1 'sha256sum' < report.txt", "With standard input"],
    ["exec --tag web --fail-fast 'nginx -t'", "On all machines with a tag, until one fails"],
    ["exec --all --format=table -- uptime", "On all machines, a line for each"],
    ["exec --match 'db/*' --dry-run", "Which machines would it be?"],
    ["exec web1 --background 'backup'", "Start it, and print the id of the run (cmd2host runs tail ID --target web1)"],
  ],
  more: `A command for the shell is one word and reaches the machine byte for byte; it is the operation \`shell\`, which the machine's policy must have. Behind -- stands a command line as the machine would start it, without a shell; a single word there that cannot be a program's name (it has blanks or characters of a shell, or begins with a dash) is a command for the shell, too.

On one machine: standard output and standard error are the command's own, byte for byte; what cmd2host says itself goes to standard error in lines that begin with "cmd2host: ". Standard input is sent when it is a pipe, a socket or a file and the operation takes it. Ctrl-C cancels the command and waits for its end; a second one leaves at once. The exit code is the command's own: 128+n when signal n ended it, 124 when its time was over. Others are ours: 220 denied, 1 no gateway, no answer, or a connection that was lost in the middle (then with the id of the run), 130, 143 and 129 ended by SIGINT, SIGTERM and SIGHUP, 141 nobody reads standard output any more.

On several machines: standard input is not sent. Of each stream of each machine up to 1 MiB is kept and shown; what is beyond is counted. grouped shows each machine's output under its name as soon as it has ended, table a line for each, jsonl one JSON object for each. The exit code is 0 when all ended with 0, and 1 when one did not, was denied, failed or was not run; a line on standard error counts them. Choosing no machine at all is an error.

The gateway is at --gateway, else CMD2HOST_GATEWAY, else COMMANDO_URL. The key is in --key-file, else in the file CMD2HOST_GATEWAY_KEY_FILE, else CMD2HOST_GATEWAY_KEY, else COMMANDO_API_KEY.`,
  run: () => {
    throw new CodedError("usage", "exec has to be the first word", {
      hint: "Write cmd2host exec …, with options behind it.",
    });
  },
});
