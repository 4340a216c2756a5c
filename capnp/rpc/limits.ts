/** What one connection may take. */
export interface ConnectionLimits {
  /** Greatest message of the peer, in bytes. */
  readonly messageBytes: number;
  /** Calls of the peer that run, or whose answer it has not let go. One more ends the connection. */
  readonly answers: number;
  /** Bytes of the messages of calls that run. One that goes beyond is refused. */
  readonly runningBytes: number;
  /** Bytes of answers that the peer has not read. Nothing is read of a peer that has let more pile up. */
  readonly unreadBytes: number;
  /** Calls of ours that have no answer. */
  readonly questions: number;
  /** Objects of ours that the peer may call. */
  readonly exports: number;
  /** Capabilities of the peer that we hold. More end the connection. */
  readonly imports: number;
}
