import { posix } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { sha256Hex } from "../util/hash.ts";
import type { Change } from "./change.ts";
import { featureFiles, isReadFile, type FeatureFile, type FeatureRuntime } from "./feature-files.ts";
import { isNewerVersion, manifestText, parseManifest, type Manifest } from "./feature-manifest.ts";
import type { WorkspaceFiles } from "./workspace-files.ts";

/** The feature as a directory of the checkout, for as long as it is published nowhere. A container tool wants it below `.devcontainer`. */
export interface LocalFeature {
  /** From the root of the checkout, with `/`. */
  readonly directory: string;
  /** How the devcontainer.json names it. */
  readonly reference: string;
}

/** What setup wants of the directory. */
export interface LocalFeatureChanges {
  readonly changes: readonly Change[];
  readonly warnings: readonly string[];
}

const NAME = "cmd2host";
const MANIFEST = "written-by-cmd2host.json";
const OTHERS: readonly FeatureFile[] = [
  // Line ends that git changed would break install.sh in the container.
  { path: ".gitattributes", bytes: Buffer.from("* -text\n") },
  {
    path: "README.md",
    bytes: Buffer.from(
      "Written by `cmd2host setup`: the devcontainer feature that devcontainer.json refers to. Commit it, so that the container starts for everybody.\n" +
        "`cmd2host setup` brings it up to date, unless somebody changed it; `cmd2host setup --undo` removes it.\n",
    ),
  },
];

/** The place of the local feature for a devcontainer.json. */
export function localFeatureFor(devcontainer: string): LocalFeature {
  const beside = posix.dirname(devcontainer);
  return beside === "."
    ? { directory: `.devcontainer/${NAME}`, reference: `./.devcontainer/${NAME}` }
    : { directory: `${beside}/${NAME}`, reference: `./${NAME}` };
}

interface Standing {
  readonly path: string;
  /** Base64; undefined when nothing stands there. */
  readonly now: string | undefined;
  /** Undefined when it is to go. */
  readonly wanted: FeatureFile | undefined;
  readonly isOurs: boolean;
}

/** A file as it is, beside what it is to be. It is ours when it is what setup wrote, or is going to write: a run that was cut short goes on. */
function standingOf(
  files: WorkspaceFiles,
  directory: string,
  path: string,
  wanted: FeatureFile | undefined,
  manifest: Manifest | undefined,
): Standing {
  const now = files.read(`${directory}/${path}`, "base64");
  const bytes = now === undefined ? undefined : Buffer.from(now, "base64");
  const isOurs =
    bytes === undefined || wanted?.bytes.equals(bytes) === true || manifest?.files.get(path) === sha256Hex(bytes);
  return { path, now, wanted, isOurs };
}

function changeOf(directory: string, { path, now, wanted }: Standing): Change {
  const isRead = isReadFile(path);
  const content = (text: string | undefined): string | undefined =>
    text === undefined || !isRead ? text : Buffer.from(text, "base64").toString("utf8");
  return {
    path: `${directory}/${path}`,
    before: content(now),
    after: content(wanted?.bytes.toString("base64")),
    ...(isRead ? {} : { form: "base64" }),
  };
}

/** What a file of the checkout says that setup wrote; its text is the container's, so it only protects what people changed. */
function manifestIn(files: WorkspaceFiles, directory: string): Manifest | undefined {
  const text = files.read(`${directory}/${MANIFEST}`);
  return text === undefined ? undefined : parseManifest(text);
}

function staying(changed: readonly Standing[], directory: string, isReferred: boolean): string {
  const names = changed.map(({ path }) => printable(`${directory}/${path}`)).join(", ");
  const what = `${names}: not as setup writes it`;
  if (isReferred)
    return `${what}, so ${printable(directory)} stays as it is; to get it anew, remove that directory and run setup again`;
  throw new CodedError("setup_conflict", what, {
    hint: `Move ${printable(directory)} away, or name another feature with --feature.`,
  });
}

/**
 * What has to be changed so that the directory holds the feature of this installation. Nothing is, when a person changed a file of it, or when a newer
 * cmd2host wrote it; then a warning says so.
 * @param isReferred whether devcontainer.json refers to the directory already
 * @throws CodedError `feature_unavailable`; `setup_conflict` when something else stands there; `file_failed`
 */
export function localFeatureChanges(
  files: WorkspaceFiles,
  { directory }: LocalFeature,
  { runtime, version, isReferred }: { runtime: FeatureRuntime; version: string; isReferred: boolean },
): LocalFeatureChanges {
  const manifest = manifestIn(files, directory);
  if (manifest !== undefined && isNewerVersion(manifest.version, version))
    return {
      changes: [],
      warnings: [
        `${printable(directory)} was written by cmd2host ${printable(manifest.version)}, which is newer than this one (${version}), and stays`,
      ],
    };
  const { files: carried, lacking } = featureFiles(runtime);
  const wanted = new Map([...OTHERS, ...carried].map((file) => [file.path, file]));
  const paths = new Set([...wanted.keys(), ...(manifest?.files.keys() ?? [])]);
  const standing = [...paths].map((path) => standingOf(files, directory, path, wanted.get(path), manifest));
  const changed = standing.filter(({ isOurs }) => !isOurs);
  if (changed.length > 0)
    return { changes: [], warnings: [staying(changed, directory, isReferred || manifest !== undefined)] };
  const text = manifestText(version, [...wanted.values()]);
  return {
    changes: [
      ...standing.map((one) => changeOf(directory, one)),
      // Last: until it is there, the files of the version before are known by the one before.
      { path: `${directory}/${MANIFEST}`, before: files.read(`${directory}/${MANIFEST}`), after: text },
    ],
    warnings: lacking.map(
      (arch) =>
        `this installation carries no bridge for linux ${arch}, so containers of such machines need Node: npm run build:shim in its source makes it`,
    ),
  };
}
