import { closeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { CodedError } from "../../../wire/errors.ts";
import { TooLarge, type TakenObject } from "../repository/loose-object.ts";
import type { RunResult } from "../../exec/run.ts";
import type { ObjectId } from "../repository/object-id.ts";
import { DamagedObject, linksOf } from "../repository/object-links.ts";
import type { OwnRepository } from "./own-repository.ts";
import { complaint, type Steps } from "./steps.ts";
import type { OpenPack, WorkspaceObjects } from "./workspace-objects.ts";

/** What may be taken over from a workspace in one operation. */
export interface ImportLimits {
  readonly maxBytes: number;
  readonly maxLooseObjects: number;
}

/** So many objects are handled before others get their turn. */
const BREATHER = 50;
/** How often git is asked which of many tips are whole. */
const MAX_QUESTIONS = 100;
/** Most objects that loose ones may lead to: their names are kept in memory. */
const MAX_LINKS = 1_000_000;
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
  readonly #commits = new Set<ObjectId>();
  /** The first damaged object that was met. It matters only when something is missing in the end: there may be a sound copy in a pack. */
  #damage: CodedError | undefined;

  constructor(own: OwnRepository, source: WorkspaceObjects, steps: Steps, limits: ImportLimits) {
    this.#own = own;
    this.#source = source;
    this.#steps = steps;
    this.#limits = limits;
  }

  /**
   * Takes what a commit needs, as far as that is plain to see. True when it was read here, as a commit, and nothing seems to be missing: then a push
   * may begin while `lack` makes sure.
   * @throws CodedError `git_too_large`; Ended
   */
  async gather(id: ObjectId): Promise<boolean> {
    if (await this.#walk([id])) return this.#commits.has(id);
    await this.#packs();
    return false;
  }

  /**
   * Takes one commit, whole, after `gather`.
   * @throws CodedError `git_object_invalid`, `git_objects_missing`, `git_too_large`; Ended
   */
  async commit(id: ObjectId): Promise<void> {
    if ((await this.lack(id)) === undefined) return;
    // What lies in packs may need loose objects, and the other way round.
    await this.everything();
    const lack = await this.lack(id);
    if (lack !== undefined) throw this.#damage ?? lack;
  }

  /** Takes what the ids name, and says which of them are whole. @throws Ended, CodedError `git_too_large` */
  async tips(ids: readonly ObjectId[]): Promise<ReadonlySet<ObjectId>> {
    const wanted = [...new Set(ids)];
    if (wanted.length === 0) return new Set();
    if (!(await this.#walk(wanted))) await this.#packs();
    if (await this.#isWhole(wanted)) return new Set(wanted);
    await this.everything();
    return this.#wholeOnes(wanted);
  }

  /** Takes every pack and every sound loose object: what is staged, no ref leads to. @throws Ended, CodedError `git_too_large` */
  async everything(): Promise<void> {
    await this.#packs();
    await this.#looseOnes();
  }

  async #looseOnes(): Promise<void> {
    for (const id of this.#source.looseIds()) {
      await this.#breathe();
      if (!this.#own.has(id)) await this.#take(id, "whatever is sound");
    }
  }

  /** Finds the whole ones by halves; with many broken ones, some whole ones are not found. */
  async #wholeOnes(ids: readonly ObjectId[]): Promise<ReadonlySet<ObjectId>> {
    const whole = new Set<ObjectId>();
    const pending: (readonly ObjectId[])[] = [ids];
    for (let asked = 0; asked < MAX_QUESTIONS; asked++) {
      const some = pending.shift();
      if (some === undefined) break;
      if (await this.#isWhole(some)) for (const id of some) whole.add(id);
      else if (some.length > 1) {
        const half = some.length >> 1;
        pending.push(some.slice(0, half), some.slice(half));
      }
    }
    return whole;
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
    if (object.type === "commit") this.#commits.add(id);
    await this.#own.write(object);
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

  /** Asks git, as git asks itself after a fetch. What our own refs lead to is whole already, but for the branch that is about to be pushed. */
  async #revList(tips: readonly string[]): Promise<RunResult> {
    const args = ["rev-list", "--objects", "--quiet", "--stdin", "--not", "--exclude=refs/heads/*", "--all"];
    return this.#steps.helper(this.#own.path, args, Buffer.from(tips.map((tip) => `${tip}\n`).join("")));
  }

  async #isWhole(ids: readonly ObjectId[]): Promise<boolean> {
    return (await this.#revList(ids)).exitCode === 0;
  }

  /** Undefined when it is a commit and every object below it is here. @throws Ended */
  async lack(id: ObjectId): Promise<CodedError | undefined> {
    const result = await this.#revList([`${id}^{commit}`]);
    if (result.exitCode === 0) return undefined;
    if (!this.#own.has(id)) return new CodedError("git_objects_missing", `the workspace has no object ${id}`);
    const type = await this.#steps.helper(this.#own.path, ["cat-file", "-t", id]);
    const word = type.stdout.bytes.toString("latin1").trim();
    // No word: our own copy came to harm.
    return ["commit", "tag", ""].includes(word)
      ? new CodedError("git_objects_missing", `the workspace lacks objects of the commit ${id}: ${complaint(result)}`)
      : new CodedError("git_object_invalid", `${id} is a ${word}, not a commit`);
  }
}
