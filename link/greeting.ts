import { CodedError } from "../wire/errors.ts";
import { printable } from "../wire/text.ts";
import type { LinkBye, LinkHello, LinkWelcome } from "../wire/schema.ts";
import { cancelled } from "../wire/client-connect.ts";
import { Carrier, type Receiver } from "./carrier.ts";
import { demand, LinkFault } from "./fault.ts";
import { byeMessage, readBye, readPayload, versionWords } from "./hello.ts";
import { MESSAGE, type Message } from "./message.ts";
import type { Secured } from "./tls.ts";

/**
 * The first message of a connection, or a goodbye: no other one is looked at before `begin` has taken the carrier over. Throws `LinkFault` when none
 * came in time.
 * @param opening what is said before
 */
export async function firstMessage(
  secured: Secured,
  expected: number,
  signal: AbortSignal,
  begin: (carrier: Carrier, message: Message) => void,
  opening?: Buffer,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      carrier.drop("no hello in time");
    };
    const settle = (): void => {
      signal.removeEventListener("abort", abort);
    };
    const receiver: Receiver = {
      message: (message) => {
        demand(
          message.type === expected || message.type === MESSAGE.bye,
          `a message of type ${message.type} before the hello`,
        );
        settle();
        begin(carrier, message);
        resolve();
      },
      room: () => undefined,
      broken: (fault) => {
        settle();
        carrier.close(byeMessage({ reason: "broken", detail: fault.message }));
        reject(fault);
      },
      lost: (why) => {
        settle();
        reject(new LinkFault(why));
      },
    };
    const carrier = new Carrier(secured.stream, receiver);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    if (opening !== undefined) carrier.send(opening);
  });
}

/**
 * The listener's side: reads the hello and gives it, with the carrier, to whoever answers it. Throws `LinkFault` when none came in time, and what `begin`
 * throws of these.
 */
export async function hear(
  secured: Secured,
  signal: AbortSignal,
  begin: (carrier: Carrier, hello: LinkHello) => void,
): Promise<void> {
  await firstMessage(secured, MESSAGE.hello, signal, (carrier, message) => {
    demand(message.type === MESSAGE.hello, "a goodbye before the hello");
    begin(carrier, readPayload("link_hello", message));
  });
}

/** What an answer other than a welcome means. */
function refusal(who: string, bye: LinkBye): CodedError {
  if (bye.reason === "version")
    return new CodedError("link_version", versionWords(who, bye.link_min, bye.link_max, bye.software));
  return new CodedError(
    "link_refused",
    printable(`${who}: ${bye.reason}${bye.detail === undefined ? "" : `: ${bye.detail}`}`),
  );
}

/**
 * The dialler's side: says hello, and gives the answer to whoever goes on.
 * @throws CodedError `link_refused`, `link_version`, `target_unreachable`, `cancelled`
 */
export async function greet(
  secured: Secured,
  who: string,
  hello: Buffer,
  signal: AbortSignal,
  begin: (carrier: Carrier, welcome: LinkWelcome) => void,
): Promise<void> {
  let refused: CodedError | undefined;
  try {
    await firstMessage(
      secured,
      MESSAGE.welcome,
      signal,
      (carrier, message) => {
        if (message.type === MESSAGE.welcome) {
          begin(carrier, readPayload("link_welcome", message));
          return;
        }
        refused = refusal(who, readBye(message));
        carrier.drop("refused");
      },
      hello,
    );
  } catch (error) {
    if (!(error instanceof LinkFault)) throw error;
    if (refused === undefined && signal.aborted) throw cancelled();
    refused ??= new CodedError("target_unreachable", printable(`${who}: no answer to the hello: ${error.message}`));
  }
  if (refused !== undefined) throw refused;
}
