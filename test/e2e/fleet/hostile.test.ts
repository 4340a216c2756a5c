import { createHash } from "node:crypto";
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { tempDirectory } from "../../fixtures/temp.ts";
import { AgentMachine, GatewayMachine, machineOf, startFleet, type Fleet } from "./machines.ts";
import { makeNetwork, type Host } from "./net.ts";
import { asked, cmd2host, environmentOf, ran } from "./program.ts";
import { Running, type Ended } from "./running.ts";

const READER_KEY = "r".repeat(32);
const keyFile = join(tempDirectory(), "reader.key");
let fleet: Fleet;
let elsewhere: Host;

beforeAll(async () => {
  writeFileSync(keyFile, READER_KEY, { mode: 0o600 });
  const [first, spare, ...others] = makeNetwork(4);
  if (first === undefined || spare === undefined) throw new Error("four hosts are needed");
  elsewhere = spare;
  const tables = `[[callers]]
name = "reader"
key_sha256 = "${createHash("sha256").update(READER_KEY).digest("hex")}"
targets = ["web1"]
operations = ["keep"]
`;
  fleet = await startFleet([first, ...others], { web1: {}, db1: { dials: true } }, { tables });
});

/** The code of what an `exec` with --json ended with, before or after it was sent. */
function codeOf({ stderr }: Ended): string | undefined {
  const said = JSON.parse(stderr.split("\n")[0] ?? "") as {
    readonly code?: string;
    readonly error?: { readonly code: string };
  };
  return said.error?.code ?? said.code;
}

describe("a captured gateway: at the gateway's address, with all that it knew, but not with its key", () => {
  it("is turned away by machines that listen, and not spoken to by machines that dial out, which say so in their logs", async () => {
    const { gateway } = fleet;
    const [web1, db1] = [machineOf(fleet, "web1"), machineOf(fleet, "db1")];
    const before = await web1.audit.all();
    await gateway.served.end("SIGTERM");
    const rogue = await GatewayMachine.start(gateway.host);
    cpSync(join(gateway.state, "agents"), join(rogue.state, "agents"), { recursive: true });
    await rogue.served.logs("link", { reason: "web1: refused: this machine is not known here" });
    const refused = await rogue.exec("web1", "id").ended;
    expect([refused.exit, codeOf(refused), refused.stdout]).toEqual([1, "link_refused", ""]);
    await db1.served.logs("link");
    expect(db1.served.logged("link").at(-1)?.["reason"]).toMatch(
      /^\S+: expected the key sha256:\S+, and was shown sha256:/,
    );
    const alone = await rogue.exec("db1", "id").ended;
    expect([alone.exit, codeOf(alone), alone.stdout]).toEqual([220, "target_no_address", ""]);
    expect(rogue.served.count("agent connected")).toBe(0);
    expect(await web1.audit.all()).toEqual(before);
    await rogue.served.end("SIGKILL");

    await gateway.start();
    await gateway.untilReached("web1", "db1");
  });
});

describe("a captured machine that answers at another machine's address", () => {
  it("is told nothing, and the gateway says that the key is another", async () => {
    const { gateway } = fleet;
    const web1 = machineOf(fleet, "web1");
    await web1.served.end("SIGTERM");
    const impostor = await AgentMachine.start(web1.host, "web1");
    await gateway.served.logs("link");
    expect(gateway.served.logged("link").at(-1)?.["reason"]).toMatch(
      /^web1: expected the key sha256:\S+, and was shown /,
    );
    const refused = await gateway.exec("web1", "id").ended;
    expect([refused.exit, codeOf(refused), refused.stdout]).toEqual([1, "target_key_mismatch", ""]);
    expect(impostor.served.count("gateway connected")).toBe(0);
    expect(await impostor.audit.all()).toEqual([]);
    await impostor.served.end("SIGTERM");

    await web1.start();
    await gateway.untilReached("web1");
  });
});

describe("an enrolment code", () => {
  it("is good for one gateway; another one that was let in sees nothing of the first one's runs", async () => {
    const { gateway } = fleet;
    const web1 = machineOf(fleet, "web1");
    const other = await GatewayMachine.start(elsewhere);
    const { code } = await asked<{ readonly code: string }>(web1.host, environmentOf(web1.base), "agent", "enroll");
    expect((await other.ran("fleet", "add", code)).exit).toBe(0);
    await other.untilReached("web1");
    const third = await GatewayMachine.start(machineOf(fleet, "db1").host);
    const replayed = await third.ran("fleet", "add", code, "--json");
    expect([replayed.exit, replayed.stdout]).toEqual([1, expect.stringContaining('"enrolment_invalid"')]);

    const runs = await Promise.all(
      [gateway, other].map(async (one) => (await one.exec("web1", "echo of my own").said()).outcome.run_id ?? ""),
    );
    const [first = "", second = ""] = runs;
    expect((await gateway.run(first, "web1")).run).toMatchObject({ state: "completed" });
    expect((await other.run(second, "web1")).run).toMatchObject({ state: "completed" });
    for (const [one, id] of [
      [gateway, second],
      [other, first],
    ] as const) {
      const foreign = await one.ran("runs", "show", id, "--target=web1", "--json");
      expect([foreign.exit, foreign.stdout]).toEqual([1, expect.stringContaining('"run_unknown"')]);
      const listed = await one.asked<{ readonly runs: readonly { readonly run_id: string }[] }>(
        "runs",
        "--target=web1",
      );
      expect(listed.runs.map(({ run_id: own }) => own)).not.toContain(id);
    }
  });
});

describe("a caller with few rights", () => {
  it("reaches no other target, operation, run or page than its own", async () => {
    const { gateway } = fleet;
    const reader = gateway.environment(keyFile);
    const exec = async (...words: readonly string[]): Promise<Ended> =>
      new Running(gateway.host, cmd2host("exec", ...words, "--json"), reader).ended;
    const own = await exec("web1", "--operation=keep", "--param=command=echo mine");
    expect([own.exit, own.stdout]).toEqual([0, "mine\n"]);
    for (const [words, code] of [
      [["web1", "id"], "caller_not_allowed"],
      [["db1", "--operation=keep", "--param=command=id"], "target_unknown"],
      [["nowhere", "--operation=keep", "--param=command=id"], "target_unknown"],
    ] as const) {
      const denied = await exec(...words);
      expect([denied.exit, codeOf(denied), denied.stdout]).toEqual([220, code, ""]);
    }
    const { outcome } = await gateway.exec("web1", "echo secret of the administrator").said();
    const theirs = await ran(gateway.host, reader, "runs", "show", outcome.run_id ?? "", "--target=web1", "--json");
    expect([theirs.exit, theirs.stdout]).toEqual([1, expect.stringContaining('"run_unknown"')]);
    for (const words of [
      ["fleet", "invite"],
      ["target", "tag", "web1", "--add=db"],
      ["fleet", "remove", "web1"],
    ])
      expect((await ran(gateway.host, reader, ...words)).exit).toBe(1);

    const page = await rest("POST", "/api/exec", gateway.adminKey, {
      target: "web1",
      command: "yes secret | head -n 20000",
    });
    const next = String(page.body["next_page"]);
    const stolen = await rest("GET", `/api/exec?page=${next}`, READER_KEY);
    expect([stolen.status, stolen.body["code"]]).toEqual([400, "page_unknown"]);
    expect(JSON.stringify(stolen.body)).not.toContain("secret");
    expect((await rest("GET", `/api/exec?page=${next}`, gateway.adminKey)).body["stdout"]).toContain("secret");
    expect(await gateway.audit.isGood()).toBe(true);
  });
});

/** A request of a client over HTTP. */
async function rest(
  method: string,
  path: string,
  key: string,
  body?: object,
): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }> {
  const { gateway } = fleet;
  const words = ["curl", "-s", "-X", method, "-H", `Authorization: Bearer ${key}`, "-w", "\n%{http_code}"];
  const sent = body === undefined ? [] : ["-H", "Content-Type: application/json", "-d", JSON.stringify(body)];
  const { stdout } = await new Running(gateway.host, [...words, ...sent, `${gateway.url}${path}`], {
    PATH: process.env["PATH"],
  }).ended;
  const end = stdout.lastIndexOf("\n");
  return { status: Number(stdout.slice(end + 1)), body: JSON.parse(stdout.slice(0, end)) as Record<string, unknown> };
}
