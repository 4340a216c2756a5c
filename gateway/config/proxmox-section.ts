import { isAbsolute } from "node:path";
import type { GatewayConfig } from "../../wire/schema.ts";
import { quoted } from "../../wire/text.ts";
import { faultOfHost } from "../target-words.ts";
import type { Remarks } from "./remarks.ts";
import type { NodeTrust, ProxmoxNode, ProxmoxSettings } from "./settings.ts";
import { holdFingerprint, holdPort } from "./target-section.ts";

type ProxmoxFields = NonNullable<GatewayConfig["proxmox"]>;
type NodeFields = ProxmoxFields["nodes"][number];

const API_PORT = 8_006;
const NODE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
/** What may stand in a header. */
const HEADER_WORD = /^[\x21-\x7e]{1,256}$/;

function trustOf(fields: NodeFields, pointer: string, remarks: Remarks): NodeTrust {
  const given = (["fingerprint", "ca_file", "insecure"] as const).filter(
    (key) => fields[key] !== undefined && fields[key] !== false,
  );
  const [first, second] = given;
  if (first !== undefined && second !== undefined)
    throw remarks.wrong(`${pointer}/${second}`, `contradicts ${first}; choose one`);
  const fingerprint = holdFingerprint(fields.fingerprint, `${pointer}/fingerprint`, remarks);
  if (fingerprint !== undefined) return { kind: "pinned", fingerprint };
  if (fields.ca_file !== undefined) {
    if (!isAbsolute(fields.ca_file)) throw remarks.wrong(`${pointer}/ca_file`, "expected an absolute path");
    return { kind: "authority", caFile: fields.ca_file };
  }
  if (fields.insecure !== true) return { kind: "system" };
  remarks.warn(
    `${pointer}/insecure`,
    "the certificate is not checked: whoever is between here and the node gets the token, and says which targets there are",
  );
  return { kind: "insecure" };
}

function nodeOf(fields: NodeFields, pointer: string, remarks: Remarks): ProxmoxNode {
  const { name } = fields;
  if (!NODE_NAME.test(name)) throw remarks.wrong(`${pointer}/name`, `expected the name of a node, got ${quoted(name)}`);
  const host = fields.host.replace(/^\[(.*)\]$/, "$1");
  const fault = faultOfHost(host);
  if (fault !== undefined) throw remarks.wrong(`${pointer}/host`, fault);
  return {
    name,
    host,
    port: holdPort(fields.port ?? API_PORT, `${pointer}/port`, remarks),
    trust: trustOf(fields, pointer, remarks),
  };
}

/**
 * Fills in the defaults of `[proxmox]`. Undefined: nothing is discovered.
 * @throws CodedError `gateway_config_invalid`
 */
export function proxmoxSettings(fields: ProxmoxFields | undefined, remarks: Remarks): ProxmoxSettings | undefined {
  if (fields === undefined) return undefined;
  const nodes = fields.nodes.map((node, index) => nodeOf(node, `/proxmox/nodes/${index}`, remarks));
  for (const key of ["user", "token_id", "token_secret"] as const)
    if (!HEADER_WORD.test(fields[key]))
      throw remarks.wrong(`/proxmox/${key}`, "expected printable characters of ASCII without blanks");
  if (nodes.length === 0) return undefined;
  return {
    nodes,
    token: `PVEAPIToken=${fields.user}!${fields.token_id}=${fields.token_secret}`,
    includeVms: fields.include_vms === true,
  };
}
