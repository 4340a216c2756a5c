import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import * as limits from "../../wire/limits.ts";
import { defaultBase } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { send } from "../fixtures/exchange.ts";
import { projectRoot } from "../fixtures/temp.ts";

const text = readFileSync(join(projectRoot, "docs/protocol.md"), "utf8");
const blocks = [...text.matchAll(/```text (request|reply)\n(.*)\n```/g)].map(([, kind, body = ""]) => ({ kind, body }));

it("every example of docs/protocol.md is what a daemon answers, byte for byte", async () => {
  const { base } = defaultBase();
  const { address } = await startDaemon(base);
  const requests = blocks.filter(({ kind }) => kind === "request");
  expect(requests.length).toBeGreaterThanOrEqual(5);
  for (const request of requests) {
    const reply = blocks[blocks.indexOf(request) + 1];
    expect(reply?.kind).toBe("reply");
    expect((await send(address, [request.body])).text).toBe(reply?.body);
  }
});

it("the bounds that docs/protocol.md names are those of the code", () => {
  for (const figure of [limits.MAX_REQUEST_BYTES, limits.MAX_REQUEST_BYTES_ANNOUNCED])
    expect(text).toContain(figure.toLocaleString("en-US"));
  expect(text).toContain(`within ${limits.READ_DEADLINE_MS / 1_000} s of connecting`);
  expect(text).toContain(`read within ${limits.WRITE_DEADLINE_MS / 1_000} s`);
  expect(text).toContain(`deeper than ${limits.MAX_JSON_DEPTH}`);
  expect(text).toContain(`answered after ${limits.AUTH_FAILURE_DELAY_MS / 1_000} s`);
});
