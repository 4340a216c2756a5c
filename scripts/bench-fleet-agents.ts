/** For bench-fleet.ts: several agents in one process, each with the base directory that the command line names. */
import { Daemon } from "../host/daemon/daemon.ts";
import { baseDirectory } from "../host/util/base-directory.ts";

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
for (const root of process.argv.slice(2))
  await Daemon.start(baseDirectory({ CMD2HOST_CONFIG_DIR: root }), silent, process.env);
