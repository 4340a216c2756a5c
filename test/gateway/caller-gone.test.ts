import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import type { Duplex } from "node:stream";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { FRAME, jsonFrame, PREFACE } from "../../wire/frames.ts";
import { ADMIN_KEY, machineProject, startAgent, startGateway } from "../fixtures/fleet.ts";
import { fixturePrograms, tempDirectory } from "../fixtures/temp.ts";

const gateway = await startGateway();
await startAgent(gateway, "web1", {
  project: machineProject(fixturePrograms(), {
    operations: { keep: { shell: "sh", on_disconnect: "finish" }, drop: { shell: "sh" } },
  }),
});

/** A connection of a caller, as bytes. */
async function connected(): Promise<Duplex> {
  const headers = { Authorization: `Bearer ${ADMIN_KEY}`, Connection: "Upgrade", Upgrade: "cmd2host/2" };
  return new Promise((resolve, reject) => {
    httpRequest(`${gateway.url}/v2/call`, { headers, agent: false })
      .once("upgrade", (_response, socket, head) => {
        socket.unshift(head);
        resolve(socket);
      })
      .once("error", reject)
      .end();
  });
}

it("a caller that goes away in the middle ends its command, unless the machine's policy lets it finish", async () => {
  const done = join(tempDirectory(), "done");
  for (const operation of ["drop", "keep"]) {
    const socket = await connected();
    const command = `echo begun; sleep 1; echo ${operation} >> ${done}`;
    socket.write(
      Buffer.concat([
        PREFACE,
        jsonFrame(FRAME.request, { protocol: 2, target: "web1", operation, params: { command } }),
      ]),
    );
    let said = "";
    socket.on("data", (chunk: Buffer) => (said += chunk.toString("latin1")));
    while (!said.includes("begun")) await sleep(5);
    socket.destroy();
    for (;;) {
      const { runs } = await gateway.client().on("web1").runs();
      const found = runs?.find(({ operation: own }) => own === operation);
      if (found !== undefined && found.state !== "running") {
        expect([operation, found.state, found.code]).toEqual(
          operation === "keep" ? ["keep", "completed", undefined] : ["drop", "failed", "cancelled"],
        );
        break;
      }
      await sleep(20);
    }
  }
  expect(readFileSync(done, "utf8")).toBe("keep\n");
});
