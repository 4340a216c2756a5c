/** Run by the tests: takes the lock of a base directory, says so, and keeps it until it is killed or its standard input ends. */
import { join } from "node:path";
import { lockBase } from "../../host/listen/lock-socket.ts";

const [root = ""] = process.argv.slice(2);
const lock = await lockBase(root, join(root, "daemon.lock"), (socket) => {
  socket.destroy();
});
process.stdout.write("locked\n");
process.stdin.once("end", () => void lock.release()).resume();
