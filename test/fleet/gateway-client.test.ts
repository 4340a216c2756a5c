import { it, expect } from "vitest";
import { startFleet } from "../fixtures/fleet.ts";
import { Gathered } from "../contract/routes.ts";

it("works", async () => {
  const { gateway } = await startFleet({ web1: { tags: ["web"] }, db1: { dials: true } });
  console.log(JSON.stringify(await gateway.client().ask("GET", "/v2/targets"), null, 1));
  for (const name of ["web1", "db1"]) {
    const output = new Gathered();
    const t = performance.now();
    const outcome = await gateway.client().on(name).stream({ operation: "shell", params: { command: "echo hi; exit 3" } }, { output });
    console.log(outcome, output.text("stdout"), performance.now() - t);
  }
  const o2 = new Gathered();
  console.log(await gateway.client().on("web1").stream({ argv: ["uptime", "--pretty"] }, { output: o2 }), o2.text("stdout"));
  console.log(await gateway.client().on("nope").stream({ argv: ["uptime", "--pretty"] }, { output: o2 }));
  console.log(await gateway.client().on("web1").list(""));
  console.log(await gateway.client("r".repeat(32)).ask("GET", "/v2/targets"));
  console.log(gateway.lines.map((l) => JSON.stringify(l)).join("\n"));
  expect(1).toBe(1);
});
