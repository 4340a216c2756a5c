import { spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { accountFor, startedAs } from "../../host/engine/run-as.ts";
import type { Account } from "../../host/util/account.ts";
import { CodedError } from "../../wire/errors.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const root: Account = { name: "root", uid: 0, gid: 0, home: "/root" };
const someone: Account = { name: "someone", uid: 1234, gid: 5678, home: "/home/someone" };
const program = { command: { file: "/real/busybox", argv0: "/bin/tool" }, args: ["-c", "--", "$HOME 'x'"] };
const env = new Map([
  ["HOME", "/home/it's"],
  ["A", 'two\nlines "$(id)" `id` \\'],
  ["EMPTY", ""],
]);

function refusal(work: () => unknown): readonly string[] {
  try {
    work();
  } catch (error) {
    if (error instanceof CodedError) return [error.code, error.message];
    throw error;
  }
  return [];
}

describe("the user that an operation runs as", () => {
  it("is the agent's own when nobody is named, or itself", () => {
    expect(accountFor(undefined)).toMatchObject({ name: userInfo().username, uid: userInfo().uid });
    expect(accountFor(undefined, someone)).toBe(someone);
    expect(accountFor("someone", someone)).toBe(someone);
  });

  it("is found on the machine, for an agent that is root", () => {
    expect(accountFor("nobody", root)).toMatchObject({ name: "nobody" });
    expect(refusal(() => accountFor("no-such-user-here", root))).toEqual([
      "run_as_unavailable",
      'there is no user "no-such-user-here" here',
    ]);
  });

  it("can be nobody else for an agent that is not", () => {
    expect(refusal(() => accountFor("nobody", someone))).toEqual([
      "run_as_unavailable",
      "the agent runs as someone, and cannot become nobody",
    ]);
  });
});

describe("how a program is started", () => {
  it("is as it is, when it runs as the agent", () => {
    expect(startedAs(program, someone, env, someone)).toEqual({ ...program, env });
  });

  it("leaves its environment out of the sight of whatever is root for a moment", () => {
    const { command, args, env: seen, handed } = startedAs(program, someone, env, root);
    expect(command.argv0).toMatch(/\/setpriv$/);
    expect(args.slice(0, 5)).toEqual(["--reuid=1234", "--regid=5678", "--init-groups", "--inh-caps=-all", "--"]);
    expect(args.slice(5, 7)).toEqual(["/bin/sh", "-c"]);
    expect(args.slice(-4)).toEqual(["/bin/tool", ...program.args]);
    expect([...seen.keys()]).toEqual(["PATH"]);
    expect(args.join(" ")).not.toContain("it's");
    expect(handed?.toString()).toContain("export HOME=");
  });

  it("hands it the environment as it is, whatever is in it", () => {
    const { args, handed } = startedAs({ ...program, args: ["-0"] }, someone, env, root);
    const taking = args.slice(5).map((word) => (word === "/bin/tool" ? "/usr/bin/env" : word));
    // Descriptor 3 is what a shell copies there.
    const { stdout, status } = spawnSync("/bin/sh", ["-c", 'exec 3<&0 </dev/null; exec "$@"', "sh", ...taking], {
      env: { PATH: "/usr/bin:/bin" },
      input: handed ?? "",
      encoding: "utf8",
    });
    expect(status).toBe(0);
    const found = new Map(stdout.split("\0").map((line) => [line.split("=", 1)[0], line.slice(line.indexOf("=") + 1)]));
    for (const [name, value] of env) expect([name, found.get(name)]).toEqual([name, value]);
  });

  it("starts nothing when the environment does not come", () => {
    const { args } = startedAs({ ...program, args: [] }, someone, env, root);
    const [shell = "", ...rest] = args.slice(5).map((word) => (word === "/bin/tool" ? "/usr/bin/env" : word));
    const { stdout, status } = spawnSync(shell, rest, { env: { PATH: "/usr/bin:/bin" }, encoding: "utf8" });
    expect([status, stdout]).toEqual([126, ""]);
  });

  it.each(["UID", "EUID", "PPID", "SHELLOPTS", "BASHOPTS", "OPTIND", "LINENO"])(
    "does not take %s, which a shell keeps for itself",
    (name) => {
      expect(refusal(() => startedAs(program, someone, new Map([...env, [name, "0"]]), root))).toEqual([
        "env_denied",
        `${name} cannot be set for a program that runs as somebody else`,
      ]);
    },
  );

  it("is not by a setpriv that others could replace", () => {
    const open = tempDirectory();
    writeFileSync(join(open, "setpriv"), "#!/bin/sh\n", { mode: 0o755 });
    chmodSync(open, 0o777);
    expect(refusal(() => startedAs(program, someone, env, root, open))[0]).toBe("command_untrusted");
  });

  it("needs setpriv", () => {
    expect(refusal(() => startedAs(program, someone, env, root, tempDirectory()))).toEqual([
      "run_as_unavailable",
      "there is no setpriv (util-linux) here",
    ]);
  });
});
