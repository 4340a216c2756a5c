import { Malformed } from "../wire/malformed.ts";
import type { StructReader } from "../wire/reader.ts";

/** More capabilities than this do not come with one message. */
const MAX_CAPABILITIES = 64;

/** Kinds of rows in a message's table of capabilities. */
export const DESCRIPTOR = {
  none: 0,
  sender_hosted: 1,
  sender_promise: 2,
  receiver_hosted: 3,
  receiver_answer: 4,
  third_party_hosted: 5,
} as const;

interface Row {
  readonly id: number;
  /** How often the peer has sent it: so many must be released. */
  received: number;
  /** How many of us hold it. */
  held: number;
}

/** One holder's part in a capability of the peer. */
export class ImportHold {
  readonly id: number;
  readonly #release: () => void;
  #isReleased = false;

  constructor(id: number, release: () => void) {
    this.id = id;
    this.#release = release;
  }

  get isReleased(): boolean {
    return this.#isReleased;
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#release();
  }
}

/** Capabilities of the peer that we hold. One that nobody holds any more is given back. */
export class Imports {
  readonly #rows = new Map<number, Row>();
  readonly #onRelease: (id: number, received: number) => void;
  #limit: number;

  /** @param onRelease tells the peer */
  constructor(limit: number, onRelease: (id: number, received: number) => void) {
    this.#limit = limit;
    this.#onRelease = onRelease;
  }

  get size(): number {
    return this.#rows.size;
  }

  set limit(limit: number) {
    this.#limit = limit;
  }

  /** @throws Malformed when there are too many */
  receive(id: number): ImportHold {
    let row = this.#rows.get(id);
    if (row === undefined) {
      if (this.#rows.size >= this.#limit) throw new Malformed(`more than ${this.#limit} capabilities were sent`);
      row = { id, received: 0, held: 0 };
      this.#rows.set(id, row);
    }
    row.received++;
    return this.#hold(row);
  }

  /** One more holder of the same capability. */
  share(hold: ImportHold): ImportHold {
    const row = hold.isReleased ? undefined : this.#rows.get(hold.id);
    return row === undefined ? hold : this.#hold(row);
  }

  /**
   * The table of capabilities of a message. Undefined are rows that name none, and our own ones that come back: those cannot be called through here.
   * @throws Malformed
   */
  receiveTable(payload: StructReader): readonly (ImportHold | undefined)[] {
    return payload.structs(1, MAX_CAPABILITIES).map((row) => this.receiveRow(row));
  }

  /** @throws Malformed */
  receiveRow(row: StructReader): ImportHold | undefined {
    switch (row.uint16(0)) {
      case DESCRIPTOR.none:
      case DESCRIPTOR.receiver_hosted:
      case DESCRIPTOR.receiver_answer:
        return undefined;
      case DESCRIPTOR.sender_hosted:
      case DESCRIPTOR.sender_promise:
        return this.receive(row.uint32(4));
      case DESCRIPTOR.third_party_hosted:
        // Whoever cannot reach the third party calls through the sender.
        return this.receive(row.struct(0).uint32(0));
      default:
        throw new Malformed("a capability of unknown kind");
    }
  }

  clear(): void {
    this.#rows.clear();
  }

  #hold(row: Row): ImportHold {
    row.held++;
    return new ImportHold(row.id, () => {
      row.held--;
      if (row.held > 0 || this.#rows.get(row.id) !== row) return;
      this.#rows.delete(row.id);
      this.#onRelease(row.id, row.received);
    });
  }
}
