import { BlockList, isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { isAbsolute, join } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import type { GatewayConfig } from "../../wire/schema.ts";
import { quoted } from "../../wire/text.ts";
import type { Remarks } from "./remarks.ts";
import type { GivenSettings, ServerSettings } from "./settings.ts";

type ServerFields = NonNullable<GatewayConfig["server"]>;

const ANY_ADDRESS = new Set(["0.0.0.0", "::", "[::]"]);

/** Small letters, and IPv6 without brackets. */
function bareHost(text: string): string {
  return text.toLowerCase().replace(/^\[(.*)\]$/, "$1");
}

function isHost(text: string): boolean {
  const bare = bareHost(text);
  return isIP(bare) !== 0 || (/^[a-z0-9._-]{1,253}$/.test(bare) && !bare.startsWith("."));
}

/** ADDRESS or ADDRESS/BITS. */
function isNetwork(text: string): boolean {
  const [address = "", bits, ...more] = text.split("/");
  const family = isIP(address);
  if (family === 0 || more.length > 0 || address.includes("%")) return false;
  if (bits === undefined) return true;
  const most = family === 4 ? 32 : 128;
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > most) return false;
  new BlockList().addSubnet(address, Number(bits), family === 4 ? "ipv4" : "ipv6");
  return true;
}

/** An origin as a browser sends it: scheme, host, and a port that is not the scheme's own. */
function originOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return /^https?:$/.test(url.protocol) && url.username === "" && url.password === "" ? url.origin : undefined;
}

/** What the command line gives stands above the file's. */
function bindOf(given: string | undefined, inFile: string | undefined, remarks: Remarks): string {
  const bind = given ?? inFile ?? "0.0.0.0";
  if (isHost(bind)) return bind;
  const expected = `expected a name or an address, got ${quoted(bind)}`;
  throw given === undefined
    ? remarks.wrong("/server/bind", expected)
    : new CodedError("gateway_config_invalid", `--bind: ${expected}`);
}

function tlsOf({ tls_cert: cert, tls_key: key }: ServerFields, remarks: Remarks): ServerSettings["tls"] {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    const [missing, given] = cert === undefined ? ["tls_cert", "tls_key"] : ["tls_key", "tls_cert"];
    throw remarks.wrong(`/server/${given}`, `needs ${missing} beside it`);
  }
  if (!isAbsolute(cert)) throw remarks.wrong("/server/tls_cert", "expected an absolute path");
  if (!isAbsolute(key)) throw remarks.wrong("/server/tls_key", "expected an absolute path");
  return { cert, key };
}

function publicUrlOf(text: string | undefined, remarks: Remarks): string | undefined {
  if (text === undefined || text === "") return undefined;
  if (originOf(text) === undefined)
    throw remarks.wrong(
      "/server/public_url",
      `expected a URL of http or https without a user in it, got ${quoted(text)}`,
    );
  return new URL(text).href.replace(/\/$/, "");
}

/** How clients may call a gateway that listens on `bind`, unless its file says. */
function ownNames(bind: string, publicUrl: string | undefined): readonly string[] {
  const names = ["localhost", "127.0.0.1", "::1", hostname().toLowerCase()];
  if (ANY_ADDRESS.has(bind))
    names.push(...Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)));
  else names.push(bareHost(bind));
  if (publicUrl !== undefined) names.push(bareHost(new URL(publicUrl).hostname));
  return [...new Set(names)];
}

function hostsOf(
  given: readonly string[] | undefined,
  bind: string,
  publicUrl: string | undefined,
  remarks: Remarks,
): readonly string[] {
  if (given === undefined) return ownNames(bind, publicUrl);
  given.forEach((host, index) => {
    if (!isHost(host))
      throw remarks.wrong(
        `/server/allowed_hosts/${index}`,
        `expected a name or an address without a port, got ${quoted(host)}`,
      );
  });
  return given.map(bareHost);
}

function originsOf(given: readonly string[] | undefined, remarks: Remarks): readonly string[] | undefined {
  return given?.map((text, index) => {
    const origin = originOf(text);
    if (origin === undefined || origin !== text.toLowerCase())
      throw remarks.wrong(
        `/server/allowed_origins/${index}`,
        `expected an origin such as https://example.com:8443, got ${quoted(text)}`,
      );
    return origin;
  });
}

/**
 * Fills in the defaults of `[server]`. Its key is a caller's affair.
 * @throws CodedError `gateway_config_invalid`
 */
export function serverSettings(
  fields: ServerFields,
  given: GivenSettings,
  cacheDir: string,
  remarks: Remarks,
): ServerSettings {
  const bind = bindOf(given.bind, fields.bind, remarks);
  const mode = fields.execution_mode ?? "cli";
  if (mode !== "cli" && mode !== "mcp")
    remarks.warn("/server/execution_mode", `${quoted(mode)} is neither "cli" nor "mcp", and means "cli"`);
  (fields.trust_proxy ?? []).forEach((network, index) => {
    if (!isNetwork(network))
      throw remarks.wrong(
        `/server/trust_proxy/${index}`,
        `expected an address or a network such as 10.0.0.0/8, got ${quoted(network)}`,
      );
  });
  const copy = fields.audit_log_path ?? join(cacheDir, "audit.log");
  const publicUrl = publicUrlOf(fields.public_url, remarks);
  return {
    transport: given.transport ?? fields.transport ?? "streamable-http",
    bind: bareHost(bind),
    port: given.port ?? fields.port ?? 9_877,
    executionMode: mode === "mcp" ? "mcp" : "cli",
    tls: tlsOf(fields, remarks),
    allowedHosts: hostsOf(fields.allowed_hosts, bind, publicUrl, remarks),
    allowedOrigins: originsOf(fields.allowed_origins, remarks),
    trustProxy: fields.trust_proxy ?? [],
    publicUrl,
    auditCopy: copy === "/dev/null" ? undefined : { path: copy, maxBytes: fields.audit_log_max_bytes ?? 10_485_760 },
  };
}
