/**
 * The one place for schemas. Types are derived from them, `schema/*.json` and docs/config.md are generated from them, and
 * the validators in `wire/generated` are compiled from them. Lengths are bytes of UTF-8, times are seconds, unless said.
 *
 * For every list: *missing* and *empty* mean the same, "none", and none is never "all".
 */

export * from "./schema/params-and-flags.ts";
export * from "./schema/operation-approval.ts";
export * from "./schema/limits.ts";
export * from "./schema/redact.ts";
export * from "./schema/fleet-operation.ts";
export * from "./schema/machine.ts";
export * from "./schema/operation.ts";
export * from "./schema/project.ts";
export * from "./schema/daemon-config.ts";
export * from "./schema/token.ts";
export * from "./schema/requests.ts";
export * from "./schema/owner-requests.ts";
export * from "./schema/cases.ts";
export * from "./schema/replies.ts";
export * from "./schema/runs.ts";
export * from "./schema/approvals.ts";
export * from "./schema/stats.ts";
export * from "./schema/explanation.ts";
export * from "./schema/fleet-request.ts";
export * from "./schema/page.ts";
export * from "./schema/pong.ts";
export * from "./schema/passed-on.ts";
export * from "./schema/frames.ts";
export * from "./schema/link.ts";
export * from "./schema/gateway-config.ts";
export * from "./schema/targets-file.ts";
export * from "./schema/validated.ts";
