import { lstatSync } from "node:fs";
import { createConnection } from "node:net";
import type { Address } from "../../wire/client.ts";
import { addressText } from "../../wire/client.ts";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { CLIENT_DIAL_TIMEOUT_MS } from "../../wire/limits.ts";
import { printable } from "../../wire/text.ts";
import { TokenStore } from "../auth/token-store.ts";
import { shellWord } from "../git/inspection/inspect.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import { distrustOf } from "../util/read-trusted.ts";
import type { Context } from "./context.ts";
import { Checks, pathWord, type Check } from "./doctor-check.ts";
import { socketChecks } from "./doctor-service.ts";
import { durationWords } from "./duration.ts";
import { setting } from "./setting.ts";

/** Whether one of the directories that decide who may do what is only its owner's to change. */
export function directoryCheck(path: string, project: string | null): Check {
  const checks = new Checks(project, "base");
  const shown = printable(path);
  let stats;
  try {
    stats = lstatSync(path, { bigint: true });
  } catch (error) {
    const errno = errnoOf(error) ?? "cannot be read";
    if (errno === "ENOENT") return checks.ok(`${shown} is not there yet; the daemon makes it`);
    return checks.fail(`${shown}: ${errno}`, `Make it readable for you: chmod u+rwx ${pathWord(path)}`);
  }
  if (!stats.isDirectory())
    return checks.fail(`${shown} is not a directory`, "Move it away; the daemon makes a new one.");
  const distrust = distrustOf(stats);
  if (distrust === undefined) return checks.ok(`${shown} can be changed by its owner only`);
  const word = shellWord(path);
  const isOurs = stats.uid === 0n || stats.uid === BigInt(process.geteuid?.() ?? 0);
  const fix =
    isOurs && word !== undefined ? `chmod go-w ${word}` : "Give it back to its owner, or use another base directory.";
  return checks.fail(`${shown} ${distrust}`, fix);
}

function addressOf(settings: unknown, base: BaseDirectory): Address {
  const [host, port, path] = [
    setting(settings, "listenAddress"),
    setting(settings, "listenPort"),
    setting(settings, "socketPath"),
  ];
  if (setting(settings, "listenMode") === "tcp" && typeof host === "string" && typeof port === "number")
    return { kind: "tcp", host, port };
  return { kind: "unix", path: typeof path === "string" ? path : base.socket };
}

/** Why nobody answers at an address; undefined when somebody does. */
export async function silence(address: Address): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket =
      address.kind === "unix" ? createConnection(address.path) : createConnection(address.port, address.host);
    const end = (why: string | undefined): void => {
      socket.destroy();
      resolve(why);
    };
    socket.setTimeout(CLIENT_DIAL_TIMEOUT_MS, () => {
      end("no answer");
    });
    socket.once("connect", () => {
      end(undefined);
    });
    socket.once("error", (error) => {
      end(errnoOf(error) ?? error.message);
    });
  });
}

/** daemon.json, and whether somebody listens where it says. */
export async function daemonChecks(context: Context, base: BaseDirectory): Promise<readonly Check[]> {
  const checks = new Checks(null, "daemon");
  const file = printable(base.daemonFile);
  let loaded;
  try {
    loaded = await context.daemon.settings(base);
  } catch (error) {
    if (error instanceof CodedError) return [checks.failed(error)];
    throw error;
  }
  const address = addressOf(loaded.settings, base);
  const shown = printable(addressText(address));
  const why = await silence(address);
  return [
    checks.ok(`${file} is understood`),
    ...loaded.warnings.map((warning) =>
      checks.warn(printable(warning), "Change it in daemon.json if it is not meant."),
    ),
    ...loaded.unknown.map((pointer) =>
      checks.warn(`${file}: unknown member ${printable(pointer)}: it does nothing`, "Correct its name, or remove it."),
    ),
    why === undefined
      ? checks.ok(`a daemon listens at ${shown}`)
      : checks.warn(`no daemon listens at ${shown} (${printable(why)})`, "cmd2host serve"),
    ...(await socketChecks(loaded.settings, base)),
  ];
}

/** How many tokens can still be used; with a project, by those who were given it. */
export function tokensCheck(base: BaseDirectory, id: string | undefined): readonly Check[] {
  const checks = new Checks(id ?? null, "tokens");
  try {
    const records = new TokenStore(base.tokens).list();
    if (id === undefined) {
      const unreadable = records.filter(({ state }) => state === "unreadable").length;
      const fix = "Remove the files that cmd2host token list calls unreadable.";
      return unreadable === 0 ? [] : [checks.warn(`${unreadable} of the token files cannot be trusted or read`, fix)];
    }
    const live = records.filter(({ projectId, state }) => projectId === id && state === "valid");
    const fix = `cmd2host token mint --project=${id} --out=FILE`;
    if (live.length === 0) return [checks.warn("no live token", fix)];
    const left = Math.max(...live.map(({ expiresAt }) => expiresAt.getTime())) - Date.now();
    return [checks.ok(`live tokens: ${live.length}, the longest for ${durationWords(left)}`)];
  } catch (error) {
    if (error instanceof CodedError) return [checks.failed(error)];
    throw error;
  }
}
