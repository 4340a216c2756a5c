import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import type { Log } from "../../host/util/log.ts";
import { PageKeeper } from "../../host/daemon/page-keeper.ts";
import { TokenStore } from "../../host/auth/token-store.ts";
import { RunStore } from "../../host/runs/run-store.ts";
import { buildPage } from "../../scripts/build-page.ts";
import { Base } from "../fixtures/base.ts";
import { ask, follow, reached, visit, type Reached } from "../fixtures/page.ts";
import { atEnd, projectRoot, tempDirectory } from "../fixtures/temp.ts";

beforeAll(async () => {
  await buildPage(projectRoot);
});

const IDLE_MS = 400;

function keeper() {
  const { directory } = new Base();
  const events: string[] = [];
  const keep = (event: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    events.push(`${event} ${JSON.stringify(fields)}`);
  };
  const log: Log = { info: keep, warn: keep, error: keep };
  const bounds = () => ({ maxBytes: 1_000, maxRunBytes: 1_000, maxAgeMs: 1_000, maxBackground: 1 });
  const rooms = {
    runs: new RunStore(tempDirectory(), bounds, () => undefined),
    tokens: new TokenStore(directory.tokens),
  };
  const made = new PageKeeper(directory, log, rooms, keep, { idleMs: IDLE_MS, lookMs: 50 });
  atEnd(async () => {
    await made.stop();
  });
  return { keeper: made, events, directory };
}

async function openedBy(door: PageKeeper): Promise<Reached> {
  const { url = "" } = await door.open(undefined);
  return reached(url);
}

describe("the keeper of the page", () => {
  it("ends the page when nobody has looked at it for its time, and not before", async () => {
    const { keeper: door, events, directory } = keeper();
    const page = await openedBy(door);
    const told = await follow(page, await visit(page));
    await sleep(3 * IDLE_MS);
    expect((await ask(page.port, `/${page.name}/`)).status).toBe(200);
    told.leave();
    while (!events.some((event) => event.startsWith("page ended"))) await sleep(20);
    expect(events.at(-1)).toBe('page ended {"reason":"nobody looks at it"}');
    await expect(ask(page.port, `/${page.name}/`)).rejects.toThrow();
    expect(readdirSync(directory.page)).toEqual([]);
    // And is there again when it is asked for.
    const again = await openedBy(door);
    expect([again.name === page.name, (await ask(again.port, `/${again.name}/`)).status]).toEqual([false, 200]);
  });

  it("does one thing after the other, however many ask at once", async () => {
    const { keeper: door } = keeper();
    const pages = await Promise.all([door.open(undefined), door.open(undefined), door.open(undefined)]);
    expect(new Set(pages.map(({ address }) => address)).size).toBe(1);
    expect(new Set(pages.map(({ url }) => url)).size).toBe(3);
    expect(await Promise.all([door.stop(), door.stop()])).toEqual([true, false]);
  });

  it("loads nothing of the page before it is asked for, and makes no directory for it", async () => {
    const { keeper: door, directory } = keeper();
    expect(await door.stop()).toBe(false);
    expect(existsSync(directory.page)).toBe(false);
  });

  it("goes on without the file for the browser when that cannot be written", async () => {
    const { keeper: door, directory } = keeper();
    writeFileSync(directory.page, "in the way");
    const page = await door.open(undefined);
    expect(page.file).toBeUndefined();
    expect(page.url).toMatch(/^http:/);
  });
});
