import { existsSync } from "node:fs";
import { CodedError, errnoOf, messageOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { readHead, type FoundHead } from "../audit/head.ts";
import { endOf, type LogEnd } from "../audit/log-end.ts";
import { listLog } from "../audit/log-names.ts";
import { fastBlake3, type Blake3 } from "../util/hash.ts";
import { auditPlaces } from "./audit-places.ts";
import type { Context } from "./context.ts";
import { Checks, type Check } from "./doctor-check.ts";
import { directoryCheck } from "./doctor-host.ts";
import { setting } from "./setting.ts";

const VERIFY = "cmd2host audit verify";

/** How the newest file ends that holds something. */
function endOfLog(directory: string, hash: Blake3): LogEnd | undefined {
  for (const { path } of [...listLog(directory)].reverse()) {
    const end = endOf(path, hash);
    if (!end.isEmpty || end.torn !== undefined) return end;
  }
  return undefined;
}

/** The end of the log beside its head, which was read before it. */
function ending({ head, isForged }: FoundHead, end: LogEnd | undefined, headFile: string, checks: Checks): Check {
  if (isForged) return checks.fail(`${printable(headFile)} holds no signed head`, VERIFY);
  if (end !== undefined && end.link === undefined && !end.isEmpty)
    return checks.fail("the audit ends with a line that is no sound record", VERIFY);
  const last = end?.link?.seq ?? 0;
  if (head === undefined)
    return last === 0
      ? checks.ok("the audit is empty")
      : checks.fail(`${printable(headFile)} is gone, and the audit has ${last} records`, VERIFY);
  if (last < head.seq)
    return checks.fail(`the audit ends with record ${last}, and its signed head names record ${head.seq}`, VERIFY);
  return checks.ok(`the audit goes up to record ${last}, and is signed`);
}

/** Whether decisions are recorded, and whether the record ends as it should. Reads its end only: all of it is what `audit verify` reads. */
export async function auditChecks(context: Context): Promise<readonly Check[]> {
  const checks = new Checks(null, "audit");
  try {
    const { settings } = await context.daemon.settings(context.base());
    if (setting(setting(settings, "audit"), "enabled") === false)
      return [checks.warn("decisions are not recorded", 'Remove "enabled": false from audit in daemon.json.')];
    const { directory, headFile } = await auditPlaces(context);
    const found = readHead(headFile);
    if (!existsSync(directory) && found.head === undefined && !found.isForged) return [];
    const end = existsSync(directory) ? endOfLog(directory, await fastBlake3()) : undefined;
    return [directoryCheck(directory, null), ending(found, end, headFile, checks)];
  } catch (error) {
    // What is wrong with daemon.json is said elsewhere.
    if (error instanceof CodedError) return error.code === "daemon_config_invalid" ? [] : [checks.failed(error)];
    if (errnoOf(error) === undefined) throw error;
    return [checks.fail(`the audit cannot be read: ${printable(messageOf(error))}`, VERIFY)];
  }
}
