import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { afterEach } from "vitest";
import type { SystemPlace } from "../../host/cli/system-place.ts";
import { uninstallSystem } from "../../host/cli/system-uninstall.ts";
import { unitNameOf, type SystemKind } from "../../host/service/system-unit.ts";
import { Tools } from "../../host/service/tool.ts";
import type { Host } from "./harness.ts";
import { userOf } from "./service-user.ts";

export const isRoot = process.geteuid?.() === 0;
/** Root's services run as somebody else; who is not root can only be itself. */
export const SERVICE_USER = isRoot ? "nobody" : userInfo().username;

/** A machine with a manager of its own, which really starts and ends programs. Nothing outside of its directory is touched. */
export interface Machine {
  readonly host: Host;
  readonly place: SystemPlace;
  readonly unit: (kind: SystemKind) => string;
  /** What the manager was told. */
  readonly told: (kind: SystemKind) => string;
  /** Has the manager refuse to start a service, with this exit status of a step of its own. */
  readonly refuseStart: (kind: SystemKind, status: number) => void;
}

const machines: Machine[] = [];

afterEach(async () => {
  // Nothing that a fixture started stays.
  for (const { place, unit } of machines.splice(0))
    for (const kind of ["agent", "gateway"] as const)
      if (existsSync(unit(kind))) await uninstallSystem(kind, place, "");
});

export function machineOf(passwd?: string): Machine {
  const host = userOf("linux");
  const [, program = ""] = host.installed;
  // For the user of the service.
  for (const path of [host.root, dirname(program)]) chmodSync(path, 0o755);
  const units = join(host.root, "units");
  mkdirSync(units, { mode: 0o755 });
  const runtime = (kind: SystemKind, name: string): string => {
    const directory = join(host.root, "runtime", `system-${unitNameOf(kind)}`);
    mkdirSync(directory, { recursive: true });
    return join(directory, name);
  };
  const machine: Machine = {
    host,
    place: { tools: new Tools(host.environment, []), units, ...(passwd === undefined ? {} : { passwd }) },
    unit: (kind) => join(units, unitNameOf(kind)),
    told: (kind) => {
      const file = runtime(kind, "calls");
      return existsSync(file) ? readFileSync(file, "utf8") : "";
    },
    refuseStart: (kind, status) => {
      writeFileSync(runtime(kind, "refuses"), String(status));
    },
  };
  machines.push(machine);
  return machine;
}
