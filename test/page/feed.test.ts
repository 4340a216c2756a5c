import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { approval, MemoryDesk, token } from "../fixtures/page-desk.ts";
import { follow, openPage, visit, type Told } from "../fixtures/page.ts";

async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(10);
}

/** What is known after everything that was told. */
function board({ boards }: Told): Readonly<Record<string, unknown>> {
  return Object.assign({}, ...boards) as Record<string, unknown>;
}

describe("what a page is told", () => {
  it("begins with everything, and goes on with what has changed", async () => {
    const desk = new MemoryDesk();
    const page = await openPage(desk);
    const told = await follow(page, await visit(page));
    await told.until((boards) => boards.length > 0);
    expect(Object.keys(told.boards[0] ?? {}).sort()).toEqual(
      ["about", "activity", "approvals", "decisions", "grants", "projects", "runs", "stops", "tokens"].sort(),
    );
    desk.pending.push(approval());
    desk.changed();
    await told.until((boards) => boards.some(({ approvals }) => JSON.stringify(approvals).includes("gh_pr_create")));
    expect(told.boards.at(-1)).not.toHaveProperty("about");
    expect(told.boards.at(-1)).not.toHaveProperty("tokens");
    expect(board(told)["approvals"]).toMatchObject({ waiting: 1 });
  });

  it("has what nobody told of within a second or so", async () => {
    const desk = new MemoryDesk();
    const page = await openPage(desk);
    const told = await follow(page, await visit(page));
    desk.tokenRows.push(token());
    await told.until((boards) => boards.some(({ tokens }) => Array.isArray(tokens) && tokens.length === 1));
  });

  it("does not repeat itself while nothing changes", async () => {
    const desk = new MemoryDesk();
    desk.run({ run_id: "r", operation: "op" });
    const page = await openPage(desk);
    const told = await follow(page, await visit(page));
    await told.until((boards) => boards.length > 0);
    await sleep(2_500);
    // A minute may have begun meanwhile.
    expect(
      told.boards
        .slice(1)
        .flatMap((one) => Object.keys(one))
        .filter((name) => name !== "activity"),
    ).toEqual([]);
  });

  it("is everything again for whoever comes back", async () => {
    const desk = new MemoryDesk();
    const page = await openPage(desk);
    const visitor = await visit(page);
    const first = await follow(page, visitor);
    await first.until((boards) => boards.length > 0);
    first.leave();
    desk.pending.push(approval());
    const again = await follow(page, visitor);
    await again.until((boards) => boards.length > 0);
    expect(again.boards[0]).toMatchObject({ approvals: { waiting: 1 }, about: { version: "1.2.3" } });
  });

  it("costs nothing while no page is open", async () => {
    const desk = new MemoryDesk();
    const page = await openPage(desk);
    const visitor = await visit(page);
    expect(desk.watchers).toBe(0);
    const told = await follow(page, visitor);
    await told.until((boards) => boards.length > 0);
    expect([desk.watchers, page.server.connected]).toEqual([1, 1]);
    told.leave();
    await eventually(() => page.server.connected === 0);
    expect(desk.watchers).toBe(0);
  });

  it("goes to 16 pages at most", async () => {
    const page = await openPage(new MemoryDesk());
    const visitor = await visit(page);
    const all = [];
    for (let one = 0; one < 17; one++) all.push((await follow(page, visitor)).status);
    expect(all).toEqual([...Array<number>(16).fill(200), 429]);
  });

  it("ends with the login", async () => {
    const page = await openPage(new MemoryDesk());
    const visitor = await visit(page);
    const told = await follow(page, visitor);
    await visitor.post("logout", {});
    await told.closed;
    expect(page.server.connected).toBe(0);
  });

  it("is cut off for a page that does not read", async () => {
    const desk = new MemoryDesk();
    const page = await openPage(desk);
    const told = await follow(page, await visit(page));
    await told.until((boards) => boards.length > 0);
    told.pause();
    for (let turn = 0; page.server.connected > 0 && turn < 400; turn++) {
      desk.pending.splice(
        0,
        desk.pending.length,
        ...Array.from({ length: 50 }, (_, index) => approval({ id: `${turn}-${index}`, argv: ["x".repeat(16_000)] })),
      );
      desk.changed();
      await sleep(60);
    }
    expect(page.server.connected).toBe(0);
  });

  it("is bounded, however much there is [promise 9]", async () => {
    const desk = new MemoryDesk();
    const argv = Array.from({ length: 1_000 }, () => "x".repeat(1_000));
    for (let index = 0; index < 100_000; index++)
      desk.pending.push(approval({ id: String(index), argv, says: "x".repeat(100_000) }));
    for (let index = 0; index < 1_000; index++) {
      desk.run({ run_id: String(index), operation: "op" });
      desk.end(String(index));
    }
    const page = await openPage(desk);
    const told = await follow(page, await visit(page));
    await told.until((boards) => boards.length > 0);
    expect(JSON.stringify(told.boards[0]).length).toBeLessThan(2_000_000);
    expect(told.boards[0]).toMatchObject({ approvals: { waiting: 100_000 } });
    const { approvals, runs } = told.boards[0] as { approvals: { list: unknown[] }; runs: unknown[] };
    expect([approvals.list.length, runs.length]).toEqual([50, 60]);
  });

  it("goes on when something could not be read for a while, and the daemon's log hears of it once", async () => {
    const desk = new MemoryDesk();
    const page = await openPage(desk);
    const told = await follow(page, await visit(page));
    await told.until((boards) => boards.length > 0);
    const { list } = desk.projects;
    Object.assign(desk.projects, {
      list: () => {
        throw new Error("gone");
      },
    });
    await eventually(() => page.bugs.length > 0);
    await sleep(1_200);
    expect(page.bugs).toHaveLength(1);
    Object.assign(desk.projects, { list });
    desk.pending.push(approval());
    await told.until((boards) => boards.some(({ approvals }) => JSON.stringify(approvals).includes("gh_pr_create")));
  });
});
