import { readFileSync } from "node:fs";
import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";
import { printable, quoted } from "../../wire/text.ts";

/** Longest file of a key. */
const MAX_KEY_BYTES = 4_096;
/** What a header carries. */
const KEY = /^[\x21-\x7e]+$/;

/** Where a gateway is, and what opens it. */
export interface GatewayPlace {
  /** http or https, without a path but where a proxy has one; no slash at its end. */
  readonly url: URL;
  readonly key: string;
}

/** What a command line says; undefined is nothing. */
export interface GivenPlace {
  readonly gateway: string | undefined;
  readonly keyFile: string | undefined;
}

function variable(environment: NodeJS.ProcessEnv, ...names: readonly string[]): string | undefined {
  return names.map((name) => environment[name] ?? "").find((value) => value !== "");
}

function urlOf(text: string): URL {
  const whole = /^https?:\/\//.test(text) ? text : `http://${text}`;
  if (!URL.canParse(whole)) throw new CodedError("gateway_missing", `${quoted(text)} is no address of a gateway`);
  const url = new URL(whole);
  if (url.username !== "" || url.password !== "")
    throw new CodedError("gateway_missing", "the address of a gateway holds no user and no password");
  url.pathname = url.pathname.replace(/\/+$/, "");
  return url;
}

function keyIn(file: string): string {
  try {
    const text = readFileSync(file).subarray(0, MAX_KEY_BYTES).toString("utf8").trim();
    if (text !== "") return text;
  } catch (error) {
    throw new CodedError(
      "gateway_missing",
      `cannot read the key of the gateway in ${printable(file)}: ${errnoOf(error) ?? messageOf(error)}`,
    );
  }
  throw new CodedError("gateway_missing", `${printable(file)} is empty: there is no key for the gateway in it`);
}

/**
 * The gateway that a command line and the environment mean: --gateway and --key-file, else CMD2HOST_GATEWAY and CMD2HOST_GATEWAY_KEY_FILE or
 * CMD2HOST_GATEWAY_KEY, else COMMANDO_URL and COMMANDO_API_KEY. A key never stands on a command line.
 * @throws CodedError `gateway_missing`
 */
export function gatewayPlace(given: GivenPlace, environment: NodeJS.ProcessEnv): GatewayPlace {
  const address = given.gateway ?? variable(environment, "CMD2HOST_GATEWAY", "COMMANDO_URL");
  if (address === undefined) throw new CodedError("gateway_missing", "it is not said where the gateway is");
  const url = urlOf(address);
  const file = given.keyFile ?? variable(environment, "CMD2HOST_GATEWAY_KEY_FILE");
  const key = file === undefined ? variable(environment, "CMD2HOST_GATEWAY_KEY", "COMMANDO_API_KEY") : keyIn(file);
  if (key === undefined) throw new CodedError("gateway_missing", "there is no key for the gateway");
  if (!KEY.test(key)) throw new CodedError("gateway_missing", "the key for the gateway has characters that no key has");
  return { url, key };
}
