import { printable } from "../../wire/text.ts";
import { uninstall } from "../service/install.ts";
import { SystemService } from "../service/system-service.ts";
import { unitNameOf, type SystemKind } from "../service/system-unit.ts";
import type { Report } from "./command.ts";
import type { SystemPlace } from "./system-place.ts";

/**
 * Stops a service of the system and removes its unit; nothing else.
 * @param kept what stays, in words
 * @throws CodedError `service_unavailable`, `service_failed`, `file_failed`
 */
export async function uninstallSystem(kind: SystemKind, place: SystemPlace, kept: string): Promise<Report> {
  const service = new SystemService(kind, () => "", place.tools, place.units);
  const removed = await uninstall(service);
  return {
    exit: 0,
    human: removed
      ? `${unitNameOf(kind)} is stopped, and ${printable(service.file)} removed. ${kept}\n`
      : `No ${kind} is installed (${printable(service.file)} is not there).\n`,
    json: { removed, unit: service.file },
  };
}
