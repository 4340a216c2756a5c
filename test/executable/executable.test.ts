import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { listTemplates, templatesDirectory } from "../../host/project/templates.ts";
import { Base } from "../fixtures/base.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { EXECUTABLE, named, packageVersion } from "../fixtures/tested-program.ts";

const run = promisify(execFile);
if (EXECUTABLE === undefined) process.stderr.write("SKIPPED: test/executable, which npm run test:executable runs\n");

const program = EXECUTABLE ?? "";
const version = (name: string): string => `${name} version ${packageVersion()}\n`;

/** What it prints, started with nothing but these arguments and variables. */
async function printed(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd = tempDirectory(),
): Promise<string> {
  const { stdout } = await run(file, [...args], { env: { ...env }, cwd });
  return stdout;
}

describe.skipIf(EXECUTABLE === undefined)("the executable", () => {
  it("is both programs: by its first word, or by the name that it is called with", async () => {
    expect(await printed(program, ["--version"])).toBe(version("cmd2host"));
    expect(await printed(program, ["mcp", "--version"])).toBe(version("cmd2host-mcp"));
    expect(await printed(named(program, "cmd2host-mcp"), ["--version"])).toBe(version("cmd2host-mcp"));
    expect(await printed(named(program, "cmd2host"), ["--version"])).toBe(version("cmd2host"));
  });

  it("needs no file but itself", async () => {
    const moved = join(tempDirectory(), "anything");
    copyFileSync(program, moved);
    expect(await printed(moved, ["--version"])).toBe(version("cmd2host"));
    const directory = templatesDirectory();
    for (const name of listTemplates(directory))
      expect(await printed(moved, ["templates", "show", name])).toBe(
        `${readFileSync(join(directory, `${name}.json`), "utf8")}\n`,
      );
  });

  it("takes no orders from the directory that it is started in, nor from a runtime's settings at home [promise 5]", async () => {
    const hostile = tempDirectory();
    const marker = join(hostile, "marker");
    const evil = join(hostile, "evil.ts");
    const program_ = `require("node:fs").writeFileSync(${JSON.stringify(marker)}, "ran");`;
    writeFileSync(evil, program_);
    const planted = new Map([
      ...[".env", ".env.local", ".env.production", ".env.development"].map(
        (name) => [name, `CMD2HOST_CONFIG_DIR=${hostile}/taken\nNO_COLOR=1\n`] as const,
      ),
      ...["bunfig.toml", ".bunfig.toml"].map((name) => [name, `preload = ["${evil}"]\n[run]\nbun = true\n`] as const),
      ["package.json", JSON.stringify({ type: "module", main: "evil.ts", imports: { "#x": "./evil.ts" } })],
      ["tsconfig.json", JSON.stringify({ compilerOptions: { baseUrl: ".", paths: { "*": ["./evil.ts"] } } })],
    ]);
    for (const [name, text] of planted) writeFileSync(join(hostile, name), text);
    for (const name of ["yargs", "pino", "pino-pretty", "fs", "node:fs", "bun"]) {
      mkdirSync(join(hostile, "node_modules", name), { recursive: true });
      writeFileSync(join(hostile, "node_modules", name, "index.js"), program_);
    }
    const base = new Base();
    base.writeProject("owner_repo", { operations: {} });
    const env = { HOME: hostile, XDG_CONFIG_HOME: hostile };
    const own = { ...env, CMD2HOST_CONFIG_DIR: base.root };
    expect(await printed(program, ["projects"], own, hostile)).toContain("owner_repo");
    expect(await printed(program, ["check"], own, hostile)).toContain(base.root);
    // Where no variable says where the base directory is, a file does not either.
    expect(await printed(program, ["check"], env, hostile)).toContain(join(hostile, ".cmd2host"));
    await printed(program, ["mcp", "--help"], env, hostile);
    expect([existsSync(marker), existsSync(join(hostile, "taken"))]).toEqual([false, false]);
  });

  it.runIf(existsSync("/usr/bin/python3"))("never takes the place of a living daemon whose queue is full", async () => {
    const base = new Base();
    base.writeDaemon({ listen_mode: "unix" });
    const path = join(base.root, "cmd2host.sock");
    const script =
      "import socket,sys;s=socket.socket(socket.AF_UNIX);s.bind(sys.argv[1]);s.listen(0);c=socket.socket(socket.AF_UNIX);c.connect(sys.argv[1]);print('ready',flush=True);sys.stdin.read()";
    const child = spawn("python3", ["-c", script, path], { stdio: ["pipe", "pipe", "inherit"] });
    onTestFinished(() => {
      child.kill("SIGKILL");
    });
    await once(createInterface(child.stdout), "line");
    const { ino } = lstatSync(path);
    await expect(printed(program, ["serve"], { CMD2HOST_CONFIG_DIR: base.root })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("another daemon serves") as string,
    });
    expect(lstatSync(path).ino).toBe(ino);
  });

  it("lies beside its checksum, and a list of what it consists of", async () => {
    const directory = dirname(program);
    const sums = readFileSync(join(directory, "checksums.txt"), "utf8").trimEnd().split("\n");
    const listed = sums.map((line) => line.split("  ")[1] ?? "");
    expect(listed).toEqual(expect.arrayContaining([basename(program), "sbom.cdx.json", "THIRD_PARTY_LICENSES.txt"]));
    for (const line of sums) {
      const [sum, name = ""] = line.split("  ");
      expect([
        name,
        createHash("sha256")
          .update(readFileSync(join(directory, name)))
          .digest("hex"),
      ]).toEqual([name, sum]);
    }
    const names = readdirSync(directory).filter((name) => name.startsWith("cmd2host-"));
    expect(listed).toEqual(expect.arrayContaining(names));
    const { components, dependencies, metadata } = JSON.parse(
      readFileSync(join(directory, "sbom.cdx.json"), "utf8"),
    ) as {
      components: { name: string; version: string; "bom-ref": string; hashes?: unknown[] }[];
      dependencies: { ref: string; dependsOn: string[] }[];
      metadata: { component: { version: string } };
    };
    expect(metadata.component.version).toBe(packageVersion());
    const runtime = (await printed(program, ["--version"], { BUN_BE_BUN: "1" })).trim();
    const found = (name: string) => components.find((component) => component.name === name);
    expect(found(`@oven/bun-${process.platform}-${process.arch === "arm64" ? "aarch64" : "x64"}`)?.version).toBe(
      runtime,
    );
    for (const name of ["yargs", "pino", "re2js", "zod", "ajv", "@modelcontextprotocol/server"])
      expect([name, found(name)?.hashes?.length]).toEqual([name, 1]);
    for (const name of ["vitest", "typescript", "esbuild", "typebox"]) expect(found(name)).toBeUndefined();
    const refs = new Set([...components.map((component) => component["bom-ref"]), `cmd2host@${packageVersion()}`]);
    for (const { ref, dependsOn } of dependencies)
      expect([ref, ...dependsOn].filter((one) => !refs.has(one))).toEqual([]);
    const licences = readFileSync(join(directory, "THIRD_PARTY_LICENSES.txt"), "utf8");
    for (const { name, version: number } of components.filter((one) => !one.name.startsWith("@oven/")))
      expect(licences).toContain(`${name} ${number} (`);
    expect(licences).toContain(`Bun ${runtime} (MIT)`);
  });
});
