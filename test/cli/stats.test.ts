import parsePrometheus from "parse-prometheus-text-format";
import { beforeAll, describe, expect, it } from "vitest";
import { TOKEN } from "../fixtures/base.ts";
import { sendJson } from "../fixtures/exchange.ts";
import { finished, openScene, type Scene } from "./runs-scene.ts";

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
  await finished(scene.agent, "a");
  await finished(scene.agent, "a", "", 3);
  await finished(scene.other, "b");
  await scene.agent.run({ operation: "none" });
});

describe("stats", () => {
  it("counts operations by how they ended, and denials by code", async () => {
    const { stdout } = await scene.host.run("stats");
    expect(stdout).toMatch(/owner_repo {2}say {8}completed {2}1\n/);
    expect(stdout).toMatch(/owner_repo {2}say {8}exited {5}1\n/);
    expect(stdout).toMatch(/other_repo {2}say {8}completed {2}1\n/);
    expect(stdout).toMatch(/operation_unknown +1\n/);
    expect(stdout).toMatch(/Decisions: [\d.]+ ms on average, of 3\n/);
    const one = (await scene.host.run("stats", "--project=other_repo")).stdout;
    expect(one).not.toContain("owner_repo");
  });

  it("speaks Prometheus' text format, as a parser of others reads it", async () => {
    const families = parsePrometheus((await scene.host.run("stats", "--prometheus")).stdout);
    const of = (name: string) => families.find((family) => family.name === name);
    expect(of("cmd2host_operations_total")).toMatchObject({ type: "COUNTER" });
    expect(of("cmd2host_operations_total")?.metrics).toContainEqual({
      value: "1",
      labels: { project: "owner_repo", operation: "say", outcome: "exited" },
    });
    expect(of("cmd2host_run_seconds")).toMatchObject({ type: "HISTOGRAM", metrics: [{ count: "3" }] });
    expect(of("cmd2host_pending_approvals")?.metrics).toEqual([{ value: "0" }]);
  });

  it("says what does not go together", async () => {
    expect((await scene.host.run("stats", "--prometheus", "--json")).stderr).toMatch(/do not go together/);
  });

  it("are not for agents [promise 11]", async () => {
    expect(await sendJson(scene.address, { stats: {}, token: TOKEN })).toMatchObject({ code: "unauthenticated" });
  });
});
