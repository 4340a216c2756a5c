import { dirname } from "node:path";
import type { LoadedGateway } from "../../gateway/config/load.ts";

const NOTHING_GIVEN = { transport: undefined, bind: undefined, port: undefined, cacheDir: undefined };

/**
 * A gateway's configuration as a gateway that is started with it would read it. The gateway itself is not loaded.
 * @param env what COMMANDO_API_KEY is looked for in
 * @throws CodedError `gateway_config_invalid` (file, line, key, what was expected), `config_untrusted`, `file_failed`
 */
export async function gatewayLoader(env: NodeJS.ProcessEnv): Promise<(config: string) => LoadedGateway> {
  const { loadGateway } = await import("../../gateway/config/load.ts");
  return (config) => loadGateway(config, { env, given: NOTHING_GIVEN, now: Date.now });
}

/**
 * Holds that the certificate of a gateway can be used, which is not looked at when its configuration is read.
 * @returns when it ends; undefined without TLS
 * @throws CodedError `gateway_config_invalid`
 */
export async function certificateEnd({ settings: { server } }: LoadedGateway): Promise<Date | undefined> {
  if (server.tls === undefined) return undefined;
  const { requirePair, tlsFiles } = await import("../../gateway/http/certificate.ts");
  return requirePair(tlsFiles(server.tls));
}

/** Every file that a gateway reads, its own first. */
export function filesOf({ files, settings }: LoadedGateway): readonly string[] {
  const { server, nats, proxmox } = settings;
  const authorities = (proxmox?.nodes ?? []).map(({ trust }) =>
    trust.kind === "authority" ? trust.caFile : undefined,
  );
  const more = [server.tls?.cert, server.tls?.key, nats?.creds, nats?.nkeySeed, nats?.caFile, ...authorities];
  return [...new Set([...files, ...more.filter((file) => file !== undefined)])];
}

/** Every directory that a gateway writes to, its own first. */
export function directoriesOf({ settings: { cacheDir, server } }: LoadedGateway): readonly string[] {
  const copy = server.auditCopy === undefined ? cacheDir : dirname(server.auditCopy.path);
  return copy === cacheDir || copy.startsWith(`${cacheDir}/`) ? [cacheDir] : [cacheDir, copy];
}
