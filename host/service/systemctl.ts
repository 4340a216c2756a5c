import { CodedError } from "../../wire/errors.ts";
import type { ServiceState } from "./platform.ts";
import type { Said, Tools } from "./tool.ts";

/** As systemd writes it in UTC: `Sat 2026-11-28 03:44:27 UTC`. */
const TIME = /^\w{3} (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC$/;

const STATES: ReadonlyMap<string, ServiceState["state"]> = new Map([
  ["active", "active"],
  ["reloading", "active"],
  ["activating", "starting"],
  ["deactivating", "stopping"],
  ["failed", "failed"],
]);

function timeOf(text: string): Date | undefined {
  const [, day, time] = TIME.exec(text) ?? [];
  return day === undefined || time === undefined ? undefined : new Date(`${day}T${time}Z`);
}

/** One unit, as systemctl sees and changes it. */
export class Systemctl {
  readonly #tools: Tools;
  readonly #unit: string;
  readonly #scope: readonly string[];

  /** @param scope `--user` for the manager of a user, nothing for the system's */
  constructor(tools: Tools, unit: string, scope: readonly string[]) {
    this.#tools = tools;
    this.#unit = unit;
    this.#scope = scope;
  }

  /** @throws CodedError `command_not_found`, `command_untrusted`, `spawn_failed` */
  async ask(...args: readonly string[]): Promise<Said> {
    return this.#tools.ask("systemctl", ...this.#scope, ...args);
  }

  async #tell(...args: readonly string[]): Promise<void> {
    await this.#tools.tell("systemctl", ...this.#scope, ...args);
  }

  async state(): Promise<Omit<ServiceState, "lingers">> {
    const names = ["LoadState", "ActiveState", "UnitFileState", "ActiveEnterTimestamp", "MainPID"];
    const { stdout } = await this.ask("show", this.#unit, `--property=${names.join(",")}`);
    const values = new Map(
      stdout.split("\n").map((line): [string, string] => {
        const at = line.indexOf("=");
        return [line.slice(0, at), line.slice(at + 1)];
      }),
    );
    const state = STATES.get(values.get("ActiveState") ?? "") ?? "inactive";
    const pid = Number(values.get("MainPID") ?? "0");
    return {
      state,
      enabled: (values.get("UnitFileState") ?? "").startsWith("enabled"),
      since: state === "active" ? timeOf(values.get("ActiveEnterTimestamp") ?? "") : undefined,
      pid: pid > 0 ? pid : undefined,
    };
  }

  /** Of the last time that it ended; 0 when that is not known. */
  async exitStatus(): Promise<number> {
    const { stdout } = await this.ask("show", this.#unit, "--property=ExecMainStatus", "--value");
    return Number(stdout.trim());
  }

  /** Takes over the definition in this file, and starts with it, now and by itself. @throws CodedError `service_failed` */
  async apply(file: string): Promise<void> {
    await this.#tell("daemon-reload");
    const { stdout } = await this.ask("show", this.#unit, "--property=LoadState");
    if (stdout.trim() !== "LoadState=loaded") {
      const why = `systemd does not read ${file} (${stdout.trim()})`;
      const status = ["systemctl", ...this.#scope, "status", this.#unit.replace(/\.service$/, "")].join(" ");
      throw new CodedError("service_failed", why, { hint: `See ${status}.` });
    }
    await this.#tell("enable", this.#unit);
    await this.restart();
  }

  async withdraw(): Promise<void> {
    await this.#tell("disable", "--now", this.#unit);
  }

  async forget(): Promise<void> {
    await this.#tell("daemon-reload");
    // Of a service that failed, its failure is remembered.
    await this.ask("reset-failed", this.#unit);
  }

  async restart(): Promise<void> {
    // One that failed too often is not started again before that is forgotten.
    await this.ask("reset-failed", this.#unit);
    await this.#tell("restart", this.#unit);
  }
}
