import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { OutcomeFields } from "../../wire/schema.ts";
import { startFleet, type Fleet } from "../fixtures/fleet.ts";
import { Gathered } from "../contract/routes.ts";

/** A command that runs on a machine of a fleet, and has written its first line. */
async function begun(
  { gateway }: Fleet,
  rest: string,
): Promise<{ readonly end: Promise<OutcomeFields>; text: () => string }> {
  const output = new Gathered();
  const command = `echo begun; ${rest}`;
  const end = gateway.client().on("web1").stream({ operation: "shell", params: { command } }, { output });
  while (output.text("stdout") === "") await sleep(5);
  return { end, text: () => output.text("stdout") };
}

function records({ gateway }: Fleet): readonly unknown[] {
  const directory = join(gateway.directory, "state/audit");
  return readdirSync(directory)
    .filter((name) => name.endsWith(".jsonl"))
    .flatMap((name) => readFileSync(join(directory, name), "utf8").trim().split("\n"))
    .map((line) => JSON.parse(line) as unknown);
}

describe("a gateway that stops", () => {
  it("lets a command come to its end, and takes no other meanwhile", async () => {
    const fleet = await startFleet({ web1: {} });
    const { end, text } = await begun(fleet, "sleep 1; echo ended; exit 3");
    const stopped = fleet.gateway.stop();
    const late = fleet.gateway.client().on("web1").run({ operation: "uptime" });
    await expect(late).rejects.toMatchObject({ code: "gateway_unreachable" });
    expect(await end).toMatchObject({ outcome: "completed", exit_code: 3 });
    await stopped;
    expect(text()).toBe("begun\nended\n");
  });

  it("ends what takes longer, and says so to its caller and in its record", async () => {
    const fleet = await startFleet({ web1: {} });
    const { end } = await begun(fleet, "sleep 600");
    await fleet.gateway.stop(100);
    const outcome = await end;
    expect(outcome).toMatchObject({
      outcome: "failed",
      code: "shutting_down",
      message: "Command ended because the gateway is stopping",
    });
    expect(records(fleet)).toContainEqual(
      expect.objectContaining({ kind: "outcome", id: outcome.run_id, code: "shutting_down" }),
    );
  });
});
