import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { DescribeReply, ListReply, OperationReply } from "../../wire/schema.ts";
import { defaultBase, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { connect, list, run, send, sendJson } from "../fixtures/exchange.ts";
import { fixturePrograms } from "../fixtures/temp.ts";
import { conforms, expectDenied } from "./conformance.ts";

const programs = fixturePrograms();
const { base } = defaultBase({
  allowed_operations: ["test_op", "slow", "big"],
  operations: {
    test_op: {
      command: "/bin/echo",
      args_template: ["{message}"],
      params: { message: { type: "string" } },
      allowed_flags: ["--verbose"],
    },
    slow: {
      command: `${programs}/sleep-loudly`,
      args_template: ["{seconds}"],
      params: { seconds: { type: "string" } },
    },
    big: { command: `${programs}/write-bytes`, args_template: ["8000000"], max_stdout_bytes: 8_000_000 },
  },
});
const daemon = await startDaemon(base);
const { address } = daemon;
const listRequest = JSON.stringify({ list_operations: true, token: TOKEN });

async function operation(text: string | readonly string[], halfClose = true): Promise<OperationReply> {
  const { text: reply } = await send(address, typeof text === "string" ? [text] : text, { halfClose });
  return JSON.parse(reply) as OperationReply;
}

/** A list request of exactly this many bytes, padded inside. */
function listOf(bytes: number): string {
  const empty = JSON.stringify({ list_operations: true, token: TOKEN, padding: "" });
  return JSON.stringify({ list_operations: true, token: TOKEN, padding: "x".repeat(bytes - empty.length) });
}

describe("framing and lifecycle", () => {
  conforms(1, "a list with a valid token names exactly the allowed operations", async () => {
    const reply = await list(address);
    expect(reply.error).toBeUndefined();
    expect(reply.operations?.map(({ id }) => id)).toEqual(["test_op", "slow", "big"]);
  });

  conforms(2, "a list with a bad token fails after one second", async () => {
    const { text, ms } = await send(address, [JSON.stringify({ list_operations: true, token: "invalid-token" })]);
    expect((JSON.parse(text) as ListReply).error).toBe("Authentication failed");
    expect(ms).toBeGreaterThanOrEqual(990);
    expect(ms).toBeLessThan(2_000);
  });

  conforms(3, "connect and FIN gets an empty reply", async () => {
    expect((await send(address, [], { halfClose: true })).text).toBe("");
    expect((await send(address, [" \r\n\t "], { halfClose: true })).text).toBe("");
  });

  conforms(4, "an unknown type is answered at once although the client keeps its side open", async () => {
    const { text } = await send(address, ["{}\n"]);
    expectDenied(JSON.parse(text) as OperationReply, "Unknown request type", "request_unknown_type");
  });

  conforms(5, "a top level that is no object is refused", async () => {
    for (const text of ["[1]", '"x"', "42", "true", "not json"])
      expectDenied(await operation(text), "Invalid JSON", "json_invalid");
    expectDenied(await operation("null"), "Unknown request type");
  });

  conforms(
    6,
    "an object in two segments is put together; one that is not complete after five seconds times out",
    async () => {
      const [head, tail] = [listRequest.slice(0, 20), listRequest.slice(20)];
      const [slow, late] = await Promise.all([
        send(address, [head, tail], { pauseMs: 1_500 }),
        send(address, [head, tail], { pauseMs: 6_000 }),
      ]);
      expect((JSON.parse(slow.text) as ListReply).operations).toHaveLength(3);
      expectDenied(JSON.parse(late.text) as OperationReply, "Invalid JSON:", "frame_timeout");
      expect(late.ms).toBeGreaterThan(4_900);
      expect(late.ms).toBeLessThan(7_500);
    },
  );

  conforms(7, "65536 bytes are taken, 65537 are not, and the denial arrives", async () => {
    expect((JSON.parse((await send(address, [listOf(65_536)])).text) as ListReply).operations).toHaveLength(3);
    const over = await send(address, [listOf(65_537)]);
    expectDenied(JSON.parse(over.text) as OperationReply, "Request too large", "frame_too_large");
    const far = await send(address, [listOf(3_000_000)]);
    expectDenied(JSON.parse(far.text) as OperationReply, "Request too large");
  });

  it("a client that announces the newer protocol may send up to 1 MiB", async () => {
    const text = (bytes: number): string =>
      JSON.stringify({ protocol: 2, list_operations: true, token: TOKEN, padding: "x".repeat(bytes) });
    expect((JSON.parse((await send(address, [text(1_000_000)])).text) as ListReply).operations).toHaveLength(3);
    expectDenied(JSON.parse((await send(address, [text(1_100_000)])).text) as OperationReply, "exceeded 1048576 bytes");
  });

  conforms([8, 9], "the type is decided by the presence of a member, list first", async () => {
    for (const value of [false, null])
      expect((await list(address, { list_operations: value })).operations).toHaveLength(3);
    const both = (await sendJson(address, {
      operation: "list_operations",
      list_operations: true,
      token: TOKEN,
    })) as ListReply;
    expect(both.operations).toHaveLength(3);
  });

  conforms(10, "a wrong field type is refused at once, before authentication, without the request id", async () => {
    const { text, ms } = await send(address, [JSON.stringify({ operation: 5, token: "bad", request_id: "r1" })]);
    const reply = JSON.parse(text) as OperationReply;
    expectDenied(reply, "Invalid request:", "request_invalid");
    expect(reply.request_id).toBeUndefined();
    expect(ms).toBeLessThan(900);
  });

  conforms(11, "request ids that could forge a log line are refused before authentication", async () => {
    for (const id of ["a\nb", "a\rb", "a\tb", "a\0b", 'a"b', "a b", "日本語", "x".repeat(129)]) {
      expectDenied(
        (await sendJson(address, { operation: "test_op", token: "bad", request_id: id })) as OperationReply,
        "request_id",
      );
    }
    const longest = await run(address, {
      operation: "test_op",
      params: { message: "hi" },
      request_id: "x".repeat(128),
    });
    expect(longest).toMatchObject({ exit_code: 0, request_id: "x".repeat(128) });
  });

  conforms(12, "operation names outside the shape are refused before authentication", async () => {
    for (const name of ["gh_pr_view\n[OP:x", "a\r\nb", "a\0", "Upper", "a-b", "a.b", "1a", "a".repeat(65)]) {
      expectDenied(
        (await sendJson(address, { operation: name, token: "bad" })) as OperationReply,
        "operation",
        "request_invalid",
      );
    }
    expectDenied(await run(address, { operation: "a".repeat(64) }), "Unknown operation");
  });

  conforms(13, "only known sources are taken, and the value is ignored", async () => {
    expectDenied(
      (await sendJson(address, { operation: "test_op", source: "attacker", token: TOKEN })) as OperationReply,
      "source",
    );
    const reply = await run(address, {
      operation: "test_op",
      source: "raw_argv",
      params: { message: "hi" },
      request_id: "case13",
    });
    expect(reply.stdout).toBe("hi\n");
    expect(daemon.lines.find(({ fields }) => fields["request_id"] === "case13")?.fields).toMatchObject({
      source: "mcp",
    });
  });

  conforms(14, "an empty operation name is an unknown operation", async () => {
    expectDenied(await run(address, { operation: "" }), "Unknown operation", "operation_unknown");
  });

  conforms(15, "a failed authentication echoes the request id, a shape error does not", async () => {
    const unauthenticated = (await sendJson(address, {
      operation: "test_op",
      token: "bad",
      request_id: "r15",
    })) as OperationReply;
    expectDenied(unauthenticated, "Authentication failed", "unauthenticated");
    expect(unauthenticated.request_id).toBe("r15");
    const malformed = (await sendJson(address, {
      operation: "test_op",
      flags: 1,
      request_id: "r15",
    })) as OperationReply;
    expect(malformed.request_id).toBeUndefined();
  });

  conforms(
    [16, 17, 18],
    "one request more than max_in_flight is closed without a byte; a failed authentication frees its slot",
    async () => {
      const { base: other } = defaultBase({
        allowed_operations: ["slow"],
        operations: { slow: { command: `${programs}/sleep-loudly`, args_template: ["1"] } },
      });
      const limited = await startDaemon(other, { max_in_flight: 1 });
      const running = run(limited.address, { operation: "slow" });
      await sleep(300);
      expect((await send(limited.address, [listRequest])).text).toBe("");
      expect((await running).exit_code).toBe(0);
      const bad = send(limited.address, [JSON.stringify({ list_operations: true, token: "bad" })]);
      await sleep(300);
      expect((await list(limited.address)).operations).toHaveLength(1);
      expect((await bad).text).toContain("Authentication failed");
      await limited.stop();
      const unlimited = await startDaemon(other, { max_in_flight: -1 });
      const many = await Promise.all(Array.from({ length: 20 }, async () => list(unlimited.address)));
      expect(many.every(({ operations }) => operations?.length === 1)).toBe(true);
    },
  );

  conforms(19, "a peer that never reads its reply is given up", async () => {
    const socket = await connect(address);
    socket.pause();
    socket.on("error", () => undefined);
    socket.write(JSON.stringify({ operation: "big", token: TOKEN }));
    for (
      let tries = 0;
      tries < 150 && !daemon.lines.some(({ fields }) => fields["reason"] === "the reply was not read in time");
      tries++
    )
      await sleep(100);
    expect(daemon.lines.some(({ fields }) => fields["reason"] === "the reply was not read in time")).toBe(true);
    socket.destroy();
  });

  conforms(20, "a client that goes away cancels its command (changed: the original let it run)", async () => {
    const socket = await connect(address);
    socket.write(JSON.stringify({ operation: "slow", params: { seconds: "31" }, token: TOKEN, request_id: "case20" }));
    const permitted = (): string | undefined =>
      daemon.lines.find(({ event, fields }) => event === "permitted" && fields["request_id"] === "case20")?.fields[
        "id"
      ] as string | undefined;
    while (permitted() === undefined) await sleep(20);
    socket.destroy();
    const id = permitted();
    const ended = (): boolean =>
      daemon.lines.some(
        ({ event, fields }) => event === "failed" && fields["id"] === id && fields["code"] === "cancelled",
      );
    for (let tries = 0; tries < 100 && !ended(); tries++) await sleep(50);
    expect(ended()).toBe(true);
  });

  conforms(21, "a half-closed client gets its whole reply, also from a command that takes a while", async () => {
    const { text } = await send(
      address,
      [JSON.stringify({ operation: "slow", params: { seconds: "1.3" }, token: TOKEN })],
      { halfClose: true },
    );
    expect((JSON.parse(text) as OperationReply).stdout).toMatch(/^pid \d+\ndone\n$/);
  });

  conforms(22, "a second object is refused, in the shape of the first, and never runs", async () => {
    for (const rest of ['{"a":1}', "XX"]) {
      const reply = JSON.parse((await send(address, [`${listRequest}${rest}`])).text) as ListReply;
      expect(reply.error).toContain("Invalid request:");
      expect(reply.operations ?? []).toEqual([]);
    }
    const slow = JSON.stringify({ operation: "slow", params: { seconds: "32" }, token: TOKEN });
    const late = await send(address, [slow, '{"a":1}'], { pauseMs: 300 });
    expectDenied(JSON.parse(late.text) as OperationReply, "Invalid request:", "json_trailing_data");
    expect(late.ms).toBeLessThan(5_000);
  });

  it("duplicate members, __proto__, lone surrogates and invalid UTF-8 are refused with a code", async () => {
    expectDenied(await operation('{"operation":"a","operation":"b"}'), "duplicate", "json_duplicate_key");
    expectDenied(await operation('{"operation":"a","params":{"x":{"y":1,"y":2}}}'), "duplicate", "json_duplicate_key");
    expectDenied(await operation('{"operation":"a","params":{"__proto__":{}}}'), "__proto__", "json_duplicate_key");
    expectDenied(await operation('{"operation":"\\ud800"}'), "surrogate", "json_invalid");
    const { text } = await send(address, [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])]);
    expectDenied(JSON.parse(text) as OperationReply, "UTF-8", "json_invalid");
    expectDenied(await operation(`{"operation":"a","params":${"[".repeat(20_000)}`), "Invalid JSON:");
  });

  it("a browser's POST is refused at its first byte", async () => {
    const { text } = await send(address, ["POST / HTTP/1.1\r\nHost: localhost:9876\r\n\r\n", listRequest]);
    expectDenied(JSON.parse(text) as OperationReply, "Invalid JSON:", "json_invalid");
  });

  it("names match without regard to case, but a request is recognised by its exact name only", async () => {
    const reply = (await sendJson(address, {
      operation: "test_op",
      PARAMS: { message: "hi" },
      Token: TOKEN,
    })) as OperationReply;
    expect(reply.stdout).toBe("hi\n");
    expectDenied(
      (await sendJson(address, { OPERATION: "test_op", token: TOKEN })) as OperationReply,
      "Unknown request type",
    );
    expectDenied(
      (await sendJson(address, { operation: "test_op", OPERATION: "slow", token: TOKEN })) as OperationReply,
      "twice",
    );
  });

  it("64 idle connections lock nobody out", async () => {
    const idle = await Promise.all(Array.from({ length: 300 }, async () => connect(address)));
    for (const socket of idle) socket.on("error", () => undefined);
    expect((await list(address)).operations).toHaveLength(3);
    for (const socket of idle) socket.destroy();
  });

  it("an unknown operation is described as not allowed", async () => {
    const reply = (await sendJson(address, { describe_operation: null, token: TOKEN })) as DescribeReply;
    expect(reply.error).toBe("Operation not allowed: ");
  });
});
