import { closeInherited } from "../host/daemon/inherited.ts";
import { createLog } from "../host/util/log.ts";
import { GatewayConfigFile } from "./config/config-file.ts";
import type { GivenSettings } from "./config/settings.ts";
import { Gateway } from "./gateway.ts";
import { serveMcpStdio } from "./mcp/stdio.ts";

/** Whoever started the gateway, over its standard input: the key of gateway.toml's own caller is not asked for. */
const STDIO_CALLER = { name: "default", isAdmin: false };

/**
 * Runs a gateway until SIGINT or SIGTERM; with the transport stdio, until its client has gone. SIGHUP reads gateway.toml again. Resolves with the exit
 * code.
 * @param path of gateway.toml
 * @throws CodedError when it cannot start
 */
export async function serveGateway(
  path: string,
  given: GivenSettings,
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  closeInherited();
  process.on("SIGXFSZ", () => undefined);
  const file = new GatewayConfigFile(path, { env: environment, given, now: Date.now });
  const isStdio = file.settings.server.transport === "stdio";
  // Standard output is the client's then.
  const log = createLog(isStdio ? 2 : 1, isStdio ? process.stderr.isTTY : process.stdout.isTTY);
  const gateway = await Gateway.start(file, log);
  const stopped = new Promise<void>((resolve) => {
    process.once("SIGTERM", resolve);
    process.once("SIGINT", resolve);
    process.on("SIGHUP", () => {
      gateway.reload();
    });
  });
  if (isStdio) {
    const served = serveMcpStdio({
      parts: gateway.tools,
      caller: STDIO_CALLER,
      input: process.stdin,
      output: process.stdout,
    });
    await Promise.race([served, stopped]);
  } else await stopped;
  log.info("Shutting down...");
  await gateway.stop();
  return 0;
}
