import { createServer, connect, type AddressInfo, type Server } from "node:net";
import { describe, expect, it, vi } from "vitest";
import type { KnownTarget } from "../../../gateway/registry/known-target.ts";
import { inParallel } from "../../../gateway/registry/in-parallel.ts";
import { Pinger, type Answered, type PingerParts } from "../../../gateway/registry/pinger.ts";
import { Rounds } from "../../../gateway/registry/rounds.ts";
import { TimeLimit } from "../../../gateway/registry/time-limit.ts";
import { CodedError } from "../../../wire/errors.ts";
import { atEnd } from "../../fixtures/temp.ts";
import { discovered, manual, Scene, settings } from "./scene.ts";

const NEVER = new AbortController().signal;
const LONG = 3_600_000;

/** A server that takes connections, and says nothing or one line. */
async function server(line: string | undefined): Promise<number> {
  const listening: Server = createServer((socket) => {
    socket.on("error", () => undefined);
    if (line !== undefined) socket.end(line);
  });
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  atEnd(() => {
    listening.close();
  });
  return (listening.address() as AddressInfo).port;
}

/** A ping over a real connection: the agent says its version at once. */
async function overTcp({ host, port }: KnownTarget, signal: AbortSignal): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    signal.addEventListener("abort", () => socket.destroy());
    let version = "";
    socket.on("data", (bytes: Buffer) => (version += bytes.toString("utf8")));
    socket.on("error", reject);
    socket.on("close", () => {
      if (version === "") reject(new Error("closed without a word"));
      else resolve({ pong: { hostname: "h", uptimeSeconds: 1, shell: "sh", version }, latencyMs: 3 });
    });
  });
}

function pinger(scene: Scene, changes: Partial<PingerParts> = {}): Pinger {
  const made = new Pinger({ registry: scene.registry, ping: overTcp, intervalMs: () => LONG, ...changes });
  atEnd(async () => made.stop());
  return made;
}

/** Targets on this machine, all with keys. */
function local(ports: Readonly<Record<string, number>>): Scene {
  const targets = Object.entries(ports).map(([name, port]) => manual(name, { host: "127.0.0.1", port }));
  return new Scene({ targets, psk: Object.keys(ports) });
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "nothing",
    (error: unknown) => (error instanceof CodedError ? `${error.code}: ${error.message}` : String(error)),
  );
}

describe("pings", () => {
  it("say of each target whether it answers; one that stays silent holds up nobody", async () => {
    const [live, silent] = [await server("0.5.13"), await server(undefined)];
    const scene = new Scene({
      targets: [
        manual("a", { host: "127.0.0.1", port: live }),
        manual("down", { host: "127.0.0.1", port: 1 }),
        manual("nopsk", { host: "127.0.0.1", port: live }),
        manual("silent", { host: "127.0.0.1", port: silent }),
      ],
      psk: ["a", "down", "silent"],
    });
    const round = pinger(scene, { atOnce: 2, limitMs: 1_500 }).pingAll();
    // Long before the silent one has had its time.
    await vi.waitFor(() => {
      expect(scene.target("a").reachable).toBe("reachable");
    });
    await round;
    // The order and the states of conformance case 5.
    expect(scene.registry.states().map(({ name, reachable, trouble }) => [name, reachable, trouble])).toEqual([
      ["a", "reachable", undefined],
      ["down", "unreachable", "connect ECONNREFUSED 127.0.0.1:1"],
      ["nopsk", "unknown", undefined],
      ["silent", "unreachable", "no answer within 1500 ms"],
    ]);
    expect(scene.target("a")).toMatchObject({ version: "0.5.13", latencyMs: 3, seenAt: 1_000 });
  });

  it("are not waited for at the start, and not sent to what has no address, no key or no link", async () => {
    const scene = new Scene({ psk: ["n/stopped", "n/run"] });
    scene.registry.setDiscovered([discovered("n/stopped", { host: "", status: "stopped" }), discovered("n/run")]);
    scene.registry.setEnrolled(["in", "out"].map((name) => ({ name, host: undefined, port: 1, tags: [] })));
    const asked: string[] = [];
    const pings = pinger(scene, {
      ping: async ({ name }) => {
        asked.push(name);
        return new Promise(() => undefined);
      },
      hasLink: (name) => name === "in",
    });
    pings.start();
    expect(asked.sort()).toEqual(["in", "n/run"]);
    await pings.stop();
    // That we stopped asking says nothing of them.
    expect(scene.registry.states().map(({ reachable }) => reachable)).toEqual([
      "unknown",
      "unknown",
      "unknown",
      "unknown",
    ]);
  });

  it("are at most so many at the same time, of those that were silent the last, and rounds never overlap", async () => {
    const names = Array.from({ length: 30 }, (_, index) => `t${index}`);
    const scene = new Scene({ targets: names.map((name) => manual(name)), psk: names });
    scene.registry.silent(scene.target("t0"), "x");
    let running = 0;
    let most = 0;
    const order: string[] = [];
    const waiting: (() => void)[] = [];
    const pings = pinger(scene, {
      atOnce: 4,
      ping: async ({ name }) => {
        order.push(name);
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => waiting.push(resolve));
        running--;
        throw new CodedError("rpc_failed", "no");
      },
    });
    const rounds = [pings.pingAll(), pings.pingAll()];
    while (order.length < names.length || running > 0) {
      waiting.splice(0).forEach((go) => {
        go();
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(rounds);
    expect([most, order.length, order.at(-1)]).toEqual([4, 30, "t0"]);
  });

  it("come again and again, and soon to a target that is new", async () => {
    const port = await server("1");
    const scene = local({ a: port });
    const asked: string[] = [];
    const pings = pinger(scene, {
      intervalMs: () => (asked.length < 3 ? 1 : LONG),
      random: () => 0.5,
      ping: async (target, signal) => {
        asked.push(target.name);
        return overTcp(target, signal);
      },
    });
    pings.start();
    pings.start();
    await vi.waitFor(() => {
      expect(asked).toEqual(["a", "a", "a"]);
    });
    await vi.waitFor(() => {
      expect(scene.target("a").reachable).toBe("reachable");
    });
    // Nothing is new.
    const targets = [manual("a", { host: "127.0.0.1", port })];
    scene.registry.configure(settings({ targets, psk: ["a"] }));
    const more = [...targets, manual("b", { host: "127.0.0.1", port })];
    scene.registry.configure(settings({ targets: more, psk: ["a", "b"] }));
    await vi.waitFor(() => {
      expect(scene.target("b").reachable).toBe("reachable");
    });
    expect(asked.slice(3).sort()).toEqual(["a", "b"]);
    await pings.stop();
    await pings.pingAll();
    expect(asked).toHaveLength(5);
  });

  it("of one target tell the registry too, and say why there can be none", async () => {
    const scene = new Scene({
      targets: [
        manual("a", { host: "127.0.0.1", port: await server("1") }),
        manual("nopsk"),
        manual("down", { host: "127.0.0.1", port: 1 }),
        manual("silent", { host: "127.0.0.1", port: await server(undefined) }),
      ],
      psk: ["a", "down", "n/s", "silent"],
    });
    scene.registry.setDiscovered([discovered("n/s", { host: "", status: "stopped" })]);
    const pings = pinger(scene, { limitMs: 200 });
    expect(await pings.ping("a", NEVER)).toEqual({
      pong: { hostname: "h", uptimeSeconds: 1, shell: "sh", version: "1" },
      latencyMs: 3,
    });
    expect(scene.target("a").reachable).toBe("reachable");
    const code = async (name: string): Promise<string> => codeOf(pings.ping(name, NEVER));
    expect(await code("x")).toBe('target_unknown: there is no target "x"');
    expect(await code("n/s")).toBe('target_no_address: "n/s" has no address (its status is stopped)');
    expect(await code("nopsk")).toBe('target_no_key: there is no key for "nopsk"');
    expect(await code("down")).toMatch(/^target_unreachable: "down": connect ECONNREFUSED/);
    expect(await code("silent")).toBe('target_unreachable: "silent": no answer within 200 ms');
    expect(["nopsk", "down", "silent"].map((name) => scene.target(name).reachable)).toEqual([
      "unknown",
      "unreachable",
      "unreachable",
    ]);
  });

  it("that fail with a code keep it, and those that their caller gives up say nothing of the target", async () => {
    const scene = local({ a: await server(undefined), b: 1 });
    const pings = pinger(scene, {
      ping: async (target, signal) => {
        if (target.name === "b") throw new CodedError("target_key_mismatch", "another key");
        return overTcp(target, signal);
      },
    });
    expect(await codeOf(pings.ping("b", NEVER))).toBe("target_key_mismatch: another key");
    expect(scene.target("b")).toMatchObject({ reachable: "unreachable", trouble: "another key" });
    const caller = new AbortController();
    const asked = codeOf(pings.ping("a", caller.signal));
    caller.abort();
    expect(await asked).toMatch(/^cancelled/);
    expect(await codeOf(pings.ping("a", caller.signal))).toMatch(/^cancelled/);
    expect(scene.target("a").reachable).toBe("unknown");
  });
});

describe("rounds", () => {
  it("that are asked for while one is running are one more behind it", async () => {
    let count = 0;
    const ends: (() => void)[] = [];
    const rounds = new Rounds(
      async () => {
        count++;
        return new Promise<void>((resolve) => ends.push(resolve));
      },
      () => LONG,
    );
    rounds.soon();
    expect(count).toBe(0);
    rounds.start();
    rounds.soon();
    rounds.soon();
    expect(count).toBe(1);
    ends[0]?.();
    await vi.waitFor(() => {
      expect(count).toBe(2);
    });
    const stopped = rounds.stop();
    ends[1]?.();
    await stopped;
    rounds.soon();
    await rounds.run();
    expect(count).toBe(2);
  });

  it("may be run by hand before they are started, and are then not planned", async () => {
    let count = 0;
    const rounds = new Rounds(
      async () => {
        count++;
        return Promise.resolve();
      },
      () => 0,
    );
    await rounds.run();
    await new Promise((resolve) => setImmediate(resolve));
    expect(count).toBe(1);
    await rounds.stop();
  });
});

describe("work in parallel", () => {
  it("ends early when it is not wanted any more", async () => {
    const stop = new AbortController();
    const done: number[] = [];
    await inParallel([1, 2, 3, 4], 2, stop.signal, async (item) => {
      done.push(item);
      if (item === 2) stop.abort();
      return Promise.resolve();
    });
    expect(done).toEqual([1, 2]);
    await inParallel([], 2, stop.signal, async () => Promise.reject(new Error("never")));
  });

  it("is limited by a time that begins again for each piece, and leaves nothing at the older signal", async () => {
    const outer = new AbortController();
    const limit = new TimeLimit(outer.signal, 1);
    await expect(limit.race(new Promise(() => undefined))).rejects.toThrow("given up");
    expect([limit.isOver, outer.signal.aborted]).toEqual([true, false]);
    limit.end();
    const other = new TimeLimit(outer.signal, LONG);
    other.end();
    outer.abort();
    expect([other.signal.aborted, new TimeLimit(outer.signal, LONG).signal.aborted]).toEqual([false, true]);
  });
});
