/** Run by the tests: `hold DIRECTORY` keeps the lock until standard input ends; `count DIRECTORY TIMES` adds to a file under the lock. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withLock } from "../../host/util/lock.ts";

const [mode, directory = "", times = "0"] = process.argv.slice(2);

async function add(): Promise<void> {
  const file = join(directory, "count");
  const before = Number(readFileSync(file, "utf8"));
  await new Promise((resolve) => setTimeout(resolve, 2));
  writeFileSync(file, String(before + 1));
}

if (mode === "hold") {
  await withLock(directory, async () => {
    process.stdout.write("held\n");
    await new Promise((resolve) => process.stdin.once("end", resolve).resume());
  });
  process.stdout.write("free\n");
} else {
  for (let round = 0; round < Number(times); round++) await withLock(directory, add);
}
