import process from "node:process";
import { ownStreams } from "../terminal/own-streams.ts";
import { workingDirectory } from "../wire/checkout.ts";
import { run } from "./run.ts";

/** Entry of `cmd2host-proxy` for Node, and the only place that ends the process. Called by another name, that name is the command. */
run({
  called: process.argv[1] ?? "",
  args: process.argv.slice(2),
  environment: process.env,
  cwd: workingDirectory(),
  signals: process,
  ...ownStreams(),
}).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`cmd2host: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(200);
  },
);
