import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { requireTools, toolPath } from "../fixtures/backends/present.ts";
import { runProgram } from "../fixtures/backends/program.ts";
import { zip } from "../fixtures/backends/zip.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const READ = [
  "import sys, zipfile",
  "archive = zipfile.ZipFile(sys.argv[1])",
  "assert archive.testzip() is None",
  "for name in archive.namelist(): print(name, ascii(archive.read(name).decode()))",
].join("\n");

it.runIf(requireTools(["python3"]))("an archive has the checksums, sizes and places that a reader checks", async () => {
  const directory = tempDirectory();
  const path = join(directory, "logs.zip");
  const files = new Map([
    ["a/1.txt", "one"],
    ["b.txt", "zw\u00f6lf"],
  ]);
  writeFileSync(path, zip(files));
  const ended = await runProgram(toolPath("python3"), ["-c", READ, path], { PATH: process.env["PATH"] }, directory);
  expect(ended).toEqual({ code: 0, stdout: "a/1.txt 'one'\nb.txt 'zw\\xf6lf'\n", stderr: "" });
});
