import type { Duplex } from "node:stream";
import type { Msg } from "@nats-io/transport-node";
import { CodedError } from "../wire/errors.ts";
import { printable } from "../wire/text.ts";
import type { NatsClient } from "./client.ts";
import { connectionTerms, type ConnectionOptions } from "./connection-options.ts";
import { NatsDuplex } from "./duplex.ts";
import { decodeMessage, decodeTerms, encodeMessage, encodeTerms, MESSAGE, REFUSAL, type Terms } from "./messages.ts";
import { isNoResponders } from "./no-responders.ts";
import { isToken, nameToken, newToken } from "./subjects.ts";

/**
 * Connects to the machine that listens under this name. The stream behaves as a socket does; when anything is wrong with the way in between, it is
 * destroyed with `target_unreachable`, and never gives wrong bytes. Nothing proves who is at the other end: that is the link's affair.
 * @param signal ends the attempt, with its own reason; the connection does not end with it
 * @throws CodedError `target_unreachable`: at once when nobody listens or there is no server; `link_version`; `nats_unusable`
 */
export async function dial(
  nats: NatsClient,
  name: string,
  signal: AbortSignal,
  options: ConnectionOptions = {},
): Promise<Duplex> {
  signal.throwIfAborted();
  const ends = { machine: nameToken(name), dialler: nats.self };
  const terms = connectionTerms(nats, options);
  const incoming = nats.subjects.from(ends, newToken());
  const asked = nats.subjects.dial(ends);
  const peer = printable(name);
  return new Promise<Duplex>((resolve, reject) => {
    let duplex: NatsDuplex | undefined;
    const unsubscribe = nats.subscribe(incoming, (message) => {
      if (duplex === undefined) answered(message);
      else duplex.receive(message);
    });
    const endStatus = nats.onStatus((status) => {
      if (status.type === "disconnected" || status.type === "closed") fail("the server of NATS was lost");
      else if (status.type === "denied" && (status.subject === asked || status.subject === incoming))
        failWith(new CodedError("nats_unusable", `${peer} over NATS: this machine may not use ${status.subject}`));
    });
    const timer = setTimeout(() => {
      fail("it does not answer");
    }, terms.answerMs);
    signal.addEventListener("abort", aborted);
    try {
      nats.publish(asked, encodeMessage(MESSAGE.dial, 0n, encodeTerms(terms.own)), incoming);
    } catch (error) {
      failWith(error as Error);
    }

    function settled(): void {
      clearTimeout(timer);
      endStatus();
      signal.removeEventListener("abort", aborted);
    }
    function failWith(error: Error): void {
      settled();
      unsubscribe();
      reject(error);
    }
    function fail(why: string): void {
      failWith(new CodedError("target_unreachable", `${peer} over NATS: ${why}`));
    }
    function aborted(): void {
      failWith(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    }
    function answered(message: Msg): void {
      if (isNoResponders(message)) {
        fail("no machine of this name is there");
        return;
      }
      const answer = answerOf(message);
      if (answer === "version")
        failWith(new CodedError("link_version", `${peer} over NATS: it speaks another version`));
      else if (answer === "full") fail("it takes no more connections");
      else if (answer === undefined) fail("the answer is none");
      else {
        settled();
        duplex = new NatsDuplex(nats, terms, {
          peer,
          incoming,
          outgoing: nats.subjects.to(ends, answer.token),
          theirs: answer.terms,
          nextIncoming: 1n,
          unsubscribe,
        });
        // Until then the other end has told nobody of us.
        duplex.greet();
        resolve(duplex);
      }
    }
  });
}

type Answer = "version" | "full" | { readonly token: string; readonly terms: Terms } | undefined;

function answerOf(message: Msg): Answer {
  const { type, sequence, payload } = decodeMessage(message.data) ?? {};
  if (sequence !== 0n || payload === undefined) return undefined;
  if (type === MESSAGE.refuse) return payload[0] === REFUSAL.full ? "full" : "version";
  const accepted = type === MESSAGE.accept ? decodeTerms(payload) : undefined;
  const token = accepted?.rest.toString("latin1") ?? "";
  return accepted !== undefined && isToken(token) ? { token, terms: accepted } : undefined;
}
