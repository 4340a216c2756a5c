import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gatewayWish } from "../../host/cli/gateway-install.ts";
import { HIDDEN, installGateway, shownGateway, type GatewayWish } from "../../host/cli/gateway-service.ts";
import { uninstallSystem } from "../../host/cli/system-uninstall.ts";
import { requireTools } from "../fixtures/backends/present.ts";
import { atEnd } from "../fixtures/temp.ts";
import type { Output } from "../../host/cli/run.ts";
import { isRoot, machineOf, SERVICE_USER, type Machine } from "./system-host.ts";

const NO_WORDS = { config: undefined, user: undefined, strict: false, open: false };
/** Nothing here is where systemd hides it. */
const NOWHERE = /^\/nowhere\//;

interface Made extends Machine {
  readonly wish: GatewayWish;
  readonly state: string;
}

/** A machine with a gateway.toml as `gateway init` writes it, on ports that are free. */
async function gatewayMachine(change = (toml: string): string => toml): Promise<Made> {
  const machine = machineOf();
  const { host } = machine;
  const [directory, state] = [join(host.root, "etc"), join(host.root, "state")];
  const made = await host.run(
    "gateway",
    "init",
    `--dir=${directory}`,
    `--state-dir=${state}`,
    "--port=0",
    "--link-port=0",
  );
  expect(made).toMatchObject({ exit: 0, stderr: "" });
  const config = join(directory, "gateway.toml");
  writeFileSync(config, change(readFileSync(config, "utf8")));
  const place = { ...machine.place, hidden: NOWHERE };
  return { ...machine, place, state, wish: { config, user: SERVICE_USER, strict: false } };
}

async function install({ wish, place, host }: Made, more: Partial<GatewayWish> = {}) {
  const { human, json, stderr = "" } = await installGateway({ ...wish, ...more }, place, host.context());
  return { human, json: json as { did: string; notes: string[] }, stderr };
}

describe.runIf(requireTools(["python3"]) && process.platform === "linux")(
  "a gateway as a service of the system",
  () => {
    it("is installed, runs as its user who may read what it must, and is removed; what is configured stays", async () => {
      const machine = await gatewayMachine();
      const { wish, state } = machine;
      const key = join(machine.host.root, "etc/admin.key");
      const first = await install(machine);
      expect(first.human).toMatch(/^The gateway is installed and runs\.\n/);
      const pid = Number(/process (\d+)/.exec(first.human)?.[1]);
      expect(statSync(`/proc/${pid}`).uid).toBe(statSync(state).uid);
      expect(statSync(state).mode & 0o777).toBe(0o700);
      // Root's, and read by the group of the service, not by others.
      for (const file of [wish.config, key]) {
        expect([statSync(file).uid, statSync(file).mode & 0o007]).toEqual([process.geteuid?.(), 0]);
        if (isRoot) expect(first.stderr).toContain(`the group of ${SERVICE_USER} may read ${file} now`);
      }
      expect((await install(machine)).human).toContain("nothing was changed");
      expect((await install(machine, { strict: true })).json.did).toBe("updated");
      expect(gatewayWish(NO_WORDS, machine.place)).toEqual({ ...wish, strict: true });
      expect(gatewayWish({ ...NO_WORDS, open: true }, machine.place)).toEqual(wish);

      expect((await uninstallSystem("gateway", machine.place, "Kept.")).human).toContain("is stopped");
      expect([wish.config, key, join(state, "link")].map((path) => existsSync(path))).toEqual([true, true, true]);
      expect([existsSync(machine.unit("gateway")), existsSync(`/proc/${pid}`)]).toEqual([false, false]);
    });

    it("keeps a unit that was changed by hand beside its own", async () => {
      const machine = await gatewayMachine();
      await install(machine);
      const edited = `${readFileSync(machine.unit("gateway"), "utf8")}\n[Service]\nIPAddressDeny=any\n`;
      writeFileSync(machine.unit("gateway"), edited);
      expect((await install(machine)).stderr).toContain("was not as cmd2host wrote it");
      expect(readFileSync(`${machine.unit("gateway")}.old`, "utf8")).toBe(edited);
    });

    it.each<readonly [string, (toml: string) => string, string, RegExp]>([
      ["is wrong", (toml) => toml.replace(/^port = 0$/m, "port = nine"), "gateway_config_invalid", /gateway\.toml:\d+/],
      [
        "speaks over standard input",
        (toml) => toml.replace("[server]", '[server]\ntransport = "stdio"'),
        "gateway_config_invalid",
        /no service/,
      ],
      [
        "names a key that is not there",
        (toml) => toml.replace("admin.key", "other.key"),
        "gateway_config_invalid",
        /other\.key/,
      ],
    ])("is not touched when its configuration %s", async (_, change, code, message) => {
      const machine = await gatewayMachine(change);
      await expect(install(machine)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
      expect([existsSync(machine.unit("gateway")), existsSync(machine.state)]).toEqual([false, false]);
      expect(machine.told("gateway")).not.toContain("restart");
    });

    it("needs a configuration, and its own directory above suspicion", async () => {
      const machine = await gatewayMachine();
      await expect(install(machine, { config: "/nowhere/gateway.toml" })).rejects.toMatchObject({
        code: "gateway_config_invalid",
      });
      mkdirSync(machine.state);
      chmodSync(machine.state, 0o777);
      await expect(install(machine)).rejects.toMatchObject({ code: "base_unusable" });
      expect(existsSync(machine.unit("gateway"))).toBe(false);
    });

    it("knows what systemd hides", async () => {
      const machine = await gatewayMachine();
      const { tools, units } = machine.place;
      await expect(shownGateway(machine.wish, { tools, units }, machine.host.context())).rejects.toThrow(
        /home directories and \/tmp are closed to it/,
      );
    });

    it("shows what it would do, and changes nothing", async () => {
      const machine = await gatewayMachine((toml) => toml.replace(/^port = 0$/m, "port = 443"));
      const { human } = await shownGateway(machine.wish, machine.place, machine.host.context());
      expect(human).toContain("\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n");
      expect(human).toContain(`ReadWritePaths="${machine.state}"\n`);
      expect([existsSync(machine.unit("gateway")), existsSync(machine.state)]).toEqual([false, false]);
    });

    it.runIf(isRoot)("says which file its user cannot read, where that is not ours to change", async () => {
      const machine = await gatewayMachine();
      const elsewhere = join(machine.host.root, "elsewhere");
      mkdirSync(elsewhere, { mode: 0o700 });
      writeFileSync(join(elsewhere, "admin.key"), "k".repeat(32), { mode: 0o600 });
      const toml = readFileSync(machine.wish.config, "utf8");
      writeFileSync(machine.wish.config, toml.replace(/^key_file = .*$/m, `key_file = "${elsewhere}/admin.key"`));
      await expect(install(machine)).rejects.toMatchObject({
        code: "file_failed",
        message: expect.stringContaining(`${SERVICE_USER} cannot read ${elsewhere}/admin.key`) as string,
      });
      expect([statSync(elsewhere).mode & 0o777, existsSync(machine.unit("gateway"))]).toEqual([0o700, false]);
    });
  },
);

describe("what a confined service does not see", () => {
  it.each(["/home/x/g.toml", "/root/g.toml", "/run/user/1000/x", "/tmp/x", "/var/tmp/x"])("is below %s", (path) => {
    expect(HIDDEN.test(path)).toBe(true);
  });

  it.each(["/etc/home/x", "/homes/x", "/srv/tmp/x", "/run/x", "/var/lib/root/x"])("is not %s", (path) => {
    expect(HIDDEN.test(path)).toBe(false);
  });
});

describe("gateway install", () => {
  it.each([
    [{ strict: true, open: true }, /exclude each other/],
    [{ config: "relative" }, /no absolute path/],
    [{ user: "root" }, /as root only/],
  ])("does not understand %j", (words, message) => {
    expect(() => gatewayWish({ ...NO_WORDS, ...words }, machineOf().place)).toThrow(message);
  });

  it("is for Linux, and for root", async () => {
    const { host } = machineOf();
    const rights = process.geteuid?.() ?? 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      for (const verb of ["install", "uninstall"])
        expect((await host.run("gateway", verb)).stderr).toContain(`sudo cmd2host gateway ${verb}`);
    } finally {
      if (isRoot) process.seteuid?.(rights);
    }
    host.system = "darwin";
    expect(await host.run("gateway", "install")).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining("darwin") as string,
    });
  });
});

describe("gateway check", () => {
  async function answering(status: number, body: string): Promise<number> {
    const server = createServer((_, response) => {
      response.writeHead(status).end(body);
    }).listen(0, "127.0.0.1");
    await new Promise((done) => server.once("listening", done));
    atEnd(() => {
      server.close();
    });
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  async function check(change: (toml: string) => string, ...words: readonly string[]) {
    const { host, wish } = await gatewayMachine(change);
    return host.run("gateway", "check", `--config=${wish.config}`, ...words);
  }

  const at = (port: number) => (toml: string) => toml.replace(/^port = 0$/m, `port = ${port}`);

  it("says whether the file is right, and whether a gateway answers", async () => {
    const port = await answering(200, '{"status":"ok","service":"x"}');
    expect(await check(at(port))).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining("It answers at") as string,
    });
    expect(await check(at(port), "--offline")).toMatchObject({
      exit: 0,
      stdout: expect.not.stringContaining("answers") as string,
    });
    const wrong = await check((toml) => toml.replace("[server]", "[server"));
    expect([wrong.exit, wrong.stderr]).toEqual([1, expect.stringMatching(/gateway\.toml:\d+/)]);
  });

  it("looks whether the certificate can be used, and says when it ends soon; so does an installation", async () => {
    const machine = await gatewayMachine();
    const directory = join(machine.host.root, "tls");
    mkdirSync(directory);
    for (const [name, days] of [
      ["long", "90"],
      ["short", "5"],
    ] as const) {
      const paths = ["-keyout", join(directory, `${name}.key`), "-out", join(directory, `${name}.crt`)];
      const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=x"];
      execFileSync("openssl", ["req", "-x509", ...kind, ...paths, "-days", days], { stdio: "pipe" });
    }
    const written = readFileSync(machine.wish.config, "utf8");
    const checked = async (cert: string, key: string): Promise<Output> => {
      const files = `tls_cert = "${join(directory, cert)}"\ntls_key = "${join(directory, key)}"`;
      writeFileSync(machine.wish.config, written.replace("[server]", `[server]\n${files}`));
      return machine.host.run("gateway", "check", `--config=${machine.wish.config}`, "--offline");
    };
    expect(await checked("long.crt", "long.key")).toMatchObject({ exit: 0, stderr: "" });
    expect((await checked("short.crt", "short.key")).stderr).toMatch(/^warning: the certificate ends at 20/);
    for (const [cert, key] of [
      ["long.crt", "short.key"],
      ["long.key", "long.key"],
      ["gone.crt", "long.key"],
    ] as const) {
      expect((await checked(cert, key)).exit).toBe(1);
      await expect(install(machine)).rejects.toThrow();
      expect(existsSync(machine.unit("gateway"))).toBe(false);
    }
    expect((await checked("long.crt", "short.key")).stderr).toContain("they do not belong together");
  });

  it.each([
    [500, '{"status":"ok"}'],
    [200, "<html>"],
    [200, '{"status":"starting"}'],
  ])("does not take HTTP %d with %s for a gateway that is well", async (status, body) => {
    const ended = await check(at(await answering(status, body)));
    expect([ended.exit, ended.stderr]).toEqual([1, expect.stringContaining("does not answer at")]);
  });

  it("says that nobody is there", async () => {
    const port = await answering(200, "");
    const free = createServer().listen(0, "127.0.0.1");
    await new Promise((done) => free.once("listening", done));
    const address = free.address();
    const gone = typeof address === "object" && address !== null ? address.port : port;
    await new Promise((done) => free.close(done));
    expect((await check(at(gone))).stderr).toContain("ECONNREFUSED");
  });
});
