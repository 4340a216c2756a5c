import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Check } from "../../host/cli/doctor-check.ts";
import { Host, smallConfig } from "./harness.ts";

/** A host with a project whose workspace has these files. */
function hostWith(files: Readonly<Record<string, unknown>>): Host {
  const host = new Host();
  host.project("owner_repo", smallConfig(host.checkout));
  host.environment["CMD2HOST_CONFIG_DIR"] = host.base;
  for (const [name, content] of Object.entries(files)) put(host, name, content);
  return host;
}

function put(host: Host, name: string, content: unknown): void {
  const path = join(host.checkout, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
}

async function lines(host: Host): Promise<readonly string[]> {
  const checks = (await host.json("doctor")) as readonly Check[];
  return checks
    .filter(({ about }) => about === "devcontainer" || about === "mcp")
    .map(({ level, message }) => `${level} ${message.replaceAll(host.checkout, "W").replaceAll(host.base, "B")}`);
}

const FEATURE = "registry.example/owner/cmd2host/cmd2host:2";
const FILE = ".devcontainer/devcontainer.json";
const SESSION = "source=${localEnv:CMD2HOST_CONFIG_DIR}/sessions/x,target=/run/cmd2host-session,type=bind,readonly";
const SOCKETS = { source: "${localEnv:CMD2HOST_CONFIG_DIR}/run", target: "/run/cmd2host", type: "bind" };
const GOOD = { features: { [FEATURE]: { connectionMode: "unix" } }, mounts: [SESSION, SOCKETS] };

describe("doctor about devcontainer.json", () => {
  it("is silent without one, and content with one that has what it needs, comments included", async () => {
    expect(await lines(hostWith({}))).toEqual([]);
    const text = `// ours\n${JSON.stringify(GOOD, null, 2).replace(/\n\}$/, ",\n}")}`;
    for (const name of [FILE, ".devcontainer.json", ".devcontainer/python/devcontainer.json"])
      expect(await lines(hostWith({ [name]: text }))).toEqual([`ok W/${name} has the feature and its mounts`]);
  });

  it.each<[string, object, string]>([
    ["no feature", { image: "x" }, "warn W/F does not have the feature cmd2host"],
    ["no token", { ...GOOD, mounts: [SOCKETS] }, "warn W/F mounts no token (to /run/cmd2host-session)"],
    [
      "no socket",
      { ...GOOD, mounts: [SESSION] },
      "warn W/F has connectionMode unix, and mounts no directory to /run/cmd2host",
    ],
    [
      "the socket itself",
      { ...GOOD, mounts: [SESSION, "src=/h/cmd2host.sock,dst=/run/cmd2host.sock,type=bind"] },
      "warn W/F mounts the socket itself: after a restart of the daemon the container has the old one",
    ],
    [
      "a socket and TCP",
      { features: { [FEATURE]: {} }, mounts: [SESSION], containerEnv: { HOST_CMD_PROXY_SOCKET: "/run/x.sock" } },
      "warn W/F has connectionMode tcp, and HOST_CMD_PROXY_SOCKET, which clients prefer",
    ],
  ])("sees %s", async (_, json, line) => {
    expect(await lines(hostWith({ [FILE]: json }))).toEqual([line.replace("F", FILE)]);
  });

  it("sees that daemon.json says another mode", async () => {
    const unix = hostWith({ [FILE]: GOOD });
    unix.daemon.found = { listenMode: "tcp" };
    expect(await lines(unix)).toEqual([`fail W/${FILE} has connectionMode unix, and daemon.json says listen_mode tcp`]);
    const tcp = hostWith({ [FILE]: { features: { [FEATURE]: {} }, mounts: [SESSION] } });
    expect(await lines(tcp)).toEqual([`ok W/${FILE} has the feature and its mounts`]);
    tcp.daemon.found = { listenMode: "unix" };
    expect(await lines(tcp)).toEqual([`fail W/${FILE} has connectionMode tcp, and daemon.json says listen_mode unix`]);
  });

  it.each(["", "/projects", "/tokens", "/.."])("is alarmed by a mount of the base directory%s", async (part) => {
    const host = hostWith({});
    mkdirSync(join(host.base, "tokens"), { recursive: true });
    const all = { source: `\${localEnv:CMD2HOST_CONFIG_DIR}${part}`, target: "/c2h", type: "bind" };
    put(host, FILE, { ...GOOD, mounts: [SESSION, SOCKETS, all] });
    const [line = "", ...more] = await lines(host);
    expect(more).toEqual([]);
    expect(line).toMatch(/^fail W\/\S+ mounts \S+, which holds approvals and tokens/);
    expect((await host.run("doctor")).exit).toBe(1);
  });

  it("does not follow links that a container made, and says what is no JSON and where", async () => {
    const host = hostWith({ ".mcp.json": '{"mcpServers":{}\n"x"' });
    writeFileSync(join(host.root, "secret"), '{"secret":');
    mkdirSync(join(host.checkout, ".devcontainer"));
    symlinkSync(join(host.root, "secret"), join(host.checkout, FILE));
    const found = await lines(host);
    expect(found).toEqual([
      `warn "W/${FILE}": is a link`,
      expect.stringMatching(/^warn W\/\.mcp\.json:2:1: CommaExpected/),
    ]);
    rmSync(join(host.checkout, ".devcontainer"), { recursive: true });
    symlinkSync(host.root, join(host.checkout, ".devcontainer"));
    expect((await lines(host))[0]).toBe(`warn "W/${FILE}": is not a directory`);
    expect((await host.run("doctor")).stdout).not.toContain("secret");
  });

  it.each([
    [null],
    [[]],
    [{ features: [], mounts: {}, containerEnv: 3 }],
    [{ features: { x: null }, mounts: [null, 7, "a"] }],
  ])("takes %j as saying nothing", async (json) => {
    expect(await lines(hostWith({ [FILE]: json }))).toEqual([`warn W/${FILE} does not have the feature cmd2host`]);
  });
});

describe("doctor about MCP files", () => {
  it("knows those that name cmd2host, by name or by program", async () => {
    const host = hostWith({
      ".mcp.json": { mcpServers: { cmd2host: { command: "x" } } },
      ".vscode/mcp.json": { servers: { tools: { command: "/usr/local/bin/cmd2host-mcp" } } },
    });
    expect(await lines(host)).toEqual(["ok W/.mcp.json names cmd2host", "ok W/.vscode/mcp.json names cmd2host"]);
    put(host, ".mcp.json", { mcpServers: { other: { command: "npx" } } });
    expect((await lines(host))[0]).toBe("warn W/.mcp.json does not name cmd2host: its client has no tools of ours");
  });
});
