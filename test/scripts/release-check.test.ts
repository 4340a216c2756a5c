import { describe, expect, it } from "vitest";
import { entryOf, namedIn, releaseFaults, type Named } from "../../scripts/release-check.ts";
import { projectRoot } from "../fixtures/temp.ts";

const GOOD: Named = {
  package: '{"version":"1.2.3","repository":"github:owner/name"}',
  lock: '{"version":"1.2.3"}',
  changelog:
    "# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-11-28\n\n- One.\n\n## [1.2.2] - 2026-11-01\n\n- Older.\n",
  feature: '{"version":"2.0.0"}',
};

describe("the check before a release", () => {
  it("lets this checkout be worked on", () => {
    expect(releaseFaults(namedIn(projectRoot), undefined)).toEqual([]);
  });

  it.each([undefined, "v1.2.3", "devcontainer-feature-v2.0.0"])("lets %s go on", (tag) => {
    expect(releaseFaults(GOOD, tag)).toEqual([]);
  });

  it("knows versions before a release", () => {
    const before = JSON.parse(JSON.stringify(GOOD).replaceAll("1.2.3", "1.2.3-rc.1")) as Named;
    expect(releaseFaults(before, "v1.2.3-rc.1")).toEqual([]);
  });

  it.each<[string, Partial<Named>, string, string]>([
    ["another version in package.json", {}, "v1.2.2", "package.json says 1.2.3"],
    ["no entry in the changelog", { changelog: "\n## [Unreleased]\n" }, "v1.2.3", "has no entry"],
    ["an entry without a day", { changelog: "\n## [Unreleased]\n\n## [1.2.3] - soon\n" }, "v1.2.3", "has no entry"],
    ["an empty entry", { changelog: "\n## [Unreleased]\n\n## [1.2.3] - 2026-11-28\n" }, "v1.2.3", "says nothing"],
    ["no place for what comes", { changelog: "\n## [1.2.3] - 2026-11-28\nx" }, "v1.2.3", "[Unreleased]"],
    ["an old lock", { lock: '{"version":"1.2.2"}' }, "v1.2.3", "package-lock.json"],
    ["no repository", { package: '{"version":"1.2.3"}' }, "v1.2.3", "no repository"],
    ["another version of the feature", {}, "devcontainer-feature-v1.2.3", "devcontainer-feature.json says 2.0.0"],
    ["no feature", { feature: undefined }, "devcontainer-feature-v2.0.0", "there is no feature"],
    ["a feature without a version", { feature: "{}" }, "v1.2.3", "devcontainer-feature.json has no version"],
    ["a tag that is none", {}, "1.2.3", "is neither"],
    ["a tag that is no version", {}, "v1.2", "is neither"],
    ["a tag with something behind it", {}, "v1.2.3;x", "is neither"],
  ])("stops at %s", (_, more, tag, why) => {
    expect(releaseFaults({ ...GOOD, ...more }, tag)).toEqual([expect.stringContaining(why)]);
  });

  it("takes the notes from the changelog", () => {
    expect(entryOf(GOOD.changelog, "1.2.3")).toBe("- One.");
    expect(entryOf(GOOD.changelog, "1.2.2")).toBe("- Older.");
  });
});
