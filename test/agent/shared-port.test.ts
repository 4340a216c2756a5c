import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { SharedPort } from "../../host/agent/shared-port.ts";
import { CodedError } from "../../wire/errors.ts";
import { atEnd } from "../fixtures/temp.ts";

interface Heard {
  readonly who: "link" | "commando";
  readonly socket: Socket;
}

interface Open {
  readonly port: number;
  readonly shared: SharedPort;
  readonly heard: Heard[];
  readonly clients: Socket[];
}

async function open(firstByteMs?: number, withCommando = true): Promise<Open> {
  const heard: Heard[] = [];
  const hear =
    (who: Heard["who"]) =>
    (socket: Socket): void => {
      heard.push({ who, socket });
      atEnd(() => {
        socket.destroy();
      });
    };
  const speakers = { link: hear("link"), commando: withCommando ? hear("commando") : undefined };
  const shared = await SharedPort.listen({ host: "127.0.0.1", port: 0 }, speakers, firstByteMs);
  atEnd(() => {
    shared.close();
  });
  return { port: shared.address.port, shared, heard, clients: [] };
}

async function dial({ port, clients }: Open): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  clients.push(socket);
  socket.on("error", () => undefined);
  atEnd(() => {
    socket.destroy();
  });
  await once(socket, "connect");
  return socket;
}

/** Who gets a connection that begins so; undefined when it is closed. */
async function whoGets(at: Open, bytes: Buffer): Promise<Heard | undefined> {
  const socket = await dial(at);
  const before = at.heard.length;
  const closed = once(socket, "close").then(() => "closed" as const);
  socket.resume().write(bytes);
  for (;;) {
    if (at.heard.length > before) return at.heard.at(-1);
    const waited = new Promise<"waited">((resolve) => setTimeout(resolve, 2, "waited"));
    if ((await Promise.race([closed, waited])) === "closed") return undefined;
  }
}

describe("the port of an agent", () => {
  it("hands a connection over by its first byte, whatever that is", async () => {
    const at = await open();
    for (let first = 0; first < 256; first++) {
      const heard = await whoGets(at, Buffer.from([first]));
      const expected = first === 0x16 ? "link" : first < 0x10 ? "commando" : undefined;
      expect([first, heard?.who]).toEqual([first, expected]);
    }
  });

  it("turns commando's gateways away when they are not served", async () => {
    const at = await open(undefined, false);
    expect(await whoGets(at, Buffer.from([0, 0, 0, 0]))).toBeUndefined();
    expect((await whoGets(at, Buffer.from([0x16])))?.who).toBe("link");
  });

  it("hands over everything that came, and all that comes", async () => {
    const at = await open();
    const heard = await whoGets(at, Buffer.from("\u0016one "));
    const chunks: Buffer[] = [];
    heard?.socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    // Whoever takes it reads when it is ready.
    heard?.socket.resume();
    at.clients.at(-1)?.end("two");
    if (heard !== undefined) await once(heard.socket, "end");
    expect(Buffer.concat(chunks).toString()).toBe("\u0016one two");
  });

  it("closes a connection whose first byte does not come in time, also one that says that it sends nothing", async () => {
    const at = await open(50);
    const [silent, ended] = [await dial(at), await dial(at)];
    ended.end();
    await Promise.all([silent, ended].map(async (socket) => once(socket.resume(), "close")));
    expect(at.heard).toEqual([]);
  });

  it("does not watch the clock any more once somebody has spoken", async () => {
    const at = await open(50);
    const heard = await whoGets(at, Buffer.from([0x16]));
    const silent = await dial(at);
    await once(silent.resume(), "close");
    expect(heard?.socket.destroyed).toBe(false);
  });

  it("lets those who have been silent longest make room for others", async () => {
    const at = await open();
    const first = await dial(at);
    const gone = once(first.resume(), "close");
    const others: Socket[] = [];
    for (let count = 0; count < 256; count++) others.push(await dial(at));
    await gone;
    // Whoever speaks is heard, however many are silent.
    expect((await whoGets(at, Buffer.from([0x16])))?.who).toBe("link");
    expect(others.at(-1)?.destroyed).toBe(false);
  });

  it("closes those who have not spoken when it is closed, and leaves the others to whom they were handed", async () => {
    const at = await open();
    const heard = await whoGets(at, Buffer.from([0x16]));
    const silent = await dial(at);
    // Connections are taken in the order in which they come.
    await whoGets(at, Buffer.from([0x16]));
    at.shared.close();
    await once(silent.resume(), "close");
    expect(heard?.socket.destroyed).toBe(false);
  });

  it("says why it cannot be opened", async () => {
    const { port } = await open();
    const speakers = { link: () => undefined, commando: undefined };
    await expect(SharedPort.listen({ host: "127.0.0.1", port }, speakers)).rejects.toThrow(
      new CodedError("listen_failed", `agent: failed to listen on TCP 127.0.0.1:${port}: EADDRINUSE`),
    );
  });
});
