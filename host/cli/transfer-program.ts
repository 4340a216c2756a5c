import { runReceive, runSend } from "../../transfer/program.ts";

const EXIT_USAGE = 2;

/**
 * This machine's end of a transfer, which its policy starts: `cmd2host transfer push` puts what comes on standard input below a root, `cmd2host transfer
 * pull` writes what is there to standard output. Nobody types it; docs/transfer.md says what else it takes. Returns the exit code.
 */
export async function transferInProcess([direction, ...words]: readonly string[]): Promise<number> {
  if (direction === "push") return runReceive(words, process.stdin, process.stdout);
  if (direction === "pull") return runSend(words, process.stdout, process.stderr);
  process.stderr.write(
    "cmd2host: transfer is started by the policy of a machine; see cmd2host push and cmd2host pull\n",
  );
  return EXIT_USAGE;
}
