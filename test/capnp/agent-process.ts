/** An agent in a process of its own. Says its port, and then for each line that it reads how much memory it takes, in bytes. */
import { createServer, type AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { Attempts } from "../../capnp/commando/attempts.ts";
import { serveGateway } from "../../capnp/commando/server.ts";
import { ScriptedHost } from "./scripted-host.ts";

class Host extends ScriptedHost {
  override readonly attempts = new Attempts({ delayMs: 1, waiting: 1_000 });
}

const host = new Host();
const server = createServer((socket) => {
  socket.on("error", () => undefined);
  serveGateway(socket, host, {
    address: "127.0.0.1",
    onBug: (error) => {
      process.stdout.write(`bug ${String(error)}\n`);
    },
  });
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`port ${(server.address() as AddressInfo).port}\n`);
});
createInterface(process.stdin).on("line", () => {
  globalThis.gc?.();
  process.stdout.write(`rss ${process.memoryUsage().rss}\n`);
});
process.stdin.once("end", () => process.exit());
