import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { attempt, CodedError, errnoOf } from "../wire/errors.ts";
import { readJsonFile } from "../wire/parse.ts";
import type { EnrolmentFields } from "../wire/schema.ts";
import { printable } from "../wire/text.ts";
import { sha256Hex } from "../host/util/hash.ts";
import { IdentityCache } from "../host/util/identity-cache.ts";
import { withLock } from "../host/util/lock.ts";
import { readTrusted } from "../host/util/read-trusted.ts";
import { makePrivateDirectory, writeAtomic } from "../host/util/write-atomic.ts";
import type { Fingerprint } from "./fingerprint.ts";

const MAX_FILE = 65_536;
const NAME = /^[0-9a-f]{64}\.json$/;
/** For so long a code that was used or has expired is still known, so that its reader hears which. */
const REMEMBERED_MS = 60 * 60 * 1_000;

/** What came of wanting to use a code. `again`: by the machine that has used it already. */
export type Claim = "taken" | "again" | "used" | "expired" | "unknown";

/** The codes of a listener, one file each, named by a hash of what the code can prove. Nothing in them lets anybody use a code. */
export class OpenCodes {
  readonly #directory: string;
  readonly #until = new IdentityCache<number>(1);

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Keeps a code; forgets old ones. @throws CodedError `file_failed` */
  async add(fields: EnrolmentFields): Promise<void> {
    await this.#locked(() => {
      for (const [path, { expires_at: expiresAt }] of this.#all())
        if (expiresAt + REMEMBERED_MS < Date.now()) rmSync(path, { force: true });
      this.#write(fields);
    });
  }

  /** When the last one that is known is forgotten, in milliseconds since 1970. @throws CodedError `file_failed` */
  get rememberedUntil(): number {
    return this.#until.get("", [this.#directory], () =>
      this.#all().reduce((latest, [, { expires_at: at }]) => Math.max(latest, at + REMEMBERED_MS), 0),
    );
  }

  get(code: string): EnrolmentFields | undefined {
    return this.#read(this.#path(code));
  }

  /** Uses a code, for one machine; several at the same time are one after the other here. @throws CodedError `file_failed` */
  async claim(code: string, machine: Fingerprint): Promise<Claim> {
    return this.#locked(() => {
      const fields = this.get(code);
      if (fields === undefined) return "unknown";
      if (fields.used_by !== undefined) return fields.used_by === machine ? "again" : "used";
      if (fields.expires_at < Date.now()) return "expired";
      this.#write({ ...fields, used_by: machine });
      return "taken";
    });
  }

  /** Makes a code that was claimed free again: the machine could not be taken. @throws CodedError `file_failed` */
  async release(code: string, machine: Fingerprint): Promise<void> {
    await this.#locked(() => {
      const fields = this.get(code);
      if (fields?.used_by !== machine) return;
      const free = { ...fields };
      delete free.used_by;
      this.#write(free);
    });
  }

  /** Forgets all of them. Returns how many could still have been used. @throws CodedError `file_failed` */
  async clear(): Promise<number> {
    return this.#locked(() => {
      const all = this.#all();
      for (const [path] of all) rmSync(path, { force: true });
      return all.filter(([, { used_by: by, expires_at: at }]) => by === undefined && at > Date.now()).length;
    });
  }

  #all(): readonly (readonly [string, EnrolmentFields])[] {
    let names: readonly string[];
    try {
      names = readdirSync(this.#directory);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return [];
      throw new CodedError("file_failed", `${printable(this.#directory)}: ${errnoOf(error) ?? "cannot be read"}`);
    }
    return names
      .filter((name) => NAME.test(name))
      .flatMap((name) => {
        const path = join(this.#directory, name);
        const fields = this.#read(path);
        return fields === undefined ? [] : [[path, fields] as const];
      });
  }

  /** What cannot be read counts as unknown: no code is made good by a damaged file. */
  #read(path: string): EnrolmentFields | undefined {
    const file = attempt(
      () => readTrusted(path, MAX_FILE),
      () => undefined,
    );
    if (file === undefined) return undefined;
    const parsed = readJsonFile("enrolment", file.bytes, path);
    return parsed.ok ? parsed.value : undefined;
  }

  #write(fields: EnrolmentFields): void {
    writeAtomic(this.#path(fields.code), `${JSON.stringify(fields)}\n`);
  }

  async #locked<T>(work: () => T): Promise<T> {
    makePrivateDirectory(this.#directory);
    return withLock(this.#directory, work);
  }

  #path(code: string): string {
    return join(this.#directory, `${sha256Hex(Buffer.from(code))}.json`);
  }
}
