import { isIP } from "node:net";
import { join } from "node:path";
import { attempt } from "../../wire/errors.ts";
import { printable, shortened } from "../../wire/text.ts";
import { readTrusted, type TrustedFile } from "../../host/util/read-trusted.ts";
import { makePrivateDirectory, writeAtomic } from "../../host/util/write-atomic.ts";
import { faultOfName } from "../target-words.ts";
import { byBytes } from "./byte-order.ts";
import type { DiscoveredTarget } from "./known-target.ts";
import { strictJson } from "./strict-json.ts";

const MAX_FILE_BYTES = 16_777_216;
/** How old the times in the file may become while nothing else changes. */
const WRITE_AGAIN_MS = 600_000;

type Members = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An entry of the original's form, or one of ours, which says when it was listed too. */
function entryOf(key: string, value: unknown): Omit<DiscoveredTarget, "node"> | undefined {
  if (!isObject(value)) return undefined;
  const { name, host, status, source, listed_at: listedAt } = value;
  if (name !== key || source !== "Discovered" || faultOfName(key) !== undefined) return undefined;
  if (typeof host !== "string" || (host !== "" && isIP(host) === 0) || typeof status !== "string") return undefined;
  return {
    name: key,
    host,
    status: printable(shortened(status, 32)),
    listedAt: typeof listedAt === "number" && Number.isSafeInteger(listedAt) ? listedAt : 0,
  };
}

/** What discovered targets look like to the original, beside what was discovered. */
export interface CachedLook {
  readonly port: number;
  readonly shell: string;
  readonly tags: readonly string[];
}

/** registry.json in cache_dir, in the original's form: what was discovered last, so that a gateway knows its targets at once when it starts. */
export class RegistryCache {
  readonly #directory: string;
  readonly #file: string;
  readonly #warn: (message: string) => void;
  readonly #now: () => number;
  /** What the file says, without its times. */
  #written: string | undefined;
  #writtenAt = 0;

  constructor(directory: string, warn: (message: string) => void, now: () => number = Date.now) {
    this.#directory = directory;
    this.#file = join(directory, "registry.json");
    this.#warn = warn;
    this.#now = now;
  }

  /** What it holds of these nodes; nothing, and a warning, when it cannot be read. */
  load(nodes: readonly string[]): readonly DiscoveredTarget[] {
    const file = attempt<TrustedFile | undefined>(
      () => readTrusted(this.#file, MAX_FILE_BYTES),
      (error) => {
        this.#warn(`${error.message}; it is not used`);
        return undefined;
      },
    );
    if (file === undefined) return [];
    const value = strictJson(file.bytes);
    if (!isObject(value)) {
      this.#warn(printable(`${this.#file}: is not what a gateway writes; it is not used`));
      return [];
    }
    const writtenAt = Number(file.identity.mtimeNs / 1_000_000n);
    return Object.entries(value).flatMap(([key, member]) => {
      const entry = entryOf(key, member);
      const node = nodes.find((one) => key.startsWith(`${one}/`));
      if (entry === undefined || node === undefined) return [];
      // The original does not say when; it wrote the file whenever it had listed.
      return [{ ...entry, node, listedAt: entry.listedAt === 0 ? writtenAt : entry.listedAt }];
    });
  }

  /** Writes it when it is another one than before. A warning when it cannot be written: all that is lost is a fast start. */
  save(targets: readonly DiscoveredTarget[], look: (name: string) => CachedLook): void {
    const sorted = [...targets].sort((a, b) => byBytes(a.name, b.name));
    const entries = sorted.map(({ name, host, status, listedAt }) => {
      const { port, shell, tags } = look(name);
      const entry = { name, host, port, shell, tags, source: "Discovered", status, reachable: "Unknown" };
      return { entry, listedAt };
    });
    const content = JSON.stringify(entries.map(({ entry }) => entry));
    if (content === this.#written && this.#now() - this.#writtenAt < WRITE_AGAIN_MS) return;
    const file = Object.fromEntries(
      entries.map(({ entry, listedAt }) => [entry.name, { ...entry, listed_at: listedAt }]),
    );
    attempt(
      () => {
        makePrivateDirectory(this.#directory);
        writeAtomic(this.#file, JSON.stringify(file));
        this.#written = content;
        this.#writtenAt = this.#now();
      },
      (error) => {
        this.#warn(error.message);
      },
    );
  }
}
