import type { TSchema } from "typebox";
import { ApprovalsReplyFile, GrantsReplyFile, WebhookAnswerFile } from "./approvals.ts";
import { CasesFile } from "./cases.ts";
import { DaemonFile } from "./daemon-config.ts";
import { ExplanationReplyFile } from "./explanation.ts";
import { FleetRequestFile } from "./fleet-request.ts";
import { AcceptedFile, HelloFile, NoticeFile, OutcomeFile } from "./frames.ts";
import {
  AnswerApprovalRequestFile,
  ExplainRequestFile,
  ListApprovalsRequestFile,
  ListGrantsRequestFile,
  PageRequestFile,
  RevokeGrantsRequestFile,
  StatsRequestFile,
} from "./owner-requests.ts";
import {
  EnrolAnswerFile,
  EnrolAskFile,
  EnrolmentFile,
  LinkByeFile,
  LinkHelloFile,
  LinkKeyFile,
  LinkKeyPinnedFile,
  LinkWelcomeFile,
  PinFile,
} from "./link.ts";
import { PageReplyFile } from "./page.ts";
import { PassedOnFile } from "./passed-on.ts";
import { PingRequestFile, PongReplyFile } from "./pong.ts";
import { ProjectFile } from "./project.ts";
import { DescribeReplyFile, ListReplyFile, OperationReplyFile } from "./replies.ts";
import {
  CancelRunRequestFile,
  DescribeRequestFile,
  ExplainOperationRequestFile,
  ListRequestFile,
  ListRunsRequestFile,
  McpSessionRequestFile,
  OperationRequestFile,
  ReadOutputRequestFile,
  RunStatusRequestFile,
  WatchRequestFile,
} from "./requests.ts";
import { GatewayFile } from "./gateway-config.ts";
import { OutputReplyFile, RunReplyFile, RunsReplyFile } from "./runs.ts";
import { StatsReplyFile } from "./stats.ts";
import { TargetsFile } from "./targets-file.ts";
import { TokenFile } from "./token.ts";

/** Schemas that get a compiled validator, by the name of what they describe. */
export const VALIDATED = {
  daemon_config: DaemonFile,
  project_config: ProjectFile,
  token_binding: TokenFile,
  cases_file: CasesFile,
  operation_request: OperationRequestFile,
  list_request: ListRequestFile,
  describe_request: DescribeRequestFile,
  operation_reply: OperationReplyFile,
  list_reply: ListReplyFile,
  describe_reply: DescribeReplyFile,
  run_status_request: RunStatusRequestFile,
  read_output_request: ReadOutputRequestFile,
  cancel_run_request: CancelRunRequestFile,
  list_runs_request: ListRunsRequestFile,
  watch_request: WatchRequestFile,
  mcp_session_request: McpSessionRequestFile,
  explain_operation_request: ExplainOperationRequestFile,
  explain_request: ExplainRequestFile,
  explanation_reply: ExplanationReplyFile,
  list_approvals_request: ListApprovalsRequestFile,
  answer_approval_request: AnswerApprovalRequestFile,
  list_grants_request: ListGrantsRequestFile,
  revoke_grants_request: RevokeGrantsRequestFile,
  stats_request: StatsRequestFile,
  stats_reply: StatsReplyFile,
  webhook_answer: WebhookAnswerFile,
  approvals_reply: ApprovalsReplyFile,
  grants_reply: GrantsReplyFile,
  passed_on: PassedOnFile,
  fleet_request: FleetRequestFile,
  ping_request: PingRequestFile,
  pong_reply: PongReplyFile,
  page_request: PageRequestFile,
  page_reply: PageReplyFile,
  run_reply: RunReplyFile,
  output_reply: OutputReplyFile,
  runs_reply: RunsReplyFile,
  hello: HelloFile,
  accepted: AcceptedFile,
  notice: NoticeFile,
  outcome: OutcomeFile,
  pin: PinFile,
  link_hello: LinkHelloFile,
  link_welcome: LinkWelcomeFile,
  link_bye: LinkByeFile,
  link_key: LinkKeyFile,
  link_key_pinned: LinkKeyPinnedFile,
  enrol_ask: EnrolAskFile,
  enrol_answer: EnrolAnswerFile,
  enrolment: EnrolmentFile,
  gateway_config: GatewayFile,
  targets_file: TargetsFile,
} as const satisfies Record<string, TSchema>;

export type ValidatedName = keyof typeof VALIDATED;
