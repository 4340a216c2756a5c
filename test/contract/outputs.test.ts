import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Staging } from "../../host/exec/staging.ts";
import type { OperationReply, OperationTemplate } from "../../wire/schema.ts";
import { defaultBase } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { run } from "../fixtures/exchange.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";
import { conforms, expectDenied } from "./conformance.ts";

const programs = fixturePrograms();
const file = { file: { type: "workspace_path" } };
const writes = (rest: Partial<OperationTemplate> = {}): OperationTemplate => ({
  command: `${programs}/write-file`,
  args_template: ["{file}", "content", "{code}"],
  params: { ...file, code: { type: "string" } },
  ...rest,
});
const operations: Readonly<Record<string, OperationTemplate>> = {
  write: writes(),
  short: writes({
    params: { file: { type: "workspace_path", maxLength: 5, pattern: "^[a-z.]+$" }, code: { type: "string" } },
  }),
  flagged: writes({ allowed_flags: ["--recursive", "--sync", "-R", "--fine"] }),
  place: { command: `${programs}/print-args`, args_template: ["{file}"], params: file },
  literal: writes({ args_template: ["{file}", "content", "{code}", "--recursive"] }),
  text: {
    command: `${programs}/print-args`,
    args_template: ["{t}", "--recursive"],
    params: { t: { type: "string", allow_leading_dash: true } },
  },
};
const { base, repo } = defaultBase({ allowed_operations: Object.keys(operations), operations });
const { address } = await startDaemon(base);

async function write(
  name: unknown,
  code = "0",
  operation = "write",
  flags: readonly string[] = [],
): Promise<OperationReply> {
  return run(address, { operation, params: { file: name, code }, flags });
}

/** What staging has left in the workspace. */
function leftovers(): readonly string[] {
  const root = join(repo, ".cmd2host-staging");
  return existsSync(root) ? readdirSync(root) : [];
}

describe("output files", () => {
  const outside = tempDirectory();
  symlinkSync(outside, join(repo, "out"));
  mkdirSync(join(repo, "real"));
  symlinkSync("real", join(repo, "in"));
  symlinkSync("loop", join(repo, "loop"));
  symlinkSync("nowhere", join(repo, "dangling"));

  conforms([88, 89], "a path inside is written, parents included; everything else is refused", async () => {
    for (const [name, place] of [
      ["out.log", "out.log"],
      ["a/b/c/out.log", "a/b/c/out.log"],
      ["./x", "x"],
      ["logs/../y", "y"],
      ["in/z", "real/z"],
    ] as const) {
      expect(await write(name)).toMatchObject({ exit_code: 0, denied_reason: null });
      expect(readFileSync(join(repo, place), "utf8")).toBe("content");
    }
    for (const [name, fragment] of [
      ["", "value is empty"],
      ["a\0b", "NUL"],
      ["/etc/x", "workspace-relative"],
      ["../x", "escapes the workspace"],
      ["a/../../x", "escapes the workspace"],
      ["~/x", "workspace-relative"],
      ["~root/x", "workspace-relative"],
      ["out/x", "escapes the workspace"],
      ["loop", "cannot resolve"],
      ["dangling", "cannot resolve"],
      ["dangling/tail", "cannot resolve"],
      [".git/config", "workspace_path"],
      [".git/hooks/pre-commit", "workspace_path"],
      [".cmd2host-staging/x", "workspace_path"],
      [".", "workspace_path"],
    ] as const) {
      expectDenied(await write(name), fragment);
    }
    expect(readdirSync(outside)).toEqual([]);
    expect(leftovers()).toEqual([]);
  });

  it("the program writes where no container can reach, and only what it wrote comes into the workspace [promise 7]", async () => {
    const path = (await run(address, { operation: "place", params: { file: "placed.log" } })).stdout
      .trim()
      .slice(1, -1);
    expect(path.startsWith(`${base.directory.staging}/`)).toBe(true);
    expect(readFileSync(join(repo, "placed.log"), "utf8")).toBe("");
    expect(existsSync(join(repo, ".cmd2host-staging"))).toBe(false);
    expect(readdirSync(base.directory.staging)).toEqual([]);
  });

  conforms(90, "a program that fails leaves nothing", async () => {
    expect((await write("failed.log", "3")).exit_code).toBe(3);
    expect(existsSync(join(repo, "failed.log"))).toBe(false);
    expect(leftovers()).toEqual([]);
  });

  conforms(91, "what stands at the place is replaced, never followed", async () => {
    const precious = join(outside, "precious");
    writeFileSync(precious, "untouched");
    writeFileSync(join(repo, "old"), "old");
    expect((await write("old")).exit_code).toBe(0);
    expect(readFileSync(join(repo, "old"), "utf8")).toBe("content");
    expect(lstatSync(join(repo, "old")).isFile()).toBe(true);
    expect(readFileSync(precious, "utf8")).toBe("untouched");
  });

  conforms(92, "options that write many files are refused", async () => {
    for (const flags of [["--recursive"], ["--sync=on"], ["-R"]]) {
      expectDenied(await write("many", "0", "flagged", flags), "single-foreground-file output only", "output_scope");
    }
    expectDenied(await write("many", "0", "literal"), "single-foreground-file output only");
    expect(existsSync(join(repo, "many"))).toBe(false);
    expect((await run(address, { operation: "text", params: { t: "--sync" } })).stdout).toBe(
      "[--sync]\n[--recursive]\n",
    );
  });

  conforms(93, "a staging directory that is a link is refused, and nothing is written through it", async () => {
    const own = defaultBase({ allowed_operations: ["write"], operations });
    const running = await startDaemon(own.base, { workspace_path_staging: { mode: "workspace" } });
    const elsewhere = tempDirectory();
    symlinkSync(elsewhere, join(own.repo, ".cmd2host-staging"));
    expectDenied(
      await run(running.address, { operation: "write", params: { file: "x", code: "0" } }),
      "workspace_path staging:",
      "staging_unavailable",
    );
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  conforms(94, "a sweep removes what was left behind, and nothing else", () => {
    const workspace = tempDirectory();
    const root = join(workspace, ".cmd2host-staging");
    const old = new Date(Date.now() - 48 * 60 * 60 * 1_000);
    for (const name of ["0".repeat(32), "not-an-id", "1".repeat(31)]) {
      mkdirSync(join(root, name), { recursive: true });
      utimesSync(join(root, name), old, old);
    }
    const staging = new Staging({ mode: "workspace" }, () => undefined);
    const inFlight = staging.allocate(workspace, { absolute: join(workspace, "x"), relative: "x" });
    staging.sweep([workspace], 60 * 60 * 1_000);
    expect(readdirSync(root)).toContain("not-an-id");
    expect(readdirSync(root)).toContain("1".repeat(31));
    expect(readdirSync(root)).not.toContain("0".repeat(32));
    expect(existsSync(inFlight.path)).toBe(true);
    inFlight.discard();
  });

  conforms(95, "the rules of the schema hold for the text that was typed", async () => {
    expectDenied(await write("toolong", "0", "short"), "exceeds maximum");
    expectDenied(await write("A", "0", "short"), "does not match pattern");
    expectDenied(await write(5, "0", "short"), "expected string, got number");
  });
});
