import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Base, defaultProject, TOKEN } from "../fixtures/base.ts";
import { startDaemon } from "../fixtures/daemon.ts";
import { run } from "../fixtures/exchange.ts";
import { makeRepo } from "../fixtures/repo.ts";
import { tempDirectory } from "../fixtures/temp.ts";

const file = { type: "workspace_path", direction: "input", max_bytes: 100 } as const;

/** A project whose operation shows two files of the workspace, the second one if there is one. */
async function bench() {
  const repo = makeRepo(join(tempDirectory(), "repo"));
  mkdirSync(join(repo, "src"));
  writeFileSync(join(repo, "src/one"), "first\n");
  writeFileSync(join(repo, "src/two"), "second\n");
  writeFileSync(join(repo, "src/large"), "x".repeat(101));
  const base = new Base().writeProject(
    "owner_repo",
    defaultProject(repo, {
      allowed_operations: ["show"],
      operations: {
        show: {
          command: "/bin/cat",
          args_template: ["{one}", "{two}"],
          params: { one: file, two: { ...file, optional: true } },
        },
      },
    }),
  );
  base.writeToken(TOKEN, { repo: "owner/repo" });
  const { address } = await startDaemon(base);
  return {
    repo,
    show: async (params: Record<string, string>) => run(address, { operation: "show", params }),
    staged: () => readdirSync(base.directory.staging),
  };
}

describe("files of the workspace that a program reads", () => {
  it("are copies, which are gone afterwards [promise 7]", async () => {
    const { repo, show, staged } = await bench();
    expect((await show({ one: "src/one", two: "src/two" })).stdout).toBe("first\nsecond\n");
    expect(staged()).toEqual([]);
    expect(readFileSync(join(repo, "src/one"), "utf8")).toBe("first\n");
  });

  it("may be left out where the operation says so", async () => {
    const { show } = await bench();
    expect((await show({ one: "src/one" })).stdout).toBe("first\n");
    expect((await show({ two: "src/two" })).code).toBe("param_missing");
  });

  it("leave nothing behind when one of them is refused [promise 3]", async () => {
    const { show, staged } = await bench();
    const reply = await show({ one: "src/one", two: "src/large" });
    expect([reply.code, reply.outcome]).toEqual(["input_invalid", "denied"]);
    expect(staged()).toEqual([]);
  });
});
