import { once } from "node:events";
import { expect, it } from "vitest";
import { HeldSignals } from "../../host/box/held-signals.ts";

it("signals are held until they are released, and the first says how it ended", async () => {
  const before = process.listenerCount("SIGTERM");
  const held = new HeldSignals();
  expect(held.exit).toBeUndefined();
  for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    const came = once(process, name);
    process.kill(process.pid, name);
    await came;
  }
  expect(held.exit).toBe(143);
  held.release();
  expect(process.listenerCount("SIGTERM")).toBe(before);
});
