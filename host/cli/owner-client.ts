import { DaemonClient, type Address } from "../../wire/client.ts";
import { exchange } from "../../wire/client-exchange.ts";
import { typedReply, type AskedReply } from "../../wire/client-reply.ts";
import { CLIENT_REPLY_TIMEOUT_MS } from "../../wire/limits.ts";
import type { Types } from "../../wire/parse.ts";
import { CODES, type Code } from "../../wire/codes.ts";
import type { CallOptions, PageRequest } from "../../wire/daemon-calls.ts";
import { CodedError, errnoOf } from "../../wire/errors.ts";
import type { AnswerKind } from "../../wire/names.ts";
import type {
  Explanation,
  GrantFields,
  OutputPage,
  PendingApproval,
  RunInfo,
  RunReply,
  ServedPage,
  Stats,
} from "../../wire/schema.ts";
import { printable } from "../../wire/text.ts";
import type { BaseDirectory } from "../util/base-directory.ts";
import { shortSocketPath } from "../util/short-socket-path.ts";

interface Trouble {
  readonly error?: string;
  readonly code?: string;
  readonly hint?: string;
}

function isCode(text: string | undefined): text is Code {
  return text !== undefined && Object.hasOwn(CODES, text);
}

/** What the daemon said instead of what it was asked for. */
export function refusal({ error, code, hint }: Trouble): CodedError {
  if (code === "run_unknown")
    return new CodedError(code, error ?? "No such run", { hint: "It may have been removed; see cmd2host runs." });
  if (!isCode(code)) return new CodedError("reply_invalid", error ?? "the daemon's reply is empty");
  return new CodedError(code, error ?? code, hint === undefined ? {} : { hint });
}

/** The runs of a daemon as the owner of the host sees them: those of all sessions. Every method throws `CodedError`. */
export class OwnerClient {
  readonly #client: DaemonClient;
  readonly #address: Address;
  readonly #lockSocket: string;

  /** @param path a path under which the socket can be connected to */
  constructor(path: string, lockSocket: string) {
    this.#address = { kind: "unix", path };
    this.#client = new DaemonClient(this.#address, "");
    this.#lockSocket = lockSocket;
  }

  /** Newest first; the daemon gives 1,000 at most. */
  async runs(): Promise<readonly RunInfo[]> {
    const reply = await this.#asked(async () => this.#client.runs());
    if (reply.runs === undefined || reply.runs === null) throw refusal(reply);
    return reply.runs;
  }

  /** @param waitSeconds returns earlier when the run ends; at most 300 */
  async status(id: string, waitSeconds: number, options?: CallOptions): Promise<RunInfo> {
    return this.#run(async () => this.#client.status(id, waitSeconds, options));
  }

  async cancel(id: string): Promise<RunInfo> {
    return this.#run(async () => this.#client.cancel(id));
  }

  async read(request: PageRequest, options?: CallOptions): Promise<OutputPage> {
    const reply = await this.#asked(async () => this.#client.read(request, options));
    if (reply.page === undefined || reply.page === null) throw refusal(reply);
    return reply.page;
  }

  /** Calls that wait for approval, at once or when the revision is not `known` any more. @param waitSeconds at most 300 */
  async approvals(
    known: string,
    waitSeconds: number,
    options?: CallOptions,
  ): Promise<{ readonly approvals: readonly PendingApproval[]; readonly revision: string }> {
    const fields = { list_approvals: known, wait_seconds: waitSeconds };
    const { approvals, revision = "", ...trouble } = await this.#ask("approvals_reply", fields, waitSeconds, options);
    if (approvals === undefined || approvals === null) throw refusal(trouble);
    return { approvals, revision };
  }

  /** Gives the grant that was made, if the answer makes one. */
  async answer(
    id: string,
    said: { readonly answer: AnswerKind; readonly seconds?: number | undefined; readonly note?: string | undefined },
  ): Promise<readonly GrantFields[]> {
    return this.#grants({ answer_approval: id, ...said });
  }

  /** What would become of a request. @param request as on the wire, without a token */
  async explain(project: string, request: object): Promise<Explanation> {
    const { explanation, ...trouble } = await this.#ask("explanation_reply", { explain: { project, request } }, 0);
    if (explanation === undefined || explanation === null) throw refusal(trouble);
    return explanation;
  }

  /** Newest first. */
  async grants(): Promise<readonly GrantFields[]> {
    return this.#grants({ list_grants: true });
  }

  /** Gives those that were taken back. */
  async revokeGrants({
    ids,
    ...which
  }: {
    readonly ids: readonly string[];
    readonly project: string | undefined;
    readonly session: string | undefined;
    readonly all: boolean;
  }): Promise<readonly GrantFields[]> {
    return this.#grants({ revoke_grants: ids, ...which });
  }

  /** What was counted since the daemon started. @param project only its operations */
  async stats(project: string | undefined): Promise<Stats> {
    const { stats, ...trouble } = await this.#ask("stats_reply", { stats: { project } }, 0);
    if (stats === undefined || stats === null) throw refusal(trouble);
    return stats;
  }

  async #grants(fields: object): Promise<readonly GrantFields[]> {
    const { grants, ...trouble } = await this.#ask("grants_reply", fields, 0);
    if (grants === undefined || grants === null) throw refusal(trouble);
    return grants;
  }

  async #ask<N extends AskedReply>(
    name: N,
    fields: object,
    waitSeconds: number,
    options?: CallOptions,
  ): Promise<Types[N]> {
    const timeoutMs = CLIENT_REPLY_TIMEOUT_MS + waitSeconds * 1_000;
    return this.#asked(async () =>
      typedReply(name, await exchange(this.#address, { protocol: 2, ...fields }, timeoutMs, options?.signal)),
    );
  }

  /** Serves the page, or ends it. */
  async page(wanted: { readonly socket?: string; readonly stop?: boolean }): Promise<ServedPage> {
    const reply = await this.#asked(async () => this.#client.page(wanted));
    if (reply.page === undefined || reply.page === null) throw refusal(reply);
    return reply.page;
  }

  async #run(call: () => Promise<RunReply>): Promise<RunInfo> {
    const reply = await this.#asked(call);
    if (reply.run === undefined || reply.run === null) throw refusal(reply);
    return reply.run;
  }

  async #asked<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== "daemon_unreachable") throw error;
      throw unreachable(this.#lockSocket, error.message.slice(error.message.lastIndexOf(": ") + 2));
    }
  }
}

function unreachable(lockSocket: string, why: string): CodedError {
  return new CodedError("daemon_unreachable", `no daemon answers at ${printable(lockSocket)}: ${why}`, {
    hint: "Start it with cmd2host serve. If it runs, it has another CMD2HOST_CONFIG_DIR or belongs to another user.",
  });
}

/**
 * Talks with the daemon of a base directory as the owner of the host, through the socket that only the owner can open.
 * @throws CodedError `daemon_unreachable`, and what `work` throws
 */
export async function asOwner<T>({ lockSocket }: BaseDirectory, work: (owner: OwnerClient) => Promise<T>): Promise<T> {
  let short;
  try {
    short = shortSocketPath(lockSocket);
  } catch (error) {
    throw unreachable(lockSocket, errnoOf(error) ?? "the directory cannot be opened");
  }
  try {
    return await work(new OwnerClient(short.path, lockSocket));
  } finally {
    short.done();
  }
}
