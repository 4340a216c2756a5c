import { once } from "node:events";
import { chmodSync, mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Check } from "../../host/cli/doctor-check.ts";
import { requireTools } from "../fixtures/backends/present.ts";
import { shell } from "../git/inspection/repository.ts";
import type { Host } from "./harness.ts";
import { definitionOf, userOf } from "./service-user.ts";

async function checksAbout(host: Host, ...about: readonly Check["about"][]): Promise<readonly Check[]> {
  const checks = (await host.json("doctor")) as readonly Check[];
  return checks.filter((check) => about.includes(check.about));
}

async function lines(host: Host, ...about: readonly Check["about"][]): Promise<readonly string[]> {
  return (await checksAbout(host, ...about)).map(
    ({ level, message, fix }) => `${level} ${message}${fix === null ? "" : ` -> ${fix}`}`,
  );
}

describe.runIf(requireTools(["python3"])).each(["linux", "darwin"] as const)(
  "doctor about the service on %s",
  (system) => {
    it("goes from nothing to a service that is well, and sees it stop", async () => {
      const host = userOf(system);
      expect(await lines(host, "service", "socket")).toEqual([
        "warn the daemon does not run, and is no service -> cmd2host service install, or cmd2host serve",
      ]);
      await host.run("service", "install");
      expect(await lines(host, "service", "socket")).toEqual([
        expect.stringMatching(/^ok the service is active since 20/),
        `ok ${host.base}/cmd2host.sock is there (mode 660)`,
        `ok ${host.base}/run/cmd2host.sock is there (mode 660)`,
      ]);
      const { pid } = (await host.json("service", "status")) as { pid: number };
      process.kill(pid, "SIGKILL");
      while (((await host.json("service", "status")) as { state: string }).state === "active")
        await new Promise((resolve) => setTimeout(resolve, 50));
      const [failed] = await checksAbout(host, "service");
      expect([failed?.level, failed?.fix]).toEqual([
        "fail",
        "cmd2host service restart; if it does not start: cmd2host service logs",
      ]);
      expect((await host.run("doctor")).exit).toBe(1);
    });

    it("sees a program that was replaced or is gone, and a definition of another version", async () => {
      const host = userOf(system);
      const wrapper = join(host.root, "cmd2host.sh");
      const [node = "", script = ""] = host.installed;
      writeFileSync(wrapper, `#!/bin/sh\nexec '${node}' '${script}' "$@"\n`, { mode: 0o755 });
      host.installed = [wrapper];
      await host.run("service", "install");
      const { since } = (await host.json("service", "status")) as { since: string };
      while (Date.now() < Date.parse(since) + 1_500) await new Promise((resolve) => setTimeout(resolve, 100));
      utimesSync(wrapper, new Date(), new Date());
      shell(`sed -i s/by.cmd2host.dev/by\\ cmd2host\\ 0.0.9/ ${definitionOf(host)}`);
      expect((await lines(host, "service")).slice(1)).toEqual([
        `warn the service runs an older version: ${wrapper} was replaced after its start -> cmd2host service restart`,
        "warn the service was installed by cmd2host 0.0.9, and this is dev -> cmd2host service install",
      ]);
      rmSync(wrapper);
      expect((await lines(host, "service")).slice(1)).toEqual([
        `fail the service's program is not there: ${wrapper} -> cmd2host service install`,
      ]);
    });

    it("sees that it serves another base directory", async () => {
      const host = userOf(system);
      await host.run("service", "install");
      const other = join(host.root, "other");
      mkdirSync(other, { mode: 0o700 });
      host.environment["CMD2HOST_CONFIG_DIR"] = other;
      expect((await lines(host, "service")).at(-1)).toContain(
        `the service serves ${host.base}, and this shell has ${other}`,
      );
      host.environment["CMD2HOST_CONFIG_DIR"] = host.base;
    });
  },
);

describe.runIf(requireTools(["python3"]))("doctor about sockets", () => {
  it("shows what mends their modes and their directory, and sees one that is gone or no socket", async () => {
    // Commands can be copied, whatever the directory is called.
    const host = userOf("linux", "it's a $HOME");
    await host.run("service", "install");
    host.daemon.found = { listenMode: "unix", socketMode: 0o660 };
    const [own, shared] = [join(host.base, "cmd2host.sock"), join(host.base, "run/cmd2host.sock")];
    chmodSync(own, 0o600);
    chmodSync(join(host.base, "run"), 0o700);
    const wrong = (await checksAbout(host, "socket")).filter(({ level }) => level === "warn");
    expect(wrong.map(({ message }) => message)).toEqual([
      `${own} has mode 600, and daemon.json says 660`,
      `${host.base}/run lets only its owner in: a container whose user has another number cannot connect`,
    ]);
    for (const { fix } of wrong) shell(fix ?? "");
    expect(statSync(own).mode & 0o777).toBe(0o660);
    rmSync(shared);
    expect((await lines(host, "socket")).at(-1)).toMatch(/^fail the daemon runs, but .* is not there/);
    writeFileSync(shared, "");
    expect((await lines(host, "socket")).at(-1)).toMatch(/is no socket/);
    host.daemon.found = { listenMode: "tcp" };
    expect(await lines(host, "socket")).toEqual([]);
  });

  it("knows a daemon that was started by hand", async () => {
    const host = userOf("linux");
    const server = createServer().listen(join(host.base, "daemon.lock"));
    await once(server, "listening");
    expect(await lines(host, "service")).toEqual(["ok the daemon runs, started by hand"]);
    host.environment["PATH"] = host.bin;
    expect((await lines(host, "service"))[0]).toMatch(
      /^ok the daemon runs, started by hand: this system has no systemd/,
    );
    server.close();
  });
});
