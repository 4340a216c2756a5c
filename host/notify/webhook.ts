import { setTimeout as sleep } from "node:timers/promises";
import { CodedError, messageOf } from "../../wire/errors.ts";
import { ANSWERS } from "../../wire/names.ts";
import { check } from "../../wire/parse.ts";
import { printable, shortened } from "../../wire/text.ts";
import type { Answer, Ending, Pending } from "../approval/approvals.ts";
import { readTrusted } from "../util/read-trusted.ts";
import { carriedArguments } from "./call-text.ts";
import type { Notifier } from "./notifier.ts";
import { faultOf, sign, SIGNATURE_HEADER } from "./signature.ts";

const ATTEMPTS = 3;
const BETWEEN_MS = 1_000;
const TIMEOUT_MS = 20_000;
/** A receiver that keeps a question open for an answer may do so for this long. */
const POLL_TIMEOUT_MS = 60_000;
const MIN_KEY_BYTES = 32;
const MAX_KEY_BYTES = 4_096;
const MAX_ANSWER_BYTES = 16_384;

export interface WebhookSettings {
  readonly url: string;
  readonly secretFile: string;
}

/** What came back. */
interface Got {
  readonly status: number;
  readonly signature: string | null;
  readonly body: string;
}

/** At most so many bytes of a body; a longer one is not read on. */
async function bodyOf(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return "";
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = (await reader.read()) as { done: boolean; value: Uint8Array | undefined };
    if (done || value === undefined) return Buffer.concat(parts).toString("utf8");
    length += value.length;
    if (length > MAX_ANSWER_BYTES) {
      await reader.cancel();
      throw new RangeError(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    }
    parts.push(value);
  }
}

/**
 * Tells a service of the owner's (a phone, a chat bot) that a call waits, by a signed POST, and takes a signed answer: in the response, or, when
 * the response is 202, by asking again with GET until there is one. Both ways only we connect, so nothing has to reach this host.
 */
export class WebhookNotifier implements Notifier {
  readonly name: string;
  readonly #settings: WebhookSettings;
  readonly #warn: (message: string) => void;

  constructor(name: string, settings: WebhookSettings, warn: (message: string) => void) {
    this.name = name;
    this.#settings = settings;
    this.#warn = (message) => {
      warn(`webhook ${name}: ${message}`);
    };
  }

  async asked(pending: Pending, answer: (answer: Answer) => void, signal: AbortSignal): Promise<void> {
    const body = JSON.stringify({ event: "approval.asked", ...askedFields(pending) });
    try {
      let got = await this.#posted(body, signal);
      while (got?.status === 202 && !signal.aborted) got = await this.#polled(pending, signal);
      if (got?.status === 200 && got.body.trim() !== "") this.#take(got, pending, answer);
    } catch (error) {
      if (!signal.aborted) this.#warn(printable(shortened(messageOf(error), 300)));
    }
  }

  async settled(pending: Pending, how: Ending): Promise<void> {
    const { id, digest } = pending.card;
    try {
      await this.#posted(
        JSON.stringify({ event: "approval.settled", id, digest, how }),
        AbortSignal.timeout(TIMEOUT_MS),
      );
    } catch (error) {
      this.#warn(printable(shortened(messageOf(error), 300)));
    }
  }

  #key(): Buffer {
    const file = readTrusted(this.#settings.secretFile, MAX_KEY_BYTES);
    if (file === undefined) throw new Error("its secret_file is missing");
    // A line end that an editor puts there is not part of the key.
    const key = Buffer.from(file.bytes.toString("latin1").replace(/\r?\n$/, ""), "latin1");
    if (key.length < MIN_KEY_BYTES) throw new Error(`its secret_file holds less than ${MIN_KEY_BYTES} bytes`);
    return key;
  }

  async #posted(body: string, signal: AbortSignal): Promise<Got | undefined> {
    for (let attempt = 1; ; attempt++) {
      try {
        const got = await this.#send("POST", this.#settings.url, body, signal, TIMEOUT_MS);
        if (got.status < 500) {
          if (got.status >= 300) throw new Unheard(`it answered with status ${got.status}`);
          return got;
        }
        if (attempt === ATTEMPTS) throw new Unheard(`it answered with status ${got.status}`);
      } catch (error) {
        if (signal.aborted) return undefined;
        if (error instanceof Unheard || attempt === ATTEMPTS) throw error;
      }
      await sleep(BETWEEN_MS * attempt, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Whether there is an answer by now. */
  async #polled({ card }: Pending, signal: AbortSignal): Promise<Got | undefined> {
    const url = new URL(this.#settings.url);
    url.searchParams.set("id", card.id);
    await sleep(BETWEEN_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return undefined;
    const got = await this.#send("GET", url.href, "", signal, POLL_TIMEOUT_MS);
    if (got.status === 200 || got.status === 202) return got;
    throw new Unheard(`it answered with status ${got.status} when it was asked for the answer`);
  }

  async #send(method: string, url: string, body: string, signal: AbortSignal, timeoutMs: number): Promise<Got> {
    // A GET has no body: what it asks for is signed instead.
    const signed = method === "GET" ? url : body;
    const response = await fetch(url, {
      method,
      redirect: "error",
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      headers: {
        "user-agent": "cmd2host",
        [SIGNATURE_HEADER]: sign(this.#key(), "ask", signed, Date.now()),
        ...(method === "GET" ? {} : { "content-type": "application/json" }),
      },
      ...(method === "GET" ? {} : { body }),
    });
    return { status: response.status, signature: response.headers.get(SIGNATURE_HEADER), body: await bodyOf(response) };
  }

  /** An answer counts when it is signed, fresh, and for exactly what waits. */
  #take({ body, signature }: Got, { card }: Pending, answer: (answer: Answer) => void): void {
    const fault = faultOf(this.#key(), "answer", body, signature, Date.now());
    if (fault !== undefined) {
      this.#warn(`an answer ${fault}; it was ignored`);
      return;
    }
    const read = check("webhook_answer", JSON.parse(body));
    if (!read.ok) {
      this.#warn(`an answer cannot be read: ${read.violation.pointer} ${read.violation.message}`);
      return;
    }
    const { id, digest, answer: kind, seconds, note = "" } = read.value;
    if (id !== card.id || digest !== card.digest) {
      this.#warn("an answer is for another call; it was ignored");
      return;
    }
    const forMs = seconds === undefined ? undefined : seconds * 1_000;
    try {
      answer(kind === "deny" ? { kind, note } : kind === "once" ? { kind } : { kind, forMs });
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#warn(`an answer did not count: ${error.message}`);
    }
  }
}

/** Asking again would not help. */
class Unheard extends Error {}

function askedFields(pending: Pending): object {
  const { card, why, askedAt, deadline, answers, lastAllowed } = pending;
  const { id, digest, plan, requester, title, says } = card;
  const { argv, truncated } = carriedArguments(pending);
  return {
    id,
    digest,
    asked_at: new Date(askedAt).toISOString(),
    expires_at: new Date(deadline.at).toISOString(),
    project: plan.project,
    config: plan.configHash,
    operation: plan.operation,
    title,
    says: shortened(says, 4_096),
    why,
    program: plan.program,
    argv,
    truncated,
    cwd: plan.cwd,
    repo: plan.repo,
    url: plan.url,
    inputs: plan.inputs,
    output: plan.output,
    stdin: plan.stdin,
    commit: plan.commit,
    session: requester.session.id,
    peer: requester.peer,
    route: requester.route,
    answers: ANSWERS.filter((one) => one === "deny" || answers.includes(one)),
    last_allowed: lastAllowed?.at === undefined ? undefined : new Date(lastAllowed.at).toISOString(),
  };
}
