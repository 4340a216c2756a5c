import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { DaemonClient } from "../../wire/client.ts";
import type { RunInfo } from "../../wire/schema.ts";
import { TOKEN } from "../fixtures/base.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { isGoneWithin, pidIn } from "../exec/processes.ts";
import { comparable, ROUTES, routesTo, type Came, type Route, type RouteName } from "./routes.ts";
import { RouteScene } from "./routes-scene.ts";
import { SCENARIOS, type Scenario } from "./routes-scenarios.ts";

const scene = new RouteScene();
const running = await scene.start();
const { address } = running;
const routes = await routesTo(running.daemon, address);

function routeTo(name: RouteName): Route {
  const route = routes.get(name);
  if (route === undefined) throw new RangeError(name);
  return route;
}

async function onEvery({ ask, before, after }: Scenario): Promise<ReadonlyMap<RouteName, Came>> {
  if (before === undefined && after === undefined)
    return new Map(await Promise.all(ROUTES.map(async (name) => [name, await routeTo(name).run(ask(name))] as const)));
  const all = new Map<RouteName, Came>();
  for (const name of ROUTES) {
    before?.(scene, name);
    const came = await routeTo(name).run(ask(name));
    after?.(scene, name, came);
    all.set(name, came);
  }
  return all;
}

function first<T>(all: ReadonlyMap<RouteName, T>): T {
  const [one] = all.values();
  if (one === undefined) throw new Error("no route");
  return one;
}

/** The MCP server tells somebody who has to get another token how it gets it. */
function withoutAdvice(came: Came, hint = ""): Came {
  return came.code === "unauthenticated" && came.hint?.startsWith(`${hint} `) === true ? { ...came, hint } : came;
}

describe("on every route", () => {
  it.each(SCENARIOS.map((scenario) => [scenario.title, scenario] as const))("%s", async (_title, scenario) => {
    const { same = (text: string) => text, outcome, exitCode, code, signal, stdout, stderr, totals = {} } = scenario;
    const all = await onEvery(scenario);
    const one = first(all);
    expect({ ...one, hint: undefined }).toMatchObject({ outcome, exitCode });
    expect([one.code, one.signal]).toEqual([code, signal]);
    if (stdout !== undefined) expect(one.stdout.bytes.toString("latin1")).toBe(stdout);
    if (stderr !== undefined) expect(one.stderr.bytes.toString("latin1")).toBe(stderr);
    expect(one.stdout.total).toBe(totals.stdout ?? one.stdout.bytes.length);
    expect(one.stderr.total).toBe(totals.stderr ?? one.stderr.bytes.length);
    if (scenario.filtered !== undefined) expect(one.filtered).toBe(scenario.filtered);
    const seen = new Map(
      [...all].map(([name, came]) => [name, comparable(withoutAdvice(came, one.hint), same)] as const),
    );
    for (const [name, came] of seen) expect({ route: name, ...came }).toEqual({ route: name, ...first(seen) });
    if (outcome !== "completed") expect(one.hint).toMatch(/\S/);
  });

  it("a cut in the middle of a character: what is text leaves its rest out, bytes have it", async () => {
    for (const name of ROUTES) {
      const { stdout } = await routeTo(name).run({ operation: "cut_inside" });
      expect([name, stdout]).toMatchObject([name, { total: 6, truncated: true }]);
      const isText = name === "json" || name === "in_process";
      expect([name, stdout.bytes.length]).toEqual([name, isText ? 3 : 5]);
    }
  });

  it("keeps what ran, and nothing of what did not", async () => {
    for (const name of ROUTES) {
      const route = routeTo(name);
      const ran = await route.run({ operation: "both" });
      const { page } = await new DaemonClient(address, TOKEN).read({ runId: ran.runId ?? "none" });
      expect(page?.text).toBe("to stdout\n");
      expect((await route.run({ operation: "forbidden" })).runId).toBeUndefined();
    }
  });

  it("takes a cancel midway: the run has failed with its code and what it said, and the program is gone", async () => {
    const client = new DaemonClient(address, TOKEN);
    const newest = async (): Promise<RunInfo | undefined> => (await client.runs()).runs?.[0];
    for (const name of ROUTES) {
      const file = join(tempDirectory(), "pid");
      const stop = new AbortController();
      const ended = routeTo(name)
        .run({ operation: "held", params: { file } }, stop.signal)
        .catch((error: unknown) => error);
      const pid = await pidIn(file);
      stop.abort();
      await ended;
      const run = await newest();
      const { run: info } = await client.status(run?.run_id ?? "", 10);
      expect({ name, ...info }).toMatchObject({ name, operation: "held", state: "failed", code: "cancelled" });
      expect((await client.read({ runId: run?.run_id ?? "" })).page?.text).toBe("so far\n");
      expect(await isGoneWithin(pid, 10_000)).toBe(true);
    }
  });

  it("leaves nothing behind: no staged file, no bug in the log", async () => {
    await sleep(50);
    expect(existsSync(join(scene.repo, ".cmd2host-staging"))).toBe(false);
    expect(running.lines.filter(({ level }) => level === "error")).toEqual([]);
    expect(readFileSync(join(scene.repo, "README.md"), "utf8")).toBe("hello\n");
  });
});
