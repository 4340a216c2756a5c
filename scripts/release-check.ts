/**
 * Whether everything that names a version agrees, before a release. `npm run release:check -- TAG` checks what the tag would release: `vX.Y.Z` the
 * program, `devcontainer-feature-vX.Y.Z` the feature. Without a tag it checks what must always hold. `--notes FILE` writes the release's part of the
 * changelog.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z]+(?:[.-][0-9A-Za-z]+)*)?$/;
const FEATURE_TAG = "devcontainer-feature-v";

/** What names a version, as text; undefined for a file that is not there. */
export interface Named {
  readonly package: string;
  readonly lock: string;
  readonly changelog: string;
  readonly feature: string | undefined;
}

function member(json: string, name: string): unknown {
  const parsed: unknown = JSON.parse(json);
  return typeof parsed === "object" && parsed !== null
    ? new Map<string, unknown>(Object.entries(parsed)).get(name)
    : undefined;
}

/** The changelog's entry of a version without its heading, or undefined. */
export function entryOf(changelog: string, version: string): string | undefined {
  const heading = `\n## [${version}] - `;
  const at = changelog.indexOf(heading);
  if (at < 0) return undefined;
  const [first = "", ...body] =
    changelog
      .slice(at + 1)
      .split(/\n(?=## \[)/)[0]
      ?.split("\n") ?? [];
  return /- \d{4}-\d\d-\d\d$/.test(first) ? body.join("\n").trim() : undefined;
}

function programFaults(named: Named, version: string): readonly string[] {
  const faults: string[] = [];
  const own = member(named.package, "version");
  if (own !== version) faults.push(`the tag says ${version}, package.json says ${String(own)}`);
  const entry = entryOf(named.changelog, version);
  if (entry === undefined) faults.push(`CHANGELOG.md has no entry "## [${version}] - YYYY-MM-DD"`);
  else if (entry === "") faults.push(`CHANGELOG.md says nothing about ${version}`);
  if (member(named.package, "repository") === undefined)
    faults.push("package.json has no repository, which npm holds the provenance against");
  return faults;
}

function featureFaults(named: Named, version: string): readonly string[] {
  if (named.feature === undefined) return ["there is no feature/src/cmd2host/devcontainer-feature.json"];
  const own = member(named.feature, "version");
  return own === version ? [] : [`the tag says ${version}, devcontainer-feature.json says ${String(own)}`];
}

/** What does not agree, a sentence each; nothing when the release may go on. */
export function releaseFaults(named: Named, tag: string | undefined): readonly string[] {
  const faults: string[] = [];
  for (const [name, json] of [
    ["package.json", named.package],
    ["devcontainer-feature.json", named.feature],
  ] as const) {
    const version = json === undefined ? "0.0.0" : member(json, "version");
    if (typeof version !== "string" || !VERSION.test(version)) faults.push(`${name} has no version X.Y.Z`);
  }
  if (member(named.package, "version") !== member(named.lock, "version"))
    faults.push("package-lock.json has another version than package.json: run npm install");
  if (!named.changelog.includes("\n## [Unreleased]\n")) faults.push('CHANGELOG.md has no "## [Unreleased]"');
  if (tag === undefined) return faults;
  const isFeature = tag.startsWith(FEATURE_TAG);
  const version = isFeature ? tag.slice(FEATURE_TAG.length) : tag.slice(1);
  if ((!isFeature && !tag.startsWith("v")) || !VERSION.test(version))
    return [...faults, `${tag} is neither vX.Y.Z nor ${FEATURE_TAG}X.Y.Z`];
  return [...faults, ...(isFeature ? featureFaults(named, version) : programFaults(named, version))];
}

/** What the files of a checkout name. */
export function namedIn(root: string): Named {
  const read = (path: string): string => readFileSync(join(root, path), "utf8");
  const feature = "feature/src/cmd2host/devcontainer-feature.json";
  return {
    package: read("package.json"),
    lock: read("package-lock.json"),
    changelog: read("CHANGELOG.md"),
    feature: existsSync(join(root, feature)) ? read(feature) : undefined,
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { notes: { type: "string" } } });
  const [tag] = positionals;
  const named = namedIn(join(dirname(fileURLToPath(import.meta.url)), ".."));
  const faults = releaseFaults(named, tag);
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  if (faults.length > 0) process.exit(1);
  if (values.notes !== undefined)
    writeFileSync(values.notes, `${entryOf(named.changelog, tag?.slice(1) ?? "") ?? ""}\n`);
  process.stdout.write(`${tag ?? "the versions"}: everything agrees\n`);
}
