import type { LinkHello, LinkWelcome } from "../wire/schema.ts";
import { factsOf, type Manner } from "./hello.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { LinkIdentity } from "./identity.ts";
import { KeyChange } from "./key-change.ts";
import type { LinkEvents } from "./peer.ts";
import type { Pins } from "./pins.ts";
import { Session } from "./session.ts";

/** What sessions of one end have in common. */
export interface Home {
  readonly identity: LinkIdentity;
  readonly pins: Pins;
  readonly events: LinkEvents;
  readonly manner: Manner;
  readonly isDialler: boolean;
}

export interface Beginning {
  readonly id: string;
  readonly name: string;
  readonly fingerprint: Fingerprint;
  readonly their: LinkHello | LinkWelcome;
  /** It is over, and `events.lost` follows. */
  readonly over: (session: Session) => void;
}

/** A session that was agreed on, and waits for its carrier. */
export function beginSession(home: Home, { id, name, fingerprint, their, over }: Beginning): Session {
  const { events, manner } = home;
  const { stream: onStream } = events;
  const keys = new KeyChange(home.identity, home.pins, events.warn ?? (() => undefined));
  const session: Session = new Session({
    id,
    name,
    fingerprint,
    isDialler: home.isDialler,
    facts: factsOf(their),
    leaseMs: Math.min(manner.leaseMs, their.lease_ms),
    own: manner,
    their,
    keys,
    owner: {
      stalled: (why) => events.stalled?.(session, why),
      resumed: () => events.resumed?.(session),
      over: () => {
        over(session);
        events.lost?.(session);
      },
      stream:
        onStream === undefined
          ? undefined
          : (stream) => {
              onStream(stream, session);
            },
    },
  });
  return session;
}
