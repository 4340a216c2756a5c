import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { PassedOn, type Handle } from "../../host/agent/passed-on.ts";
import type { Peer } from "../../host/engine/rooms.ts";
import type { Reply } from "../../wire/outcome.ts";

const PEER: Peer = { transport: "link", id: "link:gate" };
const never = new AbortController().signal;

interface Came {
  readonly message: unknown;
  readonly peer: Peer;
}

/** Requests as an engine would get them. */
class Received {
  readonly came: Came[] = [];
  readonly passedOn: PassedOn;

  constructor() {
    this.passedOn = new PassedOn(async (message, peer) => {
      this.came.push({ message, peer });
      return Promise.resolve({ shape: "list", operations: [], revision: "" });
    });
  }

  async send(message: unknown, gateway = "gate"): Promise<Reply> {
    const handle: Handle = this.passedOn.for((caller) => `token of ${caller} at ${gateway}`);
    return handle(message, PEER, never);
  }
}

function via(more: object = {}): object {
  return { caller: "alice", target: "web1", id: randomUUID(), ...more };
}

function messageOf(reply: Reply): string {
  if (reply.shape === "operation") return reply.outcome.kind === "completed" ? "" : reply.outcome.message;
  return "error" in reply ? reply.error.message : "";
}

describe("a request that a gateway passes on", () => {
  it("comes with the session of whoever asked, and without what the gateway said of him", async () => {
    const received = new Received();
    const of = via();
    await received.send({ protocol: 2, list_operations: "", via: of });
    expect(received.came).toEqual([
      {
        message: { protocol: 2, list_operations: "", token: "token of alice at gate" },
        peer: { ...PEER, via: of },
      },
    ]);
  });

  it("cannot bring a token of its own", async () => {
    const received = new Received();
    await received.send({ operation: "uptime", token: "f".repeat(64), via: via({ caller: "bob" }) });
    expect(received.came[0]?.message).toEqual({ operation: "uptime", token: "token of bob at gate" });
  });

  it("may have members of which we know nothing, which change nothing", async () => {
    const received = new Received();
    const of = via();
    await received.send({ operation: "uptime", params: { via: "x" }, via: { ...of, token: "x", role: "owner" } });
    expect(received.came[0]).toMatchObject({ message: { params: { via: "x" } }, peer: { transport: "link", via: of } });
  });

  it.each<readonly [string, unknown]>([
    ["nothing", undefined],
    ["null", null],
    ["a text", "alice"],
    ["a list", []],
    ["no caller", { target: "web1", id: randomUUID() }],
    ["an empty caller", via({ caller: "" })],
    ["a caller that is too long", via({ caller: "x".repeat(65) })],
    ["a caller that is no text", via({ caller: ["alice"] })],
    ["no target", { caller: "alice", id: randomUUID() }],
    ["an empty target", via({ target: "" })],
    ["a target that is too long", via({ target: "x".repeat(513) })],
    ["no id", { caller: "alice", target: "web1" }],
    ["an id that is a path", via({ id: "../../../../etc/passwd" })],
    ["an id in capitals", via({ id: randomUUID().toUpperCase() })],
    ["an id with something behind it", via({ id: `${randomUUID()}\n` })],
  ])("is refused with %s for via", async (_, of) => {
    const received = new Received();
    const reply = await received.send({ operation: "uptime", ...(of === undefined ? {} : { via: of }) });
    expect(messageOf(reply)).toContain("a gateway must say for whom it asks");
    expect(received.came).toEqual([]);
  });

  it.each<readonly [string, unknown]>([
    ["null", null],
    ["a number", 5],
    ["a text", "ping"],
    ["a list", [{ via: via() }]],
  ])("is refused when it is %s", async (_, message) => {
    const received = new Received();
    const reply = await received.send(message);
    expect(messageOf(reply)).toContain("Invalid request: a gateway must say for whom it asks");
    expect(received.came).toEqual([]);
  });

  it("is refused when its id was used before, by whichever gateway", async () => {
    const received = new Received();
    const of = via();
    await received.send({ operation: "uptime", via: of });
    for (const gateway of ["gate", "other"]) {
      const reply = await received.send({ operation: "uptime", via: { ...of, caller: "bob" } }, gateway);
      expect(messageOf(reply)).toContain("was used before");
    }
    expect(received.came).toHaveLength(1);
  });

  it("remembers a bounded number of ids, the last ones", async () => {
    const received = new Received();
    const ids = Array.from({ length: 16_385 }, () => randomUUID());
    for (const id of ids) await received.send({ ping: true, via: via({ id }) });
    const again = async (id: string | undefined): Promise<string> =>
      messageOf(await received.send({ ping: true, via: via({ id }) }));
    expect(await again(ids[1])).toContain("was used before");
    expect(await again(ids.at(-1))).toContain("was used before");
    expect(await again(ids[0])).not.toContain("was used before");
  });

  it("is no MCP session: nobody would end it", async () => {
    const received = new Received();
    const reply = await received.send({ protocol: 2, mcp_session: {}, via: via() });
    expect(messageOf(reply)).toContain("there are no MCP sessions on a link");
    expect(received.came).toEqual([]);
  });
});
