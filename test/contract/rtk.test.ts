import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { DaemonClient } from "../../wire/client.ts";
import { defaultBase, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const operations = {
  says: { command: "/bin/echo", args_template: ["{text}"], params: { text: { type: "string" } }, rtk: true },
  plain: { command: "/bin/echo", args_template: ["plain"] },
};

async function clientWith(path: string): Promise<DaemonClient> {
  const { base } = defaultBase({ allowed_operations: ["says", "plain"], operations });
  const { address } = await startDaemon(base, {}, { ...process.env, PATH: path });
  return new DaemonClient(address, TOKEN);
}

it("an operation that asks for rtk runs through it where the host has it, and says that its output was shortened", async () => {
  const programs = join(tempDirectory(), "bin");
  mkdirSync(programs, { mode: 0o755 });
  // A stand-in: it shows how it was called, and runs the command as the real one does.
  writeFileSync(join(programs, "rtk"), '#!/bin/sh\necho "rtk: $#: $*"\nexec "$@"\n');
  chmodSync(join(programs, "rtk"), 0o755);
  const client = await clientWith(`${programs}:/usr/bin:/bin`);
  const reply = await client.run({ operation: "says", params: { text: "a b" } });
  expect(reply.stdout).toBe("rtk: 2: /bin/echo a b\na b\n");
  expect(reply.notice).toContain("shortened by rtk");
  expect(await client.run({ operation: "plain" })).toMatchObject({ stdout: "plain\n" });
});

it("an operation that asks for rtk runs as it is where the host has none", async () => {
  const client = await clientWith("/usr/bin:/bin");
  const reply = await client.run({ operation: "says", params: { text: "a b" } });
  expect([reply.stdout, reply.notice]).toEqual(["a b\n", undefined]);
});

it("an operation that asks for rtk does not run when others can replace the rtk that was found", async () => {
  const programs = join(tempDirectory(), "bin");
  mkdirSync(programs);
  writeFileSync(join(programs, "rtk"), '#!/bin/sh\nexec "$@"\n');
  chmodSync(join(programs, "rtk"), 0o777);
  const client = await clientWith(`${programs}:/usr/bin:/bin`);
  const reply = await client.run({ operation: "says", params: { text: "a b" } });
  expect([reply.code, reply.stdout]).toEqual(["command_untrusted", ""]);
});
