import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Ended } from "../../fixtures/backends/program.ts";
import { tempDirectory } from "../../fixtures/temp.ts";
import { featureDirectory } from "../rig/devcontainer.ts";
import { IMAGES } from "../rig/images.ts";
import { podman } from "../rig/podman.ts";

/** install.sh as a build would start it, in a new container without network, and then a script in the same container. */
const INSTALL = "sh /feature/install.sh";

describe.each(IMAGES)("install.sh on %s", (image) => {
  /** Runs a script in a new container that has the feature's package at /feature and the workspace as its directory. */
  async function inside(script: string, workspace = tempDirectory()): Promise<Ended> {
    const mounts = [`${join(featureDirectory, "src/cmd2host")}:/feature:ro`, `${workspace}:/workspace`];
    const volumes = mounts.flatMap((mount) => ["--volume", mount]);
    return podman([
      "run",
      "--rm",
      "--network",
      "none",
      ...volumes,
      "--workdir",
      "/workspace",
      image,
      "sh",
      "-c",
      script,
    ]);
  }

  it.each([
    ["CONNECTIONMODE=udp", 'the option connectionMode is "udp"; it can be tcp or unix'],
    ["RUNTIME=python", 'the option runtime is "python"; it can be auto, bridge or node'],
    ["INSTALLMCPSERVER=yes", 'the option installMcpServer is "yes"; it can be true or false'],
    [
      "COMMANDS='gh,../sh'",
      'the option commands names "../sh", which is not the name of a program; write names such as gh,aws',
    ],
    [
      "COMMANDS='gh; id'",
      'the option commands names "gh; id", which is not the name of a program; write names such as gh,aws',
    ],
    ["COMMANDS=-rf", 'the option commands names "-rf", which is not the name of a program; write names such as gh,aws'],
    ["COMMANDS=node", "the option commands names node, which this feature itself needs in the container; leave it out"],
  ])("refuses %s in one sentence, and changes nothing", async (options, sentence) => {
    const ended = await inside(
      `${options} ${INSTALL}; code=$?; test ! -e /usr/local/lib/cmd2host || exit 9; exit $code`,
    );
    expect(ended).toEqual({ code: 1, stdout: "", stderr: `cmd2host: ${sentence}\n` });
  });

  it("links the commands first on PATH, where none of the image's own programs is", async () => {
    const own = "printf '#!/bin/sh\\necho own\\n' >/usr/bin/gh; chmod 755 /usr/bin/gh";
    const look =
      "PATH=/usr/local/lib/cmd2host/bin:$PATH; command -v gh; command -v aws; readlink -f $(command -v gh); /usr/bin/gh";
    const { code, stdout } = await inside(`${own}; COMMANDS=' gh , aws,' ${INSTALL} && ${look}`);
    expect(stdout.split("\n")).toEqual([
      "cmd2host: gh goes to the host from now on; the image's own stays, and can be called as /usr/bin/gh",
      "cmd2host: installed; commands that go to the host: gh aws; connection: tcp; programs: bridge",
      "/usr/local/lib/cmd2host/bin/gh",
      "/usr/local/lib/cmd2host/bin/aws",
      "/usr/local/lib/cmd2host/cmd2host-bridge",
      "own",
      "",
    ]);
    expect(code).toBe(0);
  });

  it("does not replace a program that has one of our names", async () => {
    const own = "mkdir -p /usr/local/bin; echo '#!/bin/sh' >/usr/local/bin/cmd2host-mcp";
    const { stdout } = await inside(`${own}; ${INSTALL}; cat /usr/local/bin/cmd2host-mcp`);
    expect(stdout).toContain(
      "cmd2host: /usr/local/bin/cmd2host-mcp is another program and stays; ours is /usr/local/lib/cmd2host/bin/cmd2host-mcp\n",
    );
    expect(stdout).toMatch(/\n#!\/bin\/sh\n$/);
  });

  it("leaves nothing of an installation before, and the same when it runs twice", async () => {
    const list = "find /usr/local /etc/profile.d | sort";
    const first = `COMMANDS=aws,kubectl RUNTIME=node CONNECTIONMODE=unix ${INSTALL}`;
    const { code, stdout } = await inside(
      `{ ${INSTALL}; ${list} >/tmp/1; ${first}; ${list} >/tmp/2; ${INSTALL}; ${list} >/tmp/3; } >/dev/null; cmp /tmp/1 /tmp/3; cmp -s /tmp/1 /tmp/2 || echo differs`,
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: "differs\n" });
  });

  it("takes the programs for Node on a machine that has no bridge, and says so", async () => {
    const strange =
      "mkdir /s; printf '#!/bin/sh\\necho riscv64\\n' >/s/uname; chmod 755 /s/uname; export PATH=/s:$PATH";
    const { code, stdout } = await inside(
      `${strange}; ${INSTALL} && . /usr/local/lib/cmd2host/feature && echo $runtime`,
    );
    expect(stdout.split("\n")).toEqual([
      "cmd2host: there is no bridge that starts on riscv64 here, so the programs run on the container's Node",
      "cmd2host: this image has no Node yet: the programs start once Node 20.19 or newer is on its PATH",
      "cmd2host: installed; commands that go to the host: gh; connection: tcp; programs: node",
      "node",
      "",
    ]);
    expect(code).toBe(0);
    expect(await inside(`${strange}; RUNTIME=bridge ${INSTALL}`)).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "cmd2host: there is no bridge that starts on riscv64 here; set the option runtime to node, in an image that has Node 20.19 or newer\n",
    });
  });

  it("says so when there are no programs for what it is to run, and changes nothing", async () => {
    const local = "cp -R /feature /local; rm -r /local/programs/node";
    const ended = await inside(`${local}; RUNTIME=node sh /local/install.sh; echo $?; ls /usr/local/lib`);
    expect(ended.stdout).toBe("1\n");
    expect(ended.stderr).toMatch(
      /^cmd2host: this feature has no programs for Node, and no bridge that starts on \w+; on the host, cmd2host setup --runtime=node brings them\n$/,
    );
  });

  it("works whatever the umask is, for users who may change nothing", async () => {
    const { stdout } = await inside(
      `umask 077; ${INSTALL} >/dev/null; find /usr/local/lib/cmd2host /etc/profile.d/cmd2host.sh -perm /022 ! -type l -o ! -perm -004`,
    );
    expect(stdout).toBe("");
  });

  describe("write-mcp-config", () => {
    const unix = `CONNECTIONMODE=unix ${INSTALL} >/dev/null; /usr/local/lib/cmd2host/write-mcp-config`;
    const args = '["-socket", "/run/cmd2host/cmd2host.sock", "-token-file", "/run/cmd2host-session/token"]';

    it("writes both files, which are JSON, and then has nothing to say", async () => {
      const { stdout } = await inside(`${unix}; /usr/local/lib/cmd2host/write-mcp-config; cat .mcp.json`);
      const [said = "", json = ""] = stdout.split(/(?<=mcp\.json\n)(?=\{)/);
      expect(said).toBe("cmd2host: wrote .mcp.json\ncmd2host: wrote .vscode/mcp.json\n");
      expect(JSON.parse(json)).toEqual({
        mcpServers: { cmd2host: { command: "cmd2host-mcp", args: JSON.parse(args) as unknown } },
      });
      const code = await inside(`${unix} >/dev/null; cat .vscode/mcp.json`);
      expect(JSON.parse(code.stdout)).toEqual({
        servers: { cmd2host: { type: "stdio", command: "cmd2host-mcp", args: JSON.parse(args) as unknown } },
      });
    });

    it("replaces what it wrote for the other connection mode, and only that", async () => {
      const tcp = `${INSTALL} >/dev/null; /usr/local/lib/cmd2host/write-mcp-config >/dev/null`;
      const { stdout } = await inside(
        `${tcp}; echo '{ "cmd2host": "mine" }' >.vscode/mcp.json; ${unix}; cat .mcp.json .vscode/mcp.json`,
      );
      expect(stdout).toContain("cmd2host: wrote .mcp.json anew, for the connection mode unix\n");
      expect(stdout).toContain(`"args": ${args}\n`);
      expect(stdout).toMatch(/\n\{ "cmd2host": "mine" \}\n$/);
    });

    it("leaves what is there, a link that leads nowhere too, and says what to add", async () => {
      const workspace = tempDirectory();
      writeFileSync(join(workspace, ".mcp.json"), "{}\n");
      mkdirSync(join(workspace, ".vscode"));
      symlinkSync("/tmp/nowhere", join(workspace, ".vscode/mcp.json"));
      const { code, stdout } = await inside(`${unix}; cat .mcp.json; test ! -e /tmp/nowhere`, workspace);
      const add = `stays as it is; for its server cmd2host, add the command cmd2host-mcp with the arguments ${args}`;
      expect(stdout).toBe(
        `cmd2host: .mcp.json is there and ${add}\ncmd2host: .vscode/mcp.json is there and ${add}\n{}\n`,
      );
      expect(code).toBe(0);
    });

    it("does not break a container whose workspace cannot be written", async () => {
      const { code, stdout } = await inside(`cd /proc; ${unix}`);
      expect(code).toBe(0);
      expect(stdout).toBe(
        "cmd2host: .mcp.json cannot be written here, so its MCP client does not know cmd2host\ncmd2host: .vscode cannot be made here, so VS Code does not know cmd2host\n",
      );
    });
  });
});
