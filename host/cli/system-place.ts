import { CodedError } from "../../wire/errors.ts";
import type { Installed } from "../service/install.ts";
import type { ServiceState } from "../service/platform.ts";
import { UNIT_DIRECTORY } from "../service/system-service.ts";
import { Tools } from "../service/tool.ts";
import type { Context } from "./context.ts";
import { durationWords, timeWords } from "./duration.ts";

/** Where root's tools are; `su` leaves these directories out. */
const SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin";

/** Where services of the system are installed, and with what. */
export interface SystemPlace {
  readonly tools: Tools;
  /** Where units are. */
  readonly units: string;
  /** passwd(5); undefined: the system's. */
  readonly passwd?: string;
  /** What confined services see empty, or not as others do; undefined: what systemd hides from them. */
  readonly hidden?: RegExp;
}

/** This machine. Nothing is changed yet. @throws CodedError `service_unavailable` where there is no systemd by nature */
export function systemPlace({ system, environment }: Context): SystemPlace {
  if (system !== "linux")
    throw new CodedError("service_unavailable", `services of a fleet are units of systemd, and this is ${system}`, {
      hint: "Start it from whatever starts services here: it stays in the foreground, and drains on SIGTERM.",
    });
  const path = [environment["PATH"] ?? "", SYSTEM_PATH].filter((part) => part !== "").join(":");
  return { tools: new Tools({ ...environment, PATH: path }, []), units: UNIT_DIRECTORY };
}

/** Holds that this is root, who alone may change what the system starts. @throws CodedError `service_unavailable` */
export function requireRoot(words: string): void {
  if (process.geteuid?.() === 0) return;
  throw new CodedError("service_unavailable", "only root may install services of the system", {
    hint: `Run it as root: sudo cmd2host ${words}. --dry-run shows what would be installed, and needs no root.`,
  });
}

/** What an installation did, in words. */
export function didWords(what: string, did: Installed["did"]): string {
  if (did === "nothing") return `The ${what} runs already, with exactly this; nothing was changed.`;
  return did === "restarted" ? `The ${what} runs again.` : `The ${what} is ${did} and runs.`;
}

/** How a service is, in words. */
export function stateWords({ state, since, pid }: ServiceState): string {
  const long = since === undefined ? "" : ` since ${timeWords(since)} (${durationWords(Date.now() - since.getTime())})`;
  return `${state}${long}${pid === undefined ? "" : `, process ${pid}`}`;
}

/** Rows of a report. */
export function rowsText(rows: readonly (readonly [name: string, value: string])[]): string {
  return rows.map(([name, value]) => `  ${name.padEnd(10)}  ${value}\n`).join("");
}
