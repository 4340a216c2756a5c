import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../../wire/errors.ts";
import { SERVICE_HELP, type Definition, type Recipe, type ServicePlatform, type ServiceState } from "./platform.ts";
import { LABEL, plistText, readPlist } from "./plist.ts";
import type { Tool, Tools } from "./tool.ts";

const POLL_MS = 200;
/** How long launchd may take to end a service that it was told to take out. */
const MAX_POLLS = 18_000;

/** An agent of launchd. */
export class Launchd implements ServicePlatform {
  readonly name = "launchd";
  readonly help = SERVICE_HELP;
  readonly mode = 0o600;
  readonly file: string;
  readonly #tools: Tools;
  readonly #uid: number;
  readonly #logFile: string;

  constructor(home: string, tools: Tools, uid: number, logFile: string) {
    this.file = join(home, "Library/LaunchAgents", `${LABEL}.plist`);
    this.#tools = tools;
    this.#uid = uid;
    this.#logFile = logFile;
  }

  definition(recipe: Recipe): string {
    if (recipe.strict)
      throw new CodedError("usage", "--strict is for systemd only", {
        hint: "Leave it out: launchd has no such settings.",
      });
    return plistText(recipe);
  }

  read(text: string): Definition {
    return readPlist(text);
  }

  async requireManager(): Promise<void> {
    if (!this.#tools.has("launchctl"))
      throw new CodedError("service_unavailable", "this system has no launchd (no launchctl on PATH)");
    await this.#domain();
  }

  /** Of the desktop when somebody is logged in there, else of the user, as over ssh. */
  async #domain(): Promise<string> {
    for (const domain of [`gui/${this.#uid}`, `user/${this.#uid}`])
      if ((await this.#tools.ask("launchctl", "print", domain)).exit === 0) return domain;
    throw new CodedError("service_unavailable", "launchd has no domain for this user", {
      hint: "Log in on the Mac as this user, not with su or sudo; or start the daemon by hand with cmd2host serve.",
    });
  }

  async #target(): Promise<string> {
    return `${await this.#domain()}/${LABEL}`;
  }

  async state(): Promise<ServiceState> {
    const { exit, stdout } = await this.#tools.ask("launchctl", "print", await this.#target());
    const value = (name: string): string | undefined =>
      new RegExp(`^\\t?\\s*${name} = (.*)$`, "m").exec(stdout)?.[1]?.trim();
    if (exit !== 0) return { state: "inactive", enabled: false, since: undefined, pid: undefined, lingers: undefined };
    const pid = Number(value("pid") ?? "0");
    const runs = pid > 0 && value("state") === "running";
    const failed = /^[1-9]/.test(value("last exit code") ?? "");
    return {
      // One that was told to end has a process until it has.
      state: runs ? "active" : pid > 0 ? "stopping" : failed ? "failed" : "inactive",
      enabled: true,
      since: runs ? await this.#startOf(pid) : undefined,
      pid: pid > 0 ? pid : undefined,
      lingers: undefined,
    };
  }

  /** As ps writes it in UTC: `Sat Nov 28 03:44:27 2026`. */
  async #startOf(pid: number): Promise<Date | undefined> {
    const { stdout } = await this.#tools.ask("ps", "-o", "lstart=", "-p", String(pid));
    const time = new Date(`${stdout.trim()} UTC`);
    return Number.isNaN(time.getTime()) ? undefined : time;
  }

  async apply(): Promise<void> {
    // Not kickstart -k, which does not let running operations finish.
    await this.withdraw();
    const domain = await this.#domain();
    // One that was disabled by hand is not taken in.
    await this.#tools.tell("launchctl", "enable", `${domain}/${LABEL}`);
    await this.#tools.tell("launchctl", "bootstrap", domain, this.file);
  }

  async withdraw(): Promise<void> {
    const target = await this.#target();
    if ((await this.#tools.ask("launchctl", "print", target)).exit !== 0) return;
    await this.#tools.ask("launchctl", "bootout", target);
    // It returns before the service has ended, and taking it in again fails until then.
    for (let polls = 0; polls < MAX_POLLS; polls++) {
      if ((await this.#tools.ask("launchctl", "print", target)).exit !== 0) return;
      await sleep(POLL_MS);
    }
    throw new CodedError("service_failed", `launchd does not let go of ${target}`, {
      hint: `See launchctl print ${target}.`,
    });
  }

  async forget(): Promise<void> {
    return Promise.resolve();
  }

  async restart(): Promise<void> {
    await this.apply();
  }

  log(lines: number, follow: boolean): readonly [Tool, ...string[]] {
    // -F: also when the file is moved away and made anew.
    return ["tail", "-n", String(lines), ...(follow ? ["-F"] : []), this.#logFile];
  }

  advice(): readonly string[] {
    return [`It runs while you are logged in. Its log is ${this.#logFile}; nobody shortens it but you.`];
  }
}
