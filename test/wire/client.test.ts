import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { addressText, DaemonClient, streamBytes, type Address } from "../../wire/client.ts";
import { MAX_REPLY_BYTES } from "../../wire/limits.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { failure } from "./client-failure.ts";
import { serverOf } from "./servers.ts";

const RAN = { exit_code: 0, stdout: "hi\n", stderr: "", denied_reason: null };

async function clientOf(
  answer: (request: Readonly<Record<string, unknown>>) => string | Buffer,
  kind: Address["kind"] = "unix",
): Promise<DaemonClient> {
  const address = await serverOf(kind, (socket, request) => {
    socket.end(answer(request));
  });
  return new DaemonClient(address, "the-token");
}

describe("an address as text", () => {
  it("is a path, or a host and a port, with brackets around IPv6", () => {
    expect(addressText({ kind: "unix", path: "/run/x.sock" })).toBe("/run/x.sock");
    expect(addressText({ kind: "tcp", host: "localhost", port: 1 })).toBe("localhost:1");
    expect(addressText({ kind: "tcp", host: "::1", port: 9876 })).toBe("[::1]:9876");
  });
});

describe("what the client writes", () => {
  it("begins with the protocol, ends with the token, and leaves out what is empty", async () => {
    const seen: Readonly<Record<string, unknown>>[] = [];
    const client = await clientOf((request) => {
      seen.push(request);
      return JSON.stringify({ ...RAN, operations: null, operation: null });
    });
    await client.list("");
    await client.list("gh_");
    await client.describe("test_op");
    await client.run({ operation: "test_op" });
    await client.run({ operation: "test_op", params: { a: 1 }, flags: ["--x"], targetRepo: "o/r" });
    await client.run({ operation: "test_op", flags: [], targetRepo: "" });
    expect(seen.map((request) => JSON.stringify(request))).toEqual([
      '{"protocol":2,"list_operations":true,"token":"the-token"}',
      '{"protocol":2,"list_operations":true,"prefix":"gh_","token":"the-token"}',
      '{"protocol":2,"describe_operation":"test_op","token":"the-token"}',
      '{"protocol":2,"operation":"test_op","params":null,"token":"the-token"}',
      '{"protocol":2,"operation":"test_op","params":{"a":1},"flags":["--x"],"target_repo":"o/r","token":"the-token"}',
      '{"protocol":2,"operation":"test_op","params":null,"token":"the-token"}',
    ]);
  });

  it("leaves the sending side open until the reply has come", async () => {
    let endedFirst = false;
    const address = await serverOf("unix", (socket) => {
      socket.on("end", () => {
        endedFirst = !socket.writableEnded;
      });
      setTimeout(() => {
        socket.end(JSON.stringify(RAN));
      }, 50);
    });
    await new DaemonClient(address, "t").run({ operation: "x" });
    expect(endedFirst).toBe(false);
  });
});

describe("a reply", () => {
  it.each(["unix", "tcp"] as const)("comes over %s", async (kind) => {
    const client = await clientOf(() => JSON.stringify(RAN), kind);
    expect(await client.run({ operation: "x" })).toEqual({ exit_code: 0, stdout: "hi\n", stderr: "" });
  });

  it("may have white space in front and behind, and come in parts", async () => {
    const address = await serverOf("tcp", (socket) => {
      socket.write(" ");
      setTimeout(() => socket.write(' {"exit_code":0,"std'), 20);
      setTimeout(() => socket.end('out":"é","stderr":""}\n'), 40);
    });
    expect(await new DaemonClient(address, "t").run({ operation: "x" })).toMatchObject({ stdout: "é" });
  });

  it("of a denial or with an error is a reply, not a failure", async () => {
    const denied = await clientOf(() => JSON.stringify({ ...RAN, exit_code: 1, denied_reason: "no" }));
    expect(await denied.run({ operation: "x" })).toMatchObject({ denied_reason: "no" });
    const list = await clientOf(() => '{"operations":null,"error":"Authentication failed"}');
    expect(await list.list("")).toEqual({ error: "Authentication failed" });
  });

  it("is used when the daemon resets the connection behind it", async () => {
    const address = await serverOf("tcp", (socket) => {
      socket.write(JSON.stringify(RAN));
      setTimeout(() => {
        socket.resetAndDestroy();
      }, 50);
    });
    expect(await new DaemonClient(address, "t").run({ operation: "x" })).toMatchObject({ exit_code: 0 });
  });

  it("that a reset cut off is invalid", async () => {
    const address = await serverOf("tcp", (socket) => {
      socket.write(JSON.stringify(RAN).slice(0, 20));
      setTimeout(() => {
        socket.resetAndDestroy();
      }, 50);
    });
    const error = await failure(new DaemonClient(address, "t").run({ operation: "x" }));
    expect(error).toMatchObject({
      code: "reply_invalid",
      message: expect.stringMatching(/^failed to parse response: /) as string,
    });
  });

  it("that a reset took away altogether is invalid, and the reset is named", async () => {
    const address = await serverOf("tcp", (socket) => {
      socket.resetAndDestroy();
    });
    const error = await failure(new DaemonClient(address, "t").run({ operation: "x" }));
    expect(error).toMatchObject({ code: "reply_invalid", message: "failed to read response: ECONNRESET" });
  });

  it("that never came is invalid, and the likely reason is told", async () => {
    const error = await failure((await clientOf(() => "")).list(""));
    expect(error).toMatchObject({
      code: "reply_invalid",
      message: "failed to parse response: the daemon closed the connection without a reply",
      hint: expect.stringContaining("max_in_flight") as string,
    });
  });

  it.each([
    ["HTTP/1.1 400 Bad Request\r\n\r\n", /^failed to parse response: Unexpected token/],
    ["{}{}", /^failed to parse response: Unexpected non-whitespace/],
    ["{}", /^failed to parse response: \/exit_code: is missing$/],
    [
      '{"exit_code":"0","stdout":"","stderr":""}',
      /^failed to parse response: \/exit_code: expected integer, got string "0"$/,
    ],
    ["[]", /^failed to parse response: expected object, got array$/],
  ])("of %j is invalid", async (text, message) => {
    const error = await failure((await clientOf(() => text)).run({ operation: "x" }));
    expect(error.code).toBe("reply_invalid");
    expect(error.message).toMatch(message);
  });

  it("of the wrong form is invalid for list and describe too", async () => {
    const client = await clientOf(() => '{"operations":5,"operation":5}');
    expect((await failure(client.list(""))).message).toContain("/operations: expected array, got number 5");
    expect((await failure(client.describe("x"))).message).toContain("/operation: expected object, got number 5");
  });

  it("may be as long as the protocol allows and no longer", async () => {
    const reply = (size: number): string => {
      const head = '{"exit_code":0,"stderr":"","stdout":"';
      return `${head}${"a".repeat(size - head.length - 2)}"}`;
    };
    const long = await (await clientOf(() => reply(MAX_REPLY_BYTES))).run({ operation: "x" });
    expect(long.stdout.length).toBeGreaterThan(MAX_REPLY_BYTES - 100);
    const error = await failure((await clientOf(() => reply(MAX_REPLY_BYTES + 1))).run({ operation: "x" }));
    expect(error).toMatchObject({
      code: "reply_invalid",
      message: "failed to read response: longer than 10485760 bytes",
    });
  });
});

describe("without a reply", () => {
  const directory = tempDirectory();

  it("the client says that no daemon is there", async () => {
    const path = join(directory, "none");
    expect(await failure(new DaemonClient({ kind: "unix", path }, "t").list(""))).toMatchObject({
      code: "daemon_unreachable",
      message: `failed to connect to cmd2host daemon at ${path}: ENOENT`,
    });
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const bound = server.address();
    const port = typeof bound === "object" && bound !== null ? bound.port : 0;
    await new Promise((resolve) => server.close(resolve));
    expect(await failure(new DaemonClient({ kind: "tcp", host: "127.0.0.1", port }, "t").list(""))).toMatchObject({
      code: "daemon_unreachable",
      message: `failed to connect to cmd2host daemon at 127.0.0.1:${port}: ECONNREFUSED`,
    });
  });

  it("the client gives up after its time limit, and closes the connection", async () => {
    let closed: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => (closed = resolve));
    const address = await serverOf("unix", (socket) => {
      socket.write(" ");
      socket.on("end", closed);
    });
    const error = await failure(new DaemonClient(address, "t").run({ operation: "x" }, { timeoutMs: 100 }));
    expect(error).toMatchObject({
      code: "reply_timeout",
      message: "failed to read response: no complete reply within 0.1 s",
    });
    await gone;
  });

  it("the caller can cancel, which closes the connection", async () => {
    const controller = new AbortController();
    let closed: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => (closed = resolve));
    const address = await serverOf("unix", (socket) => {
      socket.on("end", closed);
      controller.abort();
    });
    const error = await failure(new DaemonClient(address, "t").run({ operation: "x" }, { signal: controller.signal }));
    expect(error).toMatchObject({ code: "cancelled", message: "cancelled by the caller" });
    await gone;
  });

  it("a caller that cancelled before is told so, and sends nothing", async () => {
    let requests = 0;
    const address = await serverOf("unix", () => requests++);
    expect(await failure(new DaemonClient(address, "t").list("", { signal: AbortSignal.abort() }))).toMatchObject({
      code: "cancelled",
    });
    expect(requests).toBe(0);
  });

  it("nothing of the token is in any message", async () => {
    const token = "f".repeat(64);
    const address = await serverOf("unix", (socket, request) =>
      socket.end(`${String(request["token"]).slice(0, 8)} is not JSON`),
    );
    const error = await failure(new DaemonClient(address, token).describe("x"));
    expect(error.message + error.hint).not.toContain(token);
  });

  it("a signal is let go when the call is over", async () => {
    const controller = new AbortController();
    const client = await clientOf(() => JSON.stringify(RAN));
    await client.run({ operation: "x" }, { signal: controller.signal });
    expect(await client.run({ operation: "x" }, { signal: controller.signal })).toMatchObject({ exit_code: 0 });
    controller.abort();
  });
});

describe("the bytes of a stream", () => {
  it("are those of its text or of its base64", () => {
    expect(streamBytes("é", undefined)).toEqual(Buffer.from([0xc3, 0xa9]));
    expect(streamBytes("Yf8A", "base64")).toEqual(Buffer.from([0x61, 0xff, 0x00]));
    expect(streamBytes("Yf8A", "utf-8")).toEqual(Buffer.from("Yf8A"));
  });
});
