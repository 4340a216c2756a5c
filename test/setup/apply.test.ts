import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { applySetup } from "../../host/cli/setup-apply.ts";
import type { Change } from "../../host/setup/change.ts";
import { SetupRecord } from "../../host/setup/record.ts";
import { WorkspaceFiles } from "../../host/setup/workspace-files.ts";
import { Host } from "../cli/harness.ts";

class Scene extends Host {
  readonly files = new WorkspaceFiles(this.checkout);
  readonly record = new SetupRecord(this.context().base().setups, this.checkout);

  async apply(...changes: readonly Change[]): Promise<unknown> {
    return applySetup({ root: this.checkout, draft: undefined, changes, warnings: [] }, this.files, this.context());
  }
}

/** A change that cannot be made, since the file is not what it begins with; `meanwhile` happens just before. */
function refused(path: string, meanwhile: () => void): Change {
  let looks = 0;
  return {
    path,
    after: "two",
    get before() {
      // First setup notes what it will do.
      if (++looks === 2) meanwhile();
      return "something";
    },
  };
}

const ONE: Change = { path: ".devcontainer/one", before: undefined, after: "one" };

describe("setup that fails halfway", () => {
  it("leaves nothing, and no record of it", async () => {
    const host = new Scene();
    await expect(
      host.apply(
        ONE,
        refused("two", () => undefined),
      ),
    ).rejects.toMatchObject({ code: "setup_conflict" });
    expect(readdirSync(host.checkout)).toEqual([".git"]);
    expect(host.record.steps()).toEqual([]);
  });

  it("keeps the record of what it could not put back, so that --undo can", async () => {
    const host = new Scene();
    const [there, away] = [join(host.checkout, ".devcontainer"), join(host.root, "away")];
    const swap = (): void => {
      renameSync(there, away);
      symlinkSync(away, there);
    };
    await expect(host.apply(ONE, refused("two", swap))).rejects.toMatchObject({
      code: "file_failed",
      message: expect.stringMatching(/two was changed meanwhile; and not everything could be put back: /) as unknown,
    });
    expect(host.record.steps()).toHaveLength(1);
    expect(readFileSync(join(away, "one"), "utf8")).toBe("one");
    rmSync(there);
    renameSync(away, there);
    host.cwd = host.checkout;
    expect(await host.run("setup", "--undo", "--yes")).toMatchObject({ exit: 0 });
    expect([existsSync(join(there, "one")), host.record.steps()]).toEqual([false, []]);
  });

  it("changes nothing when what it would have to keep could not be read again", async () => {
    const host = new Scene();
    const large = "x".repeat(40 * 1_048_576);
    const change = { path: "large", before: undefined, after: large };
    await expect(host.apply(ONE, change, { ...change, path: "larger" })).rejects.toMatchObject({
      code: "setup_conflict",
      message: "setup would have to keep 81 MiB to take its changes back, more than 64",
    });
    expect(readdirSync(host.checkout)).toEqual([".git"]);
    expect(host.record.steps()).toEqual([]);
    mkdirSync(join(host.checkout, "usable"));
    await host.apply(ONE);
    expect(host.record.steps()).toHaveLength(1);
  });
});
