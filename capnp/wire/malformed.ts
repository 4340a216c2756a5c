/** Bytes that Cap'n Proto does not allow, or more of them than a limit of ours. What follows them on a connection cannot be read. */
export class Malformed extends Error {
  override readonly name = "Malformed";
}
