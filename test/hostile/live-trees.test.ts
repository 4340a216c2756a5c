import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DaemonClient } from "../../wire/client.ts";
import type { OperationTemplate, OutcomeFields } from "../../wire/schema.ts";
import { buildProgram, DaemonProcess, soon, withMark } from "../contract/routes-process.ts";
import { pidIn } from "../exec/processes.ts";
import { defaultBase, TOKEN, type Base } from "../fixtures/base.ts";
import { CANCEL, FrameTalk, requestBytes } from "../fixtures/frame-talk.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";

const programs = fixturePrograms();

/** Programs that do not want to go, and the file in which each writes a process id when all of it is there. */
const TREES = new Map<string, { readonly what: string; readonly pidFile: (place: string) => string }>([
  ["ignore-term", { what: "ignores TERM", pidFile: (place) => place }],
  ["detach", { what: "has a child in a session of its own", pidFile: (place) => place }],
  ["fork-twice", { what: "has a child whose parent has ended", pidFile: (place) => place }],
  ["hold-pipes", { what: "has children that ignore TERM and hold its output", pidFile: (place) => place }],
  ["close-and-stay", { what: "closes its output and lives on", pidFile: (place) => place }],
  ["print-forever", { what: "prints without end", pidFile: (place) => place }],
  ["fork-on-term", { what: "starts another when it is told to end", pidFile: (place) => join(place, "first") }],
]);

const operations: Readonly<Record<string, OperationTemplate>> = Object.fromEntries(
  [...TREES.keys()].flatMap((name) => {
    const operation: OperationTemplate = {
      command: `${programs}/${name}`,
      args_template: ["60", "{place}"],
      params: { place: { type: "string" } },
    };
    const id = name.replaceAll("-", "_");
    return [
      [id, operation],
      [`${id}_short`, { ...operation, timeout: 1 }],
    ];
  }),
);

/** Everything that runs below a base carries a mark of its own in its environment. */
function marked(): { readonly base: Base; readonly mark: string } {
  const value = tempDirectory();
  const { base } = defaultBase({
    operations: {
      ...operations,
      both: { command: `${programs}/say`, args_template: ["out"] },
    },
    allowed_operations: [...Object.keys(operations), "both"],
    env: { LIVE_MARK: value },
  });
  return { base, mark: `LIVE_MARK=${value}` };
}

const { base, mark } = marked();
const program = await buildProgram();
const daemon = await DaemonProcess.start(program, base, { kill_grace: 200 });
const client = new DaemonClient(daemon.address, TOKEN);
// Whatever is loaded on first use is loaded now.
await client.run({ operation: "both" });
const held = daemon.held();

interface Begun {
  readonly talk: FrameTalk;
  readonly pid: number;
}

async function begin(name: string, short = false): Promise<Begun> {
  const place = join(tempDirectory(), "");
  const tree = TREES.get(name);
  if (tree === undefined) throw new RangeError(name);
  const isFolder = name === "fork-on-term";
  const given = isFolder ? place : join(place, "pid");
  const operation = `${name.replaceAll("-", "_")}${short ? "_short" : ""}`;
  const talk = await FrameTalk.open(
    daemon.address,
    requestBytes({ token: TOKEN, operation, params: { place: given } }),
  );
  return { talk, pid: await pidIn(tree.pidFile(given)) };
}

async function outcomeOf({ talk }: Begun): Promise<OutcomeFields> {
  return (await talk.until("outcome")) as OutcomeFields;
}

async function allGone(): Promise<void> {
  const left = (): readonly number[] => withMark(mark);
  await soon(() => left().length === 0, 15_000);
  expect(left()).toEqual([]);
  expect(await daemon.hasClosed(held)).toBe(true);
}

const CASES = [...TREES].map(([name, { what }]) => [what, name] as const);

describe.runIf(process.platform === "linux")("a program that", () => {
  it.each(CASES)("%s: is answered at once and gone soon when it is cancelled [promise 10]", async (_what, name) => {
    const begun = await begin(name);
    const before = performance.now();
    begun.talk.send(CANCEL);
    expect(await outcomeOf(begun)).toMatchObject({ outcome: "failed", code: "cancelled" });
    expect(performance.now() - before).toBeLessThan(5_000);
    await allGone();
  });

  it.each(CASES)("%s: is gone soon when its client goes [promise 10]", async (_what, name) => {
    const { talk } = await begin(name);
    talk.socket.destroy();
    await allGone();
    const { runs } = await client.runs();
    expect(runs?.[0]).toMatchObject({ state: "failed", code: "cancelled" });
  });

  it("each of them: is answered and gone when its time is over [promise 10]", async () => {
    const all = await Promise.all([...TREES.keys()].map(async (name) => begin(name, true)));
    for (const begun of all)
      expect(await outcomeOf(begun)).toMatchObject({ outcome: "failed", code: "timed_out", exit_code: 124 });
    await allGone();
  });

  it("each of them: is gone when its client closes its sending side only [promise 10]", async () => {
    for (const { talk } of await Promise.all([...TREES.keys()].map(async (name) => begin(name)))) talk.socket.end();
    await allGone();
  });

  it("is killed by somebody else: ends with that signal, with what it said, and what it left is gone", async () => {
    for (const name of ["fork-twice", "close-and-stay", "ignore-term"]) {
      const begun = await begin(name);
      // Of fork-twice the file names the orphan; the leader is the one whose parent is the daemon.
      const leader = withMark(mark).find((pid) => parentOf(pid) === daemon.pid);
      process.kill(leader ?? 0, "SIGKILL");
      expect(await outcomeOf(begun)).toMatchObject({ outcome: "completed", exit_code: 137, signal: "SIGKILL" });
      if (name === "fork-twice") process.kill(begun.pid, "SIGKILL"); // it has left, and nobody ended the run
      await allGone();
    }
  });
});

function parentOf(pid: number): number {
  try {
    return Number(/\) [A-Z] (\d+) /u.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]);
  } catch {
    return 0; // gone meanwhile
  }
}

describe.runIf(process.platform === "linux")("a daemon that stops", () => {
  it("leaves nothing of any of them, watched or in the background [promise 10]", async () => {
    const own = marked();
    const other = await DaemonProcess.start(program, own.base, { kill_grace: 200, drain_timeout: 1 });
    const started = [...TREES.keys()].flatMap((name) => {
      const folder = tempDirectory();
      const place = name === "fork-on-term" ? folder : join(folder, "pid");
      const operation = name.replaceAll("-", "_");
      return [{ name, place, operation }];
    });
    const calls = new DaemonClient(other.address, TOKEN);
    const talks: FrameTalk[] = [];
    for (const [index, { name, place, operation }] of started.entries()) {
      const request = { token: TOKEN, operation, params: { place }, background: index % 2 === 0 };
      talks.push(await FrameTalk.open(other.address, requestBytes(request)));
      await pidIn(TREES.get(name)?.pidFile(place) ?? "");
    }
    expect((await calls.runs()).runs?.filter(({ state }) => state === "running")).toHaveLength(started.length);
    expect(await other.stop()).toBe(0);
    await soon(() => withMark(own.mark).length === 0, 15_000);
    expect(withMark(own.mark)).toEqual([]);
    const ends = await Promise.all(talks.map(async ({ ended }) => (await ended).at(-1)?.name));
    expect(ends).toEqual(started.map((_, index) => (index % 2 === 0 ? "reply" : "outcome")));
  });
});
