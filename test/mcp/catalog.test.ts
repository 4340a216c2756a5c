import { describe, expect, it } from "vitest";
import { Catalog, type CatalogSource } from "../../mcp/catalog.ts";
import { CodedError } from "../../wire/errors.ts";
import type { ListReply } from "../../wire/schema.ts";

const TIMES = { patience: 300, firstPause: 20, longestPause: 50 };

interface Question {
  readonly kind: "list" | "watch";
  readonly revision: string | undefined;
  readonly signal: AbortSignal | undefined;
  answer(reply: ListReply | CodedError): void;
}

/** A daemon whose every reply a test gives. */
class Daemon implements CatalogSource {
  readonly tokenAdvice = "Advice.";
  readonly asked: Question[] = [];
  #tell: () => void = () => undefined;
  #taken = 0;

  async client() {
    const ask = async (kind: Question["kind"], revision: string | undefined, signal: AbortSignal | undefined) =>
      new Promise<ListReply>((resolve, reject) => {
        const answer = (reply: ListReply | CodedError): void => {
          if (reply instanceof CodedError) reject(reply);
          else resolve(reply);
        };
        signal?.addEventListener("abort", () => {
          answer(new CodedError("cancelled", "cancelled by the caller"));
        });
        this.asked.push({ kind, revision, signal, answer });
        this.#tell();
      });
    return Promise.resolve({
      list: async (_prefix: string, options: { readonly signal?: AbortSignal | undefined } = {}) =>
        ask("list", undefined, options.signal),
      watch: async (revision: string, _wait: number, options: { readonly signal?: AbortSignal | undefined } = {}) =>
        ask("watch", revision, options.signal),
    });
  }

  /** The next question that was not taken yet. */
  async next(): Promise<Question> {
    for (;;) {
      const question = this.asked[this.#taken];
      if (question !== undefined) {
        this.#taken++;
        return question;
      }
      await new Promise<void>((resolve) => {
        this.#tell = resolve;
      });
    }
  }
}

function made(times = TIMES) {
  const daemon = new Daemon();
  const changes: number[] = [];
  const catalog = new Catalog(daemon, () => changes.push(changes.length), times);
  return { daemon, catalog, changes };
}

const list = (revision: string | undefined, ...ids: readonly string[]): ListReply => ({
  operations: ids.map((id) => ({ id })),
  ...(revision === undefined ? {} : { revision }),
});

const UNREACHABLE = new CodedError("daemon_unreachable", "nobody there");
const ids = ({ operations }: { readonly operations: readonly { readonly id: string }[] }) =>
  operations.map(({ id }) => id);
const pause = async (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A catalogue whose client was told of one list, and which watches it. */
async function watching() {
  const all = made();
  const told = all.catalog.tell();
  (await all.daemon.next()).answer(list("r1", "a"));
  expect(ids(await told)).toEqual(["a"]);
  return { ...all, watch: await all.daemon.next() };
}

describe("the catalogue of operations", () => {
  it("asks nothing before it is asked, and one question for all who ask meanwhile", async () => {
    const { daemon, catalog } = made();
    await pause(30);
    expect(daemon.asked).toEqual([]);
    const answers = [catalog.tell(), catalog.refresh(), catalog.tell()];
    (await daemon.next()).answer(list("r1", "a"));
    expect((await Promise.all(answers)).map(ids)).toEqual([["a"], ["a"], ["a"]]);
    expect(daemon.asked.filter(({ kind }) => kind === "list")).toHaveLength(1);
    catalog.stop();
  });

  it("watches the list that a client was told of, and asks no more while it does", async () => {
    const { daemon, catalog, watch } = await watching();
    expect(watch).toMatchObject({ kind: "watch", revision: "r1" });
    expect(ids(await catalog.tell())).toEqual(["a"]);
    expect(daemon.asked).toHaveLength(2);
    catalog.stop();
  });

  it("does not watch for a call alone", async () => {
    const { daemon, catalog } = made();
    const known = catalog.refresh();
    (await daemon.next()).answer(list("r1", "a"));
    await known;
    await pause(30);
    expect(daemon.asked).toHaveLength(1);
    catalog.stop();
  });

  it("tells of a change once, serves the new list, and watches that", async () => {
    const { daemon, catalog, changes, watch } = await watching();
    watch.answer(list("r2", "a", "b"));
    const again = await daemon.next();
    expect(again).toMatchObject({ kind: "watch", revision: "r2" });
    expect(changes).toHaveLength(1);
    expect(ids(await catalog.tell())).toEqual(["a", "b"]);
    expect(changes).toHaveLength(1);
    catalog.stop();
  });

  it("says nothing when a watch ends without a change, keeps the list, and does not ask without a pause", async () => {
    const { daemon, catalog, changes, watch } = await watching();
    const before = catalog.listing.operations;
    const began = performance.now();
    watch.answer(list("r1", "a"));
    for (let count = 0; count < 3; count++) (await daemon.next()).answer(list("r1", "a"));
    await daemon.next();
    expect(performance.now() - began).toBeGreaterThan(TIMES.firstPause * 3);
    expect(changes).toEqual([]);
    expect(catalog.listing.operations).toBe(before);
    catalog.stop();
  });

  it("keeps the list of a daemon that is gone for a moment, and says nothing when it comes back with the same", async () => {
    const { daemon, catalog, changes, watch } = await watching();
    watch.answer(UNREACHABLE);
    (await daemon.next()).answer(UNREACHABLE);
    expect(ids(catalog.listing)).toEqual(["a"]);
    expect(catalog.listing.trouble).toMatchObject({ code: "daemon_unreachable", reason: "nobody there" });
    const question = await daemon.next();
    expect(question.kind).toBe("list");
    question.answer(list("r1", "a"));
    expect(await daemon.next()).toMatchObject({ kind: "watch", revision: "r1" });
    expect(catalog.listing.trouble).toBeUndefined();
    expect(changes).toEqual([]);
    catalog.stop();
  });

  it("drops the list when the daemon refuses it, and tells of that, and of its return", async () => {
    const { daemon, catalog, changes, watch } = await watching();
    watch.answer({ operations: null, error: "Authentication failed", code: "unauthenticated", hint: "Mint." });
    const question = await daemon.next();
    expect(catalog.listing).toMatchObject({
      operations: [],
      trouble: { reason: "Authentication failed", code: "unauthenticated", hint: "Mint. Advice." },
    });
    expect(changes).toHaveLength(1);
    question.answer(list("r1", "a"));
    await daemon.next();
    expect(changes).toHaveLength(2);
    expect(ids(catalog.listing)).toEqual(["a"]);
    catalog.stop();
  });

  it("answers without operations when there is no daemon, tries again, and tells when there is one", async () => {
    const { daemon, catalog, changes } = made();
    const told = catalog.tell();
    (await daemon.next()).answer(UNREACHABLE);
    expect(await told).toMatchObject({ operations: [], trouble: { code: "daemon_unreachable" } });
    for (let count = 0; count < 3; count++) (await daemon.next()).answer(UNREACHABLE);
    expect(changes).toEqual([]);
    (await daemon.next()).answer(list("r1", "a"));
    expect((await daemon.next()).kind).toBe("watch");
    expect(changes).toHaveLength(1);
    catalog.stop();
  });

  it("waits longer and longer between attempts, up to a bound", async () => {
    const { daemon, catalog } = made({ patience: 300, firstPause: 40, longestPause: 100 });
    const told = catalog.tell();
    (await daemon.next()).answer(UNREACHABLE);
    await told;
    const times = [performance.now()];
    for (let count = 0; count < 4; count++) {
      (await daemon.next()).answer(UNREACHABLE);
      times.push(performance.now());
    }
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    for (const [index, least] of [39, 79, 99, 99].entries()) expect(pauses[index]).toBeGreaterThanOrEqual(least - 1);
    catalog.stop();
  });

  it("asks at once when a client asks during a pause", async () => {
    const { daemon, catalog } = made({ patience: 300, firstPause: 60_000, longestPause: 60_000 });
    const first = catalog.tell();
    (await daemon.next()).answer(UNREACHABLE);
    await first;
    const second = catalog.tell();
    (await daemon.next()).answer(list("r1", "a"));
    expect(await second).toMatchObject({ trouble: undefined, operations: [{ id: "a" }] });
    catalog.stop();
  });

  it.each([
    ["gives no revision", undefined],
    ["does not know the request", { error: "Unknown request type", code: "request_unknown_type" }],
    ["is too old, as the client finds", new CodedError("daemon_too_old", "too old")],
  ])("asks at every list again when the daemon %s", async (_, refusal) => {
    const { daemon, catalog, changes } = made();
    const first = catalog.tell();
    (await daemon.next()).answer(list(refusal === undefined ? undefined : "r1", "a"));
    await first;
    if (refusal !== undefined) (await daemon.next()).answer(refusal);
    const asked = daemon.asked.length;
    await pause(60);
    expect(daemon.asked).toHaveLength(asked);
    const second = catalog.tell();
    (await daemon.next()).answer(list(undefined, "a", "b"));
    expect(ids(await second)).toEqual(["a", "b"]);
    expect(changes).toEqual([]);
    catalog.stop();
  });

  it("does not let a client wait for a daemon that says nothing, and tells when it has spoken", async () => {
    const { daemon, catalog, changes } = made({ ...TIMES, patience: 50 });
    const told = await catalog.tell();
    expect(told).toEqual({ ...told, operations: [], trouble: { reason: "the daemon gave no list within 0.05 s" } });
    expect(changes).toEqual([]);
    (await daemon.next()).answer(list("r1", "a"));
    expect((await daemon.next()).kind).toBe("watch");
    expect(changes).toHaveLength(1);
    expect(ids(await catalog.tell())).toEqual(["a"]);
    catalog.stop();
  });

  it("closes what is open when it is stopped, and starts nothing any more", async () => {
    const { daemon, catalog, changes, watch } = await watching();
    catalog.stop();
    expect(watch.signal?.aborted).toBe(true);
    await pause(60);
    expect(daemon.asked).toHaveLength(2);
    expect(ids(await catalog.refresh())).toEqual(["a"]);
    expect(daemon.asked).toHaveLength(2);
    expect(changes).toEqual([]);
  });

  it("can be stopped during a pause", async () => {
    const { daemon, catalog } = made({ patience: 300, firstPause: 60_000, longestPause: 60_000 });
    const told = catalog.tell();
    (await daemon.next()).answer(UNREACHABLE);
    await told;
    catalog.stop();
    await pause(20);
    expect(daemon.asked).toHaveLength(1);
  });
});
