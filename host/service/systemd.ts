import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { SERVICE_HELP, type Definition, type Recipe, type ServicePlatform, type ServiceState } from "./platform.ts";
import { Systemctl } from "./systemctl.ts";
import type { Tool, Tools } from "./tool.ts";
import { readUnit, unitText } from "./unit.ts";

const UNIT = "cmd2host.service";

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
  readonly help = SERVICE_HELP;
  readonly mode = 0o600;
  readonly file: string;
  readonly #tools: Tools;
  readonly #uid: number;
  readonly #systemctl: Systemctl;

  constructor(home: string, tools: Tools, uid: number) {
    // Not XDG_CONFIG_HOME: the manager has its own, and looks here when it has none.
    this.file = join(home, ".config/systemd/user", UNIT);
    this.#tools = tools;
    this.#uid = uid;
    this.#systemctl = new Systemctl(tools, UNIT, ["--user"]);
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
    const { exit, stderr } = await this.#systemctl.ask("show-environment");
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
    return { ...(await this.#systemctl.state()), lingers: await this.#lingers() };
  }

  async #lingers(): Promise<boolean | undefined> {
    if (!this.#tools.has("loginctl")) return undefined;
    const { exit, stdout } = await this.#tools.ask("loginctl", "show-user", String(this.#uid), "--property=Linger");
    return exit === 0 ? stdout.trim() === "Linger=yes" : undefined;
  }

  async apply(): Promise<void> {
    await this.#systemctl.apply(this.file);
  }

  async withdraw(): Promise<void> {
    await this.#systemctl.withdraw();
  }

  async forget(): Promise<void> {
    await this.#systemctl.forget();
  }

  async restart(): Promise<void> {
    await this.#systemctl.restart();
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
