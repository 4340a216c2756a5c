import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { NatsClient } from "../../nats/client.ts";
import { machine } from "../nats/machines.ts";
import { describeNats, startServer } from "../nats/servers.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { Host } from "./harness.ts";

let host: Host;

beforeEach(() => {
  host = new Host();
});

/** A key in a file, and its public half. */
async function key(name: string): Promise<{ readonly file: string; readonly publicKey: string }> {
  const file = join(host.root, `${name}.nk`);
  const { exit, stdout } = await host.run("nats", "key", file);
  expect([exit, stdout]).toEqual([0, expect.stringMatching(/^U[A-Z2-7]{55}\n$/)]);
  return { file, publicKey: stdout.trim() };
}

describe("nats key", () => {
  it("makes a seed that only its owner may read, says its public half, and never the seed", async () => {
    const file = join(host.root, "new.nk");
    const first = await host.run("nats", "key", file);
    const seed = readFileSync(file, "utf8");
    expect(seed).toMatch(/^SU[A-Z2-7]{56}\n$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(first.stdout + first.stderr).not.toContain(seed.trim());

    const again = await host.run("nats", "key", file);
    expect([again.exit, again.stdout, again.stderr]).toEqual([0, first.stdout, `note: ${file} was there already\n`]);
    expect(readFileSync(file, "utf8")).toBe(seed);
    expect(await host.json("nats", "key", file)).toEqual({ file, public_key: first.stdout.trim(), made: false });
  });

  it("says what is wrong with a file, and leaves it", async () => {
    const file = join(host.root, "other.nk");
    writeFileSync(file, "something else, which is nobody's business\n", { mode: 0o600 });
    const other = await host.run("nats", "key", file);
    expect([other.exit, other.stderr]).toEqual([1, expect.stringContaining("holds no seed of a user's nkey")]);
    expect(other.stderr).not.toContain("nobody's business");
    expect(readFileSync(file, "utf8")).toContain("something else");

    const { file: open } = await key("open");
    chmodSync(open, 0o644);
    expect((await host.run("nats", "key", open)).stderr).toContain("everybody can read it");
    expect((await host.run("nats", "key", join(host.root, "nowhere/x.nk"))).stderr).toContain("cannot be made: ENOENT");
  });
});

describe("nats accounts", () => {
  it("refuses what would be another configuration than the one that is meant", async () => {
    const [{ publicKey: one }, { publicKey: two }] = [await key("one"), await key("two")];
    const mistyped = one.slice(0, 20) + (one[20] === "A" ? "B" : "A") + one.slice(21);
    for (const [words, why] of [
      [[], "no machine is named"],
      [["web1"], '"web1" is not agent:NAME=KEY'],
      [[`host:web1=${one}`], "is not agent:NAME=KEY"],
      [[`agent:=${one}`], "is not agent:NAME=KEY"],
      [[`agent:web1=${mistyped}`], 'the key of "web1" has a wrong checksum'],
      [[`agent:web1=${one}`, `gateway:web1=${two}`], '"web1" is named twice'],
      [[`agent:web1=${one}`, `agent:web2=${one}`], '"web1" and "web2" have the same key'],
    ] as const) {
      const refused = await host.run("nats", "accounts", ...words);
      expect([refused.exit, refused.stdout, refused.stderr]).toEqual([2, "", expect.stringContaining(why)]);
    }
    const long = await host.run("nats", "accounts", `agent:${"x".repeat(129)}=${one}`);
    expect([long.exit, long.stderr]).toEqual([1, expect.stringContaining("is no name of a machine")]);
    const prefix = await host.run("nats", "accounts", `agent:web1=${one}`, "--prefix=a b");
    expect([prefix.exit, prefix.stderr]).toEqual([1, expect.stringContaining('prefix "a b"')]);
    const list = await host.run("nats", "accounts", "--list=/nonexistent/list");
    expect([list.exit, list.stderr]).toEqual([1, expect.stringContaining("/nonexistent/list: cannot be read: ENOENT")]);
  });
});

describeNats("a server with what nats accounts printed", () => {
  it("knows these machines by their files, and nobody else", async () => {
    const [gateway, agent, stranger] = [await key("gw1"), await key("web1"), await key("stranger")];
    const list = join(host.root, "agents.txt");
    writeFileSync(list, `# machines\n\nagent:web1.example=${agent.publicKey}  # in the cellar\n`);
    const { stdout } = await host.run("nats", "accounts", `gateway:gw1=${gateway.publicKey}`, `--list=${list}`);
    expect(await host.json("nats", "accounts", `gateway:gw1=${gateway.publicKey}`, `--list=${list}`)).toEqual({
      accounts: stdout,
      machines: 2,
    });
    const directory = tempDirectory();
    const server = await startServer(`jetstream: { store_dir: "${directory}/js" }\n${stdout}`, directory);
    for (const [name, { file }] of [
      ["gw1", gateway],
      ["web1.example", agent],
    ] as const)
      expect((await machine(server, name, { nkeySeedFile: file })).serverName).toBeDefined();
    const stop = new AbortController();
    const refused = NatsClient.connect(
      { servers: [server.address], name: "stranger", nkeySeedFile: stranger.file },
      stop.signal,
      () => {
        stop.abort();
      },
    );
    await expect(refused).rejects.toThrow(/authorization violation/i);
  });
});
