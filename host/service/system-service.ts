import { existsSync } from "node:fs";
import { join } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import type { Definition, ServicePlatform, ServiceState } from "./platform.ts";
import { readSystemUnit, unitNameOf, type SystemKind, type SystemRecipe } from "./system-unit.ts";
import { Systemctl } from "./systemctl.ts";
import type { Tool, Tools } from "./tool.ts";

/** Where the system's own units are kept. */
export const UNIT_DIRECTORY = "/etc/systemd/system";

/** At which of systemd's own steps a service ended before it ran, by the exit status that says so. */
const STEPS: ReadonlyMap<number, string> = new Map([
  [217, "USER"],
  [218, "CAPABILITIES"],
  [225, "NETWORK"],
  [226, "NAMESPACE"],
  [228, "SECCOMP"],
]);
const CONTAINER_HINT =
  "In a container, it must be one in which services may be confined (Proxmox: nesting=1 in its features). See docs/fleet-setup.md for what can be left out.";

/** An agent or a gateway as a unit of the system's manager. */
export class SystemService<R extends SystemRecipe> implements ServicePlatform<R> {
  readonly name = "systemd";
  readonly file: string;
  /** systemd warns of one that cannot be read by everybody; there is nothing secret in it. */
  readonly mode = 0o644;
  readonly help: string;
  readonly #unit: string;
  readonly #tools: Tools;
  readonly #systemctl: Systemctl;
  readonly #text: (recipe: R) => string;

  /** @param directory of the units */
  constructor(kind: SystemKind, text: (recipe: R) => string, tools: Tools, directory = UNIT_DIRECTORY) {
    this.#unit = unitNameOf(kind);
    this.file = join(directory, this.#unit);
    this.help = `See journalctl -u ${this.#unit} -n 20; it goes on trying until systemctl stop ${this.#unit}.`;
    this.#tools = tools;
    this.#systemctl = new Systemctl(tools, this.#unit, []);
    this.#text = text;
  }

  definition(recipe: R): string {
    return this.#text(recipe);
  }

  read(text: string): Definition {
    return readSystemUnit(text);
  }

  async requireManager(): Promise<void> {
    const hint = "Start it from whatever starts services here: it stays in the foreground, and drains on SIGTERM.";
    if (!this.#tools.has("systemctl"))
      throw new CodedError("service_unavailable", "this system has no systemd (no systemctl on PATH)", { hint });
    const { exit, stderr } = await this.#systemctl.ask("show-environment");
    if (exit === 0) return;
    const why = existsSync("/run/systemd/system")
      ? `systemd does not answer: ${stderr}`
      : "systemd does not run here, as in most containers";
    throw new CodedError("service_unavailable", why, { hint });
  }

  async state(): Promise<ServiceState> {
    return { ...(await this.#systemctl.state()), lingers: undefined };
  }

  async apply(): Promise<void> {
    try {
      await this.#systemctl.apply(this.file);
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== "service_failed") throw error;
      const step = STEPS.get(await this.#systemctl.exitStatus());
      const why = step === undefined ? error.message : `systemd cannot confine the service here (${step})`;
      throw new CodedError("service_failed", why, {
        hint: step === undefined ? this.help : CONTAINER_HINT,
        cause: error,
      });
    }
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
    const args = [`--unit=${this.#unit}`, `--lines=${lines}`, "--no-pager", "--output=short-iso"];
    return ["journalctl", ...args, ...(follow ? ["--follow"] : [])];
  }

  advice(): readonly string[] {
    return [];
  }
}
