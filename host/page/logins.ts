import { randomBytes } from "node:crypto";
import { setMaxListeners } from "node:events";
import { CodedError } from "../../wire/errors.ts";
import { sha256Hex, equalInConstantTime } from "../util/hash.ts";

/** How long a login code is good for. */
export const CODE_MS = 60_000;
/** A login ends then at the latest. */
export const SESSION_MS = 12 * 60 * 60 * 1_000;
const MAX_CODES = 16;
const MAX_SESSIONS = 8;

/** 256 random bits as they can stand in an address. */
function secret(): string {
  return randomBytes(32).toString("base64url");
}

/** What is kept of a secret: enough to know it again. */
function digest(text: string): string {
  return sha256Hex(Buffer.from(text, "utf8"));
}

interface Code {
  readonly digest: string;
  readonly expires: number;
  /** What it was exchanged for. */
  session: PageSession | undefined;
}

/** One browser tab that is logged in. */
export interface PageSession {
  readonly cookie: string;
  readonly token: string;
  readonly expires: number;
  /** Ends what is open for it. */
  readonly ended: AbortController;
}

/** What a login gives to the browser. Both are needed from then on: the cookie no script can read, the token no other port is sent. */
export interface Login {
  readonly cookie: string;
  readonly token: string;
}

/** The one-time codes and the logins of one page. Secrets are kept as digests only, and compared in constant time. */
export class Logins {
  readonly #now: () => number;
  readonly #codeGone: () => void;
  #codes: readonly Code[] = [];
  #sessions: readonly PageSession[] = [];

  /** @param codeGone called when a code was used */
  constructor(now: () => number, codeGone: () => void = () => undefined) {
    this.#now = now;
    this.#codeGone = codeGone;
  }

  /** A new code: good once, for 60 seconds. */
  code(): string {
    const code = secret();
    this.#codes = [
      ...this.#codes.filter(({ session }) => session === undefined || this.#sessions.includes(session)),
      { digest: digest(code), expires: this.#now() + CODE_MS, session: undefined },
    ].slice(-MAX_CODES);
    return code;
  }

  /**
   * Exchanges a code. One that comes a second time was seen by somebody else: what it was exchanged for ends, too.
   * @param carried a cookie that came with it: another tab of the same browser goes on with it
   * @throws CodedError `page_login_refused`
   */
  logIn(code: string, carried = ""): Login {
    const given = digest(code);
    // All are compared, whichever it is.
    const [found] = this.#codes.filter((one) => equalInConstantTime(one.digest, given));
    if (found === undefined || (found.session === undefined && found.expires <= this.#now()))
      throw new CodedError("page_login_refused", "This login is not known, or older than a minute");
    if (found.session !== undefined) {
      this.end(found.session);
      throw new CodedError("page_login_refused", "This login was used before; what it had opened is closed now");
    }
    const cookie = digest(carried);
    const isKnown = this.#sessions.some((session) => equalInConstantTime(session.cookie, cookie));
    const login = { cookie: isKnown ? carried : secret(), token: secret() };
    const session: PageSession = {
      cookie: digest(login.cookie),
      token: digest(login.token),
      expires: this.#now() + SESSION_MS,
      ended: new AbortController(),
    };
    // As many as it has open connections, which are bounded elsewhere.
    setMaxListeners(0, session.ended.signal);
    found.session = session;
    for (const old of this.#sessions.slice(0, Math.max(0, this.#sessions.length - MAX_SESSIONS + 1))) this.end(old);
    this.#sessions = [...this.#sessions, session];
    this.#codeGone();
    return login;
  }

  /** The session that a request belongs to. Undefined when cookie or token are missing, unknown, or of different logins. */
  find(cookie: string | undefined, token: string | undefined): PageSession | undefined {
    if (cookie === undefined || token === undefined) return undefined;
    const given = { cookie: digest(cookie), token: digest(token) };
    const [found] = this.#sessions.filter((session) => {
      const [one, other] = [
        equalInConstantTime(session.cookie, given.cookie),
        equalInConstantTime(session.token, given.token),
      ];
      return one && other;
    });
    if (found === undefined || found.expires > this.#now()) return found;
    this.end(found);
    return undefined;
  }

  end(session: PageSession): void {
    this.#sessions = this.#sessions.filter((one) => one !== session);
    session.ended.abort();
  }

  endAll(): void {
    this.#codes = [];
    for (const session of this.#sessions) this.end(session);
  }
}
