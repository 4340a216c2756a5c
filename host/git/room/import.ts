import { closeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { CodedError } from "../../../wire/errors.ts";
import { TooLarge, type TakenObject } from "../repository/loose-object.ts";
import type { ObjectId } from "../repository/object-id.ts";
import { DamagedObject, linksOf } from "../repository/object-links.ts";
import type { OwnRepository } from "./own-repository.ts";
import { complaint, failedStep, type Steps } from "./steps.ts";
import type { OpenPack, WorkspaceObjects } from "./workspace-objects.ts";

/** What may be taken over from a workspace in one operation. */
export interface ImportLimits {
  readonly maxBytes: number;
  readonly maxLooseObjects: number;
}

/** So many objects are handled before others get their turn. */
const BREATHER = 50;
/** Most objects that loose ones may lead to: their names are kept in memory. */
const MAX_LINKS = 1_000_000;
/** Most questions that are asked to find out which of many commits are whole. */
const MAX_PROBES = 200;
const PACK_THEM = "Pack them inside the container with `git gc`.";

/**
 * Takes commits, and all that they need, from a workspace into a repository of our own. Loose objects are read one by one by open directories and
 * held against their names; packs are read by git from an open file, as if they came from the network, and indexed anew. Nothing of the workspace's
 * indexes, configuration or refs is believed, and no git runs there.
 */
export class Import {
  readonly #own: OwnRepository;
  readonly #source: WorkspaceObjects;
  readonly #steps: Steps;
  readonly #limits: ImportLimits;
  #bytes = 0;
  #objects = 0;
  #looked = 0;
  /** The first damaged object that was met. It matters only when something is missing in the end: there may be a sound copy in a pack. */
  #damage: CodedError | undefined;

  constructor(own: OwnRepository, source: WorkspaceObjects, steps: Steps, limits: ImportLimits) {
    this.#own = own;
    this.#source = source;
    this.#steps = steps;
    this.#limits = limits;
  }

  /**
   * Takes one commit, whole.
   * @throws CodedError `git_object_invalid`, `git_objects_missing`, `git_too_large`, `git_failed`; Ended
   */
  async commit(id: ObjectId): Promise<void> {
    const missing = await this.#gather([id]);
    if (missing !== undefined) throw this.#damage ?? missing;
  }

  /** Takes those of the commits that are whole in the workspace, and says which. @throws Ended, CodedError `git_too_large` */
  async commits(ids: readonly ObjectId[]): Promise<ReadonlySet<ObjectId>> {
    const wanted = [...new Set(ids)];
    if (wanted.length === 0 || (await this.#gather(wanted)) === undefined) return new Set(wanted);
    let left = MAX_PROBES;
    // Halves what is not whole until what is wrong stands alone.
    const whole = async (some: readonly ObjectId[]): Promise<readonly ObjectId[]> => {
      if (some.length === 0 || left-- <= 0) return [];
      if ((await this.#lack(some)) === undefined) return some;
      const middle = some.length >>> 1;
      return middle === 0 ? [] : [...(await whole(some.slice(0, middle))), ...(await whole(some.slice(middle)))];
    };
    return new Set(await whole(wanted));
  }

  /** Takes every sound loose object: what is staged, no ref leads to. @throws Ended, CodedError `git_too_large` */
  async looseOnes(): Promise<void> {
    for (const id of this.#source.looseIds()) {
      await this.#breathe();
      if (!this.#own.has(id)) await this.#take(id, "whatever is sound");
    }
  }

  async #gather(ids: readonly ObjectId[]): Promise<CodedError | undefined> {
    if (!(await this.#walk(ids))) await this.#packs();
    if ((await this.#lack(ids)) === undefined) return undefined;
    // What lies in packs may need loose objects, and the other way round.
    await this.#packs();
    await this.looseOnes();
    return this.#lack(ids);
  }

  /** Takes loose objects from the tips on, as far as they lead to others. False when one was not found loose. */
  async #walk(tips: readonly ObjectId[]): Promise<boolean> {
    const seen = new Set<ObjectId>(tips);
    const pending = [...tips];
    let complete = true;
    for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
      await this.#breathe();
      if (this.#own.has(id)) continue;
      const object = await this.#take(id);
      if (object === undefined) {
        complete = false;
        continue;
      }
      for (const link of this.#links(object)) {
        if (seen.has(link)) continue;
        seen.add(link);
        pending.push(link);
      }
      if (seen.size > MAX_LINKS)
        throw new CodedError("git_too_large", `loose objects lead to more than ${MAX_LINKS} others`, {
          hint: PACK_THEM,
        });
    }
    return complete;
  }

  /** Undefined when there is none that is sound. What nobody is known to need may be too large as well. */
  async #take(id: ObjectId, what: "needed" | "whatever is sound" = "needed"): Promise<TakenObject | undefined> {
    let object: TakenObject | undefined;
    try {
      object = await this.#source.read(id);
    } catch (error) {
      if (error instanceof DamagedObject) {
        this.#noteDamage(id, error);
        return undefined;
      }
      if (!(error instanceof TooLarge)) throw error;
      if (what === "whatever is sound") return undefined;
      throw new CodedError("git_too_large", `the workspace's object ${id} ${error.message}`, {
        hint: "Pack it inside the container with `git gc`, or keep such files out of git.",
      });
    }
    if (object === undefined) return undefined;
    this.#count(object.content.length);
    this.#own.write(object);
    return object;
  }

  #links({ id, type, content }: TakenObject): readonly ObjectId[] {
    try {
      return linksOf(type, content, this.#own.format);
    } catch (error) {
      if (!(error instanceof DamagedObject)) throw error;
      this.#noteDamage(id, error);
      return [];
    }
  }

  #noteDamage(id: ObjectId, error: DamagedObject): void {
    this.#damage ??= new CodedError("git_object_invalid", `the workspace's object ${id} ${error.message}`);
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#objects++;
    if (this.#bytes > this.#limits.maxBytes)
      throw new CodedError("git_too_large", `the workspace's objects have more than ${this.#limits.maxBytes} bytes`);
    if (this.#objects > this.#limits.maxLooseObjects)
      throw new CodedError("git_too_large", `more than ${this.#limits.maxLooseObjects} loose objects are needed`, {
        hint: PACK_THEM,
      });
  }

  /** Now and then, lets others work, and ends when the time is over. */
  async #breathe(): Promise<void> {
    if (++this.#looked % BREATHER !== 0) return;
    this.#steps.checkpoint();
    await setImmediate();
  }

  /** Takes every pack that was not taken before. */
  async #packs(): Promise<void> {
    for (const pack of this.#source.packs()) {
      try {
        if (!this.#own.takenPacks.has(pack.identity) && !this.#own.hasPack(pack.name)) await this.#pack(pack);
      } finally {
        closeSync(pack.fd);
      }
    }
    this.#own.release();
  }

  async #pack(pack: OpenPack): Promise<void> {
    const left = this.#limits.maxBytes - this.#bytes;
    if (pack.bytes > left)
      throw new CodedError("git_too_large", `the workspace's packs have more than ${this.#limits.maxBytes} bytes`);
    this.#bytes += pack.bytes;
    const args = ["index-pack", "--stdin", `--max-input-size=${left}`];
    const result = await this.#steps.helper(this.#own.path, args, pack.fd);
    // A damaged pack is left out; what it would have had is then missing, and that is said.
    if (result.exitCode === 0) this.#own.takenPacks.add(pack.identity);
  }

  /** Undefined when every object below the commits is here. */
  async #lack(ids: readonly ObjectId[]): Promise<CodedError | undefined> {
    const lines = ids.map((id) => `${id}^{commit}\n`).join("");
    // As git asks itself after a fetch; what our own refs lead to is whole already.
    const args = ["rev-list", "--objects", "--quiet", "--stdin", "--not", "--all"];
    const result = await this.#steps.helper(this.#own.path, args, Buffer.from(lines));
    if (result.exitCode === 0) return undefined;
    const [only = ""] = ids;
    if (ids.length > 1) return failedStep("git rev-list", result);
    if (!this.#own.has(only)) return new CodedError("git_objects_missing", `the workspace has no object ${only}`);
    const type = await this.#steps.helper(this.#own.path, ["cat-file", "-t", only]);
    const word = type.stdout.bytes.toString("latin1").trim();
    // No word: our own copy came to harm.
    return ["commit", "tag", ""].includes(word)
      ? new CodedError("git_objects_missing", `the workspace lacks objects of the commit ${only}: ${complaint(result)}`)
      : new CodedError("git_object_invalid", `${only} is a ${word}, not a commit`);
  }
}
