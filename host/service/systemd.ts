import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import type { Definition, Recipe, ServicePlatform, ServiceState } from "./platform.ts";
import type { Tool, Tools } from "./tool.ts";
import { readUnit, unitText } from "./unit.ts";

const UNIT = "cmd2host.service";
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

/** The environment with the directory of the user's manager, which su and cron leave out. */
export function withRuntimeDirectory(environment: NodeJS.ProcessEnv, uid: number): NodeJS.ProcessEnv {
  if ((environment["XDG_RUNTIME_DIR"] ?? "") !== "") return environment;
  const usual = `/run/user/${uid}`;
  const isOurs = statSync(usual, { throwIfNoEntry: false })?.uid === uid;
  return isOurs ? { ...environment, XDG_RUNTIME_DIR: usual } : environment;
}

/** A user unit of systemd. */
export class Systemd implements ServicePlatform {
  readonly name = "systemd";
  readonly file: string;
  readonly #tools: Tools;
  readonly #uid: number;

  constructor(home: string, tools: Tools, uid: number) {
    // Not XDG_CONFIG_HOME: the manager has its own, and looks here when it has none.
    this.file = join(home, ".config/systemd/user", UNIT);
    this.#tools = tools;
    this.#uid = uid;
  }

  definition(recipe: Recipe): string {
    return unitText(recipe);
  }

  read(text: string): Definition {
    return readUnit(text);
  }

  async requireManager(): Promise<void> {
    if (!this.#tools.has("systemctl"))
      throw new CodedError("service_unavailable", "this system has no systemd (no systemctl on PATH)");
    const { exit, stderr } = await this.#tools.ask("systemctl", "--user", "show-environment");
    if (exit === 0) return;
    if (!existsSync("/run/systemd/system"))
      throw new CodedError("service_unavailable", "systemd does not run here, as in most containers", {
        hint: "Start the daemon by hand with cmd2host serve. In WSL, `systemd=true` under `[boot]` in /etc/wsl.conf turns systemd on.",
      });
    throw new CodedError("service_unavailable", `systemd runs no manager for this user: ${stderr}`, {
      hint: `Log in as this user directly, not with su or sudo; or let one run always: sudo loginctl enable-linger ${this.#uid}. Or start the daemon by hand with cmd2host serve.`,
    });
  }

  async state(): Promise<ServiceState> {
    const names = ["LoadState", "ActiveState", "UnitFileState", "ActiveEnterTimestamp", "MainPID"];
    const { stdout } = await this.#tools.ask("systemctl", "--user", "show", UNIT, `--property=${names.join(",")}`);
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
      lingers: await this.#lingers(),
    };
  }

  async #lingers(): Promise<boolean | undefined> {
    if (!this.#tools.has("loginctl")) return undefined;
    const { exit, stdout } = await this.#tools.ask("loginctl", "show-user", String(this.#uid), "--property=Linger");
    return exit === 0 ? stdout.trim() === "Linger=yes" : undefined;
  }

  async apply(): Promise<void> {
    await this.#tools.tell("systemctl", "--user", "daemon-reload");
    const { stdout } = await this.#tools.ask("systemctl", "--user", "show", UNIT, "--property=LoadState");
    if (stdout.trim() !== "LoadState=loaded") {
      const why = `systemd does not read ${this.file} (${stdout.trim()})`;
      throw new CodedError("service_failed", why, { hint: "See systemctl --user status cmd2host." });
    }
    await this.#tools.tell("systemctl", "--user", "enable", UNIT);
    await this.restart();
  }

  async withdraw(): Promise<void> {
    await this.#tools.tell("systemctl", "--user", "disable", "--now", UNIT);
  }

  async forget(): Promise<void> {
    await this.#tools.tell("systemctl", "--user", "daemon-reload");
    // Of a service that failed, its failure is remembered.
    await this.#tools.ask("systemctl", "--user", "reset-failed", UNIT);
  }

  async restart(): Promise<void> {
    // One that failed too often is not started again before that is forgotten.
    await this.#tools.ask("systemctl", "--user", "reset-failed", UNIT);
    await this.#tools.tell("systemctl", "--user", "restart", UNIT);
  }

  log(lines: number, follow: boolean): readonly [Tool, ...string[]] {
    // Not --user: the journal of root's own services is the system's, and so it is where users have no journal of their own.
    const args = [`--user-unit=${UNIT}`, `--lines=${lines}`, "--no-pager", "--output=short-iso"];
    return ["journalctl", ...args, ...(follow ? ["--follow"] : [])];
  }

  advice({ lingers }: ServiceState): readonly string[] {
    if (lingers !== false) return [];
    return [
      "It runs from your first login to your last logout. To have it run always: loginctl enable-linger (which may ask for an administrator's password).",
    ];
  }
}
