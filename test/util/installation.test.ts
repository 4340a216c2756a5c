import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { bridgeProgram } from "../../host/util/bridge-program.ts";
import { ownProgram, type OwnProgram } from "../../host/util/own-program.ts";
import { projectRoot, tempDirectory } from "../fixtures/temp.ts";

const run = promisify(execFile);
const PRINT_PROGRAM = `
  import { ownProgram } from "./host/util/own-program.ts";
  console.log(JSON.stringify(ownProgram("cmd2host-mcp")));`;
const PRINT_FILES = `
  import { bridgeProgram } from "./host/util/bridge-program.ts";
  import { bundledTemplates, listTemplates, readTemplate } from "./host/project/templates.ts";
  const from = bundledTemplates();
  const templates = listTemplates(from).map((name) => [name, readTemplate(from, name).toString()]);
  console.log(JSON.stringify({ x64: bridgeProgram("x64")?.toString(), arm64: bridgeProgram("arm64")?.toString(), templates }));`;

/** Bundles a program as the build does. */
async function bundle(entry: string, outfile: string, define: Readonly<Record<string, string>> = {}): Promise<void> {
  await build({
    stdin: { contents: entry, resolveDir: projectRoot },
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    mainFields: ["module", "main"],
    define: { CMD2HOST_VERSION: '"7.6.5"', ...define },
    banner: {
      js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
    },
    logLevel: "silent",
  });
}

/** What a program prints as JSON that is started elsewhere, with nothing in its environment. */
async function printed(file: string): Promise<unknown> {
  return JSON.parse((await run(process.execPath, [file], { cwd: tempDirectory(), env: {} })).stdout) as unknown;
}

async function version({ file, args }: OwnProgram): Promise<string> {
  return (await run(file, [...args, "--version"], { cwd: tempDirectory(), env: {} })).stdout;
}

/** An installed package with nothing in it yet. */
function installation(): string {
  const root = join(tempDirectory(), "package");
  for (const name of ["dist", "shim/dist", "templates"]) mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, "package.json"), '{"type":"module"}');
  return root;
}

describe("the program of this installation that is the MCP server", () => {
  it("runs from source when this is source, wherever it is started", async () => {
    expect(await version(ownProgram("cmd2host-mcp"))).toBe("cmd2host-mcp version dev\n");
  });

  it("is the bundle beside the running one", async () => {
    const dist = join(installation(), "dist");
    await bundle(PRINT_PROGRAM, join(dist, "cmd2host.js"));
    const found = (await printed(join(dist, "cmd2host.js"))) as OwnProgram;
    expect(found.file).toBe(process.execPath);
    expect(found.args.at(-1)).toBe(join(dist, "cmd2host-mcp.js"));
    expect(found.args).toContain(`--allow-fs-read=${dist}/`);
    await bundle('import "./mcp/main.ts";', join(dist, "cmd2host-mcp.js"));
    expect(await version(found)).toBe("cmd2host-mcp version 7.6.5\n");
  });

  it("is the running program itself when that carries everything", async () => {
    const file = join(installation(), "dist/cmd2host.js");
    await bundle(PRINT_PROGRAM, file, { CMD2HOST_EMBEDDED: "{}" });
    expect(await printed(file)).toEqual({ file: process.execPath, args: ["mcp"] });
  });
});

describe("the files of this installation", () => {
  it("lie in the checkout when this is source", () => {
    const path = join(projectRoot, "shim/dist/cmd2host-bridge-linux-x64");
    expect(bridgeProgram("x64")).toEqual(existsSync(path) ? readFileSync(path) : undefined);
  });

  it("lie beside the bundle", async () => {
    const root = installation();
    await bundle(PRINT_FILES, join(root, "dist/cmd2host.js"));
    expect(await printed(join(root, "dist/cmd2host.js"))).toEqual({ templates: [] });
    writeFileSync(join(root, "shim/dist/cmd2host-bridge-linux-arm64"), "arm");
    writeFileSync(join(root, "templates/readonly.json"), "{}");
    expect(await printed(join(root, "dist/cmd2host.js"))).toEqual({ arm64: "arm", templates: [["readonly", "{}"]] });
  });

  it("are the ones that the executable carries, and no others", async () => {
    const root = installation();
    writeFileSync(join(root, "shim/dist/cmd2host-bridge-linux-arm64"), "beside it");
    const carried = {
      "shim/dist/cmd2host-bridge-linux-x64": "bridge",
      "templates/b.json": "B",
      "templates/a.json": "A",
    };
    const embedded = Object.entries(carried).map(
      ([path, text]) => [path, Buffer.from(text).toString("base64")] as const,
    );
    const file = join(root, "dist/cmd2host.js");
    await bundle(PRINT_FILES, file, { CMD2HOST_EMBEDDED: JSON.stringify(Object.fromEntries(embedded)) });
    expect(await printed(file)).toEqual({
      x64: "bridge",
      templates: [
        ["a", "A"],
        ["b", "B"],
      ],
    });
  });
});
