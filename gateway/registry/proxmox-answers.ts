import { isIP, isIPv4, isIPv6 } from "node:net";
import { printable, shortened } from "../../wire/text.ts";

/** What Proxmox's answers mean. They are not trusted: whatever is not as expected is left out. */

const MAX_ROWS = 10_000;
const MAX_INTERFACES = 1_000;

type Members = Readonly<Record<string, unknown>>;

function rowsOf(data: unknown, most: number): readonly Members[] {
  if (!Array.isArray(data)) return [];
  return data
    .slice(0, most)
    .filter((row: unknown): row is Members => typeof row === "object" && row !== null && !Array.isArray(row));
}

export interface Guest {
  readonly vmid: number;
  readonly name: string;
  readonly status: string;
}

/** Containers or machines of a list. Undefined when it is no list. */
export function guestsOf(data: unknown): readonly Guest[] | undefined {
  if (!Array.isArray(data)) return undefined;
  return rowsOf(data, MAX_ROWS).flatMap(({ vmid, name, status }) => {
    const number = typeof vmid === "string" && /^\d{1,9}$/.test(vmid) ? Number(vmid) : vmid;
    if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 0 || typeof name !== "string")
      return [];
    return [{ vmid: number, name, status: typeof status === "string" ? printable(shortened(status, 32)) : "unknown" }];
  });
}

/** fe80::/10: of no use without the interface that it belongs to. */
function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address);
}

/** ADDRESS or ADDRESS/BITS, the former. */
function addressOf(value: unknown): string | undefined {
  const [address = ""] = typeof value === "string" ? value.split("/") : [];
  return isIP(address) === 0 || address.includes("%") ? undefined : address;
}

/** The first IPv4 address, else the first IPv6 one that works from elsewhere. */
function usable(addresses: readonly (string | undefined)[]): string | undefined {
  const known = addresses.filter((address) => address !== undefined);
  return known.find(isIPv4) ?? known.find((address) => isIPv6(address) && !isLinkLocal(address));
}

/** The address of a container, from its interfaces. */
export function containerAddress(data: unknown): string | undefined {
  const outward = rowsOf(data, MAX_INTERFACES).filter(({ name }) => name !== "lo");
  return usable(outward.flatMap(({ inet, inet6 }) => [addressOf(inet), addressOf(inet6)]));
}

/** The address of a virtual machine, from what its guest agent says. */
export function machineAddress(data: unknown): string | undefined {
  const [answer] = rowsOf([data], 1);
  const outward = rowsOf(answer?.["result"], MAX_INTERFACES).filter(({ name }) => name !== "lo");
  return usable(
    outward.flatMap((one) =>
      rowsOf(one["ip-addresses"], MAX_INTERFACES).map((entry) => addressOf(entry["ip-address"])),
    ),
  );
}
