import { closeSync, lstatSync, openSync } from "node:fs";
import { dirname, isAbsolute } from "node:path";
import type { LoadedGateway } from "../../gateway/config/load.ts";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import { printable, quoted } from "../../wire/text.ts";
import { answers } from "../service/answer.ts";
import { asAccount } from "../service/as-account.ts";
import { gatewayUnitText, type GatewayRecipe } from "../service/gateway-unit.ts";
import { handOver, requireOwnWay } from "../service/hand-over.ts";
import { healthUrl, illness } from "../service/health.ts";
import { install } from "../service/install.ts";
import { letRead } from "../service/let-read.ts";
import { requireProgram } from "../service/program-fault.ts";
import { requireUserName, serviceAccount } from "../service/system-account.ts";
import { SystemService } from "../service/system-service.ts";
import { findAccount, type Account } from "../util/account.ts";
import { VERSION } from "../util/version.ts";
import { command, JSON_SWITCH, type Report } from "./command.ts";
import type { Context } from "./context.ts";
import { directoriesOf, filesOf, gatewayLoader } from "./gateway-settings.ts";
import { didWords, requireRoot, rowsText, stateWords, systemPlace, type SystemPlace } from "./system-place.ts";

const USER = "cmd2host-gateway";
export const GATEWAY_CONFIG = "/etc/cmd2host-gateway/gateway.toml";
/** Longer than it lets requests in flight finish, and what runs behind them be told. */
const STOP_SECONDS = 30;
const FIRST_FREE_PORT = 1_024;
/** What the service sees empty, or not as others do. */
const HIDDEN = /^\/(?:home|root|run\/user|tmp|var\/tmp)\//;

/** What is to be installed. */
export interface GatewayWish {
  readonly user: string;
  readonly config: string;
  readonly strict: boolean;
}

type Load = (config: string) => LoadedGateway;

function recipeOf(wish: GatewayWish, loaded: LoadedGateway, context: Context): GatewayRecipe {
  const { server, link } = loaded.settings;
  if (server.transport === "stdio")
    throw new CodedError(
      "gateway_config_invalid",
      `${printable(wish.config)}: a gateway that speaks over its standard input is no service`,
      {
        hint: 'Set transport = "streamable-http" in [server].',
      },
    );
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
function requireSeen(paths: readonly string[]): void {
  const hidden = paths.find((path) => HIDDEN.test(path));
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
  const [state] = directoriesOf(first);
  const { account, isNew } = await serviceAccount(wish.user, state ?? "/", place.tools, place.passwd);
  requireSeen([...context.program(), ...filesOf(first), ...directoriesOf(first)]);
  await requireProgram(context.program(), account);
  const opened: string[] = [];
  for (const file of filesOf(first)) if (await letRead(file, dirname(wish.config), account)) opened.push(file);
  const handed = handOver(first.settings.cacheDir, account);
  // With its own rights: what it cannot read it says here, and not in a log.
  const loaded = await asAccount(account, () => load(wish.config));
  await requireWritten(loaded, account);
  const { server, cacheDir } = loaded.settings;
  const http = { bind: server.bind, port: server.port, isTls: server.tls !== undefined };
  const lock = `${cacheDir}/daemon.lock`;
  const isReady = async (): Promise<boolean> =>
    (await answers(lock)) && (server.port === 0 || (await illness(http)) === undefined);
  const { did, keptAs, state: now } = await install(service, recipeOf(wish, loaded, context), lock, isReady);
  const all = [
    ...(keptAs === undefined ? [] : [`what was there is now ${printable(keptAs)}`]),
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
async function shown(wish: GatewayWish, place: SystemPlace, context: Context): Promise<Report> {
  const loaded = (await gatewayLoader({}))(wish.config);
  requireSeen([...context.program(), ...filesOf(loaded), ...directoriesOf(loaded)]);
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

export const gatewayInstall = command({
  path: ["gateway", "install"],
  about: "Have the gateway run from now on, as a service of the system (a unit of systemd). For root.",
  options: {
    config: { kind: "text", about: "Its configuration", placeholder: "FILE", default: GATEWAY_CONFIG },
    user: { kind: "text", about: "User that it runs as; made when it is missing", placeholder: "NAME", default: USER },
    strict: { kind: "switch", about: "Also let nothing in its memory become code: requests cost more" },
    "dry-run": { kind: "switch", about: "Print the unit, and change nothing" },
    json: JSON_SWITCH,
  },
  examples: [
    ["gateway install", `Start it with ${GATEWAY_CONFIG}, and at each boot`],
    ["gateway install --config=/etc/commando/gateway.toml", "The same with a file of commando"],
    ["gateway install --dry-run", "See what would be installed"],
  ],
  more: "The configuration stays root's; where its user cannot read a file beside it, its group is let in. The directory that it names (cache_dir) is given to the user with everything in it. The gateway can write to that directory only, starts no program, and has no rights of root. Run it again after an update, or when cache_dir, a port below 1024 or the place of the original's records has changed: it writes the unit anew, and restarts when something is different.",
  run: async ({ config, user, strict, "dry-run": isDry }, context) => {
    if (!isAbsolute(config)) throw new CodedError("usage", `--config ${quoted(config)} is no absolute path`);
    const wish = { config, user: requireUserName(user), strict };
    const place = systemPlace(context);
    if (isDry) return shown(wish, place, context);
    requireRoot("gateway install");
    return installGateway(wish, place, context);
  },
});
