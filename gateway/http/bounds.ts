/** What bounds those who have not shown a key. It is handed in: host/exchange/limits.ts has both. */

/** Where failed authentications wait before they are answered. */
export interface Penalty {
  /** Resolves true after a delay, or false at once when no place is left to wait. */
  serve(): Promise<boolean>;
}

/** A connection as far as its place is concerned. */
export interface Limited {
  readonly peerId: string;
  /** Closes it without an answer. */
  drop(): void;
}

/** Places of connections. When one too many comes, the one that was idle for longest is closed. */
export interface Places {
  /** False when there is no place for it. It is idle until `busy`. */
  admit(connection: Limited): boolean;
  busy(connection: Limited): void;
  idle(connection: Limited): void;
  leave(connection: Limited): void;
}
