import type { Address } from "../../wire/client-connect.ts";
import { Approvals } from "../approval/approvals.ts";
import type { Audit } from "../audit/audit.ts";
import type { Noted } from "../audit/record.ts";
import { LinkSessions } from "../auth/link-sessions.ts";
import { TokenStore } from "../auth/token-store.ts";
import type { EngineSettings, Rooms } from "../engine/rooms.ts";
import { Staging } from "../exec/staging.ts";
import { Fleet } from "../fleet/fleet.ts";
import { WorkspaceInspector } from "../git/inspection/inspect.ts";
import { Budgets } from "../limits/budgets.ts";
import { KillSwitch } from "../limits/kill-switch.ts";
import { Limits } from "../limits/limits.ts";
import { CountedAudit } from "../metrics/counted-audit.ts";
import { Metrics } from "../metrics/metrics.ts";
import { DesktopNotifier, type Places } from "../notify/desktop.ts";
import { notify } from "../notify/notifications.ts";
import type { Notifier } from "../notify/notifier.ts";
import { WebhookNotifier } from "../notify/webhook.ts";
import { ProjectStore } from "../project/store.ts";
import { allWorkspaces } from "../project/workspaces.ts";
import { DEFAULT_RULES } from "../redact/redact-rules.ts";
import { Redaction } from "../redact/redaction.ts";
import { RunStore } from "../runs/run-store.ts";
import { SearchPath } from "../sanitize/search-path.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import { SYSTEM_CLOCK } from "../util/deadline.ts";
import { ownProgram } from "../util/own-program.ts";
import { approvalDesk, grantDesk } from "./desk/approval-desk.ts";
import { RecentDecisions } from "./desk/recent-decisions.ts";
import { stopDesk } from "./desk/stop-desk.ts";
import { dryStaging } from "./dry-run.ts";
import { engineSettings, ownPaths } from "./engine-settings.ts";
import type { Log } from "../util/log.ts";
import { McpSessions } from "./mcp-sessions.ts";
import { PageKeeper } from "./page-keeper.ts";
import type { DaemonSettings } from "./settings.ts";
import { Workshop } from "./workshop.ts";

/** How many objects git takes over from a workspace one by one in one operation. */
const MAX_LOOSE_OBJECTS = 200_000;

/** What the rooms are built from. */
export interface Site {
  readonly base: BaseDirectory;
  readonly log: Log;
  readonly audit: Audit;
  readonly noted: Noted;
  readonly environment: ReadonlyMap<string, string>;
  /** As they are now: daemon.json can be read again while the daemon runs. */
  readonly settings: () => DaemonSettings;
  /** Where a program of ours on this host reaches this daemon as any client does. */
  readonly ownAddress: () => Address;
}

/** The rooms, and those of them that live longer than a request. */
export class House {
  readonly rooms: Rooms;
  readonly tokens: TokenStore;
  readonly links = new LinkSessions();
  readonly workshop: Workshop;
  readonly mcp: McpSessions;
  readonly staging: Staging;
  readonly runs: RunStore;
  readonly approvals: Approvals;
  readonly budgets: Budgets;
  readonly page: PageKeeper;

  constructor(site: Site) {
    const { base, log, settings } = site;
    this.tokens = new TokenStore(base.tokens, (message) => {
      log.warn("token file refused", { reason: message });
    });
    const fleet = new Fleet(() => settings().fleet);
    this.workshop = new Workshop(
      base,
      () => ({ maxBytes: settings().gitMaxBytes, maxLooseObjects: MAX_LOOSE_OBJECTS }),
      fleet,
    );
    this.mcp = new McpSessions(
      ownProgram("cmd2host-mcp"),
      () => site.ownAddress(),
      async (...run) => this.workshop.apart(...run),
    );
    const warn = (message: string): void => {
      log.warn("staging", { reason: message });
    };
    this.staging = new Staging(settings().staging, warn, { inputRoot: base.staging });
    this.runs = new RunStore(
      base.runs,
      () => settings().runs,
      (message) => {
        log.warn("runs", { reason: message });
      },
    );
    const killSwitch = new KillSwitch(base.stopped);
    this.budgets = new Budgets(base.budgets, SYSTEM_CLOCK, (message) => {
      log.warn("budgets", { reason: message });
    });
    const limits = new Limits(this.budgets);
    this.approvals = new Approvals(() => settings().approvals.timeoutMs);
    const redaction = new Redaction(site.environment);
    const metrics = new Metrics();
    const decisions = new RecentDecisions(new CountedAudit(site.audit, metrics));
    const deskRooms = {
      runs: this.runs,
      tokens: this.tokens,
      approvals: approvalDesk(this.approvals),
      grants: grantDesk(this.approvals),
      decisions,
      stops: stopDesk(killSwitch, this.approvals, this.runs),
      watch: (changed: () => void) => this.approvals.watch({ asked: changed, settled: changed }),
    };
    this.page = new PageKeeper(base, log, deskRooms, site.noted);
    const projects = new ProjectStore(base.projects);
    const inspector = new WorkspaceInspector();
    const searchPath = new SearchPath(site.environment.get("PATH") ?? "");
    notify(this.approvals, waysToTell(site, searchPath), (text) => {
      const masking = redaction.for({ token: "", rules: DEFAULT_RULES, environment: undefined });
      return masking.redactText(text).text;
    });
    const current = (): EngineSettings => engineSettings(settings(), site.environment);
    this.rooms = {
      authenticate: (token) => this.links.authenticate(token) ?? this.tokens.authenticate(token),
      resolveProject: (session) => {
        const project = projects.resolve(session);
        killSwitch.require(project.id);
        return project;
      },
      inspectWorkspace: (path, projectPaths) => inspector.inspect(path, projectPaths),
      searchPath: (workspaces) => searchPath.without(workspaces),
      stage: (workspace, destination, maxBytes) => this.staging.allocate(workspace, destination, maxBytes),
      copyIn: async (workspace, relative, maxBytes) => this.staging.copyIn(workspace, relative, maxBytes),
      dry: dryStaging(this.staging),
      targetTags: async (name) => fleet.tagsOf(name),
      execute: async (...work) => this.workshop.carryOut(...work),
      serveMcp: async (...serving) => this.mcp.serve(...serving),
      runs: this.runs,
      approvals: this.approvals,
      limits,
      page: this.page,
      redaction,
      stats: (project) =>
        metrics.stats(
          { running: this.runs.active, sessions: this.mcp.count, pendingApprovals: this.approvals.pending.length },
          project,
        ),
      decidedIn: (ms) => {
        metrics.decidedIn(ms);
      },
      audit: decisions,
      reportBug: (error, decisionId) => {
        log.error("internal error", {
          id: decisionId,
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        });
      },
      ownPaths: ownPaths(base.root),
      get settings() {
        return current();
      },
    };
  }
}

/** Who is told of calls that wait; daemon.json may change while running. */
function waysToTell({ base, log, environment, settings }: Site, searchPath: SearchPath): () => readonly Notifier[] {
  const warn = (message: string): void => {
    log.warn(message);
  };
  const places = (): Places => {
    const workspaces = allWorkspaces(base.projects);
    return { path: searchPath.without(workspaces), workspaces };
  };
  const desktop = new DesktopNotifier(environment, places, warn);
  return () => {
    const { desktop: isWanted, webhooks } = settings().approvals;
    const others = [...webhooks].map(([name, hook]) => new WebhookNotifier(name, hook, warn));
    return isWanted ? [desktop, ...others] : others;
  };
}
