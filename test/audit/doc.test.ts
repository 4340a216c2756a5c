import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { NOTES } from "../../host/audit/record.ts";
import { DAMAGES } from "../../host/audit/verification.ts";
import { requireTools } from "../fixtures/backends/present.ts";
import { projectRoot } from "../fixtures/temp.ts";
import { decision, ending, Logs } from "./logs.ts";

const page = readFileSync(join(projectRoot, "docs/audit.md"), "utf8");

it("docs/audit.md explains every kind of damage, and every note that is one", () => {
  const [, says = ""] = page.split("## What verify says");
  const named = [...says.matchAll(/^\| `([a-z_]+)` /gm)].map(([, kind]) => kind);
  expect([...named].sort()).toEqual(Object.keys(DAMAGES).sort());
  const troubles = Object.entries(NOTES).filter(([, { trouble }]) => trouble);
  expect(troubles.filter(([note]) => !page.includes(`\`${note}\``))).toEqual([]);
});

it("docs/audit.md names every member that a record may have, and no other", async () => {
  const logs = new Logs({ argv: "full" });
  const log = await logs.open();
  const origin = { peer: "p", transport: "link", session: "s", requestId: "r", caller: "c" } as const;
  const whole = { origin, code: "internal", message: "m", approver: "page", stdinDigest: "d" } as const;
  log.decided(
    decision({
      ...whole,
      verdict: "deny",
      node: "n",
      env: Array.from({ length: 100 }, (_, index) => `N${index}`),
      argv: ["x".repeat(9_000), ...Array.from({ length: 100 }, () => "y".repeat(900))],
    }),
  );
  log.decided(decision());
  log.ended(ending({ code: "timed_out", redacted: 1, outputDigest: { stdout: "d", stderr: "d" } }));
  await log.close();
  const [table = ""] = page.split("## When it cannot be written");
  for (const [kind, heading] of [
    ["decision", "of a decision"],
    ["outcome", "of an outcome"],
  ] as const) {
    const rows = table.split(heading)[1]?.split("\n\n")[0] ?? "";
    const named = [...rows.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = ""]) =>
      [...cell.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name),
    );
    const [record = {}] = logs.records().filter((one) => one["kind"] === kind);
    const chain = new Set(["seq", "prev", "hash", "kind", "time", "id"]);
    expect(named.filter((name) => !chain.has(name)).sort()).toEqual(
      Object.keys(record)
        .filter((name) => !chain.has(name))
        .sort(),
    );
  }
});

describe.runIf(requireTools(["b3sum"]))("the script of docs/audit.md", () => {
  const [, script = ""] = /```sh\n([\s\S]*?)```/.exec(page) ?? [];
  const check = ({ directory }: Logs): string =>
    spawnSync("bash", ["-c", `set -o pipefail\n${script}`], { cwd: directory, encoding: "utf8" }).stdout;

  it("verifies a log without us, and finds what was changed", async () => {
    const logs = new Logs({ maxFileBytes: 3_000 });
    const log = await logs.open();
    for (let count = 0; count < 10; count++)
      log.decided(
        decision({
          id: `${count}`,
          message: '","hash":"x\\ \u001b $HOME `id` %s ü',
          verdict: "deny",
          code: "internal",
        }),
      );
    await log.close();
    expect(logs.files().length).toBeGreaterThan(1);
    expect(check(logs)).toBe("good\n");
    const text = readFileSync(logs.path(1), "utf8");
    writeFileSync(logs.path(1), text.replace("gh_pr_view", "gh_pr_list"));
    expect(check(logs)).toMatch(/^changed: \{/);
    writeFileSync(logs.path(1), text.split("\n").toSpliced(1, 1).join("\n"));
    expect(check(logs)).toMatch(/^not behind /);
  });
});
