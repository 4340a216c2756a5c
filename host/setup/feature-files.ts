import { CodedError } from "../../wire/errors.ts";
import { bridgeProgram, type BridgeArch } from "../util/bridge-program.ts";
import { ownFile } from "../util/own-file.ts";

/** A file of the devcontainer feature. */
export interface FeatureFile {
  /** In the feature's directory, with `/`. */
  readonly path: string;
  readonly bytes: Buffer;
}

/** What runs in the container, as the feature's option of that name has it. */
export const FEATURE_RUNTIMES = ["auto", "bridge", "node"] as const;
export type FeatureRuntime = (typeof FEATURE_RUNTIMES)[number];

/** The feature as this installation carries it. */
export interface Feature {
  readonly files: readonly FeatureFile[];
  /** Processors for which it has no bridge. */
  readonly lacking: readonly BridgeArch[];
}

const SOURCES = "feature/src/cmd2host";
/** What the package of a feature consists of, whatever it is to run. */
export const FEATURE_SOURCES = ["devcontainer-feature.json", "install.sh", "programs/write-mcp-config"] as const;
const ARCHITECTURES: readonly BridgeArch[] = ["x64", "arm64"];
/** Beside the launcher `on-node`. Node takes them for modules only with a package.json that says so. */
export const NODE_PROGRAMS = ["cmd2host-mcp.js", "cmd2host-proxy.js", "THIRD_PARTY_LICENSES.txt"] as const;
const NODE_PACKAGE = '{ "type": "module" }\n';

function unavailable(message: string, hint: string): CodedError {
  return new CodedError("feature_unavailable", message, { hint });
}

function carried(path: string, source: string): FeatureFile {
  const bytes = ownFile(source);
  if (bytes !== undefined) return { path, bytes };
  throw unavailable(
    `this installation carries no ${source}, which the devcontainer feature consists of`,
    "Install cmd2host anew, or name a published feature with --feature.",
  );
}

/** The bridge for every processor that there is one for. */
export function bridgeFiles(): Feature {
  const found = ARCHITECTURES.map((arch) => ({ arch, bytes: bridgeProgram(arch) }));
  return {
    files: found.flatMap(({ arch, bytes }) =>
      bytes === undefined ? [] : [{ path: `programs/cmd2host-bridge-linux-${arch}`, bytes }],
    ),
    lacking: found.flatMap(({ arch, bytes }) => (bytes === undefined ? [arch] : [])),
  };
}

/** The programs for Node. Throws `feature_unavailable`: the executable carries none. */
export function nodeFiles(): readonly FeatureFile[] {
  const programs = NODE_PROGRAMS.map((name) => {
    const bytes = ownFile(`dist/${name}`);
    if (bytes !== undefined) return { path: `programs/node/${name}`, bytes };
    throw unavailable(
      `this installation carries no dist/${name}, which the container needs with --runtime=node`,
      "Use --runtime=bridge, or run setup from the npm package, which has it (in its source: npm run build).",
    );
  });
  const manifest = { path: "programs/node/package.json", bytes: Buffer.from(NODE_PACKAGE) };
  return [carried("programs/on-node", `${SOURCES}/programs/on-node`), ...programs, manifest];
}

/** Programs, and licences. */
const UNREAD = /^(?:LICENSE|programs\/cmd2host-bridge-|programs\/node\/(?!package\.json$))/;

/** Whether a person is to read a file of the feature before it is installed. */
export function isReadFile(path: string): boolean {
  return !UNREAD.test(path);
}

/** What every package of the feature has. Throws `feature_unavailable`. */
export function commonFiles(): readonly FeatureFile[] {
  return [
    ...FEATURE_SOURCES.map((path) => carried(path, `${SOURCES}/${path}`)),
    carried("LICENSE", "LICENSE"),
    carried("LICENSE-musl.txt", "shim/LICENSE-musl.txt"),
  ];
}

/**
 * The feature's files, with what is to run in the container and nothing besides.
 * @throws CodedError `feature_unavailable` when this installation does not carry it
 */
export function featureFiles(runtime: FeatureRuntime): Feature {
  const common = commonFiles();
  if (runtime === "node") return { files: [...common, ...nodeFiles()], lacking: [] };
  const bridges = bridgeFiles();
  if (bridges.files.length === 0)
    throw unavailable(
      "this installation carries no bridge, the program that containers need, because it was built without a C compiler",
      "In its source: npm run build:shim (Debian: apt-get install musl-tools), and install it again; or use a release; or --runtime=node, for an image with Node 20.19 or newer.",
    );
  return { files: [...common, ...bridges.files], lacking: bridges.lacking };
}
