import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { baseDirectory } from "../../host/util/base-directory.ts";

describe("the base directory", () => {
  it("is .cmd2host in the home directory", () => {
    expect(baseDirectory({ HOME: "/home/me" })).toEqual({
      root: "/home/me/.cmd2host",
      daemonFile: "/home/me/.cmd2host/daemon.json",
      socket: "/home/me/.cmd2host/cmd2host.sock",
      sharedSocket: "/home/me/.cmd2host/run/cmd2host.sock",
      lockSocket: "/home/me/.cmd2host/daemon.lock",
      tokens: "/home/me/.cmd2host/tokens",
      projects: "/home/me/.cmd2host/projects",
      staging: "/home/me/.cmd2host/staging",
      git: "/home/me/.cmd2host/git",
      empty: "/home/me/.cmd2host/empty",
      running: "/home/me/.cmd2host/running",
      runs: "/home/me/.cmd2host/runs",
      boxes: "/home/me/.cmd2host/boxes",
      stopped: "/home/me/.cmd2host/stopped",
      budgets: "/home/me/.cmd2host/budgets.json",
      page: "/home/me/.cmd2host/page",
      link: "/home/me/.cmd2host/link",
      gateways: "/home/me/.cmd2host/gateways",
      enrolment: "/home/me/.cmd2host/enrolment",
      launcher: "/home/me/.cmd2host/bin/cmd2host",
      audit: "/home/me/.cmd2host/audit",
      keys: "/home/me/.cmd2host/keys",
      sessions: "/home/me/.cmd2host/sessions",
      setups: "/home/me/.cmd2host/setups",
    });
  });

  it("is CMD2HOST_CONFIG_DIR when that is set, which may be relative", () => {
    expect(baseDirectory({ HOME: "/home/me", CMD2HOST_CONFIG_DIR: "/etc/x" }).root).toBe("/etc/x");
    expect(baseDirectory({ CMD2HOST_CONFIG_DIR: "conf" }).tokens).toBe(resolve("conf/tokens"));
  });

  it("keeps everything but daemon.json where it is when DAEMON_CONFIG is set", () => {
    const base = baseDirectory({ HOME: "/home/me", CMD2HOST_CONFIG_DIR: "/etc/x", DAEMON_CONFIG: "/srv/d.json" });
    expect(base).toEqual({ ...baseDirectory({ CMD2HOST_CONFIG_DIR: "/etc/x" }), daemonFile: "/srv/d.json" });
    expect(baseDirectory({ HOME: "/h", DAEMON_CONFIG: "d.json" }).daemonFile).toBe(resolve("d.json"));
  });

  it("takes empty for unset", () => {
    expect(baseDirectory({ HOME: "/h", CMD2HOST_CONFIG_DIR: "", DAEMON_CONFIG: "" })).toEqual(
      baseDirectory({ HOME: "/h" }),
    );
  });

  it.each([{}, { HOME: "" }, { HOME: "", CMD2HOST_CONFIG_DIR: "" }, { DAEMON_CONFIG: "/d.json" }])(
    "cannot be found with %j",
    (environment) => {
      expect(() => baseDirectory(environment)).toThrow(
        expect.objectContaining({
          code: "base_unusable",
          message: "neither CMD2HOST_CONFIG_DIR nor HOME is set",
        }) as Error,
      );
    },
  );
});
