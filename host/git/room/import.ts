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
    if (missing !== undefined) throw missing;
  }

  /** Takes those of the commits that are whole in the workspace, and says which. @throws Ended, CodedError `git_too_large` */
  async commits(ids: readonly ObjectId[]): Promise<ReadonlySet<ObjectId>> {
    const wanted = [...new Set(ids)];
    if (wanted.length === 0 || (await this.#gather(wanted)) === undefined) return new Set(wanted);
    const whole = new Set<ObjectId>();
    for (const id of wanted.slice(0, 100)) if ((await this.#lack([id])) === undefined) whole.add(id);
    return whole;
  }

  /** Takes every sound loose object: what is staged, no ref leads to. @throws Ended, CodedError `git_too_large` */
  async looseOnes(): Promise<void> {
    let looked = 0;
    for (const id of this.#source.looseIds()) {
      looked++;
      if (looked % BREATHER === 0) await this.#breathe();
      if (!this.#own.has(id)) await this.#takeWhatIsSound(id);
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
    }
    return complete;
  }

  async #take(id: ObjectId): Promise<TakenObject | undefined> {
    try {
      const object = await this.#source.read(id);
      if (object === undefined) return undefined;
      this.#count(object.content.length);
      if (this.#objects % BREATHER === 0) await this.#breathe();
      this.#own.write(object);
      return object;
    } catch (error) {
      throw this.#coded(id, error);
    }
  }

  #links({ id, type, content }: TakenObject): readonly ObjectId[] {
    try {
      return linksOf(type, content, this.#own.format);
    } catch (error) {
      throw this.#coded(id, error);
    }
  }

  #coded(id: ObjectId, error: unknown): unknown {
    if (error instanceof DamagedObject)
      return new CodedError("git_object_invalid", `the workspace's object ${id} ${error.message}`);
    if (error instanceof TooLarge)
      return new CodedError("git_too_large", `the workspace's object ${id} ${error.message}`, {
        hint: "Pack it inside the container with `git gc`, or keep such files out of git.",
      });
    return error;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#objects++;
    if (this.#bytes > this.#limits.maxBytes)
      throw new CodedError("git_too_large", `the workspace's objects have more than ${this.#limits.maxBytes} bytes`);
    if (this.#objects > this.#limits.maxLooseObjects)
      throw new CodedError("git_too_large", `more than ${this.#limits.maxLooseObjects} loose objects are needed`, {
        hint: "Pack them inside the container with `git gc`.",
      });
  }

  async #breathe(): Promise<void> {
    this.#steps.checkpoint();
    await setImmediate();
  }

  /** A damaged object that nobody needs is nobody's business. */
  async #takeWhatIsSound(id: ObjectId): Promise<void> {
    try {
      await this.#take(id);
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== "git_object_invalid") throw error;
    }
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
    return word === "commit" || word === "tag"
      ? new CodedError("git_objects_missing", `the workspace lacks objects of the commit ${only}: ${complaint(result)}`)
      : new CodedError("git_object_invalid", `${only} is a ${word === "" ? "damaged object" : word}, not a commit`);
  }
}
