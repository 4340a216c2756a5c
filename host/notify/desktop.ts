import { CodedError, messageOf } from "../../wire/errors.ts";
import { printable, shortened } from "../../wire/text.ts";
import type { Pending } from "../approval/approvals.ts";
import { resolveCommand, type Command } from "../exec/command.ts";
import { Executor } from "../exec/run.ts";
import { commandText } from "./call-text.ts";
import type { Notifier } from "./notifier.ts";

const TIMEOUT_MS = 10_000;
/** What such programs need to find the owner's desktop; nothing else of the environment is theirs. */
const PASSES = [
  "HOME",
  "USER",
  "LOGNAME",
  "PATH",
  "DISPLAY",
  "WAYLAND_DISPLAY",
  "XDG_RUNTIME_DIR",
  "DBUS_SESSION_BUS_ADDRESS",
];

/** AppleScript that shows what it is given as arguments; nothing is put into its text. */
const SCRIPT = ["on run argv", "display notification (item 2 of argv) with title (item 1 of argv)", "end run"].flatMap(
  (line) => ["-e", line],
);

/** notify-send takes the text for markup. */
function withoutMarkup(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

const PROGRAMS: readonly {
  readonly name: string;
  readonly args: (title: string, body: string) => readonly string[];
}[] = [
  { name: "osascript", args: (title, body) => [...SCRIPT, title, body] },
  {
    name: "notify-send",
    args: (title, body) => ["--app-name=cmd2host", "--urgency=critical", "--", title, withoutMarkup(body)],
  },
];

/** Where programs are looked for: the daemon's PATH without what lies in workspaces, and those. */
export interface Places {
  readonly path: string;
  readonly workspaces: readonly string[];
}

/**
 * Shows a notification with the whole command on the owner's desktop. It cannot answer: a click that meant something else must not start a
 * program.
 */
export class DesktopNotifier implements Notifier {
  readonly name = "desktop";
  readonly #environment: ReadonlyMap<string, string>;
  readonly #places: () => Places;
  readonly #warn: (message: string) => void;
  readonly #executor = new Executor();

  /** @param places looked at for every notification: projects come and go */
  constructor(environment: ReadonlyMap<string, string>, places: () => Places, warn: (message: string) => void) {
    this.#environment = new Map(PASSES.flatMap((name) => entry(name, environment.get(name))));
    this.#places = places;
    this.#warn = warn;
  }

  async asked(pending: Pending, _: unknown, signal: AbortSignal): Promise<void> {
    const { id, plan } = pending.card;
    const title = printable(`cmd2host: may ${plan.operation} run in ${plan.project}?`);
    const body = `${commandText(pending)}\ncmd2host approvals show ${id.slice(0, 8)}`;
    try {
      const program = this.#program();
      if (program === undefined) return;
      const result = await this.#executor.run(
        {
          command: program.command,
          args: program.args(title, body),
          env: this.#environment,
          cwd: "/",
          timeoutMs: TIMEOUT_MS,
          graceMs: 500,
          maxStdoutBytes: 1_024,
          maxStderrBytes: 1_024,
        },
        signal,
      );
      if (result.reason === "exited" && result.exitCode !== 0)
        this.#warn(`desktop notification: ${printable(result.stderr.bytes.toString("utf8").trim())}`);
    } catch (error) {
      // Whatever it is: nobody waits for this promise, and a rejection would end the daemon.
      this.#warn(`desktop notification: ${printable(shortened(messageOf(error), 300))}`);
    }
  }

  /** The one of this desktop; undefined where there is none. */
  #program():
    { readonly command: Command; readonly args: (title: string, body: string) => readonly string[] } | undefined {
    const { path, workspaces } = this.#places();
    for (const { name, args } of PROGRAMS) {
      try {
        return { command: resolveCommand(name, path, workspaces), args };
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
      }
    }
    return undefined;
  }

  async settled(): Promise<void> {
    return Promise.resolve();
  }
}

function entry(name: string, value: string | undefined): readonly (readonly [string, string])[] {
  return value === undefined ? [] : [[name, value]];
}
