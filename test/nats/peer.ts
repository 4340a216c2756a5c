/** A machine in a process of its own: `peer.js SERVER NAME ROLE [OPTIONS]`. Says `ready`, and then what happens. */
import { NatsClient } from "../../nats/client.ts";
import type { ConnectionOptions } from "../../nats/connection-options.ts";
import { listen } from "../../nats/listen.ts";
import { announce, Presence } from "../../nats/presence.ts";
import { dial } from "../../nats/dial.ts";

const [server = "", name = "", role = "", options = "{}"] = process.argv.slice(2);
const given = JSON.parse(options) as ConnectionOptions;
const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const nats = await NatsClient.connect({ servers: [server], name }, AbortSignal.timeout(20_000));
if (role === "ask") {
  // Says something to a machine, and what came back.
  const connection = await dial(nats, "echo", AbortSignal.timeout(20_000));
  connection.end("over NATS");
  let text = "";
  for await (const chunk of connection) text += String(chunk);
  say(text);
  await nats.close();
} else if (role === "announce") {
  // Nothing of this may hold the process when the connection is closed.
  announce(nats, { name, fingerprint: "0123456789abcdef", version: "1", tags: [] });
  new Presence(nats, { came: () => undefined, changed: () => undefined, went: () => undefined });
  listen(nats, name, () => undefined);
  await nats.close();
  say("closed");
} else {
  listen(
    nats,
    name,
    (connection) => {
      connection.on("error", (error) => {
        say(error.message);
      });
      connection.on("data", (chunk: Buffer) => {
        if (role === "echo") connection.write(chunk);
      });
      connection.on("end", () => connection.end());
    },
    undefined,
    given,
  );
  await nats.connection.flush();
  say("ready");
}
