import { BlockList, isIP } from "node:net";
import { CodedError } from "../../wire/errors.ts";

const MAPPED = /^::ffff:(?=\d+\.)/i;
const BITS = { 4: 32, 6: 128 } as const;

function familyOf(address: string): 4 | 6 | undefined {
  const family = isIP(address);
  return family === 4 || family === 6 ? family : undefined;
}

/** Proxies in front of the gateway whose word on the client's address is taken. */
export class Proxies {
  readonly #list = new BlockList();

  /** @param networks as `10.0.0.0/8`, or an address alone. @throws CodedError `gateway_config_invalid` */
  constructor(networks: readonly string[]) {
    for (const network of networks) this.#add(network);
  }

  /** True for the address of a connection from such a proxy. */
  has(address: string): boolean {
    const family = familyOf(address);
    return family !== undefined && this.#list.check(address, family === 4 ? "ipv4" : "ipv6");
  }

  /**
   * Whom a request comes from: the last address that no trusted proxy has. For the audit and the log only; nobody is let in by it.
   * @param remote address of the connection
   * @param forwarded the X-Forwarded-For header
   */
  peerOf(remote: string | undefined, forwarded: string | undefined): string {
    let peer = plain(remote ?? "");
    for (const said of (forwarded ?? "").split(",").reverse()) {
      const address = plain(said.trim());
      if (!this.has(peer) || familyOf(address) === undefined) break;
      peer = address;
    }
    return peer;
  }

  #add(network: string): void {
    const [address = "", prefix, more] = network.split("/");
    const family = familyOf(address);
    const bits =
      prefix === undefined && family !== undefined ? BITS[family] : Number(/^\d{1,3}$/.exec(prefix ?? "")?.[0]);
    if (family === undefined || more !== undefined || !(bits >= 0 && bits <= BITS[family]))
      throw new CodedError("gateway_config_invalid", `not a network: ${JSON.stringify(network)}`, {
        hint: "Write it as 10.0.0.0/8 or fd00::/8.",
      });
    this.#list.addSubnet(address, bits, family === 4 ? "ipv4" : "ipv6");
  }
}

/** An address of IPv4 that came over IPv6, as itself. */
export function plain(address: string): string {
  return address.replace(MAPPED, "");
}
