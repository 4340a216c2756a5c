import { describe, expect, it } from "vitest";
import { DaemonClient } from "../../wire/client.ts";
import type { DaemonCalls, Started } from "../../wire/daemon-calls.ts";
import { defaultBase, defaultProject, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";

/** Without what differs from one run to the next, and without null, which means absent. */
function steady(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (name, member: unknown) => {
      if (member === null) return undefined;
      return ["run_id", "started_at", "duration_ms"].includes(name) ? typeof member : member;
    }),
  ) as unknown;
}

const operations = {
  speak: { command: "/bin/sh", args_template: ["-c", "echo one; echo two; echo three >&2"] },
  stay: { command: "/bin/sh", args_template: ["-c", "echo here; exec sleep 300"], timeout: 600 },
};

async function clients() {
  const { base, repo } = defaultBase({ allowed_operations: ["speak", "stay"], operations });
  const { daemon, address } = await startDaemon(base);
  if (daemon === undefined) throw new Error("what is tested lives in the daemon's own process");
  const both = [daemon.client(TOKEN), new DaemonClient(address, TOKEN)] as const;
  const rewrite = (changes: Parameters<typeof defaultProject>[1]): void => {
    base.writeProject("owner_repo", defaultProject(repo, { operations, ...changes }));
  };
  return { both, rewrite, stranger: daemon.client("0".repeat(64)) };
}

function idOf(started: Started): string {
  if (started.kind === "refused") throw new Error(started.reply.denied_reason ?? "refused");
  return started.run.run_id;
}

async function same<T>(both: readonly DaemonCalls[], ask: (client: DaemonCalls) => Promise<T>): Promise<T> {
  const [inside, outside] = await Promise.all(both.map(async (client) => ask(client)));
  expect(steady(inside)).toEqual(steady(outside));
  return inside as T;
}

describe("the client without a transport", () => {
  it("lists, describes and runs as the one over a socket does", async () => {
    const { both } = await clients();
    expect((await same(both, async (client) => client.list(""))).operations).toHaveLength(2);
    expect((await same(both, async (client) => client.list("st"))).operations).toHaveLength(1);
    expect((await same(both, async (client) => client.describe("speak"))).operation?.id).toBe("speak");
    expect((await same(both, async (client) => client.describe("nothing"))).code).toBe("operation_not_allowed");
    const explained = await same(both, async (client) => client.explain({ operation: "speak" }));
    expect(explained.explanation?.verdict).toBe("allow");
    expect((await same(both, async (client) => client.run({ operation: "speak" }))).stdout).toBe("one\ntwo\n");
  });

  it("starts a run in the background, asks how it is, reads what it wrote, ends it, and lists it", async () => {
    const { both } = await clients();
    const ended = await same(both, async (client) => {
      const id = idOf(await client.start({ operation: "stay" }));
      const page = await client.read({ runId: id, line: 1, waitSeconds: 10 });
      expect(page.page?.text).toBe("here\n");
      expect((await client.status(id, 0)).run?.state).toBe("running");
      await client.cancel(id);
      return client.status(id, 30);
    });
    expect([ended.run?.state, ended.run?.code]).toEqual(["failed", "cancelled"]);
    expect((await same(both, async (client) => client.runs())).runs).toHaveLength(2);
    expect((await same(both, async (client) => client.start({ operation: "nothing" }))).kind).toBe("refused");
  });

  it("waits for the list to become another one", async () => {
    const { both, rewrite } = await clients();
    const { revision = "" } = await both[0].list("");
    const changed = same(both, async (client) => client.watch(revision, 30));
    rewrite({ allowed_operations: ["speak"] });
    expect((await changed).operations).toHaveLength(1);
  });

  it("ends a run when its signal aborts, also when it had before", async () => {
    const { both } = await clients();
    const [inside] = both;
    const stop = new AbortController();
    const running = inside.run({ operation: "stay" }, { signal: stop.signal });
    stop.abort();
    expect(await running).toMatchObject({ outcome: "failed", code: "cancelled" });
    expect(await inside.run({ operation: "stay" }, { signal: stop.signal })).toMatchObject({ code: "cancelled" });
  });

  it("is refused without a valid token", async () => {
    const { stranger } = await clients();
    expect((await stranger.list("")).code).toBe("unauthenticated");
    expect((await stranger.runs()).code).toBe("unauthenticated");
  });
});
