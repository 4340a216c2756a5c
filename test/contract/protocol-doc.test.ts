import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import * as limits from "../../wire/limits.ts";
import { replyShapeOf } from "../../wire/parse-request.ts";
import { defaultBase } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { freePort } from "../fixtures/fleet.ts";
import { rawGateway } from "../fixtures/raw-gateway.ts";
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
    expect(withoutIds((await send(address, [request.body])).text)).toBe(reply?.body);
  }
});

it("every example between a gateway and an agent is what passes on a link, byte for byte", async () => {
  const { base } = defaultBase();
  const port = await freePort();
  await startDaemon(base, { agent: { name: "web1", listen_address: "127.0.0.1", listen_port: port } });
  const ask = await rawGateway(base, port, "gate", "owner_repo");
  const examples = [...text.matchAll(/```text link (request|reply)\n(.*)\n```/g)].map(([, kind, body = ""]) => [
    kind,
    body,
  ]);
  expect(examples.length).toBeGreaterThan(2);
  for (let at = 0; at < examples.length; at += 2) {
    const [request, reply] = [examples[at], examples[at + 1]];
    expect([request?.[0], reply?.[0]]).toEqual(["request", "reply"]);
    expect(await ask(JSON.parse(request?.[1] ?? "") as object)).toBe(reply?.[1]);
  }
});

it("the members that docs/protocol.md says decide the type of a request do so, in this order", () => {
  const [, listed = ""] = /decided by the presence of a member, in this order: (.*)\./.exec(text) ?? [];
  const names = [...listed.matchAll(/`([a-z_]+)`/g)].map(([, name = ""]) => name);
  expect(names.length).toBeGreaterThan(15);
  names.forEach((name, index) => {
    const shape = replyShapeOf({ [name]: null });
    expect([name, shape]).not.toEqual([name, undefined]);
    for (const later of names.slice(index + 1)) expect(replyShapeOf({ [later]: null, [name]: null })).toBe(shape);
  });
});

/** Run ids differ from one call to the next, revisions from one configuration to another, and what a host is from one to the next. */
function withoutIds(text: string): string {
  return text
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "00000000-0000-4000-8000-000000000000")
    .replace(/(?<="revision":")[0-9a-f]{16}/g, "0123456789abcdef")
    .replace(
      /(?<="pong":)\{"hostname":"[^"]+","uptime_seconds":\d+,"shell":"","version":"[^"]+"\}/,
      '{"hostname":"web1","uptime_seconds":5,"shell":"","version":"1.0.0"}',
    );
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", 0: "\0", 1: "\x01" };

function unescaped(payload: string): string {
  return payload.replace(/\\([n01])/g, (_, escape: string) => ESCAPES[escape] ?? "");
}

/** The bytes that one line of the session stands for. */
function bytesOf(line: string): Buffer {
  const [, type, length, payload = ""] = /^([0-9a-f]{2}) ([0-9a-f]{8})(?: (.*))?$/.exec(line) ?? [];
  if (type === undefined || length === undefined) return Buffer.from(line.replaceAll(" ", ""), "hex");
  return Buffer.concat([Buffer.from(type + length, "hex"), Buffer.from(unescaped(payload))]);
}

it.each([
  ["a client of JSON", 0],
  ["a bridge", 1],
])("the session of %s in docs/protocol.md is what passes on the wire, byte for byte", async (_who, index) => {
  const { base } = defaultBase({
    allowed_operations: ["upper"],
    operations: { upper: { command: "/usr/bin/tr", args_template: ["a-z", "A-Z"], stdin: "optional" } },
  });
  const { address } = await startDaemon(base);
  const session = [...text.matchAll(/```text session\n([\s\S]*?)\n```/g)][index]?.[1] ?? "";
  const said = (who: string): Buffer =>
    Buffer.concat(
      session.split("\n").flatMap((line) => (line.startsWith(who) ? [bytesOf(line.slice(who.length))] : [])),
    );
  const client = said("client ");
  expect(client.length).toBeGreaterThan(100);
  const answer = (await send(address, [client])).text;
  expect(withoutIds(answer)).toBe(said("daemon ").toString());
});

it("the bounds that docs/protocol.md names are those of the code", () => {
  for (const figure of [
    limits.MAX_REQUEST_BYTES,
    limits.MAX_REQUEST_BYTES_ANNOUNCED,
    limits.MAX_DATA_FRAME_BYTES,
    limits.MAX_REPLY_BYTES,
    limits.MAX_PENDING_STDIN_BYTES,
    limits.DEFAULT_PAGE_BYTES,
  ])
    expect(text).toContain(figure.toLocaleString("en-US"));
  expect(text).toContain(`within ${limits.READ_DEADLINE_MS / 1_000} s of connecting`);
  expect(text).toContain(`read within ${limits.WRITE_DEADLINE_MS / 1_000} s`);
  expect(text).toContain(`has ${limits.STREAM_DEADLINE_MS / 1_000} s to read what is on its way`);
  expect(text).toContain(`deeper than ${limits.MAX_JSON_DEPTH}`);
  expect(text).toContain(`answered after ${limits.AUTH_FAILURE_DELAY_MS / 1_000} s`);
});
