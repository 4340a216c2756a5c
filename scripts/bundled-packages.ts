import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A package whose code is part of a program. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** The text of its licence file. */
  readonly text: string;
}

/** node_modules/a/b.js → node_modules/a */
function directoryOf(input: string): string | undefined {
  const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
  return match?.[1];
}

function licenceText(directory: string): string {
  const file = readdirSync(directory).find((name) => /^(licen[cs]e|copying)/i.test(name));
  return file === undefined ? "(no licence file in the package)" : readFileSync(join(directory, file), "utf8").trim();
}

/** What the generated validators took from packages: their bundler names each file in a comment. */
function insideValidators(root: string): readonly string[] {
  const text = readFileSync(join(root, "wire/generated/validate.js"), "utf8");
  return [...text.matchAll(/^\s*\/\/ (node_modules\/\S+)$/gm)].flatMap(([, path]) => path ?? []);
}

/** The packages that a bundler read files of, by name and version. */
export function bundledPackages(root: string, inputs: Iterable<string>): readonly BundledPackage[] {
  const files = [...inputs, ...insideValidators(root)];
  return [...new Set(files.flatMap((input) => directoryOf(input) ?? []))].sort().map((directory) => {
    const path = join(root, directory);
    const { name, version, license } = JSON.parse(readFileSync(join(path, "package.json"), "utf8")) as {
      name: string;
      version: string;
      license?: string;
    };
    return { name, version, licence: license ?? "see text", text: licenceText(path) };
  });
}

/** The licences of packages as one text. */
export function licencesText(packages: readonly BundledPackage[], where: string): string {
  const parts = packages.map(({ name, version, licence, text }) => `${name} ${version} (${licence})\n\n${text}\n`);
  return `Packages whose code is part of ${where}.\n\n${parts.join("\n----------------------------------------\n\n")}`;
}
