import { isIPv6 } from "node:net";

const GROUPS = 8;
const NETWORK_GROUPS = 4;

/** The eight groups of an IPv6 address without a zone, written in hexadecimal without leading zeros. */
function groupsOf(address: string): readonly string[] {
  const [head = "", tail] = address.split("::");
  const parts = (text: string): readonly string[] => (text === "" ? [] : text.split(":"));
  const [left, right] = [parts(head), parts(tail ?? "")];
  const missing = tail === undefined ? 0 : Math.max(0, GROUPS - left.length - right.length);
  return [...left, ...Array.from({ length: missing }, () => "0"), ...right].map((group) =>
    Number.parseInt(group, 16).toString(16),
  );
}

/**
 * Whose attempts count as one: an IPv4 address, or the first half of an IPv6 one, since whoever has one address of such a network has all of them.
 * Anything else is taken as it is.
 */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  // All machines of a wire share the first half of link-local addresses.
  if (!isIPv6(address) || /^fe[89ab]/i.test(address) || address.includes(".")) return address;
  return `${groupsOf(address).slice(0, NETWORK_GROUPS).join(":")}::/64`;
}
