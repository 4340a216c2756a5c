import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { projectRoot } from "../../fixtures/temp.ts";

/** Where images are kept from run to run: CMD2HOST_RIG, or a directory of this user in the system's temporary one. */
export const rigDirectory = process.env["CMD2HOST_RIG"] ?? join(tmpdir(), `cmd2host-rig-${userInfo().username}`);

/** A directory of the rig that is there. */
export function inRig(...names: readonly string[]): string {
  const path = join(rigDirectory, ...names);
  mkdirSync(path, { recursive: true });
  return path;
}

const storage = (): string => `[storage]
driver = "overlay"
graphroot = "${inRig("images")}"
runroot = "${inRig("run")}"
`;

/** runc and low limits: crun refuses hybrid control groups, and a virtual machine for tests may not raise its limits. */
const containers = (): string => `[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
runtime = "runc"
tmp_dir = "${inRig("tmp")}"
lock_type = "file"
[network]
network_backend = "netavark"
`;

/** Nothing is ever looked up outside: an image is here, or the test fails. */
const registries = 'unqualified-search-registries = []\nshort-name-mode = "disabled"\n';

/**
 * Writes podman's settings, with a store of the rig's own: what the machine's podman has is neither seen nor changed. Returns the environment in which
 * podman, and docker, which stands for it, use them.
 */
export function podmanEnvironment(): NodeJS.ProcessEnv {
  const settings = inRig("settings");
  const files = { "storage.conf": storage(), "containers.conf": containers(), "registries.conf": registries };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(settings, name), text);
  return {
    ...process.env,
    CMD2HOST_RIG: rigDirectory,
    CONTAINERS_CONF: join(settings, "containers.conf"),
    CONTAINERS_STORAGE_CONF: join(settings, "storage.conf"),
    CONTAINERS_REGISTRIES_CONF: join(settings, "registries.conf"),
    PATH: [join(projectRoot, "test/e2e/rig/bin"), process.env["PATH"] ?? ""].join(delimiter),
  };
}
