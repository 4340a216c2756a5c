import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { attempt, CodedError, errnoOf } from "../wire/errors.ts";
import { readJsonFile } from "../wire/parse.ts";
import type { PinFields } from "../wire/schema.ts";
import { printable, quoted } from "../wire/text.ts";
import { IdentityCache } from "../host/util/identity-cache.ts";
import { withLock } from "../host/util/lock.ts";
import { readTrusted } from "../host/util/read-trusted.ts";
import { makePrivateDirectory, writeAtomic } from "../host/util/write-atomic.ts";
import { indexOfFingerprint, type Fingerprint } from "./fingerprint.ts";

/** A machine that we know. */
export interface Pin {
  readonly name: string;
  /** The newest last; two while its key is being changed. */
  readonly fingerprints: readonly Fingerprint[];
  readonly enrolledAt: Date;
  /** Where it listens, as HOST:PORT; none when it dials in. */
  readonly addresses: readonly string[];
  /** Whatever else is kept of it: plain JSON, that the link does not look at. */
  readonly about: Readonly<Record<string, unknown>>;
}

const MAX_PIN_FILE = 65_536;
const MAX_PINS = 16_384;
const SUFFIX = ".json";
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)?$/;
const MAX_NAME = 128;
/** A file that was changed in place is noticed after this long at the latest, when somebody comes that nobody knows. */
const INDEX_MS = 1_000;

/** Whether a machine may be called so: `web1`, or NODE/CONTAINER. */
export function isMachineName(text: string): boolean {
  return text.length <= MAX_NAME && NAME.test(text);
}

function pinOf(fields: PinFields): Pin {
  return {
    name: fields.name,
    fingerprints: fields.fingerprints,
    enrolledAt: new Date(fields.enrolled_at),
    addresses: fields.addresses ?? [],
    about: fields.about ?? {},
  };
}

function fieldsOf(pin: Pin): PinFields {
  return {
    name: pin.name,
    fingerprints: [...pin.fingerprints],
    enrolled_at: pin.enrolledAt.toISOString(),
    ...(pin.addresses.length === 0 ? {} : { addresses: [...pin.addresses] }),
    ...(Object.keys(pin.about).length === 0 ? {} : { about: pin.about }),
  };
}

interface Index {
  readonly madeAt: number;
  readonly names: readonly string[];
  readonly byFingerprint: ReadonlyMap<Fingerprint, string>;
}

/**
 * The machines that we know, one file each. Files are looked at whenever something is asked for, so what another process adds, changes or removes
 * counts at once.
 */
export class Pins {
  readonly #directory: string;
  readonly #warn: (message: string) => void;
  readonly #cache = new IdentityCache<Pin | undefined>(MAX_PINS);
  #index = new IdentityCache<Index>(1);

  /** @param warn told of files that cannot be used; they count as missing */
  constructor(directory: string, warn: (message: string) => void = () => undefined) {
    this.#directory = directory;
    this.#warn = warn;
  }

  /** Everybody, sorted by name. @throws CodedError `file_failed` */
  list(): readonly Pin[] {
    return this.#indexed().names.flatMap((name) => this.get(name) ?? []);
  }

  get(name: string): Pin | undefined {
    if (!isMachineName(name)) return undefined;
    const path = this.#path(name);
    return attempt(
      () => this.#cache.get(name, [path], () => this.#read(path, name)),
      (error) => {
        this.#warn(error.message);
        return undefined;
      },
    );
  }

  /** Who has this key. @throws CodedError `file_failed` */
  find(fingerprint: Fingerprint): Pin | undefined {
    let index = this.#indexed();
    if (!index.byFingerprint.has(fingerprint) && performance.now() - index.madeAt > INDEX_MS) {
      this.#index = new IdentityCache(1);
      index = this.#indexed();
    }
    const pin = this.get(index.byFingerprint.get(fingerprint) ?? "");
    return pin !== undefined && indexOfFingerprint(pin.fingerprints, fingerprint) >= 0 ? pin : undefined;
  }

  /**
   * Makes a machine known; one that has the same name and key is changed.
   * @throws CodedError `enrolment_invalid` when another one has its name or its key; `file_failed`
   */
  async add(pin: Pin): Promise<void> {
    if (!isMachineName(pin.name))
      throw new CodedError("enrolment_invalid", `${quoted(pin.name)} cannot be the name of a machine`, {
        hint: "Use letters, digits, dots, - and _, and at most one / between them.",
      });
    await this.#locked(() => {
      const namesake = this.get(pin.name);
      if (namesake !== undefined && !namesake.fingerprints.some((one) => pin.fingerprints.includes(one)))
        throw new CodedError(
          "enrolment_invalid",
          `a machine called ${pin.name} is enrolled already, with another key`,
          {
            hint: `If it was installed anew, forget the old one first: cmd2host fleet remove ${pin.name}`,
          },
        );
      for (const fingerprint of pin.fingerprints) {
        const owner = this.find(fingerprint);
        if (owner !== undefined && owner.name !== pin.name)
          throw new CodedError("enrolment_invalid", `this key is enrolled already, as ${owner.name}`, {
            hint: `Use that name, or forget it first: cmd2host fleet remove ${owner.name}`,
          });
      }
      this.#write(pin);
    });
  }

  /** Changes what is kept of a machine; undefined when there is none of this name. @throws CodedError `file_failed` */
  async change(name: string, change: (pin: Pin) => Pin): Promise<Pin | undefined> {
    if (this.get(name) === undefined) return undefined;
    return this.#locked(() => {
      const pin = this.get(name);
      if (pin === undefined) return undefined;
      const changed = { ...change(pin), name };
      this.#write(changed);
      return changed;
    });
  }

  /** Forgets a machine; false when there was none. Live sessions end when their owner looks: `LinkListener.check`. @throws CodedError `file_failed` */
  async remove(name: string): Promise<boolean> {
    if (!isMachineName(name)) return false;
    const path = this.#path(name);
    return this.#locked(() => {
      try {
        rmSync(path);
        return true;
      } catch (error) {
        if (errnoOf(error) === "ENOENT") return false;
        throw new CodedError(
          "file_failed",
          `${printable(path)}: cannot be removed: ${errnoOf(error) ?? "unknown error"}`,
        );
      }
    });
  }

  #indexed(): Index {
    return this.#index.get("", [this.#directory], () => {
      const names = this.#names();
      const pins = names.flatMap((name) => this.get(name) ?? []);
      const byFingerprint = new Map(
        pins.flatMap(({ name, fingerprints }) => fingerprints.map((one) => [one, name] as const)),
      );
      return { madeAt: performance.now(), names, byFingerprint };
    });
  }

  #names(): readonly string[] {
    try {
      return readdirSync(this.#directory)
        .filter((file) => file.endsWith(SUFFIX))
        .map((file) => file.slice(0, -SUFFIX.length).replace("%2F", "/"))
        .filter(isMachineName)
        .sort();
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return [];
      throw new CodedError("file_failed", `${printable(this.#directory)}: ${errnoOf(error) ?? "cannot be read"}`);
    }
  }

  /** @throws CodedError `config_untrusted`, `config_invalid`, `file_failed` */
  #read(path: string, name: string): Pin | undefined {
    const file = readTrusted(path, MAX_PIN_FILE);
    if (file === undefined) return undefined;
    const parsed = readJsonFile("pin", file.bytes, path);
    if (!parsed.ok) throw new CodedError("config_invalid", parsed.fault.message);
    if (parsed.value.name !== name)
      throw new CodedError(
        "config_invalid",
        printable(`${path}: holds ${quoted(parsed.value.name)}, by its name it should hold ${name}`),
      );
    return pinOf(parsed.value);
  }

  #write(pin: Pin): void {
    writeAtomic(this.#path(pin.name), `${JSON.stringify(fieldsOf(pin), null, 2)}\n`);
  }

  async #locked<T>(work: () => T): Promise<T> {
    makePrivateDirectory(this.#directory);
    return withLock(this.#directory, work);
  }

  /** The one character of a name that may not stand in a file's. */
  #path(name: string): string {
    return join(this.#directory, `${name.replace("/", "%2F")}${SUFFIX}`);
  }
}
