// The floor of the bridge's figures: a program of the daemon's runtime that answers every bridge on a Unix socket (its argument) by running what was typed,
// and does nothing else that a daemon does: no policy, no record, no limits, nothing kept.
import { spawn } from "node:child_process";
import { createServer } from "node:net";

const PREFACE = Buffer.from([0x89, 0x63, 0x32, 0x68, 0x0d, 0x0a, 0x1a, 0x02]);
const [STDOUT, STARTED, EXIT] = [0x12, 0x18, 0x19];
const MOST_BYTES = 65_536;
const FIELDS = 6;

function header(type, length) {
  const bytes = Buffer.alloc(5);
  bytes[0] = type;
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

const started = Buffer.concat([PREFACE, header(STARTED, 1), Buffer.from([0])]);
const ended = Buffer.concat([header(EXIT, 1), Buffer.from([0])]);

function relay(chunk, from, socket) {
  socket.cork();
  for (let at = 0; at < chunk.length; at += MOST_BYTES) {
    const part = chunk.subarray(at, at + MOST_BYTES);
    socket.write(header(STDOUT, part.length));
    socket.write(part);
  }
  socket.uncork();
  if (socket.writableLength <= 4 * MOST_BYTES) return;
  from.pause();
  socket.once("drain", () => from.resume());
}

const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  socket.on("error", () => undefined);
  socket.once("data", (request) => {
    const words = request
      .subarray(PREFACE.length + 5)
      .toString()
      .split("\0")
      .slice(FIELDS, -1);
    socket.write(started);
    const child = spawn(words[0], words.slice(1), { stdio: ["ignore", "pipe", "pipe"], detached: true });
    child.stdout.on("data", (chunk) => relay(chunk, child.stdout, socket));
    child.stderr.resume();
    child.once("close", () => socket.end(ended));
    socket.resume();
  });
});
server.listen(process.argv[2]);
process.once("SIGTERM", () => process.exit());
