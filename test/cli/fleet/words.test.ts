import { describe, expect, it } from "vitest";
import { ExecProfile } from "../../../host/cli/exec-profile.ts";
import { meaningOf } from "../../../host/cli/exec-trouble.ts";
import { Keep } from "../../../host/cli/fan-out-keep.ts";
import { Counts, failure, notRun, resultOf, type Gathered } from "../../../host/cli/fan-out-result.ts";
import { grouped, jsonLine, tableOf } from "../../../host/cli/fan-out-words.ts";
import { factsIn } from "../../../host/cli/fleet-facts.ts";
import { choiceWords, listTargets, targetIn } from "../../../host/cli/fleet-targets.ts";
import { failureOf, Notices, ReportText } from "../../../host/cli/fleet-transfer.ts";
import type { GatewayClient } from "../../../host/fleet/gateway-client.ts";
import { CodedError } from "../../../wire/errors.ts";
import type { OutcomeFields } from "../../../wire/schema.ts";

function gathered(stdout: string | Buffer = "", max = 1_000): Gathered {
  const keep = new Keep(max);
  keep.write("stdout", Buffer.from(stdout));
  return { target: "web1", ms: 1_234, stdout: keep.of("stdout"), stderr: keep.of("stderr"), lastLine: keep.lastLine };
}

const ended = (more: Partial<OutcomeFields>): OutcomeFields => ({
  outcome: "completed",
  exit_code: 0,
  stdout_bytes: 0,
  stderr_bytes: 0,
  ...more,
});

describe("what is kept of a target's output", () => {
  it("is the first part, with the count of all and the last line", () => {
    const keep = new Keep(5);
    keep.write("stdout", Buffer.from("abc"));
    keep.write("stderr", Buffer.from("1\n"));
    keep.write("stdout", Buffer.from("defgh\n last one \n\n"));
    expect([keep.of("stdout").bytes.toString(), keep.of("stdout").total, keep.of("stderr").total]).toEqual([
      "abcde",
      21,
      2,
    ]);
    expect(keep.lastLine).toBe("last one");
    expect(new Keep(5).lastLine).toBe("");
  });
});

describe("how a command came out on a target", () => {
  it("is told from its outcome", () => {
    expect(resultOf(ended({ exit_code: -1 }), gathered())).toMatchObject({ kind: "exit", exitCode: 255 });
    expect(resultOf(ended({ outcome: "denied", code: "x" }), gathered())).toMatchObject({
      kind: "denied",
      exitCode: undefined,
    });
    expect(failure(new CodedError("link_lost", "gone"), "id", gathered())).toMatchObject({
      kind: "failed",
      runId: "id",
    });
  });

  it("is counted in words", () => {
    const counts = new Counts(2);
    counts.add("ok");
    counts.add("not_run");
    expect(counts.words).toBe("1 of 2 targets: ok 1, exit≠0 0, denied 0, failed 0, not run 1");
    expect([counts.ended, counts.bad]).toEqual([1, 0]);
  });

  it("is shown with the id of a run whose link was lost, and nothing that could steer a terminal", () => {
    const lost = resultOf(
      ended({ outcome: "failed", code: "link_lost", message: "gone\u001b[2J", run_id: "r1" }),
      gathered("a"),
    );
    expect(grouped(lost, true).toString()).toBe(
      "==> web1: failed (link_lost), 1.23 s\na\ncmd2host: gone\\x1b[2J\ncmd2host: run r1\n",
    );
    expect(grouped(notRun("x\n==> y"), true).toString()).toBe("==> x\\n==> y: not run\n");
    // Into a pipe bytes go as they are.
    const raw = resultOf(ended({}), gathered(Buffer.from([0xff, 0x1b])));
    expect(grouped(raw, false).includes(Buffer.from([0xff, 0x1b, 0x0a]))).toBe(true);
  });

  it("is a line of a table, or of JSON", () => {
    expect(tableOf([notRun("a"), resultOf(ended({ exit_code: 3 }), gathered("x\u0007\n"))]).split("\n")).toEqual([
      "TARGET  RESULT   EXIT  SECONDS  LAST LINE",
      "a       not run  -     -",
      "web1    exit≠0   3     1.23     x\\a",
      "",
    ]);
    expect(JSON.parse(jsonLine(resultOf(ended({ signal: "SIGTERM", exit_code: 143 }), gathered("abcdef", 3))))).toEqual(
      {
        target: "web1",
        outcome: "completed",
        exit_code: 143,
        signal: "SIGTERM",
        ms: 1_234,
        stdout: "abc",
        stdout_bytes: 6,
        stdout_truncated: true,
        stderr: "",
        stderr_bytes: 0,
      },
    );
  });
});

describe("the profile", () => {
  it("shows numbers of known hops only, whatever others say", () => {
    const profile = new ExecProfile();
    profile.mark("connect");
    profile.mark("connect");
    const timings = {
      agent_run: 1,
      rpc_auth: 2,
      "agent_\u001b[2J": 3,
      agent_bad: Number.NaN,
      evil_x: 4,
      agent_: 5,
      agent_1: 6,
    };
    const rows = profile.text({ timings }).split("\n").slice(2);
    expect(rows.map((row) => row.trim().split(/ {2,}/)[0])).toEqual([
      ...["client", "start", "connect", "end", "total", "link", "auth", "agent", "run"],
      ...["pages: 1", "─".repeat(37), ""],
    ]);
  });
});

describe("trouble on the way", () => {
  it("means what is known of the run", () => {
    const other = new CodedError("gateway_refused", "no");
    expect(meaningOf(other, "id", "t")).toBe(other);
    const closed = new CodedError("reply_invalid", "closed");
    expect(meaningOf(closed, undefined, "t").code).toBe("gateway_unreachable");
    expect(meaningOf(closed, "id", "t")).toMatchObject({
      code: "link_lost",
      hint: expect.stringContaining("--target=t") as string,
    });
  });
});

describe("what a gateway lists", () => {
  it("is taken as far as it is what it should be", () => {
    expect(targetIn({ name: "a", tags: ["x", 1], port: "9", host: 5, seen_at: null })).toMatchObject({
      name: "a",
      host: "",
      port: 0,
      tags: ["x"],
      seenAt: undefined,
    });
    for (const bad of [null, 5, {}, { name: 1 }]) expect(() => targetIn(bad)).toThrow("does not list targets");
  });

  it("is no list when the answer is none", async () => {
    const client = { ask: async () => Promise.resolve({ status: 200, body: "x" }) } as unknown as GatewayClient;
    const all = { names: [], globs: [], tags: [], node: undefined, all: true };
    await expect(listTargets(client, all)).rejects.toMatchObject({ code: "gateway_unreachable" });
  });

  it("is chosen in words", () => {
    const nothing = { names: [], globs: [], tags: [], node: undefined, all: false };
    expect(choiceWords(nothing)).toBe("nothing");
    expect(choiceWords({ names: ["a"], globs: ["b*", "c"], tags: ["t"], node: "n", all: true })).toBe(
      'name "a" and name like "b*" or "c" and tag "t" and node "n" and --all',
    );
  });

  it("says of itself what is needed", () => {
    expect(factsIn({ version: "1", key: "k", next_key_unknown_to: ["a", 5] })).toMatchObject({
      targets: 0,
      linkPort: undefined,
      unaware: ["a"],
    });
    expect(() => factsIn({ version: "1" })).toThrow("its answer has no key");
  });
});

describe("what a machine says of a transfer", () => {
  const well = ended({});

  it("fails it, unless all of it is well", () => {
    expect(failureOf(well, { ok: true }, "", "web1")).toBeUndefined();
    expect(
      failureOf(well, { ok: false, code: "file_denied", message: "no\u0007", hint: "h" }, "", "web1"),
    ).toMatchObject({
      code: "file_denied",
      message: "web1: no\\a",
      hint: expect.stringMatching(/^h/) as string,
    });
    expect(failureOf(ended({ exit_code: 1 }), undefined, "node: not found", "web1")).toMatchObject({
      code: "transfer_invalid",
      message: "web1: the transfer there ended with 1 and no report: node: not found",
    });
    expect(failureOf(ended({ exit_code: 1 }), { ok: true, code: "made_up" }, "", "w")).toMatchObject({
      code: "rpc_failed",
    });
    expect(
      failureOf(ended({ outcome: "denied", code: "operation_unknown", message: "no", hint: "h" }), undefined, "", "w"),
    ).toMatchObject({
      code: "operation_unknown",
      message: "w: no",
    });
  });

  it("is bounded", () => {
    const text = new ReportText();
    text.take(Buffer.alloc(1_000_000, "x"));
    text.take(Buffer.from('\n{"ok":true}\n'));
    expect(text.report).toBeUndefined();
    const notices = new Notices();
    notices.addReported({ notices: [...Array.from({ length: 150 }, (_, index) => `n${index}`), 5] }, "w");
    notices.add("one more");
    expect([notices.texts.length, notices.texts.at(-1), notices.texts[0]]).toEqual([101, "and 1 more", "w: n0"]);
    notices.addReported({ notices: "x" }, "w");
  });
});
