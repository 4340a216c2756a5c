import { CodedError } from "../../wire/errors.ts";
import { GatewayClient } from "../fleet/gateway-client.ts";
import { gatewayPlace } from "../fleet/gateway-place.ts";
import type { Context } from "./context.ts";

/** What every command says of the gateway that it asks. */
interface GivenGateway {
  readonly gateway: string | undefined;
  readonly "key-file": string | undefined;
}

/** The gateway that a command line and the environment mean. @throws CodedError `gateway_missing` */
export function gatewayOf(given: GivenGateway, { environment }: Pick<Context, "environment">): GatewayClient {
  return new GatewayClient(gatewayPlace({ gateway: given.gateway, keyFile: given["key-file"] }, environment));
}

/** A member of an answer that is a text. @throws CodedError `gateway_unreachable` */
export function textIn(body: unknown, name: string): string {
  const value = memberIn(body, name);
  if (typeof value === "string") return value;
  throw new CodedError("gateway_unreachable", `what answers is no gateway of cmd2host: its answer has no ${name}`);
}

/** A member of an answer; undefined when it has none. */
export function memberIn(body: unknown, name: string): unknown {
  return typeof body === "object" && body !== null ? Object.getOwnPropertyDescriptor(body, name)?.value : undefined;
}
