import { expect, it } from "vitest";
import { atEnd } from "../fixtures/temp.ts";
import { machine } from "./machines.ts";
import { describeNats, startServer, until } from "./servers.ts";

describeNats("a server that stands still while much is on its way to it", () => {
  it("is given up, whatever waits to be sent", async () => {
    const server = await startServer();
    const gateway = await machine(server, "gw");
    server.freeze();
    atEnd(() => {
      server.thaw();
    });
    // More than the system takes from us when nobody reads.
    const message = new Uint8Array(262_144);
    for (let sent = 0; sent < 128; sent++) gateway.publish("nowhere", message);
    await until("it is lost", () => gateway.said.some(({ type }) => type === "disconnected"));
    expect(gateway.isConnected).toBe(false);
    server.thaw();
    await until("it is there again", () => gateway.isConnected);
  });
});
