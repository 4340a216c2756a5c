import type { GatewayConfig } from "../../wire/schema.ts";
import { quoted } from "../../wire/text.ts";
import { compileGlob } from "../../host/util/glob.ts";
import { faultOfHost, faultOfName, faultOfTag } from "../target-words.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { Remarks } from "./remarks.ts";
import type { ManualTarget, TargetOverride } from "./settings.ts";
import { below } from "./toml-lines.ts";

type TargetFields = NonNullable<GatewayConfig["targets"]>[number];
type OverrideFields = NonNullable<GatewayConfig["overrides"]>[number];

const AGENT_PORT = 9_876;

function holdTags(tags: readonly string[] | undefined, pointer: string, remarks: Remarks): readonly string[] {
  (tags ?? []).forEach((tag, index) => {
    const fault = faultOfTag(tag);
    if (fault !== undefined) throw remarks.wrong(`${pointer}/tags/${index}`, fault);
  });
  return [...new Set(tags)];
}

/** 0 cannot be connected to. */
export function holdPort(port: number, pointer: string, remarks: Remarks): number {
  if (port === 0) throw remarks.wrong(pointer, "expected a port from 1 to 65535, got 0");
  return port;
}

/** @throws CodedError `gateway_config_invalid` */
export function holdGlob(glob: string, pointer: string, remarks: Remarks): string {
  const compiled = compileGlob(glob);
  if (!compiled.ok || glob === "") {
    const why = compiled.ok ? "it is empty" : compiled.message;
    throw remarks.wrong(pointer, `expected a glob, got ${quoted(glob)}: ${why}`);
  }
  return glob;
}

/** @throws CodedError `gateway_config_invalid` */
export function holdFingerprint(text: string | undefined, pointer: string, remarks: Remarks): string | undefined {
  if (text === undefined) return undefined;
  const fingerprint = fingerprintOf(text);
  if (fingerprint === undefined)
    throw remarks.wrong(pointer, `expected a SHA-256 in hex or base64, got ${quoted(text)}`);
  return fingerprint;
}

function targetOf(fields: TargetFields, hasKey: boolean, pointer: string, remarks: Remarks): ManualTarget {
  const { name, way } = fields;
  // The original needs brackets around IPv6.
  const host = fields.host.replace(/^\[(.*)\]$/, "$1");
  const faultyName = faultOfName(name);
  if (faultyName !== undefined) throw remarks.wrong(`${pointer}/name`, faultyName);
  const faultyHost = faultOfHost(host);
  if (faultyHost !== undefined) throw remarks.wrong(`${pointer}/host`, faultyHost);
  const fingerprint = holdFingerprint(fields.fingerprint, `${pointer}/fingerprint`, remarks);
  if (way === "capnp" && fingerprint !== undefined)
    throw remarks.wrong(`${pointer}/fingerprint`, "belongs to a link, and way is capnp");
  if (way === undefined && fingerprint !== undefined && hasKey)
    throw remarks.wrong(`${pointer}/fingerprint`, "there is a key in agent.psk too; say which one counts with way");
  if (way === "capnp" && !hasKey)
    remarks.warn(`${pointer}/way`, `${quoted(name)} has no key in agent.psk, and cannot be spoken to`);
  return {
    name,
    host,
    port: holdPort(fields.port ?? AGENT_PORT, `${pointer}/port`, remarks),
    shell: fields.shell ?? "sh",
    tags: holdTags(fields.tags, pointer, remarks),
    way: way ?? (fingerprint !== undefined ? "link" : undefined),
    fingerprint,
    node: fields.node === "" ? undefined : fields.node,
  };
}

/**
 * The targets of the file, the last of each name, as in the original.
 * @throws CodedError `gateway_config_invalid`
 */
export function manualTargets(
  fields: readonly TargetFields[],
  psk: ReadonlyMap<string, unknown>,
  remarks: Remarks,
): readonly ManualTarget[] {
  const found = new Map<string, { readonly target: ManualTarget; readonly pointer: string }>();
  fields.forEach((one, index) => {
    const pointer = `/targets/${index}`;
    const target = targetOf(one, psk.has(one.name), pointer, remarks);
    const earlier = found.get(target.name);
    if (earlier !== undefined) {
      const line = remarks.lineOf(`${earlier.pointer}/name`) ?? 0;
      remarks.warn(`${pointer}/name`, `${quoted(target.name)} stands in line ${line} too; this one counts`);
    }
    found.set(target.name, { target, pointer });
  });
  return [...found.values()].map(({ target }) => target);
}

/** @throws CodedError `gateway_config_invalid` */
export function targetOverrides(fields: readonly OverrideFields[], remarks: Remarks): readonly TargetOverride[] {
  return fields.map(({ match, tags, shell, port }, index) => {
    const pointer = `/overrides/${index}`;
    return {
      match: holdGlob(match, `${pointer}/match`, remarks),
      tags: holdTags(tags, pointer, remarks),
      shell,
      port: port === undefined ? undefined : holdPort(port, `${pointer}/port`, remarks),
    };
  });
}

/** The keys of commando's agents. `known`: whether a name may come from somewhere. */
export function agentKeys(
  psk: Readonly<Record<string, string>>,
  known: (name: string) => boolean,
  remarks: Remarks,
): ReadonlyMap<string, Buffer> {
  for (const [name, key] of Object.entries(psk)) {
    const pointer = below("/agent/psk", name);
    if (key === "") remarks.warn(pointer, "the key is empty: whoever is asked for it can give it");
    if (!known(name))
      remarks.warn(pointer, `this file has no target ${quoted(name)}; one that is added may use the key`);
  }
  return new Map(Object.entries(psk).map(([name, key]) => [name, Buffer.from(key, "utf8")]));
}
