import { memberIn, textIn } from "./fleet-client.ts";

/** What a gateway says of itself. */
export interface GatewayFacts {
  readonly version: string;
  /** The fingerprint of the key by which machines know it. */
  readonly key: string;
  readonly targets: number;
  /** Where machines that dial out come; undefined when they cannot. */
  readonly linkPort: number | undefined;
  /** The fingerprint of the key that was made just now. */
  readonly nextKey: string | undefined;
  /** The machines that do not know the next key yet; undefined when there is none. */
  readonly unaware: readonly string[] | undefined;
  /** As they came. */
  readonly fields: object;
}

/** @throws CodedError `gateway_unreachable` for an answer that is none */
export function factsIn(body: unknown): GatewayFacts {
  const [targets, linkPort, nextKey, unaware] = ["targets", "link_port", "next_key", "next_key_unknown_to"].map(
    (name) => memberIn(body, name),
  );
  return {
    version: textIn(body, "version"),
    key: textIn(body, "key"),
    targets: typeof targets === "number" ? targets : 0,
    linkPort: typeof linkPort === "number" ? linkPort : undefined,
    nextKey: typeof nextKey === "string" ? nextKey : undefined,
    unaware: Array.isArray(unaware) ? unaware.filter((name) => typeof name === "string") : undefined,
    fields: body as object,
  };
}
