import { runCli } from "./cli/run.ts";
import { processSurroundings } from "./cli/surroundings.ts";

await runCli(process.argv.slice(2), processSurroundings());
