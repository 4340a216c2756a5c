import { closeSync, lstatSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { LoadedGateway } from "../../gateway/config/load.ts";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable } from "../../wire/text.ts";
import { answers } from "../service/answer.ts";
import { asAccount } from "../service/as-account.ts";
import { readDefinition } from "../service/definition-file.ts";
import { gatewayUnitText, type GatewayRecipe } from "../service/gateway-unit.ts";
import { handOver, requireOwnWay } from "../service/hand-over.ts";
import { healthUrl, illness } from "../service/health.ts";
import { install } from "../service/install.ts";
import { letRead } from "../service/let-read.ts";
import { requireProgram } from "../service/program-fault.ts";
import { serviceAccount } from "../service/system-account.ts";
import { SystemService } from "../service/system-service.ts";
import { chosenIn } from "../service/system-unit.ts";
import { readCommand } from "../service/unit-words.ts";
import { findAccount, type Account } from "../util/account.ts";
import { VERSION } from "../util/version.ts";
import type { Report } from "./command.ts";
import type { Context } from "./context.ts";
import { certificateEnd, directoriesOf, filesOf, gatewayLoader } from "./gateway-settings.ts";
import { didWords, rowsText, stateWords, type SystemPlace } from "./system-place.ts";

/** Longer than it lets requests in flight finish, and what runs behind them be told. */
const STOP_SECONDS = 30;
const CONFIG_WORD = "--config=";
const FIRST_FREE_PORT = 1_024;
/** What the service sees empty, or not as others do. */
export const HIDDEN = /^\/(?:home|root|run\/user|tmp|var\/tmp)\//;

/** What is to be installed. */
export interface GatewayWish {
  readonly user: string;
  readonly config: string;
  readonly strict: boolean;
}

type Load = (config: string) => LoadedGateway;

/** @throws CodedError `gateway_config_invalid` */
function requireHttp({ config }: GatewayWish, { settings }: LoadedGateway): void {
  if (settings.server.transport !== "stdio") return;
  throw new CodedError(
    "gateway_config_invalid",
    `${printable(config)}: a gateway that speaks over its standard input is no service`,
    { hint: 'Set transport = "streamable-http" in [server].' },
  );
}

function recipeOf(wish: GatewayWish, loaded: LoadedGateway, context: Context): GatewayRecipe {
  const { server, link } = loaded.settings;
  const ports = [server.port, ...(link === undefined ? [] : [link.port])];
  return {
    ...wish,
    program: context.program(),
    version: VERSION,
    stopSeconds: STOP_SECONDS,
    writes: directoriesOf(loaded),
    hasLowPort: ports.some((port) => port > 0 && port < FIRST_FREE_PORT),
  };
}

/** @throws CodedError `usage` for what the service could not see */
function requireSeen(paths: readonly string[], { hidden: closed = HIDDEN }: SystemPlace): void {
  const hidden = paths.find((path) => closed.test(path));
  if (hidden === undefined) return;
  throw new CodedError(
    "usage",
    `${printable(hidden)} is where the service sees nothing: home directories and /tmp are closed to it`,
    {
      hint: "Move it, to /etc/cmd2host-gateway for example.",
    },
  );
}

/** @throws CodedError `file_failed` */
async function requireWritten({ settings }: LoadedGateway, account: Account): Promise<void> {
  const path = settings.server.auditCopy?.path;
  if (path === undefined) return;
  await asAccount(account, () => {
    try {
      closeSync(openSync(path, "a", 0o600));
    } catch (error) {
      throw new CodedError(
        "file_failed",
        `${account.name} cannot write ${printable(path)}: ${errnoOf(error) ?? "it cannot be opened"}`,
        {
          hint: "Give it to that user (chown), or correct audit_log_path.",
        },
      );
    }
  });
}

function serviceOf(place: SystemPlace): SystemService<GatewayRecipe> {
  return new SystemService("gateway", gatewayUnitText, place.tools, place.units);
}

/** How the gateway is installed; undefined when it is not, or not by us. @throws CodedError `file_failed` */
export function installedGateway(place: SystemPlace): GatewayWish | undefined {
  const text = readDefinition(serviceOf(place).file);
  const chosen = text === undefined ? undefined : chosenIn(text);
  const word = readCommand(text ?? "").at(-1) ?? "";
  if (chosen?.user === undefined || !word.startsWith(CONFIG_WORD)) return undefined;
  return { user: chosen.user, strict: chosen.said === "strict", config: word.slice(CONFIG_WORD.length) };
}

/** What is in the file, read by whom it belongs to. */
async function firstLook({ config, user }: GatewayWish, load: Load, passwd?: string): Promise<LoadedGateway> {
  const owner = lstatSync(config, { throwIfNoEntry: false })?.uid;
  const account = findAccount(user, passwd);
  return owner !== undefined && account?.uid === owner ? asAccount(account, () => load(config)) : load(config);
}

/**
 * Installs a gateway as a unit of the system, and starts it.
 * @throws CodedError `gateway_config_invalid`, `config_untrusted`, `base_unusable`, `command_untrusted`, `file_failed`, `service_failed`, `service_unavailable`, `usage`
 */
export async function installGateway(wish: GatewayWish, place: SystemPlace, context: Context): Promise<Report> {
  const service = serviceOf(place);
  await service.requireManager();
  // The service has no more of this shell's environment than the unit gives it.
  const load = await gatewayLoader({});
  requireOwnWay(wish.config);
  const first = await firstLook(wish, load, place.passwd);
  requireHttp(wish, first);
  const [state] = directoriesOf(first);
  const { account, isNew } = await serviceAccount(wish.user, state ?? "/", place.tools, place.passwd);
  requireSeen([...context.program(), ...filesOf(first), ...directoriesOf(first)], place);
  await requireProgram(context.program(), account);
  const opened: string[] = [];
  for (const file of filesOf(first)) if (await letRead(file, dirname(wish.config), account)) opened.push(file);
  const handed = handOver(first.settings.cacheDir, account);
  // With its own rights: what it cannot read it says here, and not in a log.
  const loaded = await asAccount(account, async () => {
    const again = load(wish.config);
    await certificateEnd(again);
    return again;
  });
  await requireWritten(loaded, account);
  const { server, cacheDir } = loaded.settings;
  const http = { bind: server.bind, port: server.port, isTls: server.tls !== undefined };
  const lock = `${cacheDir}/daemon.lock`;
  const isReady = async (): Promise<boolean> =>
    (await answers(lock)) && (server.port === 0 || (await illness(http)) === undefined);
  const { did, keptAs, state: now } = await install(service, recipeOf(wish, loaded, context), lock, isReady);
  const all = [
    ...(keptAs === undefined ? [] : [`what was there was not as cmd2host wrote it, and is now ${printable(keptAs)}`]),
    ...opened.map((file) => `the group of ${account.name} may read ${printable(file)} now`),
    ...(handed === "given" ? [`${printable(cacheDir)} and everything in it belongs to ${account.name} now`] : []),
    ...loaded.warnings,
  ];
  const rows = [
    ["unit", printable(service.file)],
    ["state", stateWords(now)],
    ["user", `${account.name}${isNew ? " (made)" : ""}`],
    ["config", printable(wish.config)],
    ["directory", printable(cacheDir)],
    ["answers", server.port === 0 ? "on a port that was free" : healthUrl(http)],
  ] as const;
  return {
    exit: 0,
    human: `${didWords("gateway", did)}\n${rowsText(rows)}`,
    json: {
      did,
      unit: service.file,
      user: account.name,
      config: wish.config,
      directory: cacheDir,
      kept_as: keptAs ?? null,
      notes: all,
    },
    stderr: all.map((note) => `note: ${note}\n`).join(""),
  };
}

/** Prints what would be installed, and changes nothing. */
export async function shownGateway(wish: GatewayWish, place: SystemPlace, context: Context): Promise<Report> {
  const loaded = (await gatewayLoader({}))(wish.config);
  requireHttp(wish, loaded);
  requireSeen([...context.program(), ...filesOf(loaded), ...directoriesOf(loaded)], place);
  const service = serviceOf(place);
  const definition = service.definition(recipeOf(wish, loaded, context));
  const { warnings: notes } = loaded;
  return {
    exit: 0,
    human: definition,
    json: { file: service.file, definition, notes },
    stderr: notes.map((note) => `note: ${note}\n`).join(""),
  };
}
