import { mkdirSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openInside } from "../../../host/git/room/open-inside.ts";
import { DirHandleError } from "../../../host/util/dir-handle.ts";
import { tempDirectory } from "../../fixtures/temp.ts";

/** A checkout in a checkout, both of one project, and a directory of the host with the same names in it. */
function nested() {
  const [workspace, host] = [tempDirectory(), tempDirectory()];
  for (const base of [workspace, host]) mkdirSync(join(base, "modules/sub/.git"), { recursive: true });
  const sub = join(workspace, "modules/sub");
  return { workspace, host, sub, roots: [sub, workspace] };
}

describe("a directory in a checkout that lies in another one", () => {
  it("is opened over the outer one", () => {
    const { sub, roots } = nested();
    const opened = openInside(roots, join(sub, ".git"));
    expect(opened.path).toBe(join(sub, ".git"));
    opened.close();
  });

  it("is not opened when the way to it became a link out of the outer one [promise 7]", () => {
    const { workspace, host, sub, roots } = nested();
    renameSync(join(workspace, "modules"), join(workspace, "moved"));
    symlinkSync(join(host, "modules"), join(workspace, "modules"));
    expect(() => openInside(roots, join(sub, ".git"))).toThrow(DirHandleError);
  });

  it("is not opened outside of every checkout", () => {
    const { host, roots } = nested();
    expect(() => openInside(roots, host)).toThrow(RangeError);
  });
});
