import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compileFuzz, compileRelease, hasSanitizers, muslCompiler } from "../../scripts/shim/compile.ts";
import { requireTools, toolPath } from "../fixtures/backends/present.ts";
import { packageVersion } from "../fixtures/tested-program.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { sayMissing } from "./bridges.ts";

/** What is shipped: static programs for both architectures. And what they parse, with varied input. */

const MACHINES = { x64: 62, arm64: 183 } as const;

/** The types of an ELF file's program headers. */
function segments(elf: Buffer): readonly number[] {
  const [offset, size, count] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(54), elf.readUInt16LE(56)];
  return Array.from({ length: count }, (_, at) => elf.readUInt32LE(offset + at * size));
}

describe.each(["x64", "arm64"] as const)("the bridge for %s", (architecture) => {
  const compiler = muslCompiler(architecture);
  if (compiler === undefined) sayMissing(`compiler for ${architecture}`);

  it.skipIf(compiler === undefined)("is one static file, for that machine, with no interpreter", () => {
    if (compiler === undefined) return;
    const target = join(tempDirectory(), "bridge");
    compileRelease(compiler, target);
    const elf = readFileSync(target);
    expect(elf.readUInt16LE(18)).toBe(MACHINES[architecture]);
    const [PT_DYNAMIC, PT_INTERP] = [2, 3];
    expect(segments(elf)).not.toContain(PT_INTERP);
    expect(segments(elf)).not.toContain(PT_DYNAMIC);
    expect(elf.length).toBeLessThan(100_000);
  });

  const isForeign = process.arch !== architecture;
  const runs = compiler !== undefined && isForeign && architecture === "arm64" && requireTools(["qemu-aarch64"]);
  it.runIf(runs)("starts on an emulated machine", () => {
    if (compiler === undefined) return;
    const target = join(tempDirectory(), "cmd2host-proxy");
    compileRelease(compiler, target);
    const qemu = toolPath("qemu-aarch64");
    const version = execFileSync(qemu, [target, "-version"], { encoding: "utf8" });
    expect(version).toBe(`cmd2host-proxy version ${packageVersion()}\n`);
    const { status, stderr } = spawnSync(qemu, [target, "x"], {
      encoding: "utf8",
      env: { CMD2HOST_TOKEN: "x", HOST_CMD_PROXY_SOCKET: "/nonexistent" },
    });
    expect(status).toBe(200);
    expect(stderr).toMatch(/^cmd2host: failed to connect to cmd2host daemon at "\/nonexistent"/);
  });
});

const sanitizers = hasSanitizers();
if (!sanitizers) sayMissing("gcc with its sanitizers");

describe.runIf(sanitizers)("what the bridge parses", () => {
  it.each([1, 2, 3])("holds for 100,000 varied inputs (seed %i)", (seed) => {
    const program = join(tempDirectory(), "fuzz");
    compileFuzz(program);
    const { status, stdout, stderr } = spawnSync(program, ["3600", String(seed), "100000"], { encoding: "utf8" });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "100000 inputs\n", stderr: "" });
  });
});
