import { mkdirSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SearchPath } from "../../host/sanitize/search-path.ts";
import { tempDirectory } from "../fixtures/temp.ts";

describe("the search path", () => {
  it("is cleaned for each set of workspaces on its own", () => {
    const path = new SearchPath("/one/bin:/two/bin::.:/bin");
    expect(path.without(["/one"])).toBe("/two/bin:/bin");
    expect(path.without(["/two"])).toBe("/one/bin:/bin");
    expect(path.without(["/one", "/two"])).toBe("/bin");
    expect(path.without([])).toBe("/one/bin:/two/bin:/bin");
    expect(path.without(["/one"])).toBe("/two/bin:/bin");
  });

  it("keeps its answer: a link that changes later is seen by the next daemon", () => {
    const root = tempDirectory();
    const [workspace, fine, link] = ["workspace", "fine", "link"].map((name) => join(root, name)) as [
      string,
      string,
      string,
    ];
    mkdirSync(workspace);
    mkdirSync(fine);
    symlinkSync(workspace, link);
    const path = new SearchPath(`${link}:/bin`);
    expect(path.without([workspace])).toBe("/bin");
    unlinkSync(link);
    symlinkSync(fine, link);
    expect(path.without([workspace])).toBe("/bin");
    expect(new SearchPath(`${link}:/bin`).without([workspace])).toBe(`${link}:/bin`);
  });

  it("answers rightly also for more sets of workspaces than it remembers", () => {
    const path = new SearchPath("/ws7/bin:/bin");
    for (let round = 0; round < 2; round++) {
      for (let index = 0; index < 300; index++) {
        expect(path.without([`/ws${index}`])).toBe(index === 7 ? "/bin" : "/ws7/bin:/bin");
      }
    }
  });
});
