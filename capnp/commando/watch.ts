import type { Connection } from "../rpc/connection.ts";
import { RpcException } from "../rpc/exception.ts";

/**
 * Notices an agent that has fallen silent while commands run on it, for however long they may run: it is pinged when nothing was heard, and given
 * up when nothing comes then either. While it is us who do not read, its silence says nothing.
 */
export class Watch {
  readonly #connection: Connection;
  readonly #silenceMs: number;
  readonly #ping: () => void;
  #commands = 0;
  #timer: NodeJS.Timeout | undefined;
  #since = 0;
  #isAsked = false;

  /** @param silenceMs after which it is pinged, and after which again it is given up */
  constructor(connection: Connection, silenceMs: number, ping: () => void) {
    this.#connection = connection;
    this.#silenceMs = silenceMs;
    this.#ping = ping;
  }

  /** Another command runs, until the returned function is called. */
  begin(): () => void {
    if (this.#commands++ === 0) {
      this.#hear();
      this.#timer = setInterval(() => {
        this.#look();
      }, this.#silenceMs);
    }
    return () => {
      if (--this.#commands === 0) clearInterval(this.#timer);
    };
  }

  #hear(): void {
    this.#since = performance.now();
    this.#isAsked = false;
  }

  #look(): void {
    if (this.#connection.isHeld || this.#connection.heardAt > this.#since) this.#hear();
    else if (!this.#isAsked) {
      this.#isAsked = true;
      this.#ping();
    } else
      this.#connection.close(new RpcException("disconnected", `nothing came for ${2 * this.#silenceMs} ms or longer`));
  }
}
