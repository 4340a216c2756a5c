import { expect, it } from "vitest";
import { fingerprintOf } from "../../gateway/config/fingerprint.ts";
import { loadIdentity } from "../../link/identity.ts";
import { startAgent, startGateway, writeGatewayToml } from "../fixtures/fleet.ts";

const STRANGER = `[[targets]]
name = "stranger"
host = "127.0.0.1"
way = "link"
`;

const wanted = (fingerprint: string): string => `${STRANGER}
[[targets]]
name = "web1"
host = "127.0.0.1"
fingerprint = "${fingerprint}"
`;

it("a target of gateway.toml that is to be a link is named in the log, and cannot be called, until it is enrolled with the key that stands there", async () => {
  const gateway = await startGateway({ tables: wanted("ab".repeat(32)) });
  const named = (): readonly string[] =>
    gateway.lines
      .filter(({ level }) => level === "warn")
      .flatMap(({ event }) => /^target "(.*)" of gateway\.toml is not enrolled/.exec(event)?.slice(1) ?? []);
  expect(named()).toEqual(["stranger", "web1"]);
  for (const name of ["stranger", "web1"])
    expect(await gateway.client().on(name).run({ operation: "uptime" })).toMatchObject({
      outcome: "denied",
      code: "target_no_key",
      hint: expect.stringContaining("Enrol the machine") as string,
    });

  // As the fixture waits for an answer, it is enrolled while the file says nothing of it.
  writeGatewayToml(gateway.directory, { tables: STRANGER });
  gateway.gateway.reload();
  const { base } = await startAgent(gateway, "web1");
  const call = async (fingerprint: string) => {
    writeGatewayToml(gateway.directory, { tables: wanted(fingerprint) });
    gateway.gateway.reload();
    return gateway.client().on("web1").run({ operation: "uptime" });
  };
  const another = await call("ab".repeat(32));
  expect(another).toMatchObject({ outcome: "failed", code: "target_key_mismatch" });
  const { fingerprint } = (await loadIdentity(base.directory.link)).current;
  expect(await call(fingerprintOf(fingerprint) ?? "")).toMatchObject({ outcome: "completed", exit_code: 0 });
  expect(
    named()
      .slice(2)
      .filter((name) => name !== "stranger"),
  ).toEqual([]);
});
