import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { DaemonClient, Dialect, type Address } from "../../wire/client.ts";
import type { OutputSink } from "../../wire/live.ts";
import { FRAME, jsonFrame, PREFACE } from "../../wire/frames.ts";
import { tempDirectory } from "../fixtures/temp.ts";
import { ACCEPTED, ENDED } from "./frame-server.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What daemons answer that only know JSON. */
const REFUSED = JSON.stringify({
  exit_code: 1,
  stdout: "",
  stderr: "",
  denied_reason: "Invalid JSON: invalid character '\\u0089' looking for beginning of value",
});

/** A daemon that decides by the first byte, as the old ones do, until it is updated. Answers JSON with what `answer` gives. */
class OldDaemon {
  readonly requests: Fields[] = [];
  /** Connections that began with the preface. */
  streams = 0;
  updated = false;
  #address: Address | undefined;

  async start(answer: (request: Fields) => object | string, refused: string = REFUSED): Promise<this> {
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      let head = Buffer.alloc(0);
      socket.on("error", () => undefined);
      socket.on("data", (chunk: Buffer) => {
        const first = head.length === 0;
        head = Buffer.concat([head, chunk]);
        if (head[0] === PREFACE[0]) {
          if (!first) return;
          this.streams++;
          if (this.updated)
            socket.end(Buffer.concat([PREFACE, jsonFrame(FRAME.accepted, ACCEPTED), jsonFrame(FRAME.outcome, ENDED)]));
          else socket.end(refused);
        } else if (head.toString().endsWith("}")) {
          const request = JSON.parse(head.toString()) as Fields;
          this.requests.push(request);
          const reply = answer(request);
          socket.end(typeof reply === "string" ? reply : JSON.stringify(reply));
        }
      });
    });
    const path = join(tempDirectory(), "s");
    await new Promise<void>((resolve) => server.listen(path, resolve));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    this.#address = { kind: "unix", path };
    return this;
  }

  get address(): Address {
    if (this.#address === undefined) throw new Error("not started");
    return this.#address;
  }
}

class Kept implements OutputSink {
  readonly log: string[] = [];

  write(stream: string, bytes: Buffer): undefined {
    this.log.push(`${stream}: ${bytes.toString("latin1")}`);
  }
}

const RAN = { exit_code: 0, stdout: "", stderr: "", denied_reason: null };

describe("streaming from a daemon that only knows JSON", () => {
  it("asks again in JSON, and gives both streams and the outcome at the end", async () => {
    const daemon = await new OldDaemon().start(() => ({
      ...RAN,
      exit_code: 3,
      stdout: "/wA=",
      stderr: "é",
      stdout_encoding: "base64",
      outcome: "completed",
      notice: "n",
      signal: "SIGTERM",
      stderr_truncated: true,
      stderr_original_bytes: 99,
    }));
    const output = new Kept();
    let accepted = 0;
    const outcome = await new DaemonClient(daemon.address, "t").stream(
      { operation: "say", params: { a: 1 }, flags: ["--x"], targetRepo: "o/r", timeoutSeconds: 9 },
      { output, accepted: () => accepted++, filtered: true },
    );
    expect(outcome).toEqual({
      outcome: "completed",
      exit_code: 3,
      signal: "SIGTERM",
      notice: "n",
      stdout_bytes: 2,
      stderr_bytes: 99,
      stderr_truncated: true,
    });
    expect(output.log).toEqual(["stdout: \xff\x00", "stderr: \xc3\xa9"]);
    expect(accepted).toBe(0);
    expect(JSON.stringify(daemon.requests)).toBe(
      '[{"protocol":2,"operation":"say","params":{"a":1},"flags":["--x"],"target_repo":"o/r","timeout_seconds":9,"filtered":false,"token":"t"}]',
    );
  });

  it("sends command lines as they are, reads no standard input, and writes nothing of empty streams", async () => {
    const daemon = await new OldDaemon().start(() => RAN);
    const output = new Kept();
    let reads = 0;
    const stdin = new Readable({ read: () => reads++ });
    const client = new DaemonClient(daemon.address, "t");
    const outcome = await client.stream(
      { argv: ["gh", "pr"], cwd: { toplevel: "/w", originUrl: "u" } },
      { output, stdin },
    );
    expect(outcome).toEqual({ outcome: "completed", exit_code: 0, stdout_bytes: 0, stderr_bytes: 0 });
    expect([reads, output.log]).toEqual([0, []]);
    expect(JSON.stringify(daemon.requests)).toBe(
      '[{"protocol":2,"raw_argv":["gh","pr"],"cwd_context":{"toplevel":"/w","origin_url":"u"},"filtered":false,"token":"t"}]',
    );
  });

  it("gives a denial as an outcome, with or without a code", async () => {
    const ours = { ...RAN, exit_code: 1, denied_reason: "no", outcome: "denied", code: "param_invalid", hint: "h" };
    const codes = await new OldDaemon().start(() => ({ ...ours, request_id: "q" }));
    const plain = await new OldDaemon().start(() => ({ ...RAN, exit_code: 1, denied_reason: "no" }));
    const options = { output: new Kept() };
    const none = { stdout_bytes: 0, stderr_bytes: 0 };
    expect(await new DaemonClient(codes.address, "t").stream({ operation: "x" }, options)).toEqual({
      ...none,
      request_id: "q",
      outcome: "denied",
      exit_code: 1,
      code: "param_invalid",
      message: "no",
      hint: "h",
    });
    expect(await new DaemonClient(plain.address, "t").stream({ operation: "x" }, options)).toEqual({
      ...none,
      outcome: "denied",
      exit_code: 1,
      message: "no",
    });
  });

  it("is tried once per daemon by all clients that share what they know", async () => {
    const daemon = await new OldDaemon().start(() => RAN);
    const dialect = new Dialect();
    const options = { output: new Kept() };
    for (let call = 0; call < 3; call++)
      await new DaemonClient(daemon.address, "t", dialect).stream({ operation: "x" }, options);
    expect([daemon.streams, daemon.requests.length]).toEqual([1, 3]);
    await new DaemonClient(daemon.address, "t").stream({ operation: "x" }, options);
    expect(daemon.streams).toBe(2);
    expect(dialect.streams({ kind: "tcp", host: "h", port: 1 })).toBe(true);
  });

  it("begins again when the daemon shows that it was updated", async () => {
    const daemon = await new OldDaemon().start(() => (daemon.updated ? { ...RAN, run_id: "r1" } : RAN));
    const client = new DaemonClient(daemon.address, "t");
    const options = { output: new Kept() };
    await client.stream({ operation: "x" }, options);
    daemon.updated = true;
    expect(await client.stream({ operation: "x" }, options)).toMatchObject({ run_id: "r1" });
    expect(daemon.streams).toBe(1);
    expect(await client.stream({ operation: "x" }, options)).toEqual(ENDED);
    expect([daemon.streams, daemon.requests.length]).toEqual([2, 2]);
  });

  it("says what is wrong when it is no daemon at all", async () => {
    const web = await new OldDaemon().start(
      () => "HTTP/1.1 400 Bad Request\r\n\r\n",
      "HTTP/1.1 400 Bad Request\r\n\r\n",
    );
    await expect(
      new DaemonClient(web.address, "t").stream({ operation: "x" }, { output: new Kept() }),
    ).rejects.toMatchObject({ code: "reply_invalid" });
  });

  it("ends when the caller cancels, by closing the connection", async () => {
    const controller = new AbortController();
    const daemon = await new OldDaemon().start(() => {
      controller.abort();
      return "";
    });
    await expect(
      new DaemonClient(daemon.address, "t").stream(
        { operation: "x" },
        { output: new Kept(), signal: controller.signal },
      ),
    ).rejects.toMatchObject({ code: "cancelled" });
  });
});
