/** What clients of the original get for a request that cannot be read: a status, and a line of text instead of JSON. */
export class Rejection extends Error {
  override readonly name = "Rejection";
  readonly status: 400 | 408 | 413 | 415 | 422;

  constructor(status: Rejection["status"], text: string) {
    super(text);
    this.status = status;
  }
}
