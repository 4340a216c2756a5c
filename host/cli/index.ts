import { agent } from "./agent.ts";
import { agentEnroll } from "./agent-enroll.ts";
import { agentInit } from "./agent-init.ts";
import { agentInstall } from "./agent-install.ts";
import { agentUninstall } from "./agent-uninstall.ts";
import { approvalsAllow, approvalsDeny } from "./approvals-answer.ts";
import { approvals, approvalsList } from "./approvals-list.ts";
import { approvalsShow } from "./approvals-show.ts";
import { approvalsWatch } from "./approvals-watch.ts";
import { auditExport } from "./audit-export.ts";
import { auditFollow } from "./audit-follow.ts";
import { auditHead } from "./audit-head.ts";
import { audit, auditList } from "./audit-list.ts";
import { auditShow } from "./audit-show.ts";
import { auditVerify } from "./audit-verify.ts";
import { call } from "./call.ts";
import { check } from "./check.ts";
import type { Command } from "./command.ts";
import { configAllow } from "./config-allow.ts";
import { configCheck } from "./config-check.ts";
import { configDiff } from "./config-diff.ts";
import { configDisallow } from "./config-disallow.ts";
import { configInit } from "./config-init.ts";
import { configMigrate } from "./config-migrate.ts";
import { configShow } from "./config-show.ts";
import { configTest } from "./config-test.ts";
import { doctor } from "./doctor.ts";
import { exec } from "./exec.ts";
import { fleetAdd } from "./fleet-add.ts";
import { fleetEnroll } from "./fleet-enroll.ts";
import { fleetInvite } from "./fleet-invite.ts";
import { fleetKey } from "./fleet-key.ts";
import { fleetRemove } from "./fleet-remove.ts";
import { fleetRotate } from "./fleet-rotate.ts";
import { fleetUpgrade } from "./fleet-upgrade.ts";
import { gateway } from "./gateway.ts";
import { gatewayCheck } from "./gateway-check.ts";
import { gatewayInit } from "./gateway-init.ts";
import { gatewayInstall } from "./gateway-install.ts";
import { gatewayUninstall } from "./gateway-uninstall.ts";
import { grants, grantsList } from "./grants-list.ts";
import { grantsRevoke } from "./grants-revoke.ts";
import { explain } from "./explain.ts";
import { natsAccounts } from "./nats-accounts.ts";
import { natsKey } from "./nats-key.ts";
import { ping } from "./ping.ts";
import { projects } from "./projects.ts";
import { pull } from "./pull.ts";
import { push } from "./push.ts";
import { runBoxed } from "./run-box.ts";
import { runsCancel } from "./runs-cancel.ts";
import { runs, runsList } from "./runs-list.ts";
import { runsShow } from "./runs-show.ts";
import { runsTail } from "./runs-tail.ts";
import { serve } from "./serve.ts";
import { serviceInstall } from "./service-install.ts";
import { serviceLogs } from "./service-logs.ts";
import { serviceRestart } from "./service-restart.ts";
import { serviceStatus } from "./service-status.ts";
import { serviceUninstall } from "./service-uninstall.ts";
import { resume } from "./resume.ts";
import { stats } from "./stats.ts";
import { stop } from "./stop.ts";
import { sessionStart } from "./session-start.ts";
import { setup } from "./setup.ts";
import { suggestSubmodules } from "./suggest-submodules.ts";
import { targetAdd } from "./target-add.ts";
import { targetRemove } from "./target-remove.ts";
import { targetTag } from "./target-tag.ts";
import { targets } from "./targets.ts";
import { templates, templatesShow } from "./templates.ts";
import { tokenList } from "./token-list.ts";
import { tokenMint } from "./token-mint.ts";
import { tokenRevoke } from "./token-revoke.ts";
import { tokenRotate } from "./token-rotate.ts";
import { ui } from "./ui.ts";

/** Every subcommand, in the order of --help. */
export const COMMANDS: readonly Command[] = [
  setup,
  runBoxed,
  serve,
  call,
  check,
  doctor,
  explain,
  configInit,
  configShow,
  configCheck,
  configTest,
  configDiff,
  configAllow,
  configDisallow,
  configMigrate,
  tokenMint,
  tokenList,
  tokenRevoke,
  tokenRotate,
  sessionStart,
  approvals,
  approvalsList,
  approvalsShow,
  approvalsAllow,
  approvalsDeny,
  approvalsWatch,
  grants,
  grantsList,
  grantsRevoke,
  stop,
  resume,
  stats,
  runs,
  runsList,
  runsShow,
  runsTail,
  runsCancel,
  audit,
  auditList,
  auditShow,
  auditFollow,
  auditVerify,
  auditExport,
  auditHead,
  ui,
  serviceInstall,
  serviceUninstall,
  serviceStatus,
  serviceRestart,
  serviceLogs,
  agent,
  agentInit,
  agentEnroll,
  agentInstall,
  agentUninstall,
  gateway,
  gatewayInit,
  gatewayCheck,
  gatewayInstall,
  gatewayUninstall,
  natsKey,
  natsAccounts,
  exec,
  targets,
  push,
  pull,
  ping,
  targetAdd,
  targetRemove,
  targetTag,
  fleetEnroll,
  fleetUpgrade,
  fleetAdd,
  fleetInvite,
  fleetRemove,
  fleetKey,
  fleetRotate,
  projects,
  templates,
  templatesShow,
  suggestSubmodules,
];

/** What the words that only group subcommands are about. */
export const GROUPS: ReadonlyMap<string, string> = new Map([
  ["config", "Write, check and approve project configurations."],
  ["token", "Make, list and end session tokens."],
  ["service", "Have the daemon run in the background."],
  ["session", "Give containers their tokens."],
  ["target", "Add, remove and tag the machines that a gateway knows."],
  ["fleet", "Take machines into the fleet, bring them up to date, and change the gateway's key."],
]);
