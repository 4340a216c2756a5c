import { join } from "node:path";
import { CodedError } from "../../wire/errors.ts";
import { readJsonFile } from "../../wire/parse.ts";
import type { TargetsState } from "../../wire/schema.ts";
import { printable } from "../../wire/text.ts";
import { withLock } from "../../host/util/lock.ts";
import { identityOf, readTrusted, sameIdentity, type FileIdentity } from "../../host/util/read-trusted.ts";
import { makePrivateDirectory, writeAtomic } from "../../host/util/write-atomic.ts";
import { fingerprintOf } from "../config/fingerprint.ts";
import { faultOfHost, faultOfName, faultOfTag } from "../target-words.ts";

const MAX_FILE_BYTES = 16_777_216;
/** Names whose tags were changed; some of them may be of machines that are gone. */
const MAX_TAG_CHANGES = 10_000;
const EMPTY: TargetsState = { version: 1, targets: [], tags: {} };

/** What the schema cannot say. */
function faultOf({ targets, tags }: TargetsState): string | undefined {
  const names = new Set<string>();
  for (const { name, host, tags: own, fingerprint } of targets) {
    if (names.has(name)) return `two targets ${name}`;
    names.add(name);
    const fault =
      faultOfName(name) ?? (host === undefined ? undefined : faultOfHost(host)) ?? own.map(faultOfTag).find(isFault);
    if (fault !== undefined) return fault;
    if (fingerprint !== undefined && fingerprintOf(fingerprint) !== fingerprint) return `fingerprint of ${name}`;
  }
  if (Object.keys(tags).length > MAX_TAG_CHANGES) return `more than ${MAX_TAG_CHANGES} names under tags`;
  return Object.entries(tags)
    .flatMap(([name, { add, remove }]) => [faultOfName(name), ...[...add, ...remove].map(faultOfTag)])
    .find(isFault);
}

function isFault(fault: string | undefined): boolean {
  return fault !== undefined;
}

/**
 * targets.json in the gateway's state directory: targets that were added, and tags that were changed, while it ran. Several processes may change it;
 * each reads it again under a lock first.
 */
export class TargetsStore {
  readonly #directory: string;
  readonly #file: string;
  #state: TargetsState = EMPTY;
  #identity: FileIdentity | undefined;

  /**
   * Reads the file. None is an empty one.
   * @param directory made when it is missing
   * @throws CodedError `gateway_config_invalid` when the file is not whole: targets that silently are not there would be worse;
   *   `config_untrusted`, `file_failed`
   */
  constructor(directory: string) {
    makePrivateDirectory(directory);
    this.#directory = directory;
    this.#file = join(directory, "targets.json");
    this.refresh();
  }

  get state(): TargetsState {
    return this.#state;
  }

  /**
   * Reads the file again when another process has changed it; says whether it did.
   * @throws CodedError as the constructor; the state is then as it was
   */
  refresh(): boolean {
    if (this.#identity !== undefined && sameIdentity(this.#identity, identityOf(this.#file))) return false;
    const before = this.#state;
    this.#load();
    return this.#state !== before;
  }

  /**
   * Changes what is kept, and writes it before it counts.
   * @param change gets what is on the disk now; what it throws is thrown on, and nothing is written
   * @throws CodedError `file_failed`, and as the constructor
   */
  async change(change: (state: TargetsState) => TargetsState): Promise<void> {
    await withLock(this.#directory, () => {
      this.#load();
      const next = change(this.#state);
      const fault = faultOf(next);
      if (fault !== undefined) throw new CodedError("target_invalid", fault);
      writeAtomic(this.#file, `${JSON.stringify(next, null, 2)}\n`);
      this.#load();
    });
  }

  #load(): void {
    const file = readTrusted(this.#file, MAX_FILE_BYTES);
    if (file === undefined) {
      this.#identity = undefined;
      this.#state =
        this.#state.targets.length === 0 && Object.keys(this.#state.tags).length === 0 ? this.#state : EMPTY;
      return;
    }
    const read = readJsonFile("targets_file", file.bytes, this.#file);
    const fault = read.ok ? faultOf(read.value) : undefined;
    if (!read.ok || fault !== undefined)
      throw new CodedError(
        "gateway_config_invalid",
        read.ok ? printable(`${this.#file}: ${fault ?? ""}`) : read.fault.message,
        { hint: "Correct the file, or move it away to start without the targets that were added." },
      );
    this.#state = read.value;
    this.#identity = file.identity;
  }
}
