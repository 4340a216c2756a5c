import { execFileSync } from "node:child_process";
import type { BundledPackage } from "../bundled-packages.ts";
import { runtimeOf } from "./runtime.ts";
import type { Target } from "./targets.ts";

interface Component {
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly scope?: string;
  readonly properties?: readonly unknown[];
}

interface Bom {
  readonly $schema: string;
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly version: number;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

function runtimeComponent(target: Target): Component & Readonly<Record<string, unknown>> {
  const { version, licence, sha512 } = runtimeOf(target);
  return {
    "bom-ref": `${target.runtime}@${version}`,
    type: "platform",
    name: target.runtime,
    version,
    scope: "required",
    description: "The JavaScript runtime that the executable consists of, and the libraries that are linked into it.",
    purl: `pkg:npm/${target.runtime.replace("@", "%40")}@${version}`,
    hashes: [{ alg: "SHA-512", content: sha512 }],
    licenses: [{ license: { id: licence } }],
    externalReferences: [{ type: "vcs", url: "https://github.com/oven-sh/bun" }],
  };
}

/**
 * What the executables consist of, as CycloneDX: of npm's own list of everything that is installed only what is bundled, and Bun. Without time and serial
 * number, so that it is the same each time. Throws when npm does not know a package that is bundled.
 */
export function sbom(root: string, packages: readonly BundledPackage[], targets: readonly Target[]): string {
  const args = ["sbom", "--package-lock-only", "--sbom-format", "cyclonedx", "--sbom-type", "application"];
  const all = JSON.parse(
    execFileSync("npm", args, { cwd: root, encoding: "utf8", maxBuffer: 64 * 1_024 * 1_024 }),
  ) as Bom;
  const known = new Map(all.components.map((component) => [component["bom-ref"], component]));
  const bundled = [...new Set(packages.map(({ name, version }) => `${name}@${version}`))].sort().map((ref) => {
    const component = known.get(ref);
    if (component === undefined) throw new Error(`npm sbom does not list ${ref}`);
    // For whoever works on it they are for development only; here they are inside.
    return { ...component, scope: "required", properties: [] };
  });
  const runtimes = targets.map(runtimeComponent);
  // npm names it after the directory that it lies in.
  const own = { ...all.metadata.component, name: "cmd2host" };
  const refs = new Set(bundled.map((component) => component["bom-ref"]));
  const direct = all.dependencies.find(({ ref }) => ref === own["bom-ref"])?.dependsOn ?? [];
  const bom = {
    $schema: all.$schema,
    bomFormat: all.bomFormat,
    specVersion: all.specVersion,
    version: all.version,
    metadata: { component: own },
    components: [...bundled, ...runtimes],
    dependencies: [
      {
        ref: own["bom-ref"],
        dependsOn: [...direct.filter((ref) => refs.has(ref)), ...runtimes.map((runtime) => runtime["bom-ref"])],
      },
      ...all.dependencies
        .filter(({ ref }) => refs.has(ref))
        .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((other) => refs.has(other)) })),
      ...runtimes.map((runtime) => ({ ref: runtime["bom-ref"], dependsOn: [] })),
    ],
  };
  return `${JSON.stringify(bom, undefined, 2)}\n`;
}
