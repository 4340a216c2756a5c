import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createHmac } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { Approvals } from "../../host/approval/approvals.ts";
import { notify } from "../../host/notify/notifications.ts";
import { SIGNATURE_HEADER } from "../../host/notify/signature.ts";
import { WebhookNotifier } from "../../host/notify/webhook.ts";
import { CodedError } from "../../wire/errors.ts";
import { ALWAYS, cardWith, PLAN } from "../approval/parts.ts";
import { atEnd, tempDirectory } from "../fixtures/temp.ts";

const KEY = "k".repeat(40);

interface Received {
  readonly method: string;
  readonly url: string;
  readonly signature: string;
  readonly body: string;
}

type Reply = (asked: { readonly id: string; readonly digest: string }, count: number, response: ServerResponse) => void;

/** The signature as the documents describe it, made without our code. */
function signed(body: string, { key = KEY, role = "answer", at = Date.now() } = {}): string {
  const seconds = Math.floor(at / 1_000);
  return `t=${seconds},v1=${createHmac("sha256", key).update(`${role}\n${seconds}\n${body}`).digest("hex")}`;
}

function answering(response: ServerResponse, fields: object, signature?: string): void {
  const body = JSON.stringify(fields);
  response.writeHead(200, { [SIGNATURE_HEADER]: signature ?? signed(body) }).end(body);
}

/** A receiver, the approvals that tell it, and one call that asks. */
class Scene {
  readonly received: Received[] = [];
  readonly warnings: string[] = [];
  readonly approvals = new Approvals(() => 20_000);
  readonly secretFile = join(tempDirectory(), "secret");
  reply: Reply = (_, __, response) => response.writeHead(204).end();
  url = "";
  #asked = { id: "", digest: "" };

  async start(): Promise<this> {
    writeFileSync(this.secretFile, `${KEY}\n`, { mode: 0o600 });
    const server = createServer((request, response) => {
      void this.#take(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    atEnd(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?for=me`;
    notify(this.approvals, () => [
      new WebhookNotifier("phone", { url: this.url, secretFile: this.secretFile }, (message) => {
        this.warnings.push(message);
      }),
    ]);
    return this;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts).toString();
    const { method = "", url = "", headers } = request;
    this.received.push({ method, url, signature: String(headers[SIGNATURE_HEADER]), body });
    const fields = method === "POST" ? (JSON.parse(body) as { event: string; id: string; digest: string }) : undefined;
    if (fields?.event === "approval.settled") return void response.writeHead(204).end();
    if (fields !== undefined) this.#asked = fields;
    this.reply(this.#asked, this.received.length, response);
  }

  async ask(changes = {}, rule = ALWAYS): Promise<string> {
    return this.approvals
      .ask(cardWith(changes), rule, "always asked", new AbortController().signal, () => undefined)
      .then(
        ({ approver }) => `allowed by ${approver}`,
        (error: unknown) => (error instanceof CodedError ? `${error.code}: ${error.message}` : String(error)),
      );
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

let scene: Scene;
beforeEach(async () => {
  scene = await new Scene().start();
});

describe("a webhook", () => {
  it("is sent the whole call, signed, and may answer in its response", async () => {
    scene.reply = ({ id, digest }, _, response) => {
      answering(response, { id, digest, answer: "once" });
    };
    expect(await scene.ask()).toBe("allowed by webhook:phone");
    await scene.until(() => scene.received.length === 2);
    const [asked, settled] = scene.received;
    expect(asked?.signature).toBe(
      signed(asked?.body ?? "", { role: "ask", at: Number(/t=(\d+)/.exec(asked?.signature ?? "")?.[1]) * 1_000 }),
    );
    expect(JSON.parse(asked?.body ?? "")).toMatchObject({
      event: "approval.asked",
      project: "owner_repo",
      operation: "pr_create",
      argv: PLAN.argv,
      truncated: false,
      inputs: PLAN.inputs,
      answers: ["once", "call", "operation", "deny"],
    });
    expect(asked?.body).not.toContain(cardWith().requester.session.key);
    expect(JSON.parse(settled?.body ?? "")).toMatchObject({ event: "approval.settled", how: "allowed" });
    expect(scene.warnings).toEqual([]);
  });

  it("may be asked again and again until somebody has answered", async () => {
    scene.reply = ({ id, digest }, count, response) => {
      if (count < 3) response.writeHead(202).end();
      else answering(response, { id, digest, answer: "deny", note: "Later." });
    };
    expect(await scene.ask()).toBe("approval_denied: pr_create was not allowed (by webhook:phone): Later.");
    expect(scene.received.slice(0, 3).map(({ method, url }) => [method, url])).toEqual([
      ["POST", "/hook?for=me"],
      ["GET", `/hook?for=me&id=${cardWith().id}`],
      ["GET", `/hook?for=me&id=${cardWith().id}`],
    ]);
  });

  it("may give a grant with a time", async () => {
    scene.reply = ({ id, digest }, _, response) => {
      answering(response, { id, digest, answer: "operation", seconds: 60 });
    };
    await scene.ask();
    expect(scene.approvals.grants.list()).toMatchObject([{ by: "webhook:phone", kind: "operation" }]);
    expect(scene.approvals.grants.list()[0]?.deadline?.leftMs).toBeLessThanOrEqual(60_000);
  });

  it("says when what it carries is not all, in itself", async () => {
    void scene.ask({ argv: ["x", "y".repeat(10_000), ...Array.from({ length: 500 }, () => "z")] });
    await scene.until(() => scene.received.length === 1);
    const { argv, truncated } = JSON.parse(scene.received[0]?.body ?? "") as { argv: string[]; truncated: boolean };
    expect(truncated).toBe(true);
    expect(argv[1]).toMatch(/^y{4096}… \(5904 more bytes\)$/);
    expect(argv.at(-1)).toBe("… (246 more arguments)");
    scene.approvals.close();
  });

  it("is not asked about what is not for it", async () => {
    void scene.ask({}, { ...ALWAYS, via: ["desktop"] });
    expect(scene.received).toEqual([]);
    scene.approvals.close();
    await scene.ask();
    expect(scene.received).toEqual([]);
  });
});

describe("an answer that is not the owner's", () => {
  const forged: readonly (readonly [string, RegExp, Reply])[] = [
    [
      "without a signature",
      /is not signed/,
      ({ id, digest }, _, response) => {
        response.writeHead(200).end(JSON.stringify({ id, digest, answer: "once" }));
      },
    ],
    [
      "signed with another key",
      /not right/,
      ({ id, digest }, _, response) => {
        const fields = { id, digest, answer: "once" };
        answering(response, fields, signed(JSON.stringify(fields), { key: "x".repeat(40) }));
      },
    ],
    [
      "that is our own message sent back",
      /not right/,
      ({ id, digest }, _, response) => {
        const fields = { id, digest, answer: "once" };
        answering(response, fields, signed(JSON.stringify(fields), { role: "ask" }));
      },
    ],
    [
      "signed long ago",
      /too long ago/,
      ({ id, digest }, _, response) => {
        const fields = { id, digest, answer: "once" };
        answering(response, fields, signed(JSON.stringify(fields), { at: Date.now() - 600_000 }));
      },
    ],
    [
      "for another plan",
      /for another call/,
      ({ id }, _, response) => {
        answering(response, { id, digest: "0".repeat(64), answer: "once" });
      },
    ],
    [
      "for another call",
      /for another call/,
      ({ digest }, _, response) => {
        answering(response, { id: "x", digest, answer: "once" });
      },
    ],
    [
      "that is no answer",
      /cannot be read/,
      ({ id, digest }, _, response) => {
        answering(response, { id, digest, answer: "yes" });
      },
    ],
    [
      "that is no JSON",
      /JSON/,
      (_, __, response) => {
        response.writeHead(200, { [SIGNATURE_HEADER]: signed("{") }).end("{");
      },
    ],
    [
      "without end",
      /longer than/,
      (_, __, response) => {
        response.writeHead(200).end("x".repeat(100_000));
      },
    ],
    [
      "from somewhere else",
      /fetch failed|redirect/i,
      (_, __, response) => {
        response.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
      },
    ],
    [
      "that is an error",
      /status 403/,
      (_, __, response) => {
        response.writeHead(403).end();
      },
    ],
  ];
  it.each(forged)("%s does not count, and the call goes on waiting", async (_, warning, reply) => {
    scene.reply = reply;
    const asked = scene.ask();
    await scene.until(() => scene.warnings.length > 0);
    expect(scene.warnings[0]).toMatch(warning);
    expect(scene.warnings.join()).not.toContain(KEY);
    expect(scene.approvals.pending).toHaveLength(1);
    scene.approvals.answer(cardWith().id, { kind: "once" }, "terminal");
    expect(await asked).toBe("allowed by terminal");
  });

  it("counts no more when another way was faster", async () => {
    let late: (() => void) | undefined;
    scene.reply = ({ id, digest }, _, response) => {
      late = () => {
        answering(response, { id, digest, answer: "once" });
      };
    };
    const asked = scene.ask();
    await scene.until(() => late !== undefined);
    scene.approvals.answer(cardWith().id, { kind: "deny", note: "" }, "terminal");
    late?.();
    expect(await asked).toMatch(/^approval_denied/);
    expect(scene.approvals.grants.list()).toEqual([]);
  });

  it("is not asked for with a key that others can read, or a short one", async () => {
    chmodSync(scene.secretFile, 0o666);
    void scene.ask();
    await scene.until(() => scene.warnings.length > 0);
    writeFileSync(scene.secretFile, "short");
    chmodSync(scene.secretFile, 0o600);
    scene.approvals.close();
    await scene.until(() => scene.warnings.length > 1);
    expect(scene.warnings).toEqual([expect.stringMatching(/secret/), expect.stringMatching(/less than 32 bytes/)]);
    expect(scene.received).toEqual([]);
  });
});
