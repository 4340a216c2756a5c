// The bare reference for output on its way: two programs of the same runtime, of which one starts a command and passes on what it writes, and
// the other takes it from a socket and writes it to its standard output; and nothing else.
// bench-relay.mjs SOCKET [COMMAND ARGUMENT…]: with a command it serves one connection and ends.
import { spawn } from "node:child_process";
import { createConnection, createServer } from "node:net";

const MAX_PENDING = 262_144;
const [path, command, ...args] = process.argv.slice(2);

function copy(from, to) {
  from.on("data", (chunk) => {
    to.write(chunk);
    if (to.writableLength > MAX_PENDING) from.pause();
  });
  to.on("drain", () => from.resume());
}

if (command === undefined) copy(createConnection(path), process.stdout);
else {
  const server = createServer((socket) => {
    server.close();
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
    copy(child.stdout, socket);
    child.once("close", () => socket.end());
  });
  server.listen(path, () => process.stdout.write("listening\n"));
}
