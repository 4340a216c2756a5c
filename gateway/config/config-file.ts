import { attempt, CodedError } from "../../wire/errors.ts";
import { identityOf, isSettled, sameIdentity, type FileIdentity } from "../../host/util/read-trusted.ts";
import { CallerBook } from "./callers.ts";
import { changedParts, restartKeys, type Part } from "./changes.ts";
import { loadGateway, type LoadedGateway, type LoadSurroundings } from "./load.ts";
import type { GatewaySettings } from "./settings.ts";

const LOOK_EVERY_MS = 1_000;

/** What a new file brought. */
export interface ConfigChange {
  readonly settings: GatewaySettings;
  /** In which something is different; it holds at once. */
  readonly parts: readonly Part[];
  /** Keys that differ from what the gateway was started with, and hold only after a restart. */
  readonly needsRestart: readonly string[];
  /** Of the new file. */
  readonly warnings: readonly string[];
}

/** How looking at the file ended. `kept`: the new one is bad, and the settings are as they were. */
export type Reload =
  | { readonly kind: "unchanged" }
  | { readonly kind: "changed"; readonly change: ConfigChange }
  | { readonly kind: "kept"; readonly error: CodedError };

export interface ConfigListener {
  readonly changed: (change: ConfigChange) => void;
  /** The new file cannot be used. Said once for each state of the file. */
  readonly kept: (error: CodedError) => void;
}

/** gateway.toml of a gateway that runs: read at the start, and again when it has changed. */
export class GatewayConfigFile {
  readonly #path: string;
  readonly #surroundings: LoadSurroundings;
  readonly #started: GatewaySettings;
  readonly #listeners = new Set<ConfigListener>();
  #loaded: LoadedGateway;
  #callers: CallerBook;
  /** How the files were when they were read. */
  #read: Identities;
  /** How they were at the last look. */
  #looked: Identities = new Map();
  /** Why the newest file is not used. */
  #trouble: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @throws CodedError `gateway_config_invalid`, `config_untrusted`, `file_failed`: a gateway does not start without its file
   */
  constructor(path: string, surroundings: LoadSurroundings) {
    this.#path = path;
    this.#surroundings = surroundings;
    const before = identities([path]);
    this.#loaded = loadGateway(path, surroundings);
    this.#read = ofFiles(this.#loaded.files, before);
    this.#started = this.#loaded.settings;
    this.#callers = new CallerBook(this.#loaded.settings.callers, surroundings.now);
  }

  get settings(): GatewaySettings {
    return this.#loaded.settings;
  }

  get callers(): CallerBook {
    return this.#callers;
  }

  get warnings(): readonly string[] {
    return this.#loaded.warnings;
  }

  /** For rules of other rooms: the error for the value at a JSON pointer. */
  wrong(pointer: string, message: string): CodedError {
    return this.#loaded.wrong(pointer, message);
  }

  /** Tells of changes until the returned function is called. */
  listen(listener: ConfigListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Looks at the file every second, without keeping the process alive. */
  watch(): void {
    this.#timer ??= setInterval(() => {
      this.look();
    }, LOOK_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Reads the file again when it, or the file of a key, is another one than before, and is not being written. */
  look(): Reload {
    const now = identities([...this.#read.keys()]);
    const isSame = areSame(now, this.#read);
    // A time stamp of the future never settles; then it must be the same twice.
    const isDone = [...now.values()].every((one) => isSettled(one, Date.now())) || areSame(now, this.#looked);
    this.#looked = now;
    // What was missing may be there now, where nobody looks: the file of a new caller's key.
    return (isSame && this.#trouble === undefined) || !isDone ? { kind: "unchanged" } : this.#again(false);
  }

  /** Reads the file again, whether or not it looks changed: for SIGHUP. */
  reload(): Reload {
    return this.#again(true);
  }

  /** @param isAsked then trouble is told once more */
  #again(isAsked: boolean): Reload {
    const before = identities([...this.#read.keys()]);
    const loaded = attempt<LoadedGateway | CodedError>(
      () => loadGateway(this.#path, this.#surroundings),
      (error) => error,
    );
    if (loaded instanceof CodedError) {
      this.#read = before;
      const isNew = this.#trouble !== loaded.message;
      this.#trouble = loaded.message;
      if (isNew || isAsked) for (const { kept } of this.#listeners) kept(loaded);
      return { kind: "kept", error: loaded };
    }
    this.#trouble = undefined;
    this.#read = ofFiles(loaded.files, before);
    return this.#take(loaded);
  }

  #take(loaded: LoadedGateway): Reload {
    const { settings: earlier } = this.#loaded;
    const { settings, warnings } = loaded;
    this.#loaded = loaded;
    const parts = changedParts(earlier, settings);
    if (parts.length === 0 && restartKeys(earlier, settings).length === 0) return { kind: "unchanged" };
    if (parts.includes("callers")) this.#callers = new CallerBook(settings.callers, this.#surroundings.now);
    const change = { settings, parts, needsRestart: restartKeys(this.#started, settings), warnings };
    for (const { changed } of this.#listeners) changed(change);
    return { kind: "changed", change };
  }
}

type Identities = ReadonlyMap<string, FileIdentity | undefined>;

function identities(paths: readonly string[]): Identities {
  return new Map(paths.map((path) => [path, identityOf(path)]));
}

/** As they were before they were read. Of a file that was not known then nothing is: it is read once more. */
function ofFiles(paths: readonly string[], before: Identities): Identities {
  return new Map(paths.map((path) => [path, before.get(path)]));
}

function areSame(some: Identities, others: Identities): boolean {
  return [...some].every(([path, identity]) => others.has(path) && sameIdentity(identity, others.get(path)));
}
