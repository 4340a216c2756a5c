import { CodedError } from "../../wire/errors.ts";
import type { OutcomeFields } from "../../wire/schema.ts";
import type { Audit } from "../../host/audit/audit.ts";
import type { Ruling } from "../../host/approval/approvals.ts";
import { DEFAULT_RULES } from "../../host/redact/redact-rules.ts";
import type { Redaction } from "../../host/redact/redaction.ts";
import type { KnownTarget } from "../registry/known-target.ts";
import type { Asked } from "./asked.ts";
import type { AuditCopy } from "./audit-copy.ts";
import { codeOf } from "./outcome.ts";

/** What is known of a request when it was decided. */
export interface Decided {
  readonly target: KnownTarget | undefined;
  readonly error?: CodedError;
  readonly ruling?: Ruling | undefined;
}

/** Writes what callers asked for, and how it ended: into the audit, and in the original's form where that is wanted. */
export class Recorder {
  readonly #audit: Audit;
  readonly #redaction: Pick<Redaction, "for">;
  readonly #copy: AuditCopy | undefined;

  constructor(audit: Audit, redaction: Pick<Redaction, "for">, copy: AuditCopy | undefined) {
    this.#audit = audit;
    this.#redaction = redaction;
    this.#copy = copy;
  }

  /** Takes secrets out of a text. */
  mask(text: string): string {
    return this.#redaction.for({ token: "", rules: DEFAULT_RULES, environment: undefined }).redactText(text).text;
  }

  /** @throws CodedError `audit_unavailable`: then nothing may be sent */
  permitted(asked: Asked, target: KnownTarget, ruling: Ruling | undefined): void {
    this.#decided(asked, { target, ruling });
  }

  /** Nothing was sent, so it stands even when it cannot be recorded. */
  denied(asked: Asked, target: KnownTarget | undefined, error: CodedError): void {
    try {
      this.#decided(asked, { target, error });
    } catch (unrecorded) {
      if (!(unrecorded instanceof CodedError) || unrecorded.code !== "audit_unavailable") throw unrecorded;
    }
    this.#copy?.refused(this.#copied(asked), error.message);
  }

  ended(asked: Asked, outcome: OutcomeFields, durationMs: number): void {
    const isDenied = outcome.outcome === "denied";
    this.#audit.ended({
      id: asked.id,
      outcome: outcome.outcome === "completed" ? "completed" : "failed",
      code: codeOf(outcome),
      exitCode: outcome.exit_code,
      durationMs,
      stdoutBytes: outcome.stdout_bytes,
      stderrBytes: outcome.stderr_bytes,
      outputDigest: undefined,
      redacted: outcome.redacted ?? 0,
    });
    if (isDenied) this.#copy?.refused(this.#copied(asked), outcome.message ?? "denied");
    else this.#copy?.ran(this.#copied(asked), outcome.exit_code, durationMs);
  }

  #copied({ id, target, argv, route }: Asked) {
    return { id, target, command: this.mask(argv.at(-1) ?? ""), source: route === "mcp" ? "mcp" : "rest" } as const;
  }

  #decided(asked: Asked, { target, error, ruling }: Decided): void {
    const { id, caller, peer, transport, route, operation, argv } = asked;
    this.#audit.decided({
      id,
      origin: { peer, transport, session: undefined, requestId: undefined, caller: caller.name },
      project: undefined,
      configHash: undefined,
      operation,
      route,
      target: asked.target,
      targetSource: target?.source,
      node: target?.node,
      verdict: error === undefined ? "permit" : "deny",
      code: error?.code,
      message: error === undefined ? undefined : this.mask(error.message),
      rule: error?.code ?? ruling?.rule ?? `caller:${caller.name}`,
      approver: ruling?.approver,
      argv: argv.map((word) => this.mask(word)),
      cwd: undefined,
      stdinDigest: undefined,
    });
  }
}
