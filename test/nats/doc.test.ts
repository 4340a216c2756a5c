import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MESSAGE } from "../../nats/messages.ts";
import { accountsText, permissionsOf } from "../../nats/permissions.ts";
import { projectRoot, tempDirectory } from "../fixtures/temp.ts";
import { certificates, describeNats, PROGRAM } from "./servers.ts";

const PAGE = readFileSync(join(projectRoot, "docs/nats.md"), "utf8");
const BLOCKS = [...PAGE.matchAll(/^```\n([\s\S]*?)^```$/gm)].map(([, text = ""]) => text);

function block(beginning: string): string {
  return BLOCKS.find((text) => text.startsWith(beginning)) ?? "";
}

describe("docs/nats.md", () => {
  it("shows the permissions that machines need, no fewer and no others", () => {
    const [gateway = "", agent = ""] = [...PAGE.matchAll(/nkey: (U\w+)/g)].map(([, nkey]) => nkey);
    expect(block("accounts:")).toBe(
      accountsText([
        { name: "gw1", role: "gateway", nkey: gateway },
        { name: "web1", role: "agent", nkey: agent },
      ]),
    );
    const kinds = new Set([...PAGE.matchAll(/^\| `cmd2host\.([a-z]+)\./gm)].map(([, kind]) => kind));
    const used = (["agent", "gateway"] as const)
      .flatMap((role) => Object.values(permissionsOf({ name: "x", role })) as string[][])
      .flat()
      .flatMap((subject) => /^cmd2host\.([a-z]+)\./.exec(subject)?.[1] ?? []);
    expect(kinds).toEqual(new Set(used));
  });

  it("lists every message", () => {
    const listed = [...PAGE.matchAll(/^\| `0x(..)` \| `([a-z_]+)`/gm)].map(([, type = "", name = ""]) => [
      name,
      Number.parseInt(type, 16),
    ]);
    expect(Object.fromEntries(listed)).toEqual(MESSAGE);
  });
});

describeNats("the configuration in docs/nats.md", () => {
  it("is one that the server takes", () => {
    const directory = tempDirectory();
    const { ca, cert, key } = certificates("IP:127.0.0.1");
    const text = block("server_name:")
      .replaceAll("/etc/nats/cert.pem", cert)
      .replaceAll("/etc/nats/key.pem", key)
      .replaceAll("/etc/nats/ca.pem", ca)
      .replaceAll("/var/lib/nats", join(directory, "data"));
    expect(text).not.toContain("/etc/");
    mkdirSync(join(directory, "data"));
    writeFileSync(join(directory, "nats.conf"), text);
    writeFileSync(join(directory, "accounts.conf"), block("accounts:"));
    const { stderr } = spawnSync(PROGRAM ?? "", ["-t", "-c", join(directory, "nats.conf")], { encoding: "utf8" });
    expect(stderr).toContain("configuration file");
    expect(stderr).toContain("is valid");
  });
});
