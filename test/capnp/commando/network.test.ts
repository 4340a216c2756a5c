import { describe, expect, it } from "vitest";
import { networkOf } from "../../../capnp/commando/network.ts";

describe("attempts count together", () => {
  it.each([
    ["10.1.2.3", "10.1.2.3"],
    ["::ffff:10.1.2.3", "10.1.2.3"],
    ["::FFFF:10.1.2.3", "10.1.2.3"],
    ["2001:db8:0:7::1", "2001:db8:0:7::/64"],
    ["2001:0DB8:0000:0007:ffff:ffff:ffff:ffff", "2001:db8:0:7::/64"],
    ["2001:db8::", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80::1%eth0"],
    ["fe80::2", "fe80::2"],
    ["::ffff:0:10.1.2.3", "::ffff:0:10.1.2.3"],
    ["somewhere", "somewhere"],
    ["", ""],
  ])("of %s as those of %s", (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
