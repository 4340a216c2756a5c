import { createHash, randomBytes } from "node:crypto";
import type { Session } from "./token-store.ts";

/** For whom a gateway may ask, so that two callers with long names do not become one. */
const MAX_SESSIONS = 4_096;
const HALF = 32;

function half(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex").slice(0, HALF);
}

/**
 * Sessions of those who proved who they are by a link, and so have no token. Each caller of a circle of gateways, which may be a single one, is a session
 * of its own: what one started another one does not see. A session is known inside of the daemon by a token that is made up and never leaves it.
 */
export class LinkSessions {
  readonly #byToken = new Map<string, Session>();
  readonly #tokens = new Map<string, string>();

  /**
   * The token that stands for a caller of a circle of gateways.
   * @param project the machine's project that this gateway may use
   */
  tokenFor(circle: string, caller: string, project: string): string {
    const key = half(caller) + half(circle);
    const name = `${key} ${project}`;
    const known = this.#tokens.get(name);
    if (known !== undefined) {
      // Whoever comes often is not the oldest.
      this.#tokens.delete(name);
      this.#tokens.set(name, known);
      return known;
    }
    this.#makeRoom();
    const token = randomBytes(32).toString("hex");
    this.#tokens.set(name, token);
    this.#byToken.set(token, { id: key.slice(0, 8), key, projectId: project, repo: "" });
    return token;
  }

  authenticate(token: string): Session | undefined {
    return this.#byToken.get(token);
  }

  /** True for the session of a caller of one of these circles, whether it has asked since the start or not. */
  isValid(key: string, circles: readonly string[]): boolean {
    return circles.some((circle) => key.length === 2 * HALF && key.slice(HALF) === half(circle));
  }

  /** The one that came longest ago goes; its caller gets another token when it comes again, and the same session. */
  #makeRoom(): void {
    if (this.#tokens.size < MAX_SESSIONS) return;
    for (const [name, token] of this.#tokens) {
      this.#tokens.delete(name);
      this.#byToken.delete(token);
      return;
    }
  }
}
